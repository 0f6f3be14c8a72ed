//! Where alerts, and what is around them, can be looked at.

use chrono::{DateTime, TimeDelta, Utc};

use super::identity::AlertId;
use crate::kibana::{KibanaAddress, Kql, Names, Search, Space};

/// The alias of an installation that chooses none.
const DEFAULT_ALIAS: &str = "stakeout-alerts";

/// Where alerts, and what is around them, can be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Places {
    /// The Kibana that links lead to.
    pub kibana: Option<KibanaAddress>,
    /// The alias that alerts are read from; none where they go to a file.
    pub alerts: Option<String>,
}

impl Places {
    /// The alias that alerts are read from, or the usual one.
    pub(super) fn alerts_alias(&self) -> &str {
        self.alerts.as_deref().unwrap_or(DEFAULT_ALIAS)
    }

    /// The space that alerts belong to.
    pub(super) fn space(&self) -> Space {
        self.kibana.as_ref().map(|kibana| kibana.space().clone()).unwrap_or_default()
    }

    /// The link that opens the alert `id`, made at `at`, by itself.
    pub(super) fn alert_url(&self, id: &AlertId, at: DateTime<Utc>) -> Option<String> {
        let (kibana, alias) = (self.kibana.as_ref()?, self.alerts.as_ref()?);
        let around = TimeDelta::minutes(1);
        let search = Search {
            indices: vec![alias.clone()],
            data_view: Some(Names::new(kibana.space(), alias).data_view),
            query: Kql::is("kibana.alert.uuid", id.as_str()).to_string(),
            time_field: "@timestamp",
            from: at.checked_sub_signed(around).unwrap_or(at),
            to: at.checked_add_signed(around).unwrap_or(at),
            columns: Vec::new(),
        };
        kibana.discover(&search).ok()
    }
}

//! Where alerts go: the alerts index, a file, or, in a dry run, only before the user's eyes.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use thiserror::Error;

use super::alerted::{Alerted, alerted};
use crate::alert::{AlertDocument, AlertIndex, TEMPLATE_VERSION};
use crate::elastic::{BulkItem, Cluster, ElasticError, ItemOutcome};
use crate::local::{AlertFile, AlertFileError, AlertIds};

/// Shows one alert; false where nobody looks any more.
pub type Show = Arc<dyn Fn(&AlertDocument) -> bool + Send + Sync>;

/// Where alerts go; a clone is the same place.
#[derive(Clone)]
pub enum Sink {
    /// The write alias of an index.
    Cluster {
        /// The cluster.
        cluster: Cluster,
        /// The alerts index.
        index: AlertIndex,
    },
    /// A file, one alert a line.
    File(Arc<Mutex<AlertFile>>),
    /// A file that is only looked into.
    OnlyRead(Arc<Mutex<AlertIds>>),
    /// Nowhere: each alert that is not in the real place yet is shown once.
    Shown {
        /// Where the alerts would go.
        real: Box<Sink>,
        /// What was shown already.
        seen: Arc<Mutex<HashSet<String>>>,
        /// Shows one.
        show: Show,
    },
}

/// What became of one alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was written now.
    Created,
    /// It was there.
    Existing,
    /// It can never be written as it is, and why.
    Refused(String),
    /// It was not written this time, and why.
    Unwritten(String),
}

impl Outcome {
    /// Whether it is there now.
    #[must_use]
    pub fn is_there(&self) -> bool {
        matches!(self, Self::Created | Self::Existing)
    }
}

/// The place cannot be read or written at all.
#[derive(Debug, Error)]
pub enum SinkError {
    /// The cluster does not answer or refuses.
    #[error(transparent)]
    Elastic(#[from] ElasticError),
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] AlertFileError),
}

impl SinkError {
    /// Whether the same may well succeed later, with nothing changed by anyone.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        self.elastic().is_some_and(ElasticError::is_retryable)
    }

    /// The failed request behind it; none where a file is written.
    #[must_use]
    pub fn elastic(&self) -> Option<&ElasticError> {
        match self {
            Self::Elastic(error) => Some(error),
            Self::File(_) => None,
        }
    }
}

impl Sink {
    /// Appends to a file.
    #[must_use]
    pub fn file(file: AlertFile) -> Self {
        Self::File(Arc::new(Mutex::new(file)))
    }

    /// Looks into a file and writes nothing.
    #[must_use]
    pub fn only_read(file: AlertIds) -> Self {
        Self::OnlyRead(Arc::new(Mutex::new(file)))
    }

    /// The same place for a dry run: nothing is written there, `show` gets what would be.
    #[must_use]
    pub fn only_shown(self, show: Show) -> Self {
        Self::Shown { real: Box::new(self), seen: Arc::default(), show }
    }

    /// The same place by another way, such as a new connection: what was shown of it is not shown again.
    #[must_use]
    pub fn by_way_of(&self, way: Self) -> Self {
        match self {
            Self::Shown { seen, show, .. } => {
                Self::Shown { real: Box::new(way), seen: seen.clone(), show: show.clone() }
            }
            Self::Cluster { .. } | Self::File(_) | Self::OnlyRead(_) => way,
        }
    }

    /// Which of the alert ids are there already.
    ///
    /// # Errors
    /// The place cannot be read.
    pub async fn known(&self, ids: &[&str]) -> Result<HashSet<String>, SinkError> {
        let owned = || ids.iter().map(|id| (*id).to_owned());
        match self {
            Self::Cluster { cluster, index } => {
                Ok(cluster.known_ids(index.alias(), &owned().collect::<Vec<_>>()).await?)
            }
            Self::File(file) => {
                let file = locked(file);
                Ok(owned().filter(|id| file.known(id)).collect())
            }
            Self::OnlyRead(file) => {
                let file = locked(file);
                Ok(owned().filter(|id| file.known(id)).collect())
            }
            Self::Shown { real, seen, .. } => {
                let mut known = Box::pin(real.known(ids)).await?;
                let seen = locked(seen);
                known.extend(owned().filter(|id| seen.contains(id)));
                Ok(known)
            }
        }
    }

    /// Which of the alert ids, none of them known, are there all the same: written a moment ago, so that no search
    /// shows them yet, or by another process since the file was read.
    ///
    /// # Errors
    /// The place, or any index of it, cannot answer.
    pub async fn present(&self, ids: &[&str]) -> Result<HashSet<String>, SinkError> {
        match self {
            Self::Cluster { cluster, index } => {
                let indices = cluster.alias_indices(index.alias()).await?;
                let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
                Ok(cluster.present_ids(&indices, &ids).await?)
            }
            Self::OnlyRead(file) => {
                let mut file = locked(file);
                file.refresh()?;
                Ok(ids.iter().filter(|id| file.known(id)).map(|id| (*id).to_owned()).collect())
            }
            Self::File(_) => self.known(ids).await,
            Self::Shown { real, .. } => Box::pin(real.present(ids)).await,
        }
    }

    /// Which of the alert ids are there, wherever that can be told, and where it cannot.
    ///
    /// # Errors
    /// The place cannot be read, or not where it is written to.
    pub async fn alerted(&self, ids: &[&str]) -> Result<Alerted, SinkError> {
        match self {
            Self::Cluster { cluster, index } => {
                let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
                Ok(alerted(cluster, index.alias(), &ids).await?)
            }
            Self::File(_) => Ok(Alerted { there: self.known(ids).await?, ..Alerted::default() }),
            Self::OnlyRead(_) => Ok(Alerted { there: self.present(ids).await?, ..Alerted::default() }),
            Self::Shown { real, seen, .. } => {
                let mut known = Box::pin(real.alerted(ids)).await?;
                let shown = locked(seen);
                known.there.extend(ids.iter().filter(|id| shown.contains(**id)).map(|id| (*id).to_owned()));
                Ok(known)
            }
        }
    }

    /// Writes the alerts; the outcomes are in their order.
    ///
    /// # Errors
    /// The place cannot be written; some of the alerts may be there all the same.
    pub async fn write(&self, alerts: &[AlertDocument]) -> Result<Vec<Outcome>, SinkError> {
        match self {
            Self::Cluster { cluster, index } => {
                let outcomes = cluster.bulk_create(index.alias(), &items(alerts)).await?;
                Ok(outcomes.into_iter().map(outcome).collect())
            }
            Self::File(file) => append(&mut locked(file), alerts),
            Self::OnlyRead(_) => {
                Ok(vec![Outcome::Unwritten("the file is only read".to_owned()); alerts.len()])
            }
            Self::Shown { seen, show, .. } => {
                let mut seen = locked(seen);
                for alert in alerts {
                    if seen.insert(alert.id.as_str().to_owned()) {
                        show(alert);
                    }
                }
                Ok(vec![Outcome::Created; alerts.len()])
            }
        }
    }

    /// Makes the place ready, where it is not.
    ///
    /// # Errors
    /// It cannot be made or asked for.
    pub async fn ready(&self) -> Result<(), SinkError> {
        match self {
            Self::Cluster { cluster, index } => Ok(install(cluster, index).await?),
            Self::File(_) | Self::OnlyRead(_) | Self::Shown { .. } => Ok(()),
        }
    }
}

/// Makes the index template, the alerts index with its write alias and the checkpoint index, where they are missing.
///
/// # Errors
/// The cluster does not answer or refuses; where all of them are there, no privilege to make them is needed.
pub async fn install(cluster: &Cluster, index: &AlertIndex) -> Result<(), ElasticError> {
    if cluster.alias_indices(index.alias()).await?.is_empty() {
        if cluster.index_template(&index.template_name()).await?.is_none() {
            cluster.put_index_template(&index.template_name(), &index.template()).await?;
        }
        cluster.ensure_index_with_alias(&index.first_index(), index.alias()).await?;
    }
    if !cluster.index_exists(&index.state_index()).await? {
        cluster.ensure_index(&index.state_index(), &AlertIndex::state_index_body()).await?;
    }
    Ok(())
}

/// Writes the index template of this version where the cluster has one of an earlier version; true where it did. The
/// next index behind the alias has it.
///
/// # Errors
/// The cluster does not answer or refuses.
pub async fn renew_template(cluster: &Cluster, index: &AlertIndex) -> Result<bool, ElasticError> {
    let kept = cluster.index_template(&index.template_name()).await?;
    let is_current =
        |kept: Value| kept["version"].as_u64().is_some_and(|version| version >= TEMPLATE_VERSION);
    if kept.is_some_and(is_current) {
        return Ok(false);
    }
    cluster.put_index_template(&index.template_name(), &index.template()).await?;
    Ok(true)
}

fn items(alerts: &[AlertDocument]) -> Vec<BulkItem> {
    // Alerts of one rule are of about one size, and growing to it step by step costs as much as writing it.
    let mut room = 0;
    let item = |alert: &AlertDocument| {
        let mut document = Vec::with_capacity(room);
        let written = serde_json::to_writer(&mut document, &alert.body);
        room = document.len() + document.len() / 16;
        let document = written.ok().and_then(|()| String::from_utf8(document).ok()).unwrap_or_default();
        BulkItem { id: alert.id.as_str().to_owned(), document }
    };
    alerts.iter().map(item).collect()
}

pub(super) fn outcome(outcome: ItemOutcome) -> Outcome {
    match outcome {
        ItemOutcome::Created => Outcome::Created,
        ItemOutcome::Exists => Outcome::Existing,
        ItemOutcome::Retryable(reason) => Outcome::Unwritten(reason),
        ItemOutcome::Rejected { status, error_type, reason } => {
            Outcome::Refused(format!("{status} {error_type}: {reason}"))
        }
    }
}

fn append(file: &mut AlertFile, alerts: &[AlertDocument]) -> Result<Vec<Outcome>, SinkError> {
    let outcomes = alerts
        .iter()
        .map(|alert| if file.known(alert.id.as_str()) { Outcome::Existing } else { Outcome::Created })
        .collect();
    let lines: Vec<_> = alerts.iter().map(|alert| (alert.id.as_str().to_owned(), &alert.body)).collect();
    file.append(&lines)?;
    Ok(outcomes)
}

/// What lies behind these locks is whole after every call, even one that panicked.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster { cluster, index } => write!(f, "Cluster({cluster:?}, {})", index.alias()),
            Self::File(file) => write!(f, "File({})", locked(file).path().display()),
            Self::OnlyRead(file) => write!(f, "OnlyRead({})", locked(file).path().display()),
            Self::Shown { real, .. } => write!(f, "Shown({real:?})"),
        }
    }
}

//! The data stream that takes copies of the alerts for Elastic's rule *External Alerts*: a name of Elastic's scheme for
//! logs, which that rule reads.

use std::str::FromStr;

use super::index::{IN_NO_NAME, is_in_no_name};
use crate::diagnostic::sanitize;

/// Longest dataset and namespace, in bytes: Elasticsearch's own limits for both fields.
const LONGEST_PART: usize = 100;

/// A data stream `logs-DATASET-NAMESPACE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataStream {
    name: String,
    /// Where the namespace begins in the name.
    namespace_at: usize,
}

impl FromStr for DataStream {
    type Err = String;

    /// Takes a name of [Elastic's data stream naming scheme](https://www.elastic.co/docs/reference/ecs/ecs-data_stream)
    /// whose type is `logs`.
    fn from_str(name: &str) -> Result<Self, String> {
        let refusal = |reason: &str| {
            Err(format!("`{}` cannot be a data stream for copies of the alerts: {reason}", sanitize(name)))
        };
        let parts = name.strip_prefix("logs-").and_then(|rest| rest.split_once('-'));
        match parts {
            None | Some(("", _) | (_, "")) => {
                refusal("expected `logs-DATASET-NAMESPACE`, such as `logs-stakeout.alerts-default`")
            }
            Some((dataset, namespace)) if dataset.len().max(namespace.len()) > LONGEST_PART => {
                refusal("expected at most 100 bytes each for dataset and namespace")
            }
            Some(_) if name.to_lowercase() != name => refusal("expected lower case only"),
            Some(_) if name.contains(is_in_no_name) => refusal(IN_NO_NAME),
            Some((_, namespace)) => {
                Ok(Self { name: name.to_owned(), namespace_at: name.len() - namespace.len() })
            }
        }
    }
}

impl DataStream {
    /// Its whole name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The dataset in its name.
    #[must_use]
    pub fn dataset(&self) -> &str {
        &self.name["logs-".len()..self.namespace_at - 1]
    }

    /// The namespace in its name.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.name[self.namespace_at..]
    }
}

#[cfg(test)]
mod tests {
    use super::DataStream;

    fn stream() -> DataStream {
        "logs-stakeout.alerts-prod-eu".parse().unwrap()
    }

    #[test]
    fn a_name_has_three_parts() {
        let stream = stream();
        assert_eq!(
            (stream.name(), stream.dataset(), stream.namespace()),
            ("logs-stakeout.alerts-prod-eu", "stakeout.alerts", "prod-eu")
        );
    }

    #[test]
    fn other_names_are_refused() {
        let long = format!("logs-a-{}", "b".repeat(101));
        for name in [
            "",
            "logs",
            "logs-a",
            "logs--a",
            "logs-a-",
            "metrics-a-b",
            "logs-A-b",
            "logs-a-*",
            "logs-a-b c",
            &long,
        ] {
            assert!(name.parse::<DataStream>().is_err(), "{name}");
        }
        assert!(!"logs-a-\u{1b}".parse::<DataStream>().unwrap_err().contains('\u{1b}'));
    }
}

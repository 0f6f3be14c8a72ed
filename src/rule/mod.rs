//! Rules: TOML text → [`RuleFile`], exactly as written → [`Rule`], validated and typed. Knows nothing of
//! Elasticsearch.
//!
//! Rule files are Elastic's detection-rules format, one rule a file: `[metadata]`, `[rule]`, `[[rule.threat]]`,
//! `[transform]`. What is ours stands in `[stakeout]`. Every key that occurs in Elastic's public rules is known;
//! any other is an error with the nearest known key. All problems of all files are collected, each with its
//! place.
//!
//! # What becomes of each key
//! - **carried**: obeyed or kept, and part of [`Rule::parameters`], which the alert carries;
//! - **warned**: carried as well, but not applied, and a warning says what happens instead. Each of these could
//!   only make alerts fewer or differently labelled, so no match is lost;
//! - **refused**: the rule is refused unless the value is empty, because it would match other events;
//! - **other type**: belongs to a type of rule that is refused as a whole; in an `eql` rule it is an error.
//!
//! | | keys of `[rule]` | |
//! |---|---|---|
//! | carried | `rule_id`, `name`, `description`, `severity`, `risk_score`, `author`, `license`, `version`, `revision`, `tags`, `references`, `false_positives`, `note`, `setup` | `rule_id` a UUID; `note` with the buttons of `[transform]` put in |
//! | carried | `type`, `language`, `query`, `index` | only `eql` and `eql`; other types are refused at `type` |
//! | carried | `from`, `to`, `interval`, `max_signals` | `from` at least `interval` back, `to` only `now`; `max_signals` never drops a match |
//! | carried | `timestamp_override`, `timestamp_override_fallback_disabled`, `event_category_override` | obeyed |
//! | carried | `timestamp_field`, `tiebreaker_field` | they order the events of a sequence, which event queries have not |
//! | carried | `threat`, `building_block_type`, `investigation_fields`, `required_fields`, `related_integrations` | `threat` checked against itself |
//! | carried | `timeline_id`, `timeline_title`, `namespace`, `meta` | kept for Kibana |
//! | carried | `enabled` | `false` is a warning: what is chosen by `--rules` runs |
//! | warned | `alert_suppression` | every match gets an alert of its own |
//! | warned | `risk_score_mapping`, `severity_mapping`, `rule_name_override` | alerts have the rule's own values |
//! | warned | `actions`, `response_actions`, `throttle`, `output_index` | alerts are written, to the index of `--alerts-index` |
//! | refused | `filters`, `exceptions_list`, `data_view_id` | they decide what the rule matches, and live in Kibana |
//! | other type | `threshold` | rules of type `threshold` |
//! | other type | `new_terms`, `new_terms_fields`, `history_window_start` | rules of type `new_terms` |
//! | other type | `threat_index`, `threat_query`, `threat_language`, `threat_filters`, `threat_mapping`, `threat_indicator_path`, `concurrent_searches`, `items_per_search` | rules of type `threat_match` |
//! | other type | `anomaly_threshold`, `machine_learning_job_id` | rules of type `machine_learning` |
//! | other type | `saved_id` | rules of type `saved_query` |
//!
//! `[metadata]` is kept in [`Rule::metadata`]; `maturity = "deprecated"` is a warning. Of `[stakeout]`, `identity`
//! and `examples` are read; `values`, `triage_scope`, `triage`, `grades`, `expected`, `pivots` and `commands` are
//! [`Rule::triage`].

mod check_form;
mod check_values;
mod convert;
mod embedded;
mod file;
mod form;
mod json_schema;
mod keys;
mod load;
mod model;
mod names;
mod nearest;
mod parse_query;
mod query;
mod renew;
mod report;
mod stakeout_keys;
mod syntax;
mod threat;
mod time_span;
mod timing;
mod transform;
mod tree;
pub mod triage;
mod walk;

pub use convert::{Reading, read};
pub use embedded::embedded;
pub use file::{MAX_BYTES, RuleFile};
pub use json_schema::{expected_json_schema, json_schema};
pub use load::{Found, Loaded, Refused, load, load_each, load_texts};
pub use model::{EVENT_CATEGORY, Example, Rule, RuleSeverity, Schedule, TIMESTAMP, TimeFields};
pub use parse_query::parse_query;
pub use query::QueryText;
pub use renew::Renewal;
pub use report::{Report, RuleErrors, render_all};
pub use threat::{Technique, Threat, ThreatEntry};
pub use timing::Timing;
pub use tree::{Entry, Table, TomlValue};
pub use walk::{DEPRECATED_FOLDER, places};

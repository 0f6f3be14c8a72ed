//! Every key of Elastic's rule files, and of ours, with its type and what becomes of it.
//!
//! Names, types and allowed values follow `detection_rules/rule.py` and `schemas/definitions.py` of
//! `elastic/detection-rules` and, for keys that only Kibana's rule API has, its rule schema.

use super::form::{Form, Key, TableForm, key};
use super::stakeout_keys::STAKEOUT;

/// The one type of rule that can run.
pub(super) const SUPPORTED_TYPE: &str = "eql";

/// Every type of rule that Elastic's files have.
pub(super) const RULE_TYPES: &[&str] =
    &["eql", "esql", "machine_learning", "new_terms", "query", "saved_query", "threat_match", "threshold"];

const ANY_NUMBER: i128 = u64::MAX as i128;
const NAMES: Form = Form::List(&Form::Filled);
const TEXTS: Form = Form::List(&Form::Text);
const POSITIVE: Form = Form::Integer(1, ANY_NUMBER);

/// The tables of a file.
pub(super) const FILE: TableForm = TableForm {
    keys: &[
        key("metadata", Form::Table(&METADATA)),
        key("rule", Form::Table(&RULE)).required().example("[rule]"),
        key("transform", Form::Table(&TRANSFORM)),
        key("stakeout", Form::Table(&STAKEOUT)),
    ],
};

const METADATA: TableForm = TableForm {
    keys: &[
        key("beats_version", Form::Text),
        key("bypass_bbr_timing", Form::Boolean),
        key("comments", Form::Text),
        key("creation_date", Form::Filled),
        key("deprecation_date", Form::Filled),
        key("ecs_version", Form::Either(&Form::Text, &TEXTS)),
        key("extended", Form::AnyTable),
        key("integration", Form::Either(&Form::Text, &TEXTS)),
        key("maturity", Form::OneOf(&["development", "experimental", "beta", "production", "deprecated"])),
        key("min_stack_comments", Form::Text),
        key("min_stack_version", Form::Text),
        key("os_type_list", Form::List(&Form::OneOf(&["windows", "linux", "macos"]))),
        key("promotion", Form::Boolean),
        key("query_schema_validation", Form::Boolean),
        key("related_endpoint_rules", Form::List(&Form::Either(&Form::Text, &TEXTS))),
        key("updated_date", Form::Filled),
    ],
};

const RULE: TableForm = TableForm {
    keys: &[
        key("actions", Form::List(&Form::AnyTable))
            .not_applied("alerts are written, and nothing else is done"),
        key("alert_suppression", Form::Table(&ALERT_SUPPRESSION))
            .not_applied("every match gets an alert of its own"),
        key("anomaly_threshold", Form::Integer(0, 100)).of_type("machine_learning"),
        key("author", TEXTS),
        key("building_block_type", Form::OneOf(&["default"])),
        key("concurrent_searches", POSITIVE).of_type("threat_match"),
        key("data_view_id", Form::Filled)
            .refused("a data view lives in Kibana; name the indices with `index = [\"…\"]` instead"),
        key("description", Form::Filled)
            .required()
            .example("description = \"what it finds, and why it matters\""),
        key("enabled", Form::Boolean),
        key("event_category_override", Form::Filled),
        key("exceptions_list", Form::List(&Form::AnyTable)).refused(
            "an exception list lives in Kibana; put the exceptions into the query with `and not …` instead",
        ),
        key("false_positives", TEXTS),
        key("filters", Form::List(&Form::AnyTable))
            .refused("a filter changes what the rule matches; put its condition into the query instead"),
        key("from", Form::Filled),
        key("history_window_start", Form::Filled).of_type("new_terms"),
        key("index", NAMES).by_runnable().example("index = [\"logs-*\"]"),
        key("interval", Form::Filled),
        key("investigation_fields", Form::Table(&INVESTIGATION_FIELDS)),
        key("items_per_search", POSITIVE).of_type("threat_match"),
        key("language", Form::OneOf(&["eql", "esql", "kuery", "lucene"]))
            .by_runnable()
            .example("language = \"eql\""),
        key("license", Form::Text),
        key("machine_learning_job_id", Form::Either(&Form::Text, &TEXTS)).of_type("machine_learning"),
        key("max_signals", POSITIVE),
        key("meta", Form::AnyTable),
        key("name", Form::Filled).required().example("name = \"a short title\""),
        key("namespace", Form::Text),
        key("new_terms", Form::Table(&NEW_TERMS)).of_type("new_terms"),
        key("new_terms_fields", NAMES).of_type("new_terms"),
        key("note", Form::Text),
        key("output_index", Form::Text).not_applied("alerts go to the index of `--alerts-index`"),
        key("query", Form::Text).by_runnable().example("query = '''any where …'''"),
        key("references", TEXTS),
        key("related_integrations", Form::List(&Form::Table(&RELATED_INTEGRATION))),
        key("required_fields", Form::List(&Form::Table(&REQUIRED_FIELD))),
        key("response_actions", Form::List(&Form::AnyTable))
            .not_applied("alerts are written, and nothing else is done"),
        key("revision", Form::Integer(0, ANY_NUMBER)),
        key("risk_score", Form::Integer(0, 100)).required().example("risk_score = 47"),
        key("risk_score_mapping", Form::List(&Form::Table(&RISK_SCORE_MAPPING)))
            .not_applied("every alert has the rule's own `risk_score`"),
        key("rule_id", Form::Filled).required().example("rule_id = \"a new UUID, as uuidgen prints it\""),
        key("rule_name_override", Form::Text).not_applied("every alert has the rule's own `name`"),
        key("saved_id", Form::Text).of_type("saved_query"),
        key("setup", Form::Text),
        key("severity", Form::OneOf(&["low", "medium", "high", "critical"]))
            .required()
            .example("severity = \"medium\""),
        key("severity_mapping", Form::List(&Form::Table(&SEVERITY_MAPPING)))
            .not_applied("every alert has the rule's own `severity`"),
        key("tags", TEXTS),
        key("threat", Form::List(&Form::Table(&THREAT))),
        key("threat_filters", Form::List(&Form::AnyTable)).of_type("threat_match"),
        key("threat_index", NAMES).of_type("threat_match"),
        key("threat_indicator_path", Form::Text).of_type("threat_match"),
        key("threat_language", Form::OneOf(&["eql", "esql", "kuery", "lucene"])).of_type("threat_match"),
        key("threat_mapping", Form::List(&Form::Table(&THREAT_MAPPING))).of_type("threat_match"),
        key("threat_query", Form::Text).of_type("threat_match"),
        key("threshold", Form::Table(&THRESHOLD)).of_type("threshold"),
        key("throttle", Form::Text).not_applied("alerts are written, and nothing else is done"),
        key("tiebreaker_field", Form::Filled),
        key("timeline_id", Form::Text),
        key("timeline_title", Form::Text),
        key("timestamp_field", Form::Filled),
        key("timestamp_override", Form::Filled),
        key("timestamp_override_fallback_disabled", Form::Boolean),
        key("to", Form::Filled),
        key("type", Form::OneOf(RULE_TYPES)).required().example("type = \"eql\""),
        key("version", POSITIVE),
    ],
};

const ALERT_SUPPRESSION: TableForm = TableForm {
    keys: &[
        key("duration", Form::Table(&DURATION)),
        key("group_by", NAMES),
        key("missing_fields_strategy", Form::OneOf(&["suppress", "doNotSuppress"])),
    ],
};

const DURATION: TableForm = TableForm {
    keys: &[key("unit", Form::OneOf(&["s", "m", "h"])).required(), key("value", POSITIVE).required()],
};

const INVESTIGATION_FIELDS: TableForm = TableForm { keys: &[key("field_names", NAMES).required()] };

const RELATED_INTEGRATION: TableForm = TableForm {
    keys: &[
        key("integration", Form::Filled),
        key("package", Form::Filled).required(),
        key("version", Form::Filled).required(),
    ],
};

const REQUIRED_FIELD: TableForm = TableForm {
    keys: &[
        key("ecs", Form::Boolean),
        key("name", Form::Filled).required(),
        key("type", Form::Filled).required(),
    ],
};

const RISK_SCORE_MAPPING: TableForm = TableForm {
    keys: &[
        key("field", Form::Filled).required(),
        key("operator", Form::OneOf(&["equals"])),
        key("risk_score", Form::Integer(0, 100)),
        key("value", Form::Text),
    ],
};

const SEVERITY_MAPPING: TableForm = TableForm {
    keys: &[
        key("field", Form::Filled).required(),
        key("operator", Form::OneOf(&["equals"])),
        key("severity", Form::OneOf(&["low", "medium", "high", "critical"])),
        key("value", Form::Text),
    ],
};

const THREAT: TableForm = TableForm {
    keys: &[
        key("framework", Form::OneOf(&["MITRE ATT&CK", "MITRE ATLAS"]))
            .required()
            .example("framework = \"MITRE ATT&CK\""),
        key("tactic", Form::Table(&THREAT_ENTRY)).required().example("[rule.threat.tactic]"),
        key("technique", Form::List(&Form::Table(&TECHNIQUE))),
    ],
};

const THREAT_ID: Key = key("id", Form::Filled).required();
const THREAT_NAME: Key = key("name", Form::Filled).required();
const THREAT_REFERENCE: Key = key("reference", Form::Filled).required();

const THREAT_ENTRY: TableForm = TableForm { keys: &[THREAT_ID, THREAT_NAME, THREAT_REFERENCE] };

const TECHNIQUE: TableForm = TableForm {
    keys: &[
        THREAT_ID,
        THREAT_NAME,
        THREAT_REFERENCE,
        key("subtechnique", Form::List(&Form::Table(&THREAT_ENTRY))),
    ],
};

const NEW_TERMS: TableForm = TableForm {
    keys: &[
        key("field", Form::Filled).required(),
        key("history_window_start", Form::List(&Form::Table(&NEW_TERMS_START))).required(),
        key("value", NAMES).required(),
    ],
};

const NEW_TERMS_START: TableForm =
    TableForm { keys: &[key("field", Form::Filled).required(), key("value", Form::Filled).required()] };

const THREAT_MAPPING: TableForm =
    TableForm { keys: &[key("entries", Form::List(&Form::Table(&THREAT_MAPPING_ENTRY))).required()] };

const THREAT_MAPPING_ENTRY: TableForm = TableForm {
    keys: &[
        key("field", Form::Filled).required(),
        key("negate", Form::Boolean),
        key("type", Form::OneOf(&["mapping"])).required(),
        key("value", Form::Filled).required(),
    ],
};

const THRESHOLD: TableForm = TableForm {
    keys: &[
        key("cardinality", Form::List(&Form::Table(&CARDINALITY))),
        key("field", Form::Either(&Form::Text, &TEXTS)).required(),
        key("value", POSITIVE).required(),
    ],
};

const CARDINALITY: TableForm =
    TableForm { keys: &[key("field", Form::Text).required(), key("value", POSITIVE).required()] };

const TRANSFORM: TableForm = TableForm {
    keys: &[
        key("investigate", Form::List(&Form::Table(&INVESTIGATE))),
        key("osquery", Form::List(&Form::Table(&OSQUERY))),
    ],
};

const INVESTIGATE: TableForm = TableForm {
    keys: &[
        key("description", Form::Text),
        key("label", Form::Filled).required(),
        key("providers", Form::List(&Form::List(&Form::Table(&PROVIDER)))).required(),
        key("relativeFrom", Form::Text),
        key("relativeTo", Form::Text),
    ],
};

const PROVIDER: TableForm = TableForm {
    keys: &[
        key("excluded", Form::Boolean).required(),
        key("field", Form::Filled).required(),
        key("queryType", Form::OneOf(&["phrase", "range"])).required(),
        key("value", Form::Text).required(),
        key("valueType", Form::OneOf(&["string", "boolean"])).required(),
    ],
};

const OSQUERY: TableForm = TableForm {
    keys: &[
        key("ecs_mapping", Form::Named(&Form::AnyTable)),
        key("label", Form::Filled).required(),
        key("query", Form::Filled).required(),
    ],
};

/// The main table that has a key of this name, for one who put it elsewhere.
pub(super) fn home_of(name: &str) -> Option<&'static str> {
    let homes: [(&str, &TableForm); 3] = [("rule", &RULE), ("metadata", &METADATA), ("stakeout", &STAKEOUT)];
    homes.iter().find(|(_, form)| form.key(name).is_some()).map(|(home, _)| *home)
}

/// Whether the table of this dotted path is written `[[…]]`, there being several.
pub(super) fn is_repeated(path: &str) -> bool {
    let mut form = &FILE;
    let mut repeated = false;
    for part in path.split('.') {
        match form.key(part).map(|key| &key.form) {
            Some(Form::Table(below)) => (form, repeated) = (below, false),
            Some(Form::List(Form::Table(below))) => (form, repeated) = (below, true),
            _ => return false,
        }
    }
    repeated
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::form::Fate;

    const DOCUMENTED: &str = include_str!("mod.rs");

    #[test]
    fn every_key_of_a_rule_stands_in_the_documented_table_with_what_becomes_of_it() {
        for key in RULE.keys {
            let fate = match key.fate {
                Fate::Carried => "carried",
                Fate::NotApplied(_) => "warned",
                Fate::Refused(_) => "refused",
                Fate::OfType(_) => "other type",
            };
            let row = DOCUMENTED
                .lines()
                .find(|line| line.starts_with("//! |") && line.contains(&format!("`{}`", key.name)))
                .unwrap_or_else(|| panic!("`{}` is not in the table", key.name));
            assert!(row.starts_with(&format!("//! | {fate}")), "`{}` is {fate}, but: {row}", key.name);
        }
    }

    #[test]
    fn keys_are_sorted_so_that_none_stands_twice() {
        for form in [&METADATA, &RULE, &TRANSFORM, &STAKEOUT] {
            let names: Vec<_> = form.keys.iter().map(|key| key.name).collect();
            assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
        }
    }

    #[test]
    fn paths_of_repeated_tables_are_known() {
        for (path, repeated) in [
            ("rule", false),
            ("rule.threat", true),
            ("rule.threat.tactic", false),
            ("rule.threat.technique.subtechnique", true),
            ("stakeout.examples", true),
            ("nothing", false),
        ] {
            assert_eq!(is_repeated(path), repeated, "{path}");
        }
    }
}

//! Kibana's own alerts of a space, which its page *Security → Alerts* shows: where they are, and the copy of an alert
//! among them.
//!
//! Names, field types and what the page filters on are those of elastic/kibana: `resource_installer_utils.ts` of its
//! alerting, `kbn-alerts-as-data-utils/src/field_maps`, `search_strategy.ts` of its rule registry. Kibana makes and owns
//! alias, indices and mappings; Elastic supports no other writers.

use serde_json::{Map, Value, json};

use super::copy_place::LONGEST_KEYWORD;
use super::document::AlertDocument;
use crate::kibana::Space;
use crate::schema::{FieldForm, FieldType, Schema};

/// The rule as a whole: `flattened` there, which leaves out long texts by itself.
const PARAMETERS: &str = "kibana.alert.rule.parameters";

const NOTE: &str = "kibana.alert.rule.note";

/// Why no copy is written there.
const ON_SERVERLESS: &str =
    "as on Elastic's serverless projects, where nothing but Kibana writes; leave the copies off";

/// Kibana's own alerts of one space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityAlerts {
    space: Space,
    alias: String,
}

impl SecurityAlerts {
    /// A field that Kibana maps as `keyword` in every index of its alerts since 8.0.
    pub const MARK: &str = "kibana.alert.uuid";

    /// What copies need on the alias, and on nothing behind it.
    pub const PRIVILEGES: [&str; 2] = ["read", "create_doc"];

    /// Those of `space`.
    #[must_use]
    pub fn of(space: Space) -> Self {
        Self { alias: format!(".alerts-security.alerts-{space}"), space }
    }

    /// The space.
    #[must_use]
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// The alias that they are written to and read by.
    #[must_use]
    pub fn alias(&self) -> &str {
        &self.alias
    }

    /// What is wrong with what stands behind the alias, and what to do, where Kibana has not made it; `found` tells its
    /// indices, and how they map [`Self::MARK`].
    #[must_use]
    pub fn unlike_kibanas(&self, found: &Schema) -> Option<String> {
        let is_kibanas = |form: &FieldForm| form.field_type == FieldType::Keyword;
        let made = self.how_they_are_made();
        Some(match found.indices.as_slice() {
            // What may not be read is left out of the answer as if it were not there.
            [] => format!("found nothing of that name that may be read; {made}; {}", self.who_may_write()),
            indices if indices.contains(&self.alias) => format!(
                "expected Kibana's alias, found an index: something else wrote there before; delete it; {made}"
            ),
            indices if indices.iter().all(|index| index.starts_with(".ds-")) => {
                format!("expected Kibana's alias, found a data stream, {ON_SERVERLESS}")
            }
            _ if found.forms(Self::MARK).iter().any(is_kibanas) => return None,
            _ => format!(
                "expected Kibana's alias, found one whose indices do not map `{}` as `keyword`; delete it; {made}",
                Self::MARK
            ),
        })
    }

    /// What to do where they are not there.
    #[must_use]
    pub fn how_they_are_made(&self) -> String {
        format!(
            "Kibana alone makes this alias: somebody who may turn detections on opens Security → Alerts once in the space `{}`",
            self.space
        )
    }

    /// What to do where the credentials do not do.
    #[must_use]
    pub fn who_may_write(&self) -> String {
        let [reading, writing] = Self::PRIVILEGES;
        format!(
            "the credentials need `{reading}` and `{writing}` on `{}`, as the role of `stakeout setup --print DIR \
             --security-alerts` has them",
            self.alias
        )
    }

    /// Every alias of them, that of earlier versions included.
    pub(super) fn aliases(&self) -> [String; 2] {
        [self.alias.clone(), format!(".siem-signals-{}", self.space)]
    }

    /// What the indices behind it begin with.
    pub(super) fn behind(&self) -> [String; 2] {
        ["internal", "reindexed-v8-internal"].map(|kind| format!(".{kind}{}-", self.alias))
    }
}

/// The copy of `alert` among those of `space`: the same document, as Kibana's rules would write it there.
///
/// Its note is the guide alone, as Kibana's is, and texts are left out that no keyword holds: unlike in our index, those
/// fields are indexed there without a limit.
pub(super) fn security_copy(alert: &AlertDocument, space: &Space) -> Map<String, Value> {
    let mut copy = alert.body.clone();
    copy.insert("kibana.space_ids".into(), json!([space.as_str()]));
    match copy.get(PARAMETERS).and_then(|rule| rule.get("note")).cloned() {
        Some(guide) => copy.insert(NOTE.into(), guide),
        None => copy.shift_remove(NOTE),
    };
    copy.retain(|field, value| field == PARAMETERS || !field.starts_with("kibana.") || fits(value));
    copy
}

/// Whether each of the texts fits into a keyword.
fn fits(value: &Value) -> bool {
    match value {
        Value::String(text) => text.len() <= LONGEST_KEYWORD,
        Value::Array(items) => items.iter().all(fits),
        Value::Object(fields) => fields.values().all(fits),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_KEYWORD, NOTE, SecurityAlerts, security_copy};
    use crate::alert::{AlertBuilder, AlertDocument, Found, Places, Run, alert_id};
    use crate::event::Event;
    use crate::kibana::Space;
    use crate::rule::{Rule, embedded};
    use crate::schema::{FieldForm, FieldType, Schema};
    use chrono::{DateTime, Utc};
    use serde_json::{Map, Value, json};

    fn seed() -> Rule {
        embedded().unwrap().rules.remove(0)
    }

    fn space() -> Space {
        "soc".parse().unwrap()
    }

    /// The alert for an event, whole and reduced.
    fn alerts(rule: &Rule, source: Value) -> [AlertDocument; 2] {
        let at: DateTime<Utc> = DateTime::from_timestamp(1_795_176_000, 0).unwrap();
        let kibana = Some("https://kibana.example.com".parse().unwrap());
        let places = Places { kibana, alerts: Some("stakeout-alerts".into()) };
        let builder = AlertBuilder::new(rule, &Run { id: "r".into(), kind: "once", places });
        let event = Event { index: "filebeat-a".into(), id: "x1".into(), ..Event::of(source) };
        let id = alert_id(&rule.rule_id, &rule.identity, &event);
        let found = Found { from: at, to: at, at };
        [builder.build(&event, &id, found), builder.build_reduced(&event, &id, found, "400: no")]
    }

    /// What differs between an alert and its copy.
    fn differing(alert: &AlertDocument, copy: &Map<String, Value>) -> Vec<String> {
        let fields = alert.body.keys().chain(copy.keys().filter(|field| !alert.body.contains_key(*field)));
        let mut fields: Vec<String> =
            fields.filter(|field| alert.body.get(*field) != copy.get(*field)).cloned().collect();
        fields.sort_unstable();
        fields
    }

    #[test]
    fn it_stands_where_kibana_keeps_the_alerts_of_the_space() {
        let alerts = SecurityAlerts::of(Space::default());
        assert_eq!(alerts.alias(), ".alerts-security.alerts-default");
        assert_eq!(alerts.aliases()[1], ".siem-signals-default");
        assert_eq!(alerts.behind()[0], ".internal.alerts-security.alerts-default-");
    }

    #[test]
    fn what_kibana_did_not_make_is_told_from_what_it_made() {
        let alerts = SecurityAlerts::of(space());
        let behind = ".internal.alerts-security.alerts-soc-000001";
        let found = |indices: &[&str], mark: Option<FieldType>| {
            let mut schema = Schema::new(indices.iter().map(|index| (*index).to_owned()).collect());
            if let Some(kind) = mark {
                schema.insert(SecurityAlerts::MARK, FieldForm::everywhere(kind));
            }
            alerts.unlike_kibanas(&schema)
        };
        assert_eq!(found(&[behind], Some(FieldType::Keyword)), None);
        for (indices, mark, words, is_remedied) in [
            (&[][..], None, "found nothing of that name", true),
            (&[alerts.alias()], Some(FieldType::Keyword), "found an index", true),
            (&[behind], Some(FieldType::Text), "do not map `kibana.alert.uuid` as `keyword`", true),
            (&["other"], None, "do not map", true),
            (
                &[".ds-.alerts-security.alerts-soc-2026.11.20-000001"],
                Some(FieldType::Keyword),
                "serverless",
                false,
            ),
        ] {
            let problem = found(indices, mark).expect("a problem");
            assert!(problem.contains(words), "{words}: {problem}");
            let remedy = "opens Security → Alerts once in the space `soc`";
            assert_eq!(problem.contains(remedy), is_remedied, "{problem}");
        }
    }

    #[test]
    fn the_copy_is_the_alert_in_the_space_with_the_guide_alone() {
        let [alert, reduced] =
            alerts(&seed(), json!({"user": {"id": "AROA:i-1"}, "event": {"kind": "event"}}));
        let copy = security_copy(&alert, &space());
        assert_eq!(differing(&alert, &copy), [NOTE, "kibana.space_ids"]);
        assert_eq!(copy["kibana.space_ids"], json!(["soc"]));
        assert_eq!(copy[NOTE], alert.body["kibana.alert.rule.parameters"]["note"]);
        assert_eq!(differing(&reduced, &security_copy(&reduced, &space())), [NOTE, "kibana.space_ids"]);
    }

    #[test]
    fn it_has_all_that_the_page_filters_and_shows_an_alert_by() {
        let [alert, _] = alerts(&seed(), json!({"event": {"kind": "event"}}));
        let copy = security_copy(&alert, &space());
        for (field, value) in [
            ("kibana.alert.uuid", json!(alert.id.as_str())),
            ("kibana.alert.status", json!("active")),
            ("kibana.alert.workflow_status", json!("open")),
            ("kibana.alert.rule.rule_type_id", json!("siem.eqlRule")),
            ("kibana.alert.rule.consumer", json!("siem")),
            ("kibana.alert.rule.producer", json!("siem")),
            ("kibana.alert.rule.name", json!("AWS EC2 Instance Console Login via Assumed Role")),
            ("kibana.alert.severity", json!("high")),
            ("event", json!({"kind": "signal"})),
        ] {
            assert_eq!(copy[field], value, "{field}");
        }
        assert!(
            !copy.contains_key("kibana.alert.building_block_type") && !copy.contains_key("kibana.version")
        );
        // Where Kibana finds no rule it shows one of these fields, and only if none of them is nested.
        assert!(!copy.contains_key("kibana"));
    }

    #[test]
    fn an_alert_that_is_a_part_of_others_is_marked() {
        let rule = Rule { building_block_type: Some("default".into()), ..seed() };
        let copy = security_copy(&alerts(&rule, json!({}))[0], &space());
        assert_eq!(copy["kibana.alert.building_block_type"], "default");
    }

    #[test]
    fn what_no_keyword_holds_is_left_out_alone() {
        let text = |length: usize| "é".repeat(length / 2);
        for (length, is_copied) in [(LONGEST_KEYWORD, true), (LONGEST_KEYWORD + 2, false)] {
            let source =
                json!({"event": {"original": text(length), "url": [text(length)]}, "message": text(length)});
            let [alert, _] = alerts(&seed(), source);
            let copy = security_copy(&alert, &space());
            for field in ["kibana.alert.original_event.original", "kibana.alert.original_event.url"] {
                assert_eq!(copy.contains_key(field), is_copied, "{field} {length}");
            }
            assert_eq!((&copy["event"], &copy["message"]), (&alert.body["event"], &alert.body["message"]));
        }
    }

    #[test]
    fn a_guide_that_no_keyword_holds_is_left_to_the_rule() {
        let mut rule = seed();
        rule.parameters.insert("note".into(), "x".repeat(LONGEST_KEYWORD + 1).into());
        let copy = security_copy(&alerts(&rule, json!({}))[0], &space());
        assert!(!copy.contains_key(NOTE));
        assert!(copy["kibana.alert.rule.parameters"]["note"].is_string());
        rule.parameters.shift_remove("note");
        assert!(!security_copy(&alerts(&rule, json!({}))[0], &space()).contains_key(NOTE));
    }
}

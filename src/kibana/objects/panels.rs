//! The dashboard as a table: what each panel is called, where it lies and what it shows.

use super::chart::{Chart, Field, Measure, Panel, Place};

const SEVERITY: Field = Field::text("kibana.alert.severity", "Severity");
const GRADE: Field = Field::text("stakeout.verdict.grade", "Verdict");
const RULE: Field = Field::text("kibana.alert.rule.name", "Rule");
const TACTIC: Field = Field::text("kibana.alert.rule.threat.tactic.name", "Tactic");
const TECHNIQUE: Field = Field::text("kibana.alert.rule.threat.technique.name", "Technique");
const PRINCIPAL: Field = Field::text("user.id", "Principal");
const INSTANCE: Field = Field::text("stakeout.facts.instance_id", "Instance");
const ROLE: Field = Field::text("stakeout.facts.role_name", "Role");
const ACCOUNT: Field = Field::text("cloud.account.id", "Account");
const ADDRESS: Field = Field::address("source.ip", "Source address");
const COUNTRY: Field = Field::text("source.geo.country_iso_code", "Country");
const STATUS: Field = Field::text("kibana.alert.workflow_status", "Status");

/// What the whole dashboard can be narrowed by, left to right.
pub const CONTROLS: &[Field] = &[RULE, SEVERITY, GRADE, ACCOUNT];

/// Every panel of the dashboard. Kibana's grid is 48 columns wide; a row is 20 pixels high.
pub const PANELS: &[Panel] = &[
    Panel {
        key: "alerts",
        title: "Alerts",
        place: Place { x: 0, y: 0, w: 12, h: 6 },
        chart: Chart::Number(Measure::Alerts),
    },
    Panel {
        key: "open",
        title: "Open alerts",
        place: Place { x: 12, y: 0, w: 12, h: 6 },
        chart: Chart::Number(Measure::AlertsWith { field: STATUS, value: "open" }),
    },
    Panel {
        key: "theft",
        title: "Theft likely",
        place: Place { x: 24, y: 0, w: 12, h: 6 },
        chart: Chart::Number(Measure::AlertsWith { field: GRADE, value: "theft_likely" }),
    },
    Panel {
        key: "principals",
        title: "Principals",
        place: Place { x: 36, y: 0, w: 12, h: 6 },
        chart: Chart::Number(Measure::Distinct(PRINCIPAL)),
    },
    Panel {
        key: "over-time",
        title: "Alerts over time by severity",
        place: Place { x: 0, y: 6, w: 36, h: 13 },
        chart: Chart::OverTime { by: SEVERITY, size: 5 },
    },
    Panel {
        key: "verdicts",
        title: "Verdicts",
        place: Place { x: 36, y: 6, w: 12, h: 13 },
        chart: Chart::Donut { by: GRADE, size: 5 },
    },
    Panel {
        key: "rules",
        title: "Alerts by rule",
        place: Place { x: 0, y: 19, w: 16, h: 13 },
        chart: Chart::Bars { by: RULE, size: 10 },
    },
    Panel {
        key: "tactics",
        title: "Alerts by ATT&CK tactic",
        place: Place { x: 16, y: 19, w: 16, h: 13 },
        chart: Chart::Bars { by: TACTIC, size: 14 },
    },
    Panel {
        key: "techniques",
        title: "Alerts by ATT&CK technique",
        place: Place { x: 32, y: 19, w: 16, h: 13 },
        chart: Chart::Bars { by: TECHNIQUE, size: 15 },
    },
    Panel {
        key: "top-principals",
        title: "Top principals",
        place: Place { x: 0, y: 32, w: 24, h: 12 },
        chart: Chart::Table { by: PRINCIPAL, size: 20 },
    },
    Panel {
        key: "top-instances",
        title: "Top instances",
        place: Place { x: 24, y: 32, w: 24, h: 12 },
        chart: Chart::Table { by: INSTANCE, size: 20 },
    },
    Panel {
        key: "top-roles",
        title: "Top roles",
        place: Place { x: 0, y: 44, w: 24, h: 12 },
        chart: Chart::Table { by: ROLE, size: 20 },
    },
    Panel {
        key: "top-accounts",
        title: "Top accounts",
        place: Place { x: 24, y: 44, w: 24, h: 12 },
        chart: Chart::Table { by: ACCOUNT, size: 20 },
    },
    Panel {
        key: "top-addresses",
        title: "Top source addresses",
        place: Place { x: 0, y: 56, w: 24, h: 12 },
        chart: Chart::Table { by: ADDRESS, size: 20 },
    },
    Panel {
        key: "top-countries",
        title: "Top source countries",
        place: Place { x: 24, y: 56, w: 24, h: 12 },
        chart: Chart::Table { by: COUNTRY, size: 20 },
    },
    Panel {
        key: "newest",
        title: "Newest alerts with their guide",
        place: Place { x: 0, y: 68, w: 48, h: 24 },
        chart: Chart::Newest,
    },
];

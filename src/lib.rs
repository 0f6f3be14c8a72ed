//! Runs Elastic detection rules against an Elasticsearch cluster that already exists: on a schedule,
//! without missing an event and without alerting twice.
//!
//! # Stages
//! Each arrow of the flow is one type:
//! `RuleFile → Rule (eql::Query) → Question (Plan) → Page (Event) → AlertDocument → Outcome → Cursor`.
//!
//! | module | what goes in → out | knows nothing of |
//! |---|---|---|
//! | [`guide`] | the handbook: how to point it at a cluster, operate it, write rules; text alone | everything else |
//! | [`bounded`] | a file → its bytes, up to a size | everything else |
//! | [`diagnostic`] | problems of a text, with spans → what a person reads | everything else |
//! | [`event`] | one document as Elasticsearch or a file gave it → the values of a field | everything else |
//! | [`schema`] | field types by index (asked, or ECS's) → how a field can be queried | rules, network |
//! | [`dsl`] | Query DSL, one file a query kind → JSON | EQL, rules |
//! | [`eql`] | the text of a query → `Query` with spans | rules, Elasticsearch |
//! | [`eval`] | `Query`, `Event` → whether it matches, and which clause decided | Elasticsearch |
//! | [`rule`] | TOML text → `RuleFile` (as written) → `Rule` (validated, typed) | Elasticsearch |
//! | [`plan`] | `Query`, field types, times → what is asked, what is left to evaluate | rules, network |
//! | [`triage`] | the questions of a rule, an alert's event → searches; their answers → a verdict | network, the clock |
//! | [`elastic`] | the cluster: points in time, pages, bulk, guarded documents, retries, errors | queries, rules |
//! | [`local`] | files of events → events; alerts and state → files | EQL, rules, the clock |
//! | [`kibana`] | conditions and values → KQL, rison, links into Discover; an alerts index → saved objects; requests for cases | rules, alerts, network |
//! | [`alert`] | `Rule` + match → alert document, its id, its index | network |
//! | [`report`] | alert documents → one page for people, and what of an alert people are shown | network, the clock |
//! | [`checkpoint`] | `Cursor` ↔ a document in the cluster, or a local file | rules |
//! | [`detect`] | a rule, a source, a sink, a store → a report: the one place where the stages meet | the clock |
//! | [`metrics`] | what runs and requests did → figures in Prometheus's text format | the clock |
//! | [`check`] | a cluster, rules → what is ready and what is missing, piece by piece | the command line |
//! | [`schedule`] | rules and the clock → runs; signals → a clean end, or other rules | queries |
//! | [`cli`] | arguments → a command; results → stdout | |
//!
//! A module imports only modules above it in the table; `tests/architecture.rs` enforces it.

pub mod alert;
pub mod bounded;
pub mod check;
pub mod checkpoint;
pub mod cli;
pub mod detect;
pub mod diagnostic;
pub mod dsl;
pub mod elastic;
pub mod eql;
pub mod eval;
pub mod event;
pub mod guide;
pub mod kibana;
pub mod local;
pub mod metrics;
pub mod plan;
pub mod report;
pub mod rule;
pub mod schedule;
pub mod schema;
pub mod triage;

//! The seed rule's triage over a made-up index: what is asked, what is said, what it comes to.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::batch::Place;
use super::*;
use crate::event::Event;
use crate::rule::triage::{Expected, Indices, Triage};
use crate::rule::{Rule, embedded, load_texts};
use crate::schema::{FieldForm, FieldType, Schema};

fn seed() -> Rule {
    embedded().unwrap_or_else(|errors| panic!("{errors}")).rules.remove(0)
}

fn at() -> DateTime<Utc> {
    "2026-11-20T14:00:00Z".parse().expect("a time")
}

fn times() -> Times {
    times_of(at())
}

/// Of an event that arrived at once.
fn times_of(at: DateTime<Utc>) -> Times {
    Times { at, arrived: at }
}

fn sources(triage: &Triage, unmapped: &[&str]) -> Sources {
    let mut sources = Sources::default();
    for (indices, fields) in wanted_fields(triage) {
        let mut schema = Schema::new(vec!["a".into()]);
        for field in &fields {
            let flattened =
                ["aws.cloudtrail.flattened.request_parameters", "aws.cloudtrail.flattened.response_elements"];
            let kind = match field.as_str() {
                "@timestamp" | "kibana.alert.original_time" => FieldType::Date,
                "source.ip" => FieldType::Ip,
                name if flattened.contains(&name) => FieldType::Flattened,
                name if name.contains(".flattened.") || unmapped.contains(&name) => continue,
                _ => FieldType::Keyword,
            };
            schema.insert(field, FieldForm::everywhere(kind));
        }
        if matches!(&indices, Indices::Patterns(_)) {
            schema = Schema::new(Vec::new());
        }
        let source = Source {
            patterns: vec![format!("{indices:?}")],
            schema,
            allow_expensive: true,
            unreachable: None,
        };
        sources.insert(indices, Ok(source.with_flattened_leaves(&fields)));
    }
    sources
}

fn alert(user_id: &str) -> Event {
    Event::of(json!({
        "user.id": user_id, "event.id": "e-1", "source": {"ip": "198.51.100.77", "as": {"organization": {"name": "EXAMPLE"}}},
        "user_agent.original": "python-requests/2.32", "cloud.account.id": "111122223333",
        "aws.cloudtrail.user_identity.arn": "arn:aws:sts::111122223333:assumed-role/app-role/i-0a1b2c3d4e5f60001",
        "aws.cloudtrail.user_identity.session_context.session_issuer.arn": "arn:aws:iam::111122223333:role/app-role",
        "kibana.alert.rule.rule_id": "d1e5e410-3e34-412e-9b1f-dd500b3b55cd", "kibana.alert.workflow_status": "closed",
    }))
}

const SESSION: &str = "AROA1:i-0a1b2c3d4e5f60001";

/// What every question of the seed finds, by its id; the others find nothing.
type Finds<'a> = &'a [(&'a str, Value)];

struct Run {
    answers: Vec<Answer>,
    verdict: Verdict,
    searches: Vec<Search>,
    fields: serde_json::Map<String, Value>,
    ids: Vec<String>,
}

impl Run {
    fn answer(&self, id: &str) -> &Answer {
        &self.answers[self.ids.iter().position(|known| known == id).expect("a question of that id")]
    }
}

/// Asks everything of an index in which `finds` is found.
fn run_with(rule: &Rule, sources: &Sources, alert: &Event, finds: Finds<'_>, expected: &[Expected]) -> Run {
    let prepared = Prepared::new(&rule.triage, Some(sources), "");
    let case = Case::new(&rule.triage, "alert-1", alert, times());
    let mut batch = Batch::default();
    let now = at() + TimeDelta::minutes(20);
    let plan = prepared.plan(&case, now, &StoredTriage::default(), &mut batch);
    let ids: Vec<String> = rule.triage.questions.iter().map(|question| question.id.clone()).collect();
    let outcomes = outcomes(&plan, &ids, batch.len(), finds);
    let answers = prepared.answers(plan, &case, &outcomes);
    let verdict = Verdict::of(&prepared, &answers, &case, now, expected);
    let record = Record {
        prepared: &prepared,
        answers: &answers,
        verdict: &verdict,
        now,
        due: None,
        guide: Some("the guide\n"),
    };
    let fields = record.fields(&case);
    Run { searches: batch.searches().collect(), fields, answers, verdict, ids }
}

fn outcomes(plan: &Plan, ids: &[String], searches: usize, finds: Finds<'_>) -> Vec<Outcome> {
    let mut bodies =
        vec![json!({"timed_out": false, "_shards": {"total": 1, "failed": 0}, "aggregations": {}}); searches];
    for (slot, id) in plan.slots().into_iter().zip(ids) {
        let Some(slot) = slot else { continue };
        let found = finds.iter().find(|(known, _)| known == id).map(|(_, found)| found.clone());
        let found =
            found.unwrap_or_else(|| json!({"doc_count": 0, "n": {"value": 0}, "same": {"doc_count": 0}}));
        if found.get("error").is_some() {
            bodies[slot.search] = found;
        } else if bodies[slot.search].get("error").is_none() {
            match slot.place {
                Place::Part(part) => bodies[slot.search]["aggregations"][part.to_string()] = found,
                Place::Edge(..) => bodies[slot.search]["hits"] = json!({"total": {"value": 0}}),
            }
        }
    }
    bodies.into_iter().map(Outcome::Answered).collect()
}

fn run(finds: Finds<'_>) -> Run {
    let rule = seed();
    run_with(&rule, &sources(&rule.triage, &[]), &alert(SESSION), finds, &[])
}

fn known(count: u64, days: usize, total: u64) -> Value {
    let days: Vec<usize> = (0..days).collect();
    json!({"doc_count": total, "n": {"value": total},
        "same": {"doc_count": count, "n": {"value": count}, "days": {"buckets": days}}})
}

fn some(count: u64, top: &[&str]) -> Value {
    let buckets: Vec<Value> = top.iter().map(|key| json!({"key": key, "doc_count": 1})).collect();
    json!({"doc_count": count, "n": {"value": count}, "distinct": {"value": top.len()}, "top": {"buckets": buckets},
        "first": {"value": 1_795_183_380_000_u64}, "last": {"value": 1_795_183_380_000_u64},
        "days": {"buckets": [1]}})
}

#[test]
fn the_attack_is_graded_with_each_sentence() {
    let run = run(&[
        ("delivered", some(8, &["arn:aws:iam::111122223333:role/app-role"])),
        ("address", known(0, 0, 180)),
        ("network", known(0, 0, 180)),
        ("agent", known(0, 0, 180)),
        ("who_am_i", some(1, &[])),
        ("way_in", some(1, &["SendCommand"])),
        ("imds", some(9, &["2.0", "1.0"])),
        ("after_foothold", some(3, &["CreateUser", "AttachUserPolicy"])),
        ("denied", some(6, &["GetSecretValue"])),
    ]);
    assert_eq!((run.verdict.score, run.verdict.grade.as_str()), (68, "theft_likely"));
    let groups: Vec<_> = run.verdict.evidence.iter().map(|one| (one.group.as_str(), one.weight)).collect();
    let expected = [
        ("follow-up", 20),
        ("place", 15),
        ("denied", 8),
        ("tool", 8),
        ("identity", 6),
        ("lead-up", 6),
        ("delivery", 5),
    ];
    assert_eq!(groups, expected);
    assert_eq!(run.verdict.evidence[0].text, "foothold: CreateUser, AttachUserPolicy");
    assert_eq!(
        run.answer("network").text,
        "EXAMPLE: never in 180 events of the role between 2026-10-21 14:00:00Z and 2026-11-19 14:00:00Z"
    );
    assert_eq!(run.answer("after").text, "none until 2026-11-20 14:20:00Z");
    assert_eq!(run.answer("imds_on_host").status, Status::NotInData);
    let note = run.fields["kibana.alert.rule.note"].as_str().expect("a note");
    assert!(note.starts_with("the guide\n\n## Triage of this alert\n\n**theft likely"), "{note}");
    assert!(note.contains("- \\+20 foothold") || note.contains("- +20 foothold"), "{note}");
    assert_eq!(run.fields["stakeout.facts"]["instance_id"], "i-0a1b2c3d4e5f60001");
    assert_eq!(run.fields["stakeout.facts"]["role_name"], "app-role");
    assert!(run.fields.keys().all(|field| !field.contains("workflow")));
    let mut again = alert(SESSION);
    again.source.extend(run.fields.clone());
    let rule = seed();
    let twice = run_with(&rule, &sources(&rule.triage, &[]), &again, &[], &[]);
    let note = twice.fields["kibana.alert.rule.note"].as_str().expect("a note");
    assert_eq!(note.matches("## Triage of this alert").count(), 1, "{note}");
    assert!(note.starts_with("the guide\n\n## Triage"), "{note}");
}

#[test]
fn questions_share_searches_by_subject_and_stretch() {
    let run = run(&[]);
    let (edges, counts): (Vec<&Search>, Vec<&Search>) =
        run.searches.iter().partition(|search| search.body.get("sort").is_some());
    assert_eq!((counts.len(), edges.len()), (10, 2), "{:#?}", run.searches);
    let bodies: Vec<String> = counts.iter().map(|search| search.body.to_string()).collect();
    let bytes: usize = bodies.iter().map(String::len).sum();
    assert!(bytes < 30_000, "{bytes} bytes of request for one alert");
    assert!(bodies.iter().all(|body| body.contains(r#""size":0,"track_total_hits":false,"timeout":"5s""#)));
    let far =
        bodies.iter().find(|body| body.contains("2026-10-21T14:00:00.000Z") && body.contains("principal_id"));
    assert!(far.is_some_and(|far| !far.contains("e-1")), "a habit is shared, and holds nothing of the alert");
    let near =
        bodies.iter().find(|body| body.contains("who") || body.contains("GetCallerIdentity")).expect("one");
    assert!(near.contains(r#""must_not":[{"term":{"event.id":"e-1"}}]"#), "{near}");
}

#[test]
fn a_question_for_the_last_event_is_shared_by_the_alerts_of_an_hour() {
    let rule = seed();
    let run = run(&[]);
    let edges: Vec<&Search> =
        run.searches.iter().filter(|search| search.body.get("sort").is_some()).collect();
    for search in &edges {
        assert_eq!(search.body["sort"][0]["@timestamp"]["order"], "desc");
        assert_eq!((&search.body["size"], &search.body["track_total_hits"]), (&json!(10), &json!(1)));
        assert!(search.body.get("aggs").is_none() && !search.body.to_string().contains("e-1"));
        let filters = search.body["query"]["bool"]["filter"].as_array().expect("filters");
        assert_eq!(filters[0], json!({"term": {"cloud.account.id": "111122223333"}}));
    }
    let stretch = &edges[0].body["query"]["bool"]["filter"][2]["range"]["@timestamp"];
    assert_eq!(
        (&stretch["gte"], &stretch["lte"]),
        (&json!("2026-11-20T13:00:00.000Z"), &json!("2026-11-21T02:00:00.000Z"))
    );
    assert!(edges[1].body.to_string().contains("GetObject"));
    let mut batch = Batch::default();
    let (sources, alert) = (sources(&rule.triage, &[]), alert(SESSION));
    let prepared = Prepared::new(&rule.triage, Some(&sources), "");
    for minutes in [10, 20] {
        let case = Case::new(&rule.triage, "alert-1", &alert, times_of(at() + TimeDelta::minutes(minutes)));
        let _ = prepared.plan(&case, at() + TimeDelta::hours(1), &StoredTriage::default(), &mut batch);
    }
    let edges = batch.searches().filter(|search| search.body.get("sort").is_some());
    assert_eq!(edges.count(), 2);
}

#[test]
fn what_could_not_be_answered_counts_neither_way() {
    let error = json!({"error": {"root_cause": [{"type": "es_rejected", "reason": "busy"}]}, "status": 429});
    let failed = run(&[("habit", error.clone()), ("address", error)]);
    assert_eq!(failed.answer("habit").status, Status::Failed);
    assert!(failed.answer("habit").text.contains("es_rejected"));
    assert!(failed.verdict.unknown.contains(&"habit".to_owned()));
    let groups: Vec<_> = failed.verdict.evidence.iter().map(|one| one.group.as_str()).collect();
    assert!(!groups.contains(&"habit") && !groups.contains(&"place"), "{groups:?}");
    assert_eq!(failed.verdict.grade, "unexplained");

    let habit = run(&[("habit", json!({"doc_count": 30, "days": {"buckets": [1, 2, 3, 4, 5]}}))]);
    assert!(habit.verdict.evidence.iter().any(|one| one.weight == -15));
    let rule = seed();
    let mut partial = sources(&rule.triage, &[]);
    let whole = partial.get(&Indices::Rule).cloned().and_then(Result::ok).expect("a source");
    let mut only = Sources::default();
    only.insert(Indices::Rule, Ok(Source { unreachable: Some("closed: `x`".into()), ..whole }));
    only.insert(Indices::Alerts, Err("403".into()));
    std::mem::swap(&mut partial, &mut only);
    let finds = [
        ("habit", json!({"doc_count": 30, "days": {"buckets": [1, 2, 3, 4, 5]}})),
        ("after_foothold", some(1, &["CreateUser"])),
        ("address", known(0, 0, 99)),
    ];
    let run = run_with(&rule, &partial, &alert(SESSION), &finds, &[]);
    assert_eq!(run.answer("habit").status, Status::Partial);
    assert_eq!(
        (run.answer("pattern").status, run.answer("pattern").text.as_str()),
        (Status::Failed, "failed: 403")
    );
    assert!(run.answer("habit").text.ends_with("(partial: closed: `x`)"), "{}", run.answer("habit").text);
    let weights: Vec<i32> = run.verdict.evidence.iter().map(|one| one.weight).collect();
    assert_eq!(
        weights,
        [20],
        "a foothold seen in part is one; a habit or a new address seen in part is none"
    );
}

#[test]
fn absent_values_and_fields_are_said() {
    let rule = seed();
    let unmapped = ["aws.cloudtrail.user_identity.session_context.ec2_role_delivery"];
    let sources = sources(&rule.triage, &unmapped);
    let run = run_with(&rule, &sources, &alert("AROA1:i-smith@example.com"), &[], &[]);
    assert_eq!(run.answer("imds").status, Status::NotInData);
    assert!(run.answer("imds").text.contains("not in this data: no field"), "{}", run.answer("imds").text);
    assert_eq!(run.answer("delivered").text, "not asked: no instance id");
    assert_eq!(run.answer("session_name").text, "no: i-smith@example.com is a name that the caller chose");
    assert_eq!(run.fields["stakeout.facts"].get("instance_id"), None);
    let long = Event::of(json!({"user.id": SESSION, "user_agent.original": "x".repeat(100_000)}));
    let run = run_with(&rule, &sources, &long, &[], &[]);
    assert!(run.answer("agent").text.contains("longer than what is indexed"));
    assert_eq!(run.answer("address").text, "not asked: no source.ip");
}

#[test]
fn a_foothold_outweighs_every_habit() {
    let run = run(&[
        ("habit", json!({"doc_count": 30, "days": {"buckets": [1, 2, 3, 4, 5]}})),
        ("agent", known(90, 20, 90)),
        ("address", known(90, 20, 90)),
        ("after_foothold", some(1, &["StopLogging"])),
    ]);
    assert_eq!(run.verdict.score, -15 - 10 - 8 + 20);
    assert_eq!(run.verdict.grade, "theft_likely");
    assert!(run.verdict.text.contains("decided by what it did"), "{}", run.verdict.text);
}

#[test]
fn what_was_declared_weighs_and_is_named() {
    let rule = seed();
    let text = format!(
        "{}\n[[stakeout.expected]]\nwhere = 'cidrMatch(source.ip, \"198.51.100.0/24\")'\nfrom = 2026-11-20\nuntil = 2026-11-20\nreason = \"RT-11\"\n",
        include_str!("../../tests/rules/valid/minimal.toml")
    );
    let declared = load_texts(&[("a", &text)])
        .unwrap_or_else(|errors| panic!("{errors}"))
        .rules
        .remove(0)
        .triage
        .expected;
    let run = run_with(&rule, &sources(&rule.triage, &[]), &alert(SESSION), &[], &declared);
    let evidence = run.verdict.evidence.last().expect("evidence");
    assert_eq!((evidence.weight, evidence.text.as_str()), (-20, "declared: RT-11"));
    let later: Vec<Expected> = declared.into_iter().map(|one| Expected { until: at(), ..one }).collect();
    let run = run_with(&rule, &sources(&rule.triage, &[]), &alert(SESSION), &[], &later);
    assert!(run.verdict.evidence.iter().all(|one| one.group != "declared"));
}

#[test]
fn hostile_values_change_no_question_and_no_section() {
    let rule = seed();
    let sources = sources(&rule.triage, &[]);
    let plain = run_with(&rule, &sources, &alert(SESSION), &[], &[]);
    for hostile in
        ["\" or true or \"*", "a\nb] } , {\"match_all\":{}}", "*", "</script><b>", "\u{202e}x", "{user.id}"]
    {
        let id = format!("AROA1:{hostile}");
        let event = Event::of(json!({
            "user.id": id, "event.id": hostile, "source.ip": "198.51.100.77", "user_agent.original": hostile,
            "source.as.organization.name": hostile, "cloud.account.id": "111122223333",
        }));
        let run = run_with(&rule, &sources, &event, &[], &[]);
        let user = |run: &Run| {
            run.searches
                .iter()
                .filter(|search| search.body["query"]["bool"]["filter"][0]["term"].get("user.id").is_some())
                .map(|search| search.body.clone())
                .collect::<Vec<Value>>()
        };
        assert_eq!(
            user(&run)[0]["query"]["bool"]["filter"][0],
            json!({"term": {"user.id": id}}),
            "{hostile}"
        );
        assert_eq!(shape(&user(&run)[0]), shape(&user(&plain)[0]), "{hostile}");
        let note = run.fields["kibana.alert.rule.note"].as_str().expect("a note");
        assert!(!note.contains("</script>") && !note.contains('\u{202e}'), "{note}");
        assert_eq!(note.lines().count(), run_lines(&plain, &run), "{hostile}");
    }
}

/// The body with every text replaced, so that only its build is left.
fn shape(body: &Value) -> Value {
    match body {
        Value::String(_) => "…".into(),
        Value::Array(items) => items.iter().map(shape).collect(),
        Value::Object(object) => object.iter().map(|(key, value)| (key.clone(), shape(value))).collect(),
        other => other.clone(),
    }
}

/// How many lines the section of `run` has if every answer and reason takes one line.
fn run_lines(plain: &Run, run: &Run) -> usize {
    let lines =
        |run: &Run| run.fields["kibana.alert.rule.note"].as_str().map_or(0, |note| note.lines().count());
    let evidence = |run: &Run| {
        let sides = [true, false]
            .map(|plus| run.verdict.evidence.iter().filter(|one| (one.weight > 0) == plus).count());
        sides.iter().map(|side| if *side == 0 { 0 } else { side + 2 }).sum::<usize>()
    };
    lines(plain) - evidence(plain) + evidence(run)
}

#[test]
fn stored_answers_are_read_back_and_settled_ones_not_asked_again() {
    let rule = seed();
    let sources = sources(&rule.triage, &[]);
    let first = run_with(&rule, &sources, &alert(SESSION), &[("habit", some(2, &[]))], &[]);
    let mut stored = alert(SESSION);
    stored.source.extend(first.fields.clone());
    let read = StoredTriage::of(&stored);
    assert_eq!(read.answers["habit"], *first.answer("habit"));
    assert_eq!(read.asked_at, Some(at() + TimeDelta::minutes(20)));
    let prepared = Prepared::new(&rule.triage, Some(&sources), "");
    let case = Case::new(&rule.triage, "alert-1", &stored, times());
    let mut batch = Batch::default();
    let _ = prepared.plan(&case, at() + TimeDelta::hours(1), &read, &mut batch);
    assert!(batch.len() < first.searches.len(), "{} of {}", batch.len(), first.searches.len());
    let far = |search: &Search| {
        let body = search.body.to_string();
        body.contains("2026-10-21") && body.contains("principal_id")
    };
    assert!(batch.searches().all(|search| !far(&search)), "what lies a day back is settled");
}

#[test]
fn without_a_cluster_only_the_event_answers() {
    let rule = seed();
    let prepared = Prepared::new(&rule.triage, None, "files are read, no cluster");
    let alert = alert(SESSION);
    let case = Case::new(&rule.triage, "a", &alert, times());
    let mut batch = Batch::default();
    let plan = prepared.plan(&case, at(), &StoredTriage::default(), &mut batch);
    assert!(batch.is_empty());
    let answers = prepared.answers(plan, &case, &[]);
    assert_eq!(answers[0].text, "yes, i-0a1b2c3d4e5f60001");
    let asked =
        answers.iter().filter(|answer| answer.text == "not asked: files are read, no cluster").count();
    assert_eq!(asked, answers.len() - 3);
}

#[test]
fn what_was_found_stays_found_where_asking_again_fails() {
    let rule = seed();
    let sources = sources(&rule.triage, &[]);
    let finds = [("after_foothold", some(2, &["CreateUser"])), ("denied", some(0, &[]))];
    let mut stored = alert(SESSION);
    stored.source.extend(run_with(&rule, &sources, &stored, &finds, &[]).fields);
    let prepared = Prepared::new(&rule.triage, Some(&sources), "");
    for _ in 0..2 {
        let case = Case::new(&rule.triage, "alert-1", &stored, times());
        let (mut batch, now) = (Batch::default(), at() + TimeDelta::hours(1));
        let plan = prepared.plan(&case, now, &StoredTriage::of(&stored), &mut batch);
        let answers = prepared.answers(plan, &case, &vec![Outcome::Failed("busy".into()); batch.len()]);
        let verdict = Verdict::of(&prepared, &answers, &case, now, &[]);
        assert_eq!(verdict.grade, "theft_likely", "{verdict:?}");
        let place = rule.triage.questions.iter().position(|question| question.id == "after_foothold");
        let answer = &answers[place.expect("a question")];
        assert_eq!((answer.status, answer.count), (Status::Partial, 2));
        assert!(answer.text.ends_with("(asked again in vain: busy)"), "{}", answer.text);
        assert_eq!(answer.text.matches("in vain").count(), 1);
        let record =
            Record { prepared: &prepared, answers: &answers, verdict: &verdict, now, due: None, guide: None };
        let fields = record.fields(&case);
        drop(case);
        stored.source.extend(fields);
    }
}

#[test]
fn what_was_found_stays_found_where_nothing_can_be_asked_any_more() {
    let rule = seed();
    let whole = sources(&rule.triage, &[]);
    let finds = [("after_foothold", some(2, &["CreateUser"])), ("denied", some(0, &[]))];
    let mut stored = alert(SESSION);
    stored.source.extend(run_with(&rule, &whole, &stored, &finds, &[]).fields);
    let mut forbidden = Sources::default();
    forbidden.insert(Indices::Rule, Err("403".into()));
    let foothold = "aws.cloudtrail.user_identity.session_context.session_issuer.arn";
    let no_index = Sources::default();
    let unmapped = sources(&rule.triage, &["event.outcome", foothold]);
    for (sources, reason) in
        [(forbidden, "failed: 403"), (no_index, "no index to ask"), (unmapped, "no field event.outcome")]
    {
        let prepared = Prepared::new(&rule.triage, Some(&sources), "");
        let case = Case::new(&rule.triage, "alert-1", &stored, times());
        let (mut batch, now) = (Batch::default(), at() + TimeDelta::hours(1));
        let plan = prepared.plan(&case, now, &StoredTriage::of(&stored), &mut batch);
        let nothing = json!({"timed_out": false, "_shards": {"total": 0, "failed": 0}});
        let answers = prepared.answers(plan, &case, &vec![Outcome::Answered(nothing); batch.len()]);
        assert_eq!(Verdict::of(&prepared, &answers, &case, now, &[]).grade, "theft_likely", "{reason}");
        let place = rule.triage.questions.iter().position(|question| question.id == "after_foothold");
        let answer = &answers[place.expect("a question")];
        assert_eq!((answer.status, answer.count), (Status::Partial, 2));
        assert!(
            answer.text.contains("asked again in vain") && answer.text.contains(reason),
            "{}",
            answer.text
        );
    }
}

#[test]
fn values_longer_than_a_guessed_mapping_indexes_are_not_called_new() {
    let rule = seed();
    let mut sources = sources(&rule.triage, &[]);
    let event = Event::of(json!({"user.id": SESSION, "user_agent.original": "x".repeat(300)}));
    assert_eq!(run_with(&rule, &sources, &event, &[], &[]).answer("agent").status, Status::Answered);
    let whole = sources.get(&Indices::Rule).cloned().and_then(Result::ok).expect("a source");
    let mut guessed = Schema::new(vec!["a".into()]);
    for (_, fields) in wanted_fields(&rule.triage) {
        for field in fields {
            for form in whole.schema.forms(&field) {
                let text = FieldForm {
                    field_type: FieldType::Text,
                    exact: Some(format!("{field}.keyword")),
                    ..form.clone()
                };
                guessed.insert(&field, if form.field_type == FieldType::Keyword { text } else { form });
            }
        }
    }
    sources = Sources::default();
    sources.insert(Indices::Rule, Ok(Source { schema: guessed, ..whole }));
    let run = run_with(&rule, &sources, &event, &[], &[]);
    assert_eq!(run.answer("agent").status, Status::NotInData);
    assert!(run.answer("agent").text.contains("longer than what is indexed"));
}

#[test]
fn what_is_close_to_alerts_is_read_for_many_at_once() {
    let rule = seed();
    let sources = sources(&rule.triage, &[]);
    let prepared = Prepared::new(&rule.triage, Some(&sources), "");
    let alerts: Vec<Event> =
        (0..3).map(|number| alert(&format!("AROA{number}:i-0a1b2c3d4e5f6000{number}"))).collect();
    let cases: Vec<Case<'_>> =
        alerts.iter().map(|alert| Case::new(&rule.triage, "alert-1", alert, times())).collect();
    let (mut batch, now) = (Batch::default(), at() + TimeDelta::hours(1));
    let plans: Vec<Plan> =
        cases.iter().map(|case| prepared.plan(case, now, &StoredTriage::default(), &mut batch)).collect();
    let readings = Reading::all(&batch);
    assert_eq!(readings.len(), 1, "{readings:#?}");
    let query = &readings[0].search.body["query"]["bool"];
    assert!(query["filter"].to_string().contains("event.dataset"), "what all share is asked once: {query}");
    let subjects = query["should"].as_array().expect("subjects");
    assert_eq!(subjects.len(), 13, "{query}");
    let name = |wanted: &str| {
        subjects
            .iter()
            .position(|subject| subject.to_string().contains(wanted))
            .expect("a subject")
            .to_string()
    };
    let hit = |name: &str, second: u32, id: &str, action: &str| {
        let millis = (at() + TimeDelta::seconds(i64::from(second))).timestamp_millis().to_string();
        json!({"_index": "a", "_id": format!("{id}-{second}"), "matched_queries": [name], "fields": {
            "@timestamp": [millis], "event.id": [id], "event.action": [action], "event.outcome": ["success"],
            "event.provider": ["iam.amazonaws.com"],
        }})
    };
    let session = name(r#""user.id":"AROA1:i-0a1b2c3d4e5f60001""#);
    let hits = [
        hit(&session, 60, "x", "CreateUser"),
        // Another shipper's document of the same event.
        hit(&session, 60, "x", "CreateUser"),
        hit(&session, 90, "y", "AttachUserPolicy"),
        // The alert's own event.
        hit(&session, 0, "e-1", "CreateUser"),
    ];
    let whole = json!({"timed_out": false, "_shards": {"total": 1, "failed": 0}, "hits": {"hits": hits}});
    let mut outcomes = vec![Outcome::Owed; batch.len()];
    for (number, outcome) in readings[0].outcomes(&batch, whole.clone()).expect("a whole answer") {
        outcomes[number] = outcome;
    }
    let footholds: Vec<Answer> = plans
        .into_iter()
        .zip(&cases)
        .map(|(plan, case)| {
            let answers = prepared.answers(plan, case, &outcomes);
            let at = rule.triage.questions.iter().position(|question| question.id == "after_foothold");
            answers[at.expect("a question")].clone()
        })
        .collect();
    assert_eq!(footholds.iter().map(|answer| answer.count).collect::<Vec<_>>(), [0, 2, 0]);
    assert_eq!(footholds[1].top, ["CreateUser", "AttachUserPolicy"]);
    assert_eq!(footholds[1].text, "CreateUser, AttachUserPolicy, first 2026-11-20 14:01:00Z");
    for (part, broken) in [
        ("/timed_out", json!(true)),
        ("/_shards/failed", json!(1)),
        ("/hits/hits/0/matched_queries", json!(null)),
        ("/hits/hits/0/matched_queries/0", json!("99")),
        ("/hits/hits/0/fields/@timestamp", json!(null)),
        ("/hits/hits", vec![whole["hits"]["hits"][0].clone(); 2_000].into()),
    ] {
        let mut answer = whole.clone();
        *answer.pointer_mut(part).expect("a part of the answer") = broken;
        assert!(readings[0].outcomes(&batch, answer).is_none(), "{part}");
    }
    assert!(readings[0].outcomes(&batch, json!({"error": {}, "status": 400})).is_none());
}

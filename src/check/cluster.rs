//! The cluster itself: does it answer, in which version, with which clock, and what it refuses.

use chrono::TimeDelta;
use futures_util::future::join_all;

use super::{Checkup, Finding};
use crate::elastic::{Cluster, ElasticError, Info};

/// Clocks that differ by less are alike.
const ALIKE: TimeDelta = TimeDelta::seconds(10);

/// What a finding rests on that is not asked for by itself.
const BY_DATE: &str = "the Date header of its answers";

impl Checkup {
    /// Whether Elasticsearch answers at each address, in a version that can be worked with; and whether anything else can be
    /// asked.
    pub(super) async fn connection(&self) -> (Vec<Finding>, bool) {
        let nodes = self.cluster.each();
        let answers = join_all(nodes.iter().map(Cluster::info)).await;
        let is_there = |answer: &Result<Info, ElasticError>| match answer {
            Ok(_) => true,
            Err(error) => error.status() == Some(403),
        };
        let is_reached = answers.iter().any(is_there);
        let first = answers.iter().find_map(|answer| answer.as_ref().ok());
        let told = nodes.iter().zip(&answers).map(|(node, answer)| match answer {
            Ok(info) => answering(&node.addresses().join(", "), info, first.unwrap_or(info)),
            Err(error) if is_there(answer) => Finding::missing(
                CONNECTION,
                GREETING,
                format!("it answers, and refuses: {error}"),
                "grant the cluster privilege `monitor`, without which nothing runs",
            ),
            Err(error) if is_reached => {
                let advice = "the others are asked instead; mend it, or take it out of the addresses";
                Finding::warning(CONNECTION, GREETING, error, advice)
            }
            Err(error) => Finding::failed(CONNECTION, GREETING, error),
        });
        (told.collect(), is_reached)
    }

    /// Whether events and credentials cross a network in the open.
    pub(super) fn encryption(&self) -> Option<Finding> {
        let open = self.cluster.open_addresses();
        (!open.is_empty()).then(|| {
            let found = format!("not encrypted: {}", open.join(", "));
            Finding::warning("encryption", "the address", found, "use https, or keep the way to it private")
        })
    }

    /// How far this machine's clock is off; the cluster's is used.
    pub(super) async fn time(&self) -> Finding {
        let asked = "GET /_nodes/_local/stats/http?filter_path=nodes.*.timestamp";
        match (self.cluster.measure_clock().await, self.cluster.clock_offset()) {
            (Ok(offset), _) => clocks(asked, offset),
            (Err(_), Some(offset)) => clocks(BY_DATE, offset),
            (Err(error), None) => {
                let advice = if error.status() == Some(403) {
                    "grant the cluster privilege `monitor`"
                } else {
                    "keep this machine's clock right, as no answer has a `Date` header either"
                };
                Finding::warning(
                    "clock",
                    asked,
                    format!("this machine's clock has to be trusted: {error}"),
                    advice,
                )
            }
        }
    }

    /// Whether patterns and regular expressions are answered by the cluster.
    pub(super) async fn expensive_queries(&self) -> Finding {
        let (subject, asked) = (
            "search.allow_expensive_queries",
            "GET /_cluster/settings?include_defaults=true&filter_path=*.search.allow_expensive_queries",
        );
        match self.cluster.expensive_queries_setting().await {
            Ok(Some(true)) => Finding::ok(subject, asked, "true"),
            Ok(Some(false)) => Finding::warning(
                subject,
                asked,
                "false: patterns and regular expressions are evaluated here, over more events",
                "nothing is missed; for less traffic set it to true (`PUT _cluster/settings`)",
            ),
            Ok(None) => Finding::warning(
                subject,
                asked,
                "not to be read, so that true is assumed, which is the default",
                "grant the cluster privilege `monitor`; if it is false, searches are refused with that reason",
            ),
            Err(error) => Finding::failed(subject, asked, error),
        }
    }
}

const CONNECTION: &str = "connection";
const GREETING: &str = "GET /";

/// An address that answers, beside the first that does.
fn answering(address: &str, info: &Info, first: &Info) -> Finding {
    if info.is_serverless() {
        return Finding::ok(CONNECTION, GREETING, format!("Elastic Cloud Serverless answers at {address}"));
    }
    let (version, name) = (&info.version, &info.cluster_name);
    let found = format!("Elasticsearch {version} of cluster `{name}` answers at {address}");
    if info.cluster_uuid != first.cluster_uuid {
        let found = format!("{found}: another cluster than the `{}` that answers first", first.cluster_name);
        let advice = "give addresses of one cluster, else events are missed and checkpoints lost when the address changes";
        return Finding::warning(CONNECTION, GREETING, found, advice);
    }
    Finding::ok(CONNECTION, GREETING, found)
}

fn clocks(asked: &str, offset: TimeDelta) -> Finding {
    let seconds = offset.as_seconds_f64();
    let side = if seconds > 0.0 { "behind" } else { "ahead of" };
    let found = format!("this machine's clock is {:.1} s {side} the cluster's", seconds.abs());
    if offset.abs() < ALIKE {
        return Finding::ok("clock", asked, found);
    }
    let advice = "set it right; until then the cluster's time is used and nothing is lost";
    Finding::warning("clock", asked, found, advice)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use crate::check::{Checkup, Finding, State};
    use crate::elastic::fake::{Act, Fake, attempts};
    use crate::elastic::{Cluster, Connection};

    const DATE: &str = "content-type: application/json\r\ndate: Tue, 24 Nov 2026 04:00:30 GMT\r\n";

    fn checkup(cluster: &Cluster) -> Checkup {
        let index = "alerts".parse().expect("a name");
        let clock = || DateTime::UNIX_EPOCH;
        Checkup { cluster: cluster.clone(), index, rules: Vec::new(), clock }
    }

    fn greeting(name: &str, uuid: &str) -> Act {
        let version = r#"{"number":"9.2.0"}"#;
        let body = format!(r#"{{"cluster_name":"{name}","cluster_uuid":"{uuid}","version":{version}}}"#);
        Act::json(200, &body)
    }

    fn stands(finding: &Finding, state: State, words: &str) {
        assert!(finding.state == state && finding.found.contains(words), "{words}: {finding:?}");
    }

    #[tokio::test]
    async fn every_address_is_asked_and_has_its_line() {
        let second = Fake::start(vec![greeting("one", "a")]).await;
        let third = Fake::start(vec![greeting("two", "b")]).await;
        let urls = vec![second.url.clone(), third.url.clone(), "http://127.0.0.1:9".to_owned()];
        let first = Fake::start_with(vec![greeting("one", "a")], Connection { urls, ..attempts(1) }).await;
        let (findings, is_reached) = checkup(&first.cluster).connection().await;
        assert!(is_reached);
        let [one, same, other, gone] = &findings[..] else { panic!("{findings:?}") };
        stands(one, State::Ok, &first.url);
        stands(same, State::Ok, &second.url);
        stands(other, State::Warning, "`two` answers at");
        stands(other, State::Warning, "another cluster than the `one`");
        stands(gone, State::Warning, "at `http://127.0.0.1:9`: connection refused");
    }

    #[tokio::test]
    async fn nobody_at_any_address_ends_it() {
        let urls = vec!["http://127.0.0.1:9".to_owned()];
        let first = Fake::start_with(vec![Act::Close], Connection { urls, ..attempts(1) }).await;
        let (findings, is_reached) = checkup(&first.cluster).connection().await;
        assert!(!is_reached && findings.len() == 2, "{findings:?}");
        for finding in &findings {
            stands(finding, State::Missing, "asking for the version");
        }
    }

    #[tokio::test]
    async fn a_cluster_that_refuses_its_greeting_is_there() {
        let refused = Act::json(403, r#"{"error":{"type":"security_exception","reason":"unauthorized"}}"#);
        let fake = Fake::start(vec![refused]).await;
        let (findings, is_reached) = checkup(&fake.cluster).connection().await;
        assert!(is_reached);
        stands(&findings[0], State::Missing, "it answers, and refuses");
        assert!(findings[0].advice.as_deref().is_some_and(|advice| advice.contains("`monitor`")));
    }

    #[tokio::test]
    async fn the_clock_is_told_by_the_date_where_it_cannot_be_asked_for() {
        let gone = r#"{"error":{"type":"api_not_available_exception","reason":"serverless"}}"#;
        let denied = r#"{"error":{"type":"security_exception","reason":"unauthorized"}}"#;
        for (act, words, advice) in [
            (Act::with(410, DATE, gone), "clock is 30.0 s behind", "set it right"),
            (Act::with(403, DATE, denied), "clock is 30.0 s behind", "set it right"),
            (Act::json(410, gone), "has to be trusted", "no answer has a `Date` header"),
            (Act::json(403, denied), "has to be trusted", "grant the cluster privilege `monitor`"),
        ] {
            let finding = checkup(&Fake::start(vec![act]).await.cluster).time().await;
            stands(&finding, State::Warning, words);
            assert!(finding.advice.as_deref().is_some_and(|said| said.contains(advice)), "{finding:?}");
        }
    }

    #[tokio::test]
    async fn a_setting_that_cannot_be_read_is_not_called_true() {
        let denied = Act::json(403, r#"{"error":{"type":"security_exception","reason":"unauthorized"}}"#);
        let fake = Fake::start(vec![denied]).await;
        stands(&checkup(&fake.cluster).expensive_queries().await, State::Warning, "not to be read");
    }
}

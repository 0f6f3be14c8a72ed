//! Which indices stand behind each pattern of a rule, closed ones too: a closed index answers no search, and
//! Elasticsearch leaves it out without a word.

use std::collections::{BTreeMap, BTreeSet};

use elasticsearch::http::Method;
use serde::Deserialize;

use super::body::{names, shown};
use super::call::Call;
use super::{Cluster, ElasticError};

/// How many bytes of index names go into one request; a request line has 4,096 at most.
const MAX_NAMES: usize = 2_500;

/// What stands behind one pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternMatch {
    /// The pattern as the rule has it.
    pub pattern: String,
    /// The indices that can be searched, by concrete name; those of aliases and data streams among them.
    pub open: Vec<String>,
    /// The indices that are closed: what they hold cannot be read.
    pub closed: Vec<String>,
}

impl PatternMatch {
    /// Whether nothing at all stands behind the pattern.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && self.closed.is_empty()
    }
}

#[derive(Debug, Default, Deserialize)]
struct Resolved {
    indices: Vec<Index>,
    aliases: Vec<Alias>,
    data_streams: Vec<DataStream>,
}

#[derive(Debug, Deserialize)]
struct Index {
    name: String,
    #[serde(default)]
    attributes: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Alias {
    name: String,
    #[serde(default)]
    indices: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct DataStream {
    name: String,
    #[serde(default)]
    backing_indices: Vec<String>,
}

impl Cluster {
    /// Finds the indices behind each pattern; a pattern that excludes (`-name`) gets no entry of its own.
    ///
    /// Needs the index privilege `view_index_metadata`.
    ///
    /// # Errors
    /// No answer, or no permission.
    pub async fn resolve(&self, patterns: &[String]) -> Result<Vec<PatternMatch>, ElasticError> {
        let including = || patterns.iter().filter(|pattern| !pattern.starts_with('-'));
        if including().next().is_none() {
            return Ok(Vec::new());
        }
        // A date-math name stands for a name that only the cluster can tell, so it is asked for alone.
        let (computed, plain): (Vec<&String>, Vec<&String>) =
            patterns.iter().partition(|pattern| pattern.contains('<'));
        let mut by_pattern: BTreeMap<&String, BTreeSet<String>> = BTreeMap::new();
        let mut closed = BTreeMap::new();
        if !plain.is_empty() {
            let resolved = self.resolve_names(&plain).await?;
            resolved.note_states(&mut closed);
            by_pattern.extend(plain.iter().map(|pattern| (*pattern, resolved.behind(pattern))));
        }
        for pattern in computed {
            let resolved = self.resolve_names(&[pattern]).await?;
            resolved.note_states(&mut closed);
            by_pattern.insert(pattern, resolved.everything());
        }
        self.find_states(&by_pattern, &mut closed).await?;
        let matched = |pattern: &String| {
            let behind = by_pattern.remove(pattern).unwrap_or_default();
            let is_closed = |name: &String| closed.get(name).copied().unwrap_or(false);
            let (closed, open) = behind.into_iter().partition(is_closed);
            PatternMatch { pattern: pattern.clone(), open, closed }
        };
        Ok(including().map(matched).collect())
    }

    /// Asks for the states of indices that came up only as members of an alias or data stream.
    async fn find_states(
        &self,
        by_pattern: &BTreeMap<&String, BTreeSet<String>>,
        closed: &mut BTreeMap<String, bool>,
    ) -> Result<(), ElasticError> {
        let unknown: BTreeSet<&String> =
            by_pattern.values().flatten().filter(|name| !closed.contains_key(*name)).collect();
        for chunk in chunks(unknown.into_iter().collect()) {
            self.resolve_names(&chunk).await?.note_states(closed);
        }
        Ok(())
    }

    async fn resolve_names(&self, patterns: &[&String]) -> Result<Resolved, ElasticError> {
        let asked = format!("finding the indices behind {}", shown(patterns));
        let call = Call::new(Method::Get, format!("/_resolve/index/{}", names(patterns)), asked)
            .param("expand_wildcards", "open,closed")
            .param("ignore_unavailable", true);
        self.call_in_time(&call, |answer| answer.json()).await
    }
}

impl Resolved {
    /// Notes which indices are closed.
    fn note_states(&self, closed: &mut BTreeMap<String, bool>) {
        for index in &self.indices {
            closed.insert(index.name.clone(), index.attributes.iter().any(|attribute| attribute == "closed"));
        }
    }

    /// The indices behind one of several patterns.
    fn behind(&self, pattern: &str) -> BTreeSet<String> {
        self.filtered(|name| pattern.split(',').any(|part| matches(part, name)))
    }

    fn everything(&self) -> BTreeSet<String> {
        self.filtered(|_| true)
    }

    fn filtered(&self, test: impl Fn(&str) -> bool) -> BTreeSet<String> {
        let own = self.indices.iter().filter(|index| test(&index.name)).map(|index| &index.name);
        let aliased = self.aliases.iter().filter(|alias| test(&alias.name)).flat_map(|alias| &alias.indices);
        let streams = self.data_streams.iter().filter(|stream| test(&stream.name));
        own.chain(aliased).chain(streams.flat_map(|stream| &stream.backing_indices)).cloned().collect()
    }
}

/// Whether an index pattern, in which only `*` is special, matches a name.
fn matches(pattern: &str, name: &str) -> bool {
    if pattern == "_all" {
        return true;
    }
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|start| name.strip_prefix(start)) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(middle) = last.replace(part) {
            let Some(at) = rest.find(middle) else { return false };
            rest = &rest[at + middle.len()..];
        }
    }
    last.map_or(rest.is_empty(), |end| rest.ends_with(end))
}

fn chunks(all: Vec<&String>) -> Vec<Vec<&String>> {
    let mut chunks: Vec<Vec<&String>> = Vec::new();
    let mut bytes = MAX_NAMES;
    for name in all {
        bytes += name.len() + 1;
        match chunks.last_mut() {
            Some(chunk) if bytes <= MAX_NAMES => chunk.push(name),
            _ => {
                bytes = name.len() + 1;
                chunks.push(vec![name]);
            }
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::{Resolved, chunks, matches};
    use crate::elastic::fake::{Act, Fake};
    use proptest::prelude::{prop_assert_eq, proptest};
    use serde_json::{from_value, json};

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name, expected) in [
            ("logs-*", "logs-a", true),
            ("logs-*", "xlogs-a", false),
            ("*", "", true),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "a1c", false),
            ("a*a", "a", false),
            ("ab", "ab", true),
            ("ab", "abc", false),
            ("**x", "x", true),
            ("_all", "x", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[tokio::test]
    async fn an_answer_without_its_lists_is_no_answer() {
        let fake = Fake::start(vec![Act::json(200, "{}"), Act::json(200, "{}")]).await;
        assert!(fake.cluster.resolve(&["logs-*".to_owned()]).await.is_err());
        assert!(fake.cluster.field_caps(&["logs-*".to_owned()], &["a".to_owned()]).await.is_err());
    }

    #[test]
    fn aliases_and_streams_stand_for_their_indices() {
        let resolved: Resolved = from_value(json!({
            "indices": [{"name": "logs-1", "attributes": ["open"]}, {"name": "old", "attributes": ["closed"]}],
            "aliases": [{"name": "logs", "indices": ["logs-1", "logs-0"]}],
            "data_streams": [{"name": "logs-ds", "backing_indices": [".ds-logs-1"], "timestamp_field": "@timestamp"}]
        }))
        .expect("an answer");
        let behind = |pattern| resolved.behind(pattern).into_iter().collect::<Vec<_>>();
        assert_eq!(behind("logs*"), [".ds-logs-1", "logs-0", "logs-1"]);
        assert_eq!(behind("old"), ["old"]);
        assert!(behind("none-*").is_empty());
    }

    #[tokio::test]
    async fn the_state_of_an_aliased_index_is_asked_for() {
        let first = r#"{"indices":[],"aliases":[{"name":"al","indices":["one"]}],"data_streams":[]}"#;
        let second = r#"{"indices":[{"name":"one","attributes":["closed"]}],"aliases":[],"data_streams":[]}"#;
        let fake = Fake::start(vec![Act::json(200, first), Act::json(200, second)]).await;
        let matched = fake.cluster.resolve(&["al".into(), "-x*".into()]).await.expect("matches");
        assert_eq!(matched.len(), 1);
        assert_eq!(matched[0].closed, ["one"]);
        assert!(fake.seen()[0].line.starts_with("GET /_resolve/index/al,-x*?"));
        assert!(fake.seen()[1].line.starts_with("GET /_resolve/index/one?"));
    }

    proptest! {
        #[test]
        fn chunks_keep_every_name_in_short_lines(lengths in proptest::collection::vec(1usize..255, 0..60)) {
            let all: Vec<String> = lengths.iter().map(|length| "n".repeat(*length)).collect();
            let chunks = chunks(all.iter().collect());
            prop_assert_eq!(chunks.concat(), all.iter().collect::<Vec<_>>());
            for chunk in chunks {
                prop_assert_eq!(chunk.iter().map(|name| name.len() + 1).sum::<usize>() <= super::MAX_NAMES, true);
            }
        }
    }
}

//! Prometheus's text format, read strictly: what its parser or `promtool check metrics` would refuse or blame is refused.

use std::collections::{BTreeMap, BTreeSet};

/// One line of figures: its name, its labels, its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// Every figure of a text.
#[derive(Debug)]
pub struct Exposition {
    pub samples: Vec<Sample>,
    /// What each family is: `counter`, `gauge` or `histogram`.
    pub kinds: BTreeMap<String, String>,
}

impl Exposition {
    /// Reads and checks `text`; panics at the first thing that is wrong.
    pub fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has no end");
        let mut read = Self { samples: Vec::new(), kinds: BTreeMap::new() };
        let (mut helped, mut family) = (String::new(), String::new());
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("a name and a help");
                assert!(!help.trim().is_empty(), "{line}");
                name.clone_into(&mut helped);
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a name and a type");
                assert_eq!(name, helped, "no help before {line}");
                assert!(read.kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {line}");
                check_name(name, kind);
                name.clone_into(&mut family);
            } else {
                let sample = sample(line);
                let parts: &[&str] =
                    if read.kinds[&family] == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
                let fits = parts.iter().any(|part| sample.name == format!("{family}{part}"));
                assert!(fits, "not in the family `{family}`: {line}");
                read.samples.push(sample);
            }
        }
        let all: BTreeSet<String> =
            read.samples.iter().map(|sample| format!("{} {:?}", sample.name, sample.labels)).collect();
        assert_eq!(all.len(), read.samples.len(), "a figure stands there twice");
        for (name, _) in read.kinds.iter().filter(|(_, kind)| *kind == "histogram") {
            read.check_histogram(name);
        }
        read
    }

    /// The sum of the figures of this name whose labels hold these values; none where there is no such figure.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let fits = |sample: &&Sample| {
            sample.name == name
                && labels
                    .iter()
                    .all(|(label, value)| sample.labels.get(*label).is_some_and(|found| found == value))
        };
        let found: Vec<f64> = self.samples.iter().filter(fits).map(|sample| sample.value).collect();
        (!found.is_empty()).then(|| found.iter().sum())
    }

    /// Classes rise, count up and end with all; there is a sum.
    fn check_histogram(&self, name: &str) {
        let mut classes: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        for sample in self.samples.iter().filter(|sample| sample.name == format!("{name}_bucket")) {
            let mut labels = sample.labels.clone();
            let end = labels.remove("le").expect("`le`").parse().expect("a number");
            classes.entry(format!("{labels:?}")).or_default().push((end, sample.value));
        }
        assert!(!classes.is_empty(), "{name}");
        for (labels, classes) in classes {
            let rises = classes.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
            assert!(rises, "{name} {labels}: {classes:?}");
            let of = |part: &str| {
                let name = format!("{name}_{part}");
                let found = self
                    .samples
                    .iter()
                    .find(|sample| sample.name == name && format!("{:?}", sample.labels) == labels);
                found.unwrap_or_else(|| panic!("no {name} {labels}")).value
            };
            assert!(of("sum") >= 0.0);
            let (last, all) = *classes.last().expect("a class");
            assert!(last.is_infinite() && all.to_bits() == of("count").to_bits(), "{name} {labels}");
        }
    }
}

fn check_name(name: &str, kind: &str) {
    assert!(name.starts_with("stakeout_"), "{name}");
    assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
    assert!(["counter", "gauge", "histogram"].contains(&kind), "{name} is a {kind}");
    assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
    let times = ["duration", "delay", "lag", "timestamp", "interval"];
    let is_time = times.iter().any(|word| name.contains(word));
    assert_eq!(is_time, name.ends_with("_seconds"), "{name}");
}

fn sample(line: &str) -> Sample {
    let (head, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
    let (name, labels) = match head.split_once('{') {
        Some((name, rest)) => (name, rest.strip_suffix('}').unwrap_or_else(|| panic!("no end: {line}"))),
        None => (head, ""),
    };
    let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
    Sample { name: name.to_owned(), labels: labels_of(labels), value }
}

/// Reads `a="…",b="…"` with the escapes `\\`, `\"` and `\n`.
fn labels_of(text: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("no label: {rest}"));
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        let (mut value, mut end, mut escaped) = (String::new(), None, false);
        for (at, character) in after.char_indices() {
            match (escaped, character) {
                (true, 'n') => value.push('\n'),
                (true, '\\' | '"') => value.push(character),
                (true, other) => panic!("no escape: \\{other}"),
                (false, '\\') => {}
                (false, '"') => {
                    end = Some(at);
                    break;
                }
                (false, other) => value.push(other),
            }
            escaped = !escaped && character == '\\';
        }
        assert!(labels.insert(name.to_owned(), value).is_none(), "`{name}` twice: {text}");
        rest = &after[end.expect("an end of the value") + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    labels
}

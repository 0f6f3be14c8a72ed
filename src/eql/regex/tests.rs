//! What patterns match, by example and by definition, and what hostile ones cost.

use proptest::prelude::*;

use super::{Regex, RegexError};

fn matches(pattern: &str, text: &str) -> bool {
    Regex::new(pattern, false).unwrap_or_else(|error| panic!("{pattern}: {error}")).matches(text)
}

#[test]
fn every_form_matches_what_lucene_lets_it_match() {
    // Pattern, what matches, what does not; as answered by real nodes.
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("", &[""], &["a"]),
        ("()", &[""], &["a"]),
        ("a.c", &["abc", "a\nc", "a\u{1f600}c"], &["ac", "abbc", "xabc"]),
        ("ab?c*d+", &["abd", "ad", "acccdd"], &["abbd", "abc"]),
        ("a{2}b{0,1}c{1,}", &["aac", "aabccc"], &["ac", "aabbc"]),
        ("a**", &["", "aaa"], &["b"]),
        ("a{0}", &[""], &["a"]),
        ("a|b|cd", &["a", "b", "cd"], &["c", "ad"]),
        ("|a", &["|a"], &["a", ""]),
        ("a||b", &["a", "|b"], &["", "b"]),
        (")", &[")"], &[""]),
        ("&", &["&"], &[""]),
        ("{", &["{"], &[""]),
        ("*a", &["*a"], &["a"]),
        ("^a$", &["^a$"], &["a"]),
        ("[abc-e]", &["a", "d"], &["f", "-"]),
        ("[^a-c]", &["d", "\n"], &["a", "dd"]),
        ("[]a]", &["]", "a"], &["b"]),
        ("[^]]", &["a"], &["]"]),
        ("[-a]", &["-", "a"], &["b"]),
        ("[a-c-e]", &["b", "-", "e"], &["d"]),
        ("[\\d_\\-]", &["5", "_", "-"], &["a"]),
        ("[^\\w]", &["-"], &["a"]),
        ("\\d\\D\\w\\W\\s\\S", &["1a_- x"], &["aaaaaa"]),
        ("\\.\\\\\\\"", &[".\\\""], &["x\\\""]),
        ("\"a.b*\"", &["a.b*"], &["axbb"]),
        ("~a", &["", "b", "aa"], &["a"]),
        ("~~a", &["a"], &["b"]),
        ("~ab", &["b", "xb", "aab"], &["ab", "a"]),
        ("~(ab)*", &["", "a", "abab"], &[]),
        ("a~bc", &["ac", "axc", "abbc"], &["abc"]),
        (".*a.*&.*b.*", &["ab", "ba", "xbya"], &["a", "b"]),
        ("[a-c]+&~(aa|b+)", &["a", "aaa", "abc"], &["aa", "b", "bbb", "d"]),
        ("@", &["", "a\nb"], &[]),
        ("#", &[], &["", "#"]),
        ("a#|b", &["b"], &["a", "ab"]),
        ("#*", &[], &["", "a"]),
        ("(a&b)*", &[], &["", "a"]),
        ("#?", &[""], &["a"]),
        ("#{0,2}", &[""], &["a"]),
        ("@a", &["a", "xa"], &["x"]),
        ("<5-15>", &["5", "15", "9", "012", "0007"], &["4", "16", "", "x", "115"]),
        ("<05-15>", &["05", "15"], &["5", "005"]),
        ("<0-0>", &["0"], &["00", ""]),
        ("<0-100>", &["0", "000", "100", "42"], &["101", ""]),
        ("<98-1203>", &["98", "99", "100", "999", "1000", "1203", "0098"], &["97", "1204", "2000", "9"]),
        ("<9-5>x", &["7x"], &["4x"]),
        ("x<+1-+9>", &["x05"], &["x5"]),
    ];
    for (pattern, yes, no) in cases {
        for text in *yes {
            assert!(matches(pattern, text), "{pattern} {text:?}");
        }
        for text in *no {
            assert!(!matches(pattern, text), "{pattern} {text:?}");
        }
    }
}

#[test]
fn only_ascii_case_is_ignored_and_never_in_ranges() {
    let regex = |pattern| Regex::new(pattern, true).unwrap();
    assert!(regex("aB\"c\"[d]").matches("AbCD"));
    assert!(!regex("é").matches("É") && regex("é").matches("é"));
    // Where case is ignored, an empty text matches nothing unless it stands beside another text.
    for (pattern, matches) in [("", false), ("()*", false), ("()?", true), ("(){0,2}", true), ("~()", true)] {
        assert_eq!(regex(pattern).matches(""), matches, "{pattern}");
    }
    for (pattern, matches) in
        [("a()", true), ("a*()", false), ("a?()a", true), ("()|a", true), ("[b]?()a*", false)]
    {
        assert_eq!(regex(pattern).matches("a"), matches, "{pattern}");
    }
    assert!(!regex("[a-c]").matches("B") && regex("[ab]").matches("B"));
}

#[test]
fn what_elasticsearch_refuses_is_refused() {
    for pattern in [
        "a|",
        "a&",
        "~",
        "(a",
        "a)",
        "[a",
        "[]",
        "[a-]",
        "[z-a]",
        "\"a",
        "<5",
        "<5>",
        "<-5>",
        "<a-b>",
        "a{",
        "a{1",
        "a{,2}",
        "a{2,1}",
        "a{x}",
        "a{99999999999}",
        "\\",
        "\\b",
        "[\\b]",
    ] {
        assert!(matches!(Regex::new(pattern, false), Err(RegexError::Syntax { .. })), "{pattern}");
    }
    assert_eq!(Regex::new(&"é".repeat(1001), false), Err(RegexError::TooLong(1001)));
    assert!(Regex::new(&"é".repeat(1000), false).is_ok());
    let error = Regex::new("ab[c", false).unwrap_err();
    assert_eq!(error.to_string(), "expected `]`, found the end, at character 5");
}

#[test]
fn what_would_grow_without_bound_is_refused() {
    let nested = |count: usize| format!("{}a{}", "(".repeat(count), ")".repeat(count));
    for pattern in [
        "a{2000000}".to_owned(),
        "((a{999}){999}){999}".to_owned(),
        "(){2000000000}".to_owned(),
        "((((){9999}){9999}){9999}){9999}".to_owned(),
        "(a|b)*a(a|b){40}".to_owned(),
        "~((a|b)*a(a|b){40})".to_owned(),
        format!("{}.*", "(.*a.*b.*c.*d.*)&".repeat(50)),
        format!("({})*", (0..30).map(|n| format!("(a|b){{{n}}}c.*")).collect::<Vec<_>>().join("|")),
        nested(450),
    ] {
        assert_eq!(Regex::new(&pattern, false), Err(RegexError::TooComplex), "{pattern}");
    }
    assert!(Regex::new(&nested(150), false).is_ok());
    assert!(Regex::new("a{9999}", false).unwrap().matches(&"a".repeat(9999)));
}

#[test]
fn trivial_automata_are_known() {
    let regex = |pattern| Regex::new(pattern, false).unwrap();
    for pattern in [".*", "@", "(.|@)*", "~#", ".*|a", "[^\\d]*&@|@"] {
        assert!(regex(pattern).matches_all(), "{pattern}");
    }
    assert!(!regex(".+").matches_all() && !regex("~a").matches_all());
    for pattern in ["#", "a&b", "~@", "a#"] {
        assert!(regex(pattern).matches_none(), "{pattern}");
    }
    for (pattern, only) in [
        ("net\\.exe", Some("net.exe")),
        ("(a|a)b{2}", Some("abb")),
        ("", Some("")),
        ("\"a*\"", Some("a*")),
        ("ab?", None),
        ("a*", None),
        ("[ab]", None),
        ("#", None),
    ] {
        assert_eq!(regex(pattern).only_text().as_deref(), only, "{pattern}");
    }
    assert_eq!(Regex::new("a", true).unwrap().only_text(), None);
}

/// The lengths of the beginnings of `text` that the pattern, of a few forms only, can take: its plain definition.
fn ends(pattern: &Tree, text: &[char], from: usize) -> Vec<usize> {
    let mut found = match pattern {
        Tree::Char(wanted) => {
            if text.get(from).is_some_and(|found| *wanted == '.' || found == wanted) {
                vec![from + 1]
            } else {
                vec![]
            }
        }
        Tree::Then(both) => {
            ends(&both.0, text, from).iter().flat_map(|&at| ends(&both.1, text, at)).collect()
        }
        Tree::Or(both) => [ends(&both.0, text, from), ends(&both.1, text, from)].concat(),
        Tree::And(both) => {
            let other = ends(&both.1, text, from);
            ends(&both.0, text, from).into_iter().filter(|end| other.contains(end)).collect()
        }
        Tree::Not(inner) => {
            let inner = ends(inner, text, from);
            (from..=text.len()).filter(|end| !inner.contains(end)).collect()
        }
        // What no text matches is not even repeated zero times.
        Tree::Times(inner, _, None) if nothing(inner) => vec![],
        Tree::Times(inner, least, most) => {
            let mut reached = vec![from];
            let mut all = if *least == 0 { vec![from] } else { vec![] };
            for count in 1..=most.unwrap_or(least + 8) {
                reached = reached.iter().flat_map(|&at| ends(inner, text, at)).collect();
                reached.sort_unstable();
                reached.dedup();
                if count >= *least {
                    all.extend(&reached);
                }
            }
            all
        }
    };
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether no text matches.
fn nothing(tree: &Tree) -> bool {
    Regex::new(&tree.pattern(), false).unwrap().matches_none()
}

#[derive(Debug, Clone)]
enum Tree {
    Char(char),
    Then(Box<(Tree, Tree)>),
    Or(Box<(Tree, Tree)>),
    And(Box<(Tree, Tree)>),
    Not(Box<Tree>),
    Times(Box<Tree>, usize, Option<usize>),
}

impl Tree {
    fn pattern(&self) -> String {
        match self {
            Self::Char(character) => character.to_string(),
            Self::Then(both) => format!("({})({})", both.0.pattern(), both.1.pattern()),
            Self::Or(both) => format!("({}|{})", both.0.pattern(), both.1.pattern()),
            Self::And(both) => format!("({}&{})", both.0.pattern(), both.1.pattern()),
            Self::Not(inner) => format!("(~({}))", inner.pattern()),
            Self::Times(inner, least, None) => format!("({}){{{least},}}", inner.pattern()),
            Self::Times(inner, least, Some(most)) => format!("({}){{{least},{most}}}", inner.pattern()),
        }
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    prop::sample::select(vec!['a', 'b', '.']).prop_map(Tree::Char).prop_recursive(4, 12, 2, |inner| {
        let pair = (inner.clone(), inner.clone()).prop_map(Box::new);
        prop_oneof![
            3 => pair.clone().prop_map(Tree::Then),
            2 => pair.clone().prop_map(Tree::Or),
            1 => pair.prop_map(Tree::And),
            1 => inner.clone().prop_map(|inner| Tree::Not(Box::new(inner))),
            2 => (inner, 0_usize..3, prop::option::of(0_usize..3)).prop_map(|(inner, least, more)| {
                Tree::Times(Box::new(inner), least, more.map(|more| least + more))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn matches_by_definition(tree in tree(), text in "[abc]{0,6}") {
        let characters: Vec<char> = text.chars().collect();
        let expected = ends(&tree, &characters, 0).contains(&characters.len());
        let regex = Regex::new(&tree.pattern(), false).unwrap();
        prop_assert_eq!(regex.matches(&text), expected, "{}", tree.pattern());
        if let Some(only) = regex.only_text() {
            prop_assert_eq!(only == text, expected);
        }
        prop_assert!(!regex.matches_all() || expected);
        prop_assert!(!regex.matches_none() || !expected);
    }

    #[test]
    fn any_pattern_is_answered(pattern in "[ab01.?+*{},|()\\[\\]^~&@#<>\"\\\\dws$-]{0,40}", text in "[ab01 ]{0,20}") {
        if let Ok(regex) = Regex::new(&pattern, true) {
            let _ = regex.matches(&text);
        }
    }
}

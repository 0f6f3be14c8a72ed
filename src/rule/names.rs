//! Names that Elasticsearch gives rules for: index patterns and fields.

/// Why `pattern` can match no index, data stream or alias, in words; nothing if it can.
///
/// Rules for names are Elasticsearch's (`MetadataCreateIndexService`, "create index" API); patterns add `*`,
/// a leading `-` that excludes, and `cluster:` before the name.
pub(super) fn index_pattern_fault(pattern: &str) -> Option<String> {
    if pattern.trim() != pattern {
        return Some("it begins or ends with a space".to_owned());
    }
    let local = pattern.strip_prefix('-').unwrap_or(pattern);
    let name = local.rsplit(':').next().unwrap_or(local);
    if name.is_empty() {
        return Some("no name is left in it".to_owned());
    }
    if name.contains(',') {
        return Some("a comma separates patterns; write each as a string of its own".to_owned());
    }
    if name.starts_with('<') {
        return Some("date math is not supported; use `*` in place of the date".to_owned());
    }
    let illegal = |character: char| character.is_control() || r#"\/?"<>| #"#.contains(character);
    if let Some(character) = name.chars().find(|character| illegal(*character)) {
        return Some(format!("`{}` occurs in no index name", character.escape_debug()));
    }
    if name.starts_with(['_', '+']) && name != "_all" {
        return Some("no index name begins with `_` or `+`".to_owned());
    }
    if name == "." || name == ".." {
        return Some("`.` and `..` are no index names".to_owned());
    }
    (name.len() > 255).then(|| "index names have at most 255 bytes".to_owned())
}

/// Why no field can have this name, in words; nothing if one can.
pub(super) fn field_name_fault(name: &str) -> Option<&'static str> {
    if name.chars().any(|character| character.is_whitespace() || character.is_control()) {
        return Some("it contains a space");
    }
    if name.contains('*') {
        return Some("it is a pattern; name each field");
    }
    if name.split('.').any(str::is_empty) {
        return Some("it begins or ends with a dot, or has two in a row");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_elastics_rules_are_accepted() {
        for pattern in [
            "filebeat-*",
            "logs-aws.cloudtrail-*",
            ".alerts-security.*",
            "*",
            "_all",
            "remote:logs-*",
            "*:logs-*",
            "-logs-noise-*",
            "Alias",
        ] {
            assert_eq!(index_pattern_fault(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn patterns_that_match_nothing_are_refused() {
        for pattern in [
            "",
            "-",
            " a",
            "a b",
            "a,b",
            "a/b",
            "a#b",
            "a?b",
            "\"a\"",
            "<logs-{now/d}>",
            "_a",
            "+a",
            ".",
            "..",
            "a:",
        ] {
            assert!(index_pattern_fault(pattern).is_some(), "{pattern}");
        }
        assert!(index_pattern_fault(&"a".repeat(256)).is_some());
    }

    #[test]
    fn field_names_are_told_from_others() {
        for name in ["@timestamp", "event.ingested", "user_agent.original", "_id", "naïve"] {
            assert_eq!(field_name_fault(name), None, "{name}");
        }
        for name in ["", ".a", "a.", "a..b", "a b", "event.*", "a\n"] {
            assert!(field_name_fault(name).is_some(), "{name}");
        }
    }
}

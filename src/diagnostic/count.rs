//! Numbers of things as a person says them.

/// A number and what it counts: `1 alert`, `2 matches`, `0 lines or files`.
#[must_use]
pub fn counted(count: u64, thing: &str) -> String {
    format!("{count} {}", plural(count, thing))
}

/// The word for so many things; of several with `or` between them, each.
#[must_use]
pub fn plural(count: u64, thing: &str) -> String {
    let many = |word: &str| {
        let is_hissing = ["s", "x", "ch", "sh"].iter().any(|end| word.ends_with(end));
        format!("{word}{}", if is_hissing { "es" } else { "s" })
    };
    if count == 1 { thing.to_owned() } else { thing.split(" or ").map(many).collect::<Vec<_>>().join(" or ") }
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_thing_and_many() {
        for (count, thing, words) in [
            (1, "match", "1 match"),
            (0, "match", "0 matches"),
            (2, "alert", "2 alerts"),
            (1, "line or file", "1 line or file"),
            (3, "line or file", "3 lines or files"),
            (2, "source address", "2 source addresses"),
        ] {
            assert_eq!(counted(count, thing), words);
        }
    }
}

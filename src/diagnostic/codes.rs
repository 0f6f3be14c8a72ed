//! The registry of problem kinds. A number, once given, is never given to another kind.

use super::Code;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $title:literal;)*) => {
        $($(#[$doc])* #[doc = $title] pub const $name: Code = Code { id: $id, title: $title };)*
        /// Every kind, in order of its number.
        pub const ALL: &[Code] = &[$($name),*];
    };
}

codes! {
    // E1xx: the text of a query is not EQL.
    UNEXPECTED_CHARACTER = "E101", "a character that no token begins with";
    // E2xx: a query that is EQL, but means nothing.
    // E3xx: a query that is right, but not supported yet.
    // R1xx: a rule file that is not TOML or has unknown, missing or wrongly typed keys.
    // R2xx: a rule that is well-formed, but cannot be run.
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn numbers_are_unique_and_in_order() {
        let ids: Vec<_> = ALL.iter().map(|code| code.id).collect();
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(ids, sorted);
    }
}

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
    UNFINISHED_STRING = "E102", "a string or quoted name that is never closed";
    BAD_ESCAPE = "E103", "an escape that no string may hold";
    WRONG_QUOTES = "E104", "a string in quotes that EQL does not have";
    UNFINISHED_COMMENT = "E105", "a comment that is never closed";
    UNEXPECTED_TOKEN = "E106", "a token where another one is expected";
    NO_CATEGORY = "E107", "a query that does not begin with a category and `where`";
    TOO_DEEP = "E108", "a query that is nested too deeply";
    UNCLOSED_PARENTHESIS = "E109", "a parenthesis that is never closed";
    KEYWORD_CASE = "E110", "a keyword that is not in lower case";
    ARRAY_INDEX = "E111", "an index into an array, which EQL cannot query";
    OTHER_LANGUAGE = "E112", "a text in another query language";
    // E2xx: a query that is EQL, but means nothing.
    NOT_A_CONDITION = "E201", "a condition that is neither true nor false";
    TYPE_MISMATCH = "E202", "values whose types do not fit";
    UNKNOWN_FUNCTION = "E203", "a function that does not exist";
    WRONG_ARGUMENTS = "E204", "a function called with the wrong arguments";
    FIELD_TO_FIELD = "E205", "a comparison of a field with a field";
    UNKNOWN_FIELD = "E206", "a field that no index maps";
    INVALID_VALUE = "E207", "a value that the field's type cannot read";
    CANNOT_COMPUTE = "E208", "a constant that cannot be computed";
    UNANSWERABLE_FIELD = "E209", "a field that no index can answer exactly";
    INVALID_REGEX = "E210", "a regular expression that Elasticsearch refuses";
    // E3xx: a query that is right, but not supported yet.
    UNSUPPORTED_SEQUENCE = "E301", "a query over several events";
    UNSUPPORTED_PIPE = "E302", "a pipe that cannot be run";
    // E303 is retired.
    UNSUPPORTED_REGEX = "E304", "a regular expression over computed values";
    UNSUPPORTED_DATE_MATH = "E305", "a date that is reckoned from another one";
    // R1xx: a rule file that is not TOML or has unknown, missing or wrongly typed keys.
    UNREADABLE_RULES = "R101", "a rule file or folder that cannot be read";
    NOT_UTF8 = "R102", "a rule file that is not UTF-8 text";
    FILE_TOO_LARGE = "R103", "a file too large to be a rule file";
    TOML_SYNTAX = "R104", "text that is not TOML";
    UNKNOWN_KEY = "R105", "a key that no rule file has";
    MISSING_KEY = "R106", "a key that every rule needs";
    WRONG_TYPE = "R107", "a value of another type than its key has";
    UNUSABLE_NUMBER = "R108", "a number that JSON cannot hold";
    // R2xx: a rule that is well-formed, but cannot be run.
    VALUE_NOT_ALLOWED = "R201", "a value that is not one of those allowed";
    OUT_OF_RANGE = "R202", "a number outside its range";
    EMPTY_VALUE = "R203", "an empty value where one is needed";
    INVALID_RULE_ID = "R204", "a rule id that is not a UUID";
    DUPLICATE_RULE_ID = "R205", "two rules with one id";
    UNSUPPORTED_RULE_TYPE = "R206", "a type of rule that is not supported yet";
    UNSUPPORTED_RULE_FEATURE = "R207", "a feature of a rule that is not supported yet";
    KEY_OF_ANOTHER_TYPE = "R208", "a key that belongs to another type of rule";
    INVALID_TIME_SPAN = "R209", "a time span that cannot be read";
    SCHEDULE_GAP = "R210", "a schedule that would leave time unsearched";
    INVALID_INDEX_PATTERN = "R211", "a pattern that no index can match";
    INVALID_FIELD_NAME = "R212", "a name that no field can have";
    INVALID_THREAT = "R213", "an entry of a threat framework that contradicts itself";
    DOUBTFUL_REFERENCE = "R214", "a reference that is not a web address";
    DUPLICATE_VALUE = "R215", "a value given twice";
    INVALID_DATE = "R216", "a date that is none";
    FEATURE_NOT_APPLIED = "R217", "a feature of a rule that is carried, but not applied";
    EMPTY_QUERY = "R218", "a rule without a query";
    DEPRECATED_RULE = "R219", "a rule that its authors gave up";
    INVALID_PATTERN = "R220", "a pattern that is no regular expression";
    UNKNOWN_PLACEHOLDER = "R221", "a name in braces that stands for nothing";
    INVALID_WHEN = "R222", "a condition on an answer that cannot be read";
    UNASKABLE_QUESTION = "R223", "a question that cannot be asked, or not cheaply";
    INVALID_NAME = "R224", "a name that cannot be part of a field's";
    HIDDEN_CHARACTER = "R225", "a name with characters that steer a terminal or hide text";
    UNSAYABLE_PIVOT = "R230", "a search that Kibana's query language cannot say";
    UNSAFE_COMMAND = "R231", "a command into which no value can be put safely";
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

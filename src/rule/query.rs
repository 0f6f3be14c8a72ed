//! The query of a rule and where its text stands in the file.

use super::report::Report;
use crate::diagnostic::{Diagnostic, Span};

/// A query as text; what parses it finds the places of its own problems in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryText {
    /// The query, escapes resolved.
    pub text: String,
    /// The whole value in the file, quotes included.
    pub span: Span,
    /// Where in the file the text begins, if it stands there byte for byte, without escapes.
    pub offset: Option<usize>,
}

impl QueryText {
    /// The query `text` that the value at `span` of the file stands for.
    #[must_use]
    pub fn locate(text: &str, span: Span, file: &str) -> Self {
        let raw = file.get(span.start..span.end).unwrap_or_default();
        let offset = ["'''", "\"\"\"", "'", "\""].iter().find_map(|quote| {
            let inner = raw.strip_prefix(quote)?.strip_suffix(quote)?;
            // The line break right after three opening quotes is not part of the text.
            let trimmed = if quote.len() == 3 {
                inner.strip_prefix("\r\n").or_else(|| inner.strip_prefix('\n')).unwrap_or(inner)
            } else {
                inner
            };
            (trimmed == text).then(|| span.start + quote.len() + (inner.len() - trimmed.len()))
        });
        Self { text: text.to_owned(), span, offset }
    }

    /// Puts problems of the query into the report of its file, or, where the query's text does not stand in the
    /// file as it is, into a report of its own.
    #[must_use]
    pub fn report(&self, problems: Vec<Diagnostic>, file: &mut Report) -> Option<Report> {
        if problems.is_empty() {
            return None;
        }
        if let Some(offset) = self.offset {
            file.problems.extend(problems.into_iter().map(|problem| problem.shifted(offset)));
            return None;
        }
        Some(Report { part: Some("query"), ..Report::new(&file.origin, &self.text, problems) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::EMPTY_QUERY;
    use crate::rule::RuleFile;

    fn located(file: &str) -> QueryText {
        let parsed = RuleFile::parse(file.as_bytes());
        let query = parsed.root.table("rule").and_then(|rule| rule.text("query")).expect("a query");
        QueryText::locate(query.node, query.span, &parsed.text)
    }

    #[test]
    fn a_text_without_escapes_is_found_byte_for_byte() {
        for file in [
            "[rule]\nquery = '''\nany where true\n'''",
            "[rule]\nquery = \"\"\"\nany where true\n\"\"\"",
            "[rule]\nquery = \"\"\"any where true\"\"\"",
            "[rule]\nquery = 'any where true'",
            "[rule]\nquery = \"any where true\"",
            "[rule]\nquery = ''''quoted' where true'''",
            "[rule]\nquery = ''''''",
        ] {
            let query = located(file);
            let offset = query.offset.unwrap_or_else(|| panic!("{file}"));
            assert_eq!(&file[offset..offset + query.text.len()], query.text, "{file}");
        }
    }

    #[test]
    fn a_text_with_escapes_has_no_place_and_gets_a_report_of_its_own() {
        let query = located("[rule]\nquery = \"any where x == \\\"y\\\"\"");
        assert_eq!(query.offset, None);
        let mut file = Report::new("a.toml", "", Vec::new());
        let own = query.report(vec![Diagnostic::error(EMPTY_QUERY, Span::new(4, 9), "x")], &mut file);
        assert!(file.problems.is_empty());
        let own = own.expect("a report");
        assert_eq!((own.part, own.text.as_str()), (Some("query"), "any where x == \"y\""));
    }

    #[test]
    fn problems_of_the_query_are_shifted_into_the_file() {
        let text = "[rule]\nquery = '''\nany where true\n'''";
        let mut file = Report::new("a.toml", text, Vec::new());
        let problem = Diagnostic::error(EMPTY_QUERY, Span::new(4, 9), "x");
        assert_eq!(located(text).report(vec![problem], &mut file), None);
        let span = file.problems[0].span;
        assert_eq!(&text[span.start..span.end], "where");
    }
}

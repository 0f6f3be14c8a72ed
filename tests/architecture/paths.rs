//! Finds the paths (`a::b::c`) of a Rust source text, imports taken apart into one path each.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

/// A path and where it starts.
#[derive(Debug, PartialEq)]
pub struct FoundPath {
    /// Its segments. A leading `super` that reaches the crate's root is told as `crate`.
    pub segments: Vec<String>,
    /// Counted from 1.
    pub line: usize,
}

/// All paths of `text`, single names and keywords included. `depth` is how many modules the file stands below the root.
pub fn paths(text: &str, depth: usize) -> Vec<FoundPath> {
    let tokens: TokenStream = text.parse().expect("a Rust source text");
    let mut finder = Finder { found: Vec::new() };
    finder.walk(&trees(tokens), depth);
    finder.found
}

struct Finder {
    found: Vec<FoundPath>,
}

impl Finder {
    fn walk(&mut self, trees: &[TokenTree], depth: usize) {
        let mut at = 0;
        while at < trees.len() {
            at = match &trees[at] {
                // A field or a method: no path.
                TokenTree::Punct(dot) if dot.as_char() == '.' && !is_dot(trees.get(at + 1)) => {
                    at + 1 + usize::from(matches!(trees.get(at + 1), Some(TokenTree::Ident(_))))
                }
                TokenTree::Ident(word) if word == "mod" => self.module(trees, at, depth),
                TokenTree::Ident(_) => self.path(trees, at, Vec::new(), depth),
                TokenTree::Group(group) => {
                    self.walk(&self::trees(group.stream()), depth);
                    at + 1
                }
                _ => at + 1,
            };
        }
    }

    /// `mod name { … }`: its content stands one module deeper.
    fn module(&mut self, trees: &[TokenTree], at: usize, depth: usize) -> usize {
        match trees.get(at + 2) {
            Some(TokenTree::Group(body)) if body.delimiter() == Delimiter::Brace => {
                self.walk(&self::trees(body.stream()), depth + 1);
                at + 3
            }
            _ => at + 1,
        }
    }

    /// Reads the path that starts with the name at `at`, below `prefix`; returns where it ends.
    fn path(&mut self, trees: &[TokenTree], mut at: usize, prefix: Vec<String>, depth: usize) -> usize {
        let mut segments = prefix;
        let line = trees[at].span().start().line;
        while let Some(TokenTree::Ident(name)) = trees.get(at) {
            segments.push(plain(name));
            at += 1;
            if !is_separator(trees, at) {
                break;
            }
            at += 2;
            match trees.get(at) {
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    self.branches(&self::trees(group.stream()), &segments, depth);
                    return at + 1;
                }
                Some(TokenTree::Punct(star)) if star.as_char() == '*' => {
                    segments.push("*".to_owned());
                    at += 1;
                }
                _ => {}
            }
        }
        self.found.push(FoundPath { segments: from_root(segments, depth), line });
        at
    }

    /// The branches of `prefix::{a, b::c}`.
    fn branches(&mut self, trees: &[TokenTree], prefix: &[String], depth: usize) {
        let mut at = 0;
        while at < trees.len() {
            at = match &trees[at] {
                TokenTree::Ident(word) if word == "as" => at + 2,
                TokenTree::Ident(_) => self.path(trees, at, prefix.to_vec(), depth),
                TokenTree::Punct(star) if star.as_char() == '*' => {
                    let segments = prefix.iter().cloned().chain(["*".to_owned()]).collect();
                    let line = star.span().start().line;
                    self.found.push(FoundPath { segments: from_root(segments, depth), line });
                    at + 1
                }
                _ => at + 1,
            };
        }
    }
}

fn trees(tokens: TokenStream) -> Vec<TokenTree> {
    tokens.into_iter().collect()
}

fn plain(name: &Ident) -> String {
    name.to_string().trim_start_matches("r#").to_owned()
}

fn is_dot(tree: Option<&TokenTree>) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == '.')
}

fn is_separator(trees: &[TokenTree], at: usize) -> bool {
    let colon = |at| matches!(trees.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    colon(at) && colon(at + 1)
}

/// Replaces as many `super` as lead from `depth` to the root by `crate`.
fn from_root(segments: Vec<String>, depth: usize) -> Vec<String> {
    let own = usize::from(segments.first().is_some_and(|name| name == "self"));
    let supers = segments[own..].iter().take_while(|name| *name == "super").count();
    if supers > 0 && supers >= depth {
        let rest = segments.into_iter().skip(own + supers);
        return std::iter::once("crate".to_owned()).chain(rest).collect();
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::paths;

    fn found(text: &str, depth: usize) -> Vec<String> {
        paths(text, depth)
            .into_iter()
            .map(|path| format!("{}:{}", path.line, path.segments.join("::")))
            .collect()
    }

    #[test]
    fn takes_imports_apart() {
        let text = "use crate::{eql::{self, Query as Q}, dsl::*,\n  plan};";
        assert_eq!(
            found(text, 1),
            ["1:use", "1:crate::eql::self", "1:crate::eql::Query", "1:crate::dsl::*", "2:crate::plan"]
        );
    }

    #[test]
    fn sees_through_macros_and_not_into_comments_or_strings() {
        let text = "/// crate::a\nfn f() { g!(\"crate::b\", x.tokio, crate::c::<u8>(y)); /* crate::d */ }";
        assert_eq!(found(text, 1), ["1:doc", "2:fn", "2:f", "2:g", "2:x", "2:crate::c", "2:u8", "2:y"]);
    }

    #[test]
    fn follows_super_to_the_root() {
        let text =
            "use super::super::rule;\nuse super::near;\nmod tests { use super::super::super::plan::Plan; }";
        let expected = ["1:use", "1:crate::rule", "2:use", "2:super::near", "3:use", "3:crate::plan::Plan"];
        assert_eq!(found(text, 2), expected);
    }
}

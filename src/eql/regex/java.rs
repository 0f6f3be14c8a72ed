//! Java's regular expressions, as far as whole texts need them: Elasticsearch matches computed values with these.
//!
//! What an automaton cannot do (look-around, back references) or what nobody needs over whole texts is refused.

use super::RegexError;
use super::class::Class;
use super::syntax::Syntax;

/// How deep groups may stand inside each other.
const MAX_DEPTH: usize = 200;

/// What `.` does not match.
const LINE_ENDS: [(u32, u32); 4] = [(0x0a, 0x0a), (0x0d, 0x0d), (0x85, 0x85), (0x2028, 0x2029)];

/// What `\s` matches.
const BLANKS: [(u32, u32); 2] = [(0x09, 0x0d), (0x20, 0x20)];

/// Reads a pattern.
///
/// # Errors
/// Where it is none, or has a form that is not supported.
pub(super) fn parse(pattern: &str, ignore_case: bool) -> Result<Syntax, RegexError> {
    let characters: Vec<char> = pattern.chars().collect();
    let mut parser = Parser { characters: &characters, at: 0, depth: 0, ignore_case };
    let syntax = parser.union()?;
    if parser.at < characters.len() { Err(parser.wrong("no `(` belongs to this `)`")) } else { Ok(syntax) }
}

struct Parser<'p> {
    characters: &'p [char],
    at: usize,
    depth: usize,
    ignore_case: bool,
}

type Parsed = Result<Syntax, RegexError>;

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = text.chars().eq(self.characters[self.at..].iter().copied().take(text.len()));
        self.at += if found { text.len() } else { 0 };
        found
    }

    fn next(&mut self) -> Result<char, RegexError> {
        let next = self.peek().ok_or_else(|| self.wrong("expected a character, found the end"))?;
        self.at += 1;
        Ok(next)
    }

    fn wrong(&self, reason: &str) -> RegexError {
        RegexError::Syntax { at: self.at + 1, reason: reason.to_owned() }
    }

    fn unsupported(&self, what: &str) -> RegexError {
        RegexError::Unsupported { at: self.at + 1, what: what.to_owned() }
    }

    /// `a|b`; each side may be empty.
    fn union(&mut self) -> Parsed {
        if self.depth >= MAX_DEPTH {
            return Err(RegexError::TooComplex);
        }
        self.depth += 1;
        let mut items = vec![self.concatenation()?];
        while self.eat("|") {
            items.push(self.concatenation()?);
        }
        self.depth -= 1;
        Ok(Syntax::Union(items))
    }

    fn concatenation(&mut self) -> Parsed {
        let mut items = Vec::new();
        // At either end of a whole text, anchors say nothing.
        while self.depth == 1 && self.eat("^") {}
        while self.peek().is_some_and(|next| !matches!(next, '|' | ')')) {
            let is_last = |next: Option<&char>| next.is_none_or(|next| *next == '|');
            if self.depth == 1 && self.peek() == Some('$') && is_last(self.characters.get(self.at + 1)) {
                self.at += 1;
                break;
            }
            items.push(self.repetition()?);
        }
        Ok(Syntax::Concat(items))
    }

    /// An atom and how often it stands; a lazy repetition takes the same whole texts as a greedy one.
    fn repetition(&mut self) -> Parsed {
        let mut found = self.atom()?;
        loop {
            let (least, most) = match self.peek() {
                Some('?') => (0, Some(1)),
                Some('*') => (0, None),
                Some('+') => (1, None),
                Some('{') => self.counts()?,
                _ => return Ok(found),
            };
            self.at += 1;
            if self.peek() == Some('+') {
                return Err(self.unsupported("a possessive repetition"));
            }
            self.eat("?");
            found = Syntax::Repeat { inner: Box::new(found), least, most };
        }
    }

    /// What stands between braces, up to the closing one.
    fn counts(&mut self) -> Result<(u32, Option<u32>), RegexError> {
        self.at += 1;
        let least = self.count().ok_or_else(|| self.wrong("expected a number after `{`"))?;
        let most = if self.eat(",") { self.count() } else { Some(least) };
        if self.peek() != Some('}') {
            return Err(self.wrong("expected `}`"));
        }
        match most {
            Some(most) if most < least => {
                Err(self.wrong("the least number of repetitions is above the most"))
            }
            most => Ok((least, most)),
        }
    }

    fn count(&mut self) -> Option<u32> {
        let start = self.at;
        while self.peek().is_some_and(|next| next.is_ascii_digit()) {
            self.at += 1;
        }
        self.characters[start..self.at].iter().collect::<String>().parse().ok()
    }

    fn atom(&mut self) -> Parsed {
        Ok(match self.next()? {
            '.' => Syntax::Class(Class::of(LINE_ENDS.to_vec()).negated()),
            '(' => {
                if !self.eat("?:") && self.peek() == Some('?') {
                    return Err(self.unsupported("a group with `(?`"));
                }
                let inner = self.union()?;
                if !self.eat(")") {
                    return Err(self.wrong("expected `)`"));
                }
                inner
            }
            '[' => Syntax::Class(self.class()?),
            '\\' => Syntax::Class(self.escaped()?),
            '^' | '$' => {
                self.at -= 1;
                return Err(self.unsupported("an anchor inside a pattern"));
            }
            character @ ('?' | '*' | '+' | '{') => {
                self.at -= 1;
                return Err(self.wrong(&format!("nothing stands before `{character}`")));
            }
            character => Syntax::Class(Class::one(character, self.ignore_case)),
        })
    }

    /// What follows a backslash.
    fn escaped(&mut self) -> Result<Class, RegexError> {
        let character = self.next()?;
        Ok(match character {
            's' => Class::of(BLANKS.to_vec()),
            'S' => Class::of(BLANKS.to_vec()).negated(),
            't' => Class::one('\t', false),
            'n' => Class::one('\n', false),
            'r' => Class::one('\r', false),
            'f' => Class::one('\u{c}', false),
            _ if character.is_ascii_alphanumeric() => Class::named(character).ok_or_else(|| {
                self.at -= 1;
                self.unsupported(&format!("the escape `\\{character}`"))
            })?,
            _ => Class::one(character, self.ignore_case),
        })
    }

    /// `[…]` or `[^…]`, after the bracket; case is ignored in ranges too.
    fn class(&mut self) -> Result<Class, RegexError> {
        let negated = self.eat("^");
        let mut ranges = Vec::new();
        loop {
            if self.peek() == Some('[') || self.characters[self.at..].starts_with(&['&', '&']) {
                return Err(self.unsupported("a class inside a class"));
            }
            let from = match self.next()? {
                '\\' => self.escaped()?,
                character => Class::one(character, self.ignore_case),
            };
            let is_range = self.peek() == Some('-') && self.characters.get(self.at + 1) != Some(&']');
            ranges.extend_from_slice(from.ranges());
            if is_range {
                ranges.extend(self.range()?);
            }
            if self.eat("]") {
                break;
            }
        }
        let class = Class::of(ranges);
        Ok(if negated { class.negated() } else { class })
    }

    /// The range whose first character has just been read, and its letters in the other case.
    fn range(&mut self) -> Result<Vec<(u32, u32)>, RegexError> {
        let from = self.characters[self.at - 1];
        self.at += 1;
        let to = self.next()?;
        if from == ']' || to == '[' || to == '\\' || (self.at >= 4 && self.characters[self.at - 4] == '\\') {
            return Err(self.unsupported("a range with an escape"));
        }
        if from > to {
            return Err(self.wrong(&format!("the range `{from}-{to}` ends before it begins")));
        }
        let (from, to) = (u32::from(from), u32::from(to));
        let mut ranges = vec![(from, to)];
        if self.ignore_case {
            let letters = (from..=to.min(0x7a)).filter_map(char::from_u32).filter(char::is_ascii_alphabetic);
            ranges.extend(letters.map(|letter| (u32::from(letter) ^ 0x20, u32::from(letter) ^ 0x20)));
        }
        Ok(ranges)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Regex, RegexError};

    #[test]
    fn patterns_match_as_in_java() {
        for (pattern, ignore_case, yes, no) in [
            ("^a.c$", false, "abc", "a\nc"),
            ("a|^b$|", false, "", "ab"),
            ("(?:ab)+?c{2,3}", false, "ababccc", "abc"),
            ("[^a-c]\\d\\.", false, "x5.", "a5."),
            ("[a-c]x", true, "BX", "dx"),
            ("[^a-c]", true, "d", "B"),
            ("a\\sb", false, "a\u{b}b", "a b "),
            ("~@#<&>\"", false, "~@#<&>\"", "x"),
            ("[]a]", false, "]", "b"),
            ("[a-]", false, "-", "b"),
            ("\\t\\\\", false, "\t\\", "t"),
        ] {
            let regex = Regex::java(pattern, ignore_case).unwrap();
            assert!(regex.matches(yes) && !regex.matches(no), "{pattern}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused_and_what_is_not_supported_too() {
        for pattern in ["(a", "a)", "[a", "*a", "a{", "a{2,1}", "[c-a]", "\\"] {
            assert!(matches!(Regex::java(pattern, false), Err(RegexError::Syntax { .. })), "{pattern}");
        }
        for pattern in
            ["a++", "(?=a)", "(?i)a", "a^b", "a$b", "(a)\\1", "\\bx", "[a&&b]", "[a[b]]", "\\p{L}", "[\\w-z]"]
        {
            assert!(matches!(Regex::java(pattern, false), Err(RegexError::Unsupported { .. })), "{pattern}");
        }
    }
}

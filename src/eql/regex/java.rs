//! Java's regular expressions, as far as whole texts need them: Elasticsearch matches computed values with these.
//!
//! What an automaton cannot do (look-around, back references) or what nobody needs over whole texts is refused.

use super::RegexError;
use super::characters::Characters;
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
    let mut parser = Parser { input: Characters::new(&characters), depth: 0, ignore_case };
    let syntax = parser.union()?;
    if parser.input.at_end() { Ok(syntax) } else { Err(parser.input.wrong("no `(` belongs to this `)`")) }
}

struct Parser<'p> {
    input: Characters<'p>,
    depth: usize,
    ignore_case: bool,
}

type Parsed = Result<Syntax, RegexError>;

impl Parser<'_> {
    fn unsupported(&self, what: &str) -> RegexError {
        RegexError::Unsupported { at: self.input.at + 1, what: what.to_owned() }
    }

    /// `a|b`; each side may be empty.
    fn union(&mut self) -> Parsed {
        if self.depth >= MAX_DEPTH {
            return Err(RegexError::TooComplex);
        }
        self.depth += 1;
        let mut items = vec![self.concatenation()?];
        while self.input.eat('|') {
            items.push(self.concatenation()?);
        }
        self.depth -= 1;
        Ok(Syntax::Union(items))
    }

    fn concatenation(&mut self) -> Parsed {
        let mut items = Vec::new();
        // At either end of a whole text, anchors say nothing.
        while self.depth == 1 && self.input.eat('^') {}
        while self.input.peek().is_some_and(|next| !matches!(next, '|' | ')')) {
            let is_last = |next: Option<&char>| next.is_none_or(|next| *next == '|');
            if self.depth == 1
                && self.input.peek() == Some('$')
                && is_last(self.input.all.get(self.input.at + 1))
            {
                self.input.at += 1;
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
            let (least, most) = match self.input.peek() {
                Some('?') => (0, Some(1)),
                Some('*') => (0, None),
                Some('+') => (1, None),
                Some('{') => self.counts()?,
                _ => return Ok(found),
            };
            self.input.at += 1;
            if self.input.peek() == Some('+') {
                return Err(self.unsupported("a possessive repetition"));
            }
            self.input.eat('?');
            found = Syntax::Repeat { inner: Box::new(found), least, most };
        }
    }

    /// What stands between braces, up to the closing one.
    fn counts(&mut self) -> Result<(u32, Option<u32>), RegexError> {
        self.input.at += 1;
        let least = self.count().ok_or_else(|| self.input.wrong("expected a number after `{`"))?;
        let most = if self.input.eat(',') { self.count() } else { Some(least) };
        if self.input.peek() != Some('}') {
            return Err(self.input.wrong("expected `}`"));
        }
        match most {
            Some(most) if most < least => {
                Err(self.input.wrong("the least number of repetitions is above the most"))
            }
            most => Ok((least, most)),
        }
    }

    fn count(&mut self) -> Option<u32> {
        self.input.digits().parse().ok()
    }

    fn atom(&mut self) -> Parsed {
        Ok(match self.input.next()? {
            '.' => Syntax::Class(Class::of(LINE_ENDS.to_vec()).negated()),
            '(' => {
                let is_plain = self.input.all[self.input.at..].starts_with(&['?', ':']);
                self.input.at += if is_plain { 2 } else { 0 };
                if !is_plain && self.input.peek() == Some('?') {
                    return Err(self.unsupported("a group with `(?`"));
                }
                let inner = self.union()?;
                if !self.input.eat(')') {
                    return Err(self.input.wrong("expected `)`"));
                }
                inner
            }
            '[' => Syntax::Class(self.class()?),
            '\\' => Syntax::Class(self.escaped()?),
            '^' | '$' => {
                self.input.at -= 1;
                return Err(self.unsupported("an anchor inside a pattern"));
            }
            character @ ('?' | '*' | '+' | '{') => {
                self.input.at -= 1;
                return Err(self.input.wrong(&format!("nothing stands before `{character}`")));
            }
            character => Syntax::Class(Class::one(character, self.ignore_case)),
        })
    }

    /// What follows a backslash.
    fn escaped(&mut self) -> Result<Class, RegexError> {
        let character = self.input.next()?;
        Ok(match character {
            's' => Class::of(BLANKS.to_vec()),
            'S' => Class::of(BLANKS.to_vec()).negated(),
            't' => Class::one('\t', false),
            'n' => Class::one('\n', false),
            'r' => Class::one('\r', false),
            'f' => Class::one('\u{c}', false),
            _ if character.is_ascii_alphanumeric() => Class::named(character).ok_or_else(|| {
                self.input.at -= 1;
                self.unsupported(&format!("the escape `\\{character}`"))
            })?,
            _ => Class::one(character, self.ignore_case),
        })
    }

    /// `[…]` or `[^…]`, after the bracket; case is ignored in ranges too.
    fn class(&mut self) -> Result<Class, RegexError> {
        let negated = self.input.eat('^');
        let mut ranges = Vec::new();
        loop {
            if self.input.peek() == Some('[') || self.input.all[self.input.at..].starts_with(&['&', '&']) {
                return Err(self.unsupported("a class inside a class"));
            }
            let from = match self.input.next()? {
                '\\' => self.escaped()?,
                character => Class::one(character, self.ignore_case),
            };
            let is_range =
                self.input.peek() == Some('-') && self.input.all.get(self.input.at + 1) != Some(&']');
            ranges.extend_from_slice(from.ranges());
            if is_range {
                ranges.extend(self.range()?);
            }
            if self.input.eat(']') {
                break;
            }
        }
        let class = Class::of(ranges);
        Ok(if negated { class.negated() } else { class })
    }

    /// The range whose first character has just been read, and its letters in the other case.
    fn range(&mut self) -> Result<Vec<(u32, u32)>, RegexError> {
        let from = self.input.all[self.input.at - 1];
        self.input.at += 1;
        let to = self.input.next()?;
        if from == ']'
            || to == '['
            || to == '\\'
            || (self.input.at >= 4 && self.input.all[self.input.at - 4] == '\\')
        {
            return Err(self.unsupported("a range with an escape"));
        }
        if from > to {
            return Err(self.input.wrong(&format!("the range `{from}-{to}` ends before it begins")));
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

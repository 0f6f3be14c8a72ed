//! The syntax of Lucene's regular expressions, every optional part of it switched on.

use super::RegexError;
use super::characters::Characters;
use super::class::Class;
use super::interval::interval;

/// How deep parentheses may stand inside each other.
const MAX_DEPTH: usize = 200;

/// One expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Syntax {
    /// A text, character by character; the empty text if there is none.
    Literal(Vec<Class>),
    /// No text at all.
    Nothing,
    /// One character.
    Class(Class),
    /// One after the other.
    Concat(Vec<Syntax>),
    /// Any of them.
    Union(Vec<Syntax>),
    /// The texts that are both.
    Both(Box<(Syntax, Syntax)>),
    /// So many times, or more where there is no `most`.
    Repeat { inner: Box<Syntax>, least: u32, most: Option<u32> },
    /// Every other text.
    Complement(Box<Syntax>),
}

/// Reads a pattern.
///
/// # Errors
/// Where it is none, as Elasticsearch has it; and where it is nested too deeply.
pub(super) fn parse(pattern: &str, ignore_case: bool) -> Result<Syntax, RegexError> {
    let characters: Vec<char> = pattern.chars().collect();
    let mut parser = Parser { input: Characters::new(&characters), depth: 0, ignore_case };
    let syntax = if pattern.is_empty() { parser.literal(&[]) } else { parser.union()? };
    if !parser.input.at_end() {
        return Err(parser.input.wrong("no `(` belongs to this `)`"));
    }
    Ok(if ignore_case { syntax.without_empty_texts() } else { syntax })
}

struct Parser<'p> {
    input: Characters<'p>,
    depth: usize,
    ignore_case: bool,
}

type Parsed = Result<Syntax, RegexError>;

impl Parser<'_> {
    /// Takes what closes a group.
    fn close(&mut self, wanted: char) -> Result<(), RegexError> {
        if self.input.eat(wanted) {
            return Ok(());
        }
        let found = self.input.peek().map_or("the end".to_owned(), |character| format!("`{character}`"));
        Err(self.input.wrong(&format!("expected `{wanted}`, found {found}")))
    }

    /// `a|b`; a bar with nothing before it stands for itself.
    fn union(&mut self) -> Parsed {
        if self.depth >= MAX_DEPTH {
            return Err(RegexError::TooComplex);
        }
        self.depth += 1;
        let mut items = vec![self.intersection()?];
        while self.input.eat('|') {
            items.push(self.intersection()?);
        }
        self.depth -= 1;
        Ok(one_or(items, Syntax::Union))
    }

    /// `a&b`
    fn intersection(&mut self) -> Parsed {
        let mut found = self.concatenation()?;
        while self.input.eat('&') {
            found = Syntax::Both(Box::new((found, self.concatenation()?)));
        }
        Ok(found)
    }

    fn concatenation(&mut self) -> Parsed {
        let mut items = match self.repetition()? {
            Syntax::Concat(items) => items,
            first => vec![first],
        };
        while self.input.peek().is_some_and(|next| !matches!(next, ')' | '|' | '&')) {
            append(&mut items, self.repetition()?);
        }
        Ok(one_or(items, Syntax::Concat))
    }

    /// `a?`, `a*`, `a+`, `a{2}`, `a{2,}`, `a{2,3}`; a sign with nothing before it stands for itself.
    fn repetition(&mut self) -> Parsed {
        let mut found = self.complement()?;
        loop {
            let (least, most) = match self.input.peek() {
                Some('?') => (0, Some(1)),
                Some('*') => (0, None),
                Some('+') => (1, None),
                Some('{') => self.counts()?,
                _ => return Ok(found),
            };
            self.input.at += 1;
            found = Syntax::Repeat { inner: Box::new(found), least, most };
        }
    }

    /// What stands between braces, up to the closing one.
    fn counts(&mut self) -> Result<(u32, Option<u32>), RegexError> {
        self.input.at += 1;
        let least = self.count()?.ok_or_else(|| self.input.wrong("expected a number after `{`"))?;
        let most = if self.input.eat(',') { self.count()? } else { Some(least) };
        if self.input.peek() != Some('}') {
            self.close('}')?;
        }
        match most {
            Some(most) if most < least => {
                Err(self.input.wrong("the least number of repetitions is above the most"))
            }
            most => Ok((least, most)),
        }
    }

    fn count(&mut self) -> Result<Option<u32>, RegexError> {
        let digits = self.input.digits();
        if digits.is_empty() {
            return Ok(None);
        }
        // Elasticsearch reads it as a Java `int`.
        let number = digits.parse::<i32>().ok().and_then(|number| u32::try_from(number).ok());
        number.map(Some).ok_or_else(|| self.input.wrong(&format!("the number `{digits}` is too large")))
    }

    /// `~a`; it binds closer than a repetition.
    fn complement(&mut self) -> Parsed {
        let mut negated = false;
        while self.input.eat('~') {
            negated = !negated;
        }
        let found = self.single()?;
        Ok(if negated { Syntax::Complement(Box::new(found)) } else { found })
    }

    fn single(&mut self) -> Parsed {
        Ok(match self.input.next()? {
            '.' => Syntax::Class(Class::any()),
            '#' => Syntax::Nothing,
            '@' => Syntax::Repeat { inner: Box::new(Syntax::Class(Class::any())), least: 0, most: None },
            '"' => self.quoted()?,
            '(' if self.input.eat(')') => self.literal(&[]),
            '(' => {
                let inner = self.union()?;
                self.close(')')?;
                inner
            }
            '[' => self.class()?,
            '<' => self.interval()?,
            '\\' => match self.escaped()? {
                Escaped::Class(class) => Syntax::Class(class),
                Escaped::Character(character) => self.literal(&[character]),
            },
            character => self.literal(&[character]),
        })
    }

    /// What stands between two quotes, each character for itself.
    fn quoted(&mut self) -> Parsed {
        let start = self.input.at;
        while self.input.peek().is_some_and(|next| next != '"') {
            self.input.at += 1;
        }
        let inside = &self.input.all[start..self.input.at];
        self.close('"')?;
        Ok(self.literal(inside))
    }

    fn literal(&self, text: &[char]) -> Syntax {
        Syntax::Literal(text.iter().map(|&character| Class::one(character, self.ignore_case)).collect())
    }

    /// What follows a backslash.
    fn escaped(&mut self) -> Result<Escaped, RegexError> {
        let character = self.input.next()?;
        match Class::named(character) {
            Some(class) => Ok(Escaped::Class(class)),
            None if character.is_ascii_alphabetic() => {
                self.input.at -= 1;
                Err(self.input.wrong(&format!("`\\{character}` is no escape")))
            }
            None => Ok(Escaped::Character(character)),
        }
    }

    /// `[…]` or `[^…]`, after the bracket. The first character stands for itself, even if it is `]`.
    fn class(&mut self) -> Parsed {
        let negated = self.input.eat('^');
        let mut ranges = Vec::new();
        loop {
            ranges.extend_from_slice(self.class_item()?.ranges());
            if self.input.peek().is_none_or(|next| next == ']') {
                break;
            }
        }
        self.close(']')?;
        let class = Class::of(ranges);
        Ok(match class.ranges() {
            _ if negated => Syntax::Class(class.negated()),
            [(from, to)] if from == to => Syntax::Literal(vec![class]),
            _ => Syntax::Class(class),
        })
    }

    /// One character, one range, in which case is never ignored, or one escape, which begins no range.
    fn class_item(&mut self) -> Result<Class, RegexError> {
        if self.input.eat('\\') {
            return Ok(match self.escaped()? {
                Escaped::Class(class) => class,
                Escaped::Character(character) => Class::one(character, self.ignore_case),
            });
        }
        let from = self.input.next()?;
        if !self.input.eat('-') {
            return Ok(Class::one(from, self.ignore_case));
        }
        self.input.eat('\\');
        let to = self.input.next()?;
        if from > to {
            self.input.at -= 1;
            return Err(self.input.wrong(&format!("the range `{from}-{to}` ends before it begins")));
        }
        Ok(Class::of(vec![(from.into(), to.into())]))
    }

    /// `<2-10>`, after the bracket.
    fn interval(&mut self) -> Parsed {
        let start = self.input.at;
        while self.input.peek().is_some_and(|next| next != '>') {
            self.input.at += 1;
        }
        let inside: String = self.input.all[start..self.input.at].iter().collect();
        self.close('>')?;
        let numbers =
            inside.split_once('-').and_then(|(from, to)| Some((from, to, java_int(from)?, java_int(to)?)));
        let Some((from, to, least, most)) = numbers else {
            return Err(self
                .input
                .wrong(&format!("expected two numbers as in `<1-10>`, found `<{inside}>`")));
        };
        let digits = if from.len() == to.len() { from.len() } else { 0 };
        Ok(interval(least.min(most), least.max(most), digits))
    }
}

enum Escaped {
    Class(Class),
    Character(char),
}

/// A number that is no less than zero, as Java's `Integer.parseInt` reads it.
fn java_int(text: &str) -> Option<u32> {
    text.parse::<i32>().ok().and_then(|number| u32::try_from(number).ok())
}

/// Appends to a chain. Texts side by side become one, which matters for empty ones, see
/// [`Syntax::without_empty_texts`]; so this follows Lucene step by step.
fn append(items: &mut Vec<Syntax>, next: Syntax) {
    match (items.as_mut_slice(), next) {
        ([.., Syntax::Literal(text)], Syntax::Literal(more)) => text.extend(more),
        ([Syntax::Literal(text)], Syntax::Concat(mut more))
            if more.len() == 2 && matches!(more[0], Syntax::Literal(_)) =>
        {
            let second = more.pop();
            if let Some(Syntax::Literal(first)) = more.pop() {
                text.extend(first);
            }
            items.extend(second);
        }
        (_, next) => items.push(next),
    }
}

impl Syntax {
    /// The same with an empty text matching nothing at all, as it does in Lucene where case is ignored.
    fn without_empty_texts(self) -> Self {
        let all = |items: Vec<Self>| items.into_iter().map(Self::without_empty_texts).collect();
        match self {
            Self::Literal(text) if text.is_empty() => Self::Nothing,
            Self::Literal(_) | Self::Nothing | Self::Class(_) => self,
            Self::Concat(items) => Self::Concat(all(items)),
            Self::Union(items) => Self::Union(all(items)),
            Self::Both(both) => {
                Self::Both(Box::new((both.0.without_empty_texts(), both.1.without_empty_texts())))
            }
            Self::Repeat { inner, least, most } => {
                Self::Repeat { inner: Box::new(inner.without_empty_texts()), least, most }
            }
            Self::Complement(inner) => Self::Complement(Box::new(inner.without_empty_texts())),
        }
    }
}

fn one_or(mut items: Vec<Syntax>, make: fn(Vec<Syntax>) -> Syntax) -> Syntax {
    match (items.len(), items.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            items.extend(last);
            make(items)
        }
    }
}

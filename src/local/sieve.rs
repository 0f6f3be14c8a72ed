//! Tells texts that cannot hold a match from those that may, without parsing them.
//!
//! A string value is spelled as it is, or with escapes. A needle is cut down to characters that only `\u00XX` can
//! escape, so a text holds it verbatim, or it holds such an escape of a letter, a digit or a needle's character; a
//! text with one of those is always read. CloudTrail records are read as other documents than they are spelled as:
//! [`cloudtrail::spelling`] says which fields are copied.

use aho_corasick::{AhoCorasick, packed};
use memchr::memmem::Finder;

use super::cloudtrail::{self, Spelling};
use super::split::Form;
use crate::event::{Literal, Needles};

/// Rules whose sets are looked at one by one.
const MAX_EXAMINED: usize = 16;

/// Texts that are looked for one after the other.
const MAX_FEW: usize = 8;

/// Texts that are looked for at once; more of them take longer than a glance at the document.
const MAX_LEADS: usize = 48;

/// What is looked for, made ready.
pub(super) struct Sieve {
    /// Texts one of which is in every candidate (or an escape is); none where any text may match.
    lead: Option<Lead>,
    escape: Escape,
    /// What each rule needs; empty where there are too many rules to look at each.
    rules: Vec<Rule>,
    record: [Finder<'static>; 2],
}

/// The sets of one rule, for documents that hold what they spell, and for CloudTrail records.
struct Rule {
    document: Vec<Words>,
    record: Vec<Words>,
}

/// A set as documents spell it and as records do; none where nothing of it need be spelled there.
type Forms = (Option<Vec<Piece>>, Option<Vec<Piece>>);

/// A text as it is spelled.
#[derive(Debug, Clone, PartialEq)]
struct Piece {
    bytes: Vec<u8>,
    ignore_case: bool,
}

/// Texts, one of which is looked for.
enum Words {
    /// One after the other: several times as fast as all at once, as long as they are few.
    Few(Vec<Finder<'static>>),
    Many(AhoCorasick),
}

impl Sieve {
    /// What the rules with these needles need; an event is a candidate if it may match one of them.
    pub fn new(needles: &[&Needles]) -> Self {
        let mut escape = Escape::new();
        let mut lead = Some(Vec::new());
        let mut rules = Vec::new();
        for needles in needles {
            let sets: Vec<_> = needles.all.iter().map(|set| forms(set)).collect();
            sets.iter()
                .flat_map(|(document, _)| document.iter().flatten())
                .for_each(|piece| escape.add(piece));
            // What is needed in either form is one set; the record's pieces are part of the document's.
            let shared = sets.iter().filter_map(|(document, record)| document.as_ref().and(record.as_ref()));
            lead = match (lead, shared.max_by_key(|set| weight(set))) {
                (Some(lead), Some(set)) => Some([lead, set.clone()].concat()),
                _ => None,
            };
            if rules.len() <= MAX_EXAMINED {
                rules.push(Rule::new(&sets));
            }
        }
        if rules.len() > MAX_EXAMINED {
            rules.clear();
        }
        let record = [&b"\"eventSource\""[..], b"\"Records\""].map(Finder::new);
        Self { lead: lead.and_then(Lead::new), escape, rules, record }
    }

    /// Where texts that may be part of a match lie in `block`; `folded` is room for a copy of it.
    pub fn hits<'s, 'b>(&'s self, block: &'b [u8], folded: &'b mut Vec<u8>) -> Hits<'s, 'b> {
        let leads = match &self.lead {
            Some(lead) if lead.folds => {
                folded.clear();
                folded.extend_from_slice(block);
                folded.make_ascii_lowercase();
                &folded[..]
            }
            _ => block,
        };
        Hits { sieve: self, block, leads, lead: None, escape: None }
    }

    /// Whether the document `text` may match.
    pub fn admits(&self, text: &[u8], form: Form) -> bool {
        if self.escape.find(text).is_some() {
            return true;
        }
        if self.rules.is_empty() {
            return self.lead.as_ref().is_none_or(|lead| lead.is_in(text));
        }
        let all_in = |sets: &[Words]| sets.iter().all(|words| words.is_in(text));
        let mut is_record = None;
        self.rules.iter().any(|rule| {
            all_in(&rule.document)
                || all_in(&rule.record)
                    && *is_record.get_or_insert_with(|| {
                        form == Form::Record || self.record.iter().any(|key| key.find(text).is_some())
                    })
        })
    }
}

/// Places in a block that make their document a candidate, from any place on.
pub(super) struct Hits<'s, 'b> {
    sieve: &'s Sieve,
    block: &'b [u8],
    /// The block as the lead is looked for in it.
    leads: &'b [u8],
    /// The next one of either kind, as far as it is known.
    lead: Option<usize>,
    escape: Option<usize>,
}

impl Hits<'_, '_> {
    /// The first place from `at` on; places must be asked for in order.
    pub fn next(&mut self, at: usize) -> Option<usize> {
        let end = self.block.len();
        let Some(lead) = &self.sieve.lead else { return (at < end).then_some(at) };
        let (rest, leads) = (&self.block[at.min(end)..], &self.leads[at.min(end)..]);
        let known = |place: Option<usize>| place.filter(|place| *place >= at);
        self.lead = known(self.lead).or_else(|| Some(lead.find(leads).map_or(end, |found| at + found)));
        self.escape =
            known(self.escape).or_else(|| Some(self.sieve.escape.find(rest).map_or(end, |found| at + found)));
        self.lead.min(self.escape).filter(|place| *place < end)
    }
}

/// The texts that are looked for in everything; where some of them ignore case, all are looked for in lower case.
struct Lead {
    folds: bool,
    searcher: Searcher,
}

enum Searcher {
    None,
    One(Box<Finder<'static>>),
    Few(Box<packed::Searcher>),
    Many(Box<AhoCorasick>),
}

impl Lead {
    /// Nothing where there are more than can be looked for in little time.
    fn new(mut pieces: Vec<Piece>) -> Option<Self> {
        let folds = pieces.iter().any(|piece| piece.ignore_case);
        if folds {
            for piece in &mut pieces {
                piece.bytes.make_ascii_lowercase();
            }
        }
        let mut texts: Vec<Vec<u8>> = pieces.into_iter().map(|piece| piece.bytes).collect();
        texts.sort_unstable();
        texts.dedup();
        let searcher = match texts.as_slice() {
            [] => Searcher::None,
            [text] => Searcher::One(Box::new(Finder::new(text).into_owned())),
            texts if texts.len() > MAX_LEADS => return None,
            texts => match packed::Searcher::new(texts) {
                Some(few) => Searcher::Few(Box::new(few)),
                None => Searcher::Many(Box::new(AhoCorasick::new(texts).ok()?)),
            },
        };
        Some(Self { folds, searcher })
    }

    /// The first of the texts in `block`, which is in lower case where that matters.
    fn find(&self, block: &[u8]) -> Option<usize> {
        match &self.searcher {
            Searcher::None => None,
            Searcher::One(finder) => finder.find(block),
            Searcher::Few(searcher) => searcher.find(block).map(|found| found.start()),
            Searcher::Many(searcher) => searcher.find(block).map(|found| found.start()),
        }
    }

    fn is_in(&self, text: &[u8]) -> bool {
        if self.folds { self.find(&text.to_ascii_lowercase()).is_some() } else { self.find(text).is_some() }
    }
}

impl Rule {
    fn new(sets: &[Forms]) -> Self {
        let words = |set: Option<&Vec<Piece>>| set.and_then(|pieces| Words::new(pieces));
        Self {
            document: sets.iter().filter_map(|(document, _)| words(document.as_ref())).collect(),
            record: sets.iter().filter_map(|(_, record)| words(record.as_ref())).collect(),
        }
    }
}

impl Words {
    /// Nothing where there are more than can be looked for.
    fn new(pieces: &[Piece]) -> Option<Self> {
        let ignore_case = pieces.iter().any(|piece| piece.ignore_case);
        if pieces.len() <= MAX_FEW && !ignore_case {
            let finder = |piece: &Piece| Finder::new(&piece.bytes).into_owned();
            return Some(Self::Few(pieces.iter().map(finder).collect()));
        }
        let bytes = pieces.iter().map(|piece| &piece.bytes);
        AhoCorasick::builder().ascii_case_insensitive(ignore_case).build(bytes).ok().map(Self::Many)
    }

    fn is_in(&self, text: &[u8]) -> bool {
        match self {
            Self::Few(finders) => finders.iter().any(|finder| finder.find(text).is_some()),
            Self::Many(words) => words.is_match(text),
        }
    }
}

fn forms(set: &[Literal]) -> Forms {
    let document = set.iter().map(|literal| piece(literal, Spelling::Whole)).collect();
    let record = set.iter().map(|literal| piece(literal, cloudtrail::spelling(&literal.field))).collect();
    (document, record)
}

/// A literal as a document spells it; none where nothing of it need be there.
fn piece(literal: &Literal, spelling: Spelling) -> Option<Piece> {
    let whole = match spelling {
        Spelling::Whole => literal.whole,
        Spelling::Part => false,
        Spelling::Made => return None,
    };
    let runs = || literal.text.split(|character| !is_plain(character));
    let longest = runs().max_by_key(|run| run.len()).filter(|run| !run.is_empty())?;
    let bytes = if whole && longest.len() == literal.text.len() {
        format!("\"{longest}\"").into_bytes()
    } else {
        longest.as_bytes().to_vec()
    };
    Some(Piece { bytes, ignore_case: literal.ignore_case })
}

/// Whether a character has no spelling in a JSON string but itself and `\u00XX`.
fn is_plain(character: char) -> bool {
    matches!(character, ' '..='~') && !matches!(character, '"' | '\\' | '/')
}

/// How much a set tells: its shortest text, and then how few there are.
fn weight(set: &[Piece]) -> (usize, std::cmp::Reverse<usize>) {
    (set.iter().map(|piece| piece.bytes.len()).min().unwrap_or(usize::MAX), std::cmp::Reverse(set.len()))
}

/// Escapes of characters that matter: `\u00XX` of a letter, a digit or a character of a needle.
struct Escape {
    finder: Finder<'static>,
    matters: [bool; 128],
}

impl Escape {
    fn new() -> Self {
        let mut matters = [false; 128];
        for (code, matters) in (0_u8..).zip(&mut matters) {
            *matters = code.is_ascii_alphanumeric();
        }
        Self { finder: Finder::new(b"\\u00"), matters }
    }

    fn add(&mut self, piece: &Piece) {
        // The quotes of a whole text are no characters of it.
        for byte in piece.bytes.iter().filter(|byte| **byte != b'"') {
            self.matters[usize::from(byte & 0x7f)] = true;
        }
    }

    fn find(&self, text: &[u8]) -> Option<usize> {
        self.finder.find_iter(text).find(|at| {
            let digits = text.get(at + 4..at + 6).and_then(|digits| std::str::from_utf8(digits).ok());
            let code = digits.and_then(|digits| usize::from_str_radix(digits, 16).ok());
            code.and_then(|code| self.matters.get(code)).is_some_and(|matters| *matters)
        })
    }
}

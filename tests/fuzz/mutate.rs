//! Randomness, and what it does to a text.

/// A source of random numbers (`SplitMix64`).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).expect("a number"))
            .expect("below the limit")
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// What is put into queries: tokens, beginnings of tokens, characters of every width.
const PIECES: &[&str] = &[
    "and",
    "or",
    "not",
    " in ",
    "in~",
    "like~",
    "regex",
    "regex~",
    "where",
    "null",
    "true",
    "any ",
    "(",
    ")",
    ",",
    "\"",
    "\"\"\"",
    "'",
    "`",
    "\\",
    "\\u{",
    "}",
    "[",
    "]",
    "{",
    "==",
    "!=",
    "<",
    ">=",
    ":",
    "?",
    "~",
    "+",
    "-",
    "*",
    "/",
    "%",
    "|",
    " | head 1",
    "/*",
    "*/",
    "//",
    "\n",
    "\r",
    "\t",
    " ",
    "0",
    "1",
    "9223372036854775808",
    "1e308",
    ".",
    ".5",
    "a",
    "a.b",
    "@timestamp",
    "é",
    "😀",
    "\u{0}",
    "\u{feff}",
    "length(",
    "substring(",
    "between~(",
    "concat(",
    "number(",
    "cidrMatch(",
    "\"10.0.0.0/8\"",
    "\"*a?\"",
    "\"(a|~b)&<1-9>\"",
    "sequence",
    "sample by",
    "until",
    "with maxspan=1m",
];

/// One of `texts`, queries, with a few changes, parts of another one among them.
pub fn mutated<T: AsRef<str>>(texts: &[T], random: &mut Random) -> String {
    changed(texts, PIECES, random)
}

fn changed<T: AsRef<str>>(texts: &[T], pieces: &[&str], random: &mut Random) -> String {
    let (text, other) = (random.pick(texts).as_ref(), random.pick(texts).as_ref());
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..=random.below(4) * random.below(2) {
        let at = random.below(characters.len() + 1);
        let end = (at + random.below(12)).min(characters.len());
        match random.below(6) {
            0 => drop(characters.drain(at..end)),
            1 => drop(characters.splice(at..end, random.pick(pieces).chars())),
            2 | 3 => drop(characters.splice(at..at, random.pick(pieces).chars())),
            4 => {
                let from = random.below(other.chars().count() + 1);
                let length = random.below(40);
                drop(characters.splice(at..at, other.chars().skip(from).take(length)));
            }
            _ => {
                let part: Vec<char> = characters[at..end].to_vec();
                let times = random.below(30);
                drop(characters.splice(at..at, part.iter().copied().cycle().take(part.len() * times)));
            }
        }
    }
    characters.into_iter().collect()
}

/// The same text without one of its parts, large parts first.
pub fn smaller(text: &str) -> impl Iterator<Item = String> + use<> {
    let characters: Vec<char> = text.chars().collect();
    let halves = std::iter::successors(Some(characters.len()), |length| Some(length / 2));
    halves.take_while(|length| *length > 0).flat_map(move |length| {
        let characters = characters.clone();
        (0..characters.len()).step_by(length).map(move |at| {
            let (before, after) = (&characters[..at], &characters[(at + length).min(characters.len())..]);
            before.iter().chain(after).collect()
        })
    })
}

/// What is put into TOML and JSON: their brackets and literals, and what their readers may stumble over.
const STRUCTURED: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "[[",
    "]]",
    ":",
    ",",
    "=",
    "\"",
    "'",
    "\"\"\"",
    "'''",
    "\\",
    "\\u",
    "\\ud800",
    "\\u0000",
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1.5",
    "1e999",
    "9223372036854775808",
    "-9223372036854775809",
    "nan",
    "inf",
    "0x1F",
    "{}",
    "[]",
    "\"\"",
    "\n",
    "\r\n",
    "\t",
    " ",
    "#",
    ".",
    "2026-11-24",
    "2026-11-24T08:00:00Z",
    "\u{0}",
    "\u{1b}[31m",
    "\u{202e}",
    "\u{feff}",
    "é",
    "😀",
    "[stakeout]\n",
    "[rule]\n",
    "status",
    "error",
    "_id",
    "_source",
    "Records",
    "a.b",
];

/// One of `texts`, TOML or JSON, with a few changes; now and then with something nested without end in it.
pub fn mutated_structure<T: AsRef<str>>(texts: &[T], random: &mut Random) -> String {
    let text = changed(texts, STRUCTURED, random);
    if random.below(40) > 0 {
        return text;
    }
    let (open, depth) = (*random.pick(&["[", "{\"a\":", "{a=", "[[a]]\n", "a."]), 1 << random.below(14));
    let at = text.char_indices().nth(random.below(text.len())).map_or(0, |(at, _)| at);
    format!("{}{}{}", &text[..at], open.repeat(depth), &text[at..])
}

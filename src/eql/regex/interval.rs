//! Numeric intervals `<n-m>`: the decimal numbers between two others.

use super::class::Class;
use super::syntax::Syntax;

/// The numbers from `least` to `most`: with so many digits, or, where `digits` is 0, with any number of zeros before.
pub(super) fn interval(least: u32, most: u32, digits: usize) -> Syntax {
    if digits > 0 {
        return same_length(format!("{least:0digits$}").as_bytes(), format!("{most:0digits$}").as_bytes());
    }
    let lengths = 1..=most.to_string().len();
    let by_length = lengths.filter_map(|length| {
        let first = if length == 1 { 0 } else { 10_u64.pow(u32::try_from(length).ok()? - 1) };
        let top = 10_u64.pow(u32::try_from(length).ok()?) - 1;
        let (from, to) = (first.max(least.into()), top.min(most.into()));
        (from <= to).then(|| same_length(from.to_string().as_bytes(), to.to_string().as_bytes()))
    });
    let zeros = Syntax::Repeat { inner: Box::new(digit(b'0', b'0')), least: 0, most: None };
    Syntax::Concat(vec![zeros, Syntax::Union(by_length.collect())])
}

fn digit(from: u8, to: u8) -> Syntax {
    Syntax::Class(Class::of(vec![(from.into(), to.into())]))
}

/// The digits from `low` to `high`, which are equally many.
fn same_length(low: &[u8], high: &[u8]) -> Syntax {
    let ([first, low @ ..], [last, high @ ..]) = (low, high) else { return Syntax::Literal(Vec::new()) };
    let (all_low, all_high) = (vec![b'0'; low.len()], vec![b'9'; high.len()]);
    let branch = |from, to, low: &[u8], high: &[u8]| {
        Syntax::Concat(vec![
            digit(from, to),
            if is_free(low, high) { any(low) } else { same_length(low, high) },
        ])
    };
    if first == last {
        return branch(*first, *last, low, high);
    }
    let mut branches = vec![branch(*first, *first, low, &all_high)];
    if first + 1 < *last {
        branches.push(branch(first + 1, last - 1, &all_low, &all_high));
    }
    branches.push(branch(*last, *last, &all_low, high));
    Syntax::Union(branches)
}

/// Whether any digits will do.
fn is_free(low: &[u8], high: &[u8]) -> bool {
    low.iter().all(|&digit| digit == b'0') && high.iter().all(|&digit| digit == b'9')
}

/// As many digits of any kind.
fn any(like: &[u8]) -> Syntax {
    Syntax::Concat(like.iter().map(|_| digit(b'0', b'9')).collect())
}

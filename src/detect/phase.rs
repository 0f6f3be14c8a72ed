//! Work that comes round at a pace, spread over the rules: each has a moment of its own.

use chrono::TimeDelta;

/// The moment within `every` that is `key`'s own, always the same.
pub(super) fn phase(key: &str, every: TimeDelta) -> TimeDelta {
    // FNV-1a: stable between builds, so that replicas agree.
    let mixed = key
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let every = u64::try_from(every.num_milliseconds()).unwrap_or_default().max(1);
    TimeDelta::milliseconds(i64::try_from(mixed % every).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::phase;
    use chrono::TimeDelta;

    #[test]
    fn rules_take_turns() {
        let hour = TimeDelta::hours(1);
        let mut twelfths: BTreeMap<i64, usize> = BTreeMap::new();
        for number in 0..1200 {
            let phase = phase(&format!("00000000-0000-4000-8000-{number:012}"), hour);
            assert!(phase >= TimeDelta::zero() && phase < hour);
            *twelfths.entry(phase.num_minutes() / 5).or_default() += 1;
        }
        assert_eq!(twelfths.len(), 12);
        assert!(twelfths.values().all(|count| (60..140).contains(count)), "{twelfths:?}");
        assert_eq!(phase("a", hour), phase("a", hour));
    }
}

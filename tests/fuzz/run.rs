//! Tries inputs one after the other, and shows the smallest one that fails.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::mutate::{Random, smaller};

/// Makes inputs and lets `check` panic on them, `count` times or as long as the environment says; returns how many.
pub fn fuzz(count: usize, make: impl Fn(&mut Random) -> String, check: impl Fn(&str)) -> usize {
    let limit = setting("STAKEOUT_FUZZ_SECONDS").map(Duration::from_secs);
    let seed = setting("STAKEOUT_FUZZ_SEED").unwrap_or(1);
    let mut random = Random::new(seed);
    let start = Instant::now();
    let fails = |input: &str| catch_unwind(AssertUnwindSafe(|| check(input))).is_err();
    let mut tried = 0;
    while limit.map_or(tried < count, |limit| start.elapsed() < limit) {
        let input = make(&mut random);
        if fails(&input) {
            let input = smallest(input, &fails);
            panic!("seed {seed}, input {tried}, made smaller: {input:?}");
        }
        tried += 1;
    }
    tried
}

/// Takes parts away for as long as the input still fails.
fn smallest(mut input: String, fails: &impl Fn(&str) -> bool) -> String {
    while let Some(less) = smaller(&input).find(|less| fails(less)) {
        input = less;
    }
    input
}

#[expect(clippy::disallowed_methods, reason = "the environment says how long to try")]
fn setting(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty())?;
    Some(value.parse().expect("a number"))
}

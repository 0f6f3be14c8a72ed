//! Hostile input for what reads queries and for what evaluates them: mutated from inputs that are known to be interesting.
//!
//! Each target tries a fixed number of inputs. `STAKEOUT_FUZZ_SECONDS` lets each run so long instead, and
//! `STAKEOUT_FUZZ_SEED` chooses other inputs:
//! `STAKEOUT_FUZZ_SECONDS=600 STAKEOUT_FUZZ_SEED=7 cargo test --release --test fuzz`.

#[path = "../eql/cases.rs"]
mod cases;
mod evaluate;
mod mutate;
mod parse;
mod run;

//! Hostile input for whatever reads something from outside: mutated from inputs that are known to be interesting.
//!
//! Each target tries a fixed number of inputs. `STAKEOUT_FUZZ_SECONDS` lets each run so long instead, and
//! `STAKEOUT_FUZZ_SEED` chooses other inputs:
//! `STAKEOUT_FUZZ_SECONDS=600 STAKEOUT_FUZZ_SEED=7 cargo test --release --test fuzz`.

mod answers;
#[path = "../eql/cases.rs"]
mod cases;
mod checkpoints;
mod evaluate;
mod events;
mod files;
mod mutate;
mod packed;
mod parse;
mod run;
mod said;

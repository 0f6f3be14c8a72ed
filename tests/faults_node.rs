//! Faults on a real node: whatever strikes, every match ends as exactly one alert.
//!
//! Each case writes events whose answer is known while the daemon runs, breaks something, and at the end compares the
//! alerts with the truth. The cases are in `tests/faults/`, by what breaks.

mod faults;
mod support;

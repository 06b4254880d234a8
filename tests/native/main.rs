//! The flows over SQLite, in milliseconds.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod campaign_walk;
mod counters;
mod faults;
mod invariants;
mod rig;
mod segments;
mod support;
mod write_rule;

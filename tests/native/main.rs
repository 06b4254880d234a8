//! The flows over SQLite, in milliseconds.

mod campaign_walk;
mod counters;
mod faults;
mod invariants;
mod rig;
mod segments;
mod support;
mod write_rule;

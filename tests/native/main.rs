//! The flows over SQLite, in milliseconds.

mod bad_input;
mod campaign_walk;
mod counters;
mod deliver;
mod faults;
mod invariants;
mod rig;
mod segments;
mod support;
mod tidy;
mod write_rule;

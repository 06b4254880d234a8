//! The flows over SQLite, in milliseconds.

mod campaign_walk;
mod invariants;
mod rig;
mod support;
mod write_rule;

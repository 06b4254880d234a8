//! The flows over SQLite, in milliseconds.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bad_input;
mod broadcast_places;
mod broadcasts;
mod campaign_walk;
mod charges;
mod consent;
mod counters;
mod deliver;
mod deliver_batches;
mod explain;
mod faults;
mod filling;
mod halts;
mod hearing;
mod invariants;
mod journeys;
mod pacing;
mod pacing_turns;
mod pacing_words;
mod poison;
mod privacy;
mod restores;
mod rig;
mod segments;
mod senders;
mod support;
mod templates;
mod suppressions;
mod texting;
mod tidy;
mod tracking;
mod versions;
mod write_rule;

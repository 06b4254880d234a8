//! The flows over SQLite, in milliseconds.

mod campaign_walk;
mod support;

//! Nouns: everything dripline knows and decides, as pure functions of their arguments. No async, no
//! SQL, no clock, no randomness, no wire format.
//!
//! In reading order; each room uses only those above it. Not here: the order of reads and writes
//! (`flows`), SQL (`store`) and I/O (`edge`, `native`).

pub mod base;
pub mod table_file;
pub mod time;
pub mod record;
pub mod contact;
pub mod segment;
pub mod field;
pub mod kind;
pub mod import;
pub mod search;
pub mod form;
pub mod sms;
pub mod template;
pub mod pacing;
pub mod campaign;
pub mod inbound;
pub mod operations;
pub mod sending;
pub mod publication;
pub mod engine;
pub mod campaign_file;
pub mod report;
pub mod preferences;
pub mod access;

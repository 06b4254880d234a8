//! Verbs: one file per entry, each of which reads, decides and writes. Generic over the ports
//! (`ports.rs`). Not here: decisions (`domain`), SQL (`store`) and platform I/O (`edge`, `native`).

pub mod ports;
pub mod tasks;
pub mod settings;
pub mod commit;
pub mod error;
pub mod campaign;
pub mod record;
pub mod list;
pub mod contact;
pub mod import;
pub mod ingest;
pub mod broadcast;
pub mod send;
pub mod report;
pub mod schedule;
pub mod operations;
pub mod access;

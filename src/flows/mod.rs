//! VERBS. One file an entry: read → decide → write. Generic over the ports.

pub mod ports;
pub mod tasks;
pub mod settings;
pub mod commit;
pub mod campaign;
pub mod contact;
pub mod ingest;
pub mod broadcast;
pub mod send;
pub mod report;
pub mod schedule;
pub mod operations;

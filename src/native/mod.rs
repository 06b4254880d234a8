//! The native side: SQLite behind the same ports, for tests, simulation and the command line.

pub mod clock;
pub mod encoding;
pub mod table_file;
pub mod http;
pub mod sqlite;
pub mod stores;
pub mod world;
pub mod fault_sim;
pub mod campaign_sim;
pub mod project;
pub mod suppression_file;
pub mod cli;

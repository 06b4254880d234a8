//! The native side: SQLite behind the same seams, for tests, simulation and the command line.

pub mod clock;
pub mod encoding;
pub mod http;
pub mod sqlite;
pub mod stores;
pub mod world;
pub mod chaos;
pub mod simulation;
pub mod project;
pub mod suppression_file;
pub mod commands;

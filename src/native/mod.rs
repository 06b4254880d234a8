//! Everything that needs a machine: files, the terminal.

pub mod commands;
pub mod project;

//! An import: a table file whose rows make and change records of one kind. Here is what an operator
//! asks for, what a row says, and what an undo takes back. Not here: how bytes become rows
//! (`table_file`), and what a row does to its record (`engine/import.rs`).

pub mod consent;
pub mod reading;
pub mod row;
pub mod settings;
pub mod target;
pub mod undo;

#[cfg(test)]
mod tests;

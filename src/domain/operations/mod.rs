//! Operations: work that failed, kept until somebody decides about it. Not here: work that goes on
//! by itself (`engine`, `sending`).

pub mod dead_letter;
pub mod failing;

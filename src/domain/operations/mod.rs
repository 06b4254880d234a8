//! Operations: failed work, kept until somebody decides about it. Not here: work that continues by
//! itself (`engine`, `sending`).

pub mod dead_letter;
pub mod failing;

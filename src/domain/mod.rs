//! NOUNS. Everything dripline knows and decides: pure functions of their arguments.
//! No async, no SQL, no clock, no randomness, no wire format.

pub mod campaign;
pub mod campaign_file;
pub mod check;
pub mod form;
pub mod journey;
pub mod primitives;
pub mod problem;
pub mod rule;
pub mod template;

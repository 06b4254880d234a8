//! NOUNS. Everything dripline knows and decides: pure functions of their arguments.
//! No async, no SQL, no clock, no randomness, no wire format.

pub mod address;
pub mod answer;
pub mod campaign;
pub mod country;
pub mod form;
pub mod journey;
pub mod language;
pub mod origin;
pub mod primitives;
pub mod report;
pub mod rule;
pub mod template;

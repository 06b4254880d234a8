//! NOUNS. Everything dripline knows and decides: pure functions of their arguments.
//! No async, no SQL, no clock, no randomness, no wire format.

pub mod attribution;
pub mod calendar;
pub mod campaign;
pub mod catalog;
pub mod change;
pub mod consent;
pub mod contact;
pub mod decide;
pub mod event;
pub mod form;
pub mod journey;
pub mod message;
pub mod primitives;
pub mod rule;
pub mod template;

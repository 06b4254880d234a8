//! NOUNS. Everything dripline knows and decides: pure functions of their arguments.
//! No async, no SQL, no clock, no randomness, no wire format.

pub mod primitives;
pub mod language;
pub mod phone;
pub mod address;
pub mod country;
pub mod contact;
pub mod event;
pub mod consent;
pub mod rule;
pub mod form;
pub mod answer;
pub mod origin;
pub mod calendar;
pub mod share;
pub mod recurrence;
pub mod journey;
pub mod message;
pub mod template;
pub mod campaign;
pub mod campaign_file;
pub mod check;
pub mod problem;
pub mod catalog;
pub mod purpose;
pub mod version_diff;
pub mod attribution;
pub mod report;
pub mod reason;
pub mod token;
pub mod tracking;
pub mod change;
pub mod decide;
pub mod preferences;
pub mod explain;

//! Scheduled work: the minute's tick, the contacts, messages and broadcasts that are due, and the
//! work that prepares them. Not here: sending (`send`), and broadcasts themselves (`broadcast`).

pub mod tick;
pub mod due;
pub mod housekeeping;
pub mod quarantine;
pub mod outages;
pub mod respell;

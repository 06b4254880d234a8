//! Reports: what a campaign and its broadcasts cost and earned, from counters.

pub mod campaign;
pub mod broadcast;

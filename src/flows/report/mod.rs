//! Reports: what a campaign and its broadcasts cost and earned, from counters. Not here: their
//! layout (`views`).

pub mod campaign;
pub mod broadcast;

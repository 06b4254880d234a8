//! SMS: how networks count them, and a campaign's settings for them. Not here: who may get one
//! (`sending`), and what recipients reply (`inbound`).

pub mod encoding;
pub mod settings;

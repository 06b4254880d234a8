//! Text messages: how networks count them, and what a campaign says about them. Not here: who may
//! get one (`sending`), and what people answer (`inbound`).

pub mod encoding;
pub mod settings;

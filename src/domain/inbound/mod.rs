//! What comes back after sending, and what it means: bounces, replies to SMS, bots that follow
//! links. Not here: the consequences for a contact (`engine`), and the formats of providers
//! (`providers`).

pub mod bot_detection;
pub mod bounce;
pub mod keyword;

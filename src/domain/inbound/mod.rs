//! What comes back from outside, and what it means: bounces, replies to text messages, bots that
//! follow links. Not here: what a contact becomes by it (`engine`), and how providers write it
//! (`providers`).

pub mod bot_detection;
pub mod bounce;
pub mod keyword;

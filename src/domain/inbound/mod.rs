//! What reaches us from outside, one type for each fact from the wire to the decision; and what it
//! means: bounces, replies to SMS, bots that follow links. Not here: the consequences for a contact
//! (`engine`), and the formats of providers (`providers`).

pub mod bot_detection;
pub mod bounce;
pub mod custom_event;
pub mod delivery_report;
pub mod engagement;
pub mod keyword;
pub mod sms;

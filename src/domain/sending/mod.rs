//! The policy of sending: whether a message may leave, when, and through which provider. Not here:
//! what a campaign says about it (`pacing`), and the sending itself (`flows`).

pub mod eligibility;
pub mod schedule;
pub mod frequency_cap;
pub mod recipient_zone;
pub mod auto_pause;
pub mod circuit_breaker;
pub mod restore_guard;

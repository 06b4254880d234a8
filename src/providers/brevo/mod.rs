//! Brevo: sending and webhooks.

mod send;
pub(super) mod webhook;

pub use send::*;

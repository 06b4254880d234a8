//! Amazon SES: sending and webhooks.

pub(super) mod certificate;
mod send;
pub(super) mod webhook;

pub use send::*;

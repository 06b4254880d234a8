//! Amazon SES: sending through it, and its webhooks.

pub(super) mod certificate;
mod send;
pub(super) mod webhook;

pub use send::*;

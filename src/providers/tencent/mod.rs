//! Tencent Cloud SMS: sending through it, and its webhooks.

mod send;
pub(super) mod webhook;

pub use send::*;

//! Cloudflare's own e-mail service: sending. It has no webhooks.

mod send;

pub use send::*;

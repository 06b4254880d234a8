//! Cloudflare's own e-mail service: sending through it. It has no webhooks.

mod send;

pub use send::*;

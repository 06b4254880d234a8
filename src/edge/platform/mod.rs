//! Cloudflare's services behind the ports: D1, KV, queues, `fetch`, e-mail, the clock.

pub mod clock;
pub mod d1;
pub mod email;
pub mod fetch;
pub mod kv;
pub mod queue;

//! Operations: health, who is signed in, and what the queues gave up.

pub mod health;
pub mod sign_in;
pub mod dead_letters;

//! Operations: health and dead letters. Not here: work that fails and is retried by ticks
//! (`schedule`).

pub mod health;
pub mod dead_letters;

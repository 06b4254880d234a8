//! Operations: health, sign-in to the web app, and dead letters. Not here: work that fails and is
//! retried by ticks (`schedule`).

pub mod health;
pub mod sign_in;
pub mod dead_letters;

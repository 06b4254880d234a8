//! Access: who is asking, and whether they may. Not here: tokens themselves (`base`).

pub mod caller;
pub mod session;

//! Access: who makes a request, and whether they may. Not here: tokens themselves (`base`).

pub mod caller;
pub mod session;

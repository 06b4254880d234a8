//! Access: who makes a request, and whether they may. Not here: tokens themselves (`base`).

pub mod caller;
pub mod session;
pub mod role;
pub mod built_in;
pub mod member;
pub mod rights;
pub mod shown;
pub mod searched;
pub mod audit;
#[cfg(test)]
mod tests;

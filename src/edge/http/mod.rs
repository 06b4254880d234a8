//! Requests and responses, and the checks that every request passes before it is answered.

pub mod request;
pub mod response;
pub mod body;
pub mod session;
pub mod guard;

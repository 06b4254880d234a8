//! Requests and responses, and the checks that every request passes before it is answered.

pub mod guard;
pub mod request;
pub mod response;

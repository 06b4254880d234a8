//! Requests and responses, and what every request is asked before it is answered.

pub mod guard;
pub mod request;
pub mod response;

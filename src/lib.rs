//! dripline: marketing automation at the edge.
pub mod domain;
pub mod flows;
pub mod store;
pub mod views;

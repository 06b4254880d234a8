//! dripline: marketing automation at the edge.
pub mod domain;
#[cfg(target_arch = "wasm32")]
pub mod edge;
pub mod flows;
pub mod store;

//! dripline: marketing automation at the edge.
pub mod domain;
pub mod flows;
#[cfg(not(target_arch = "wasm32"))]
pub mod native;
pub mod store;

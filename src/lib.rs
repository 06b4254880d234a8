//! dripline: marketing automation at the edge.
pub mod domain;
pub mod store;
pub mod providers;
pub mod views;
pub mod flows;
pub mod route;
#[cfg(target_arch = "wasm32")]
mod edge;
#[cfg(not(target_arch = "wasm32"))]
pub mod native;

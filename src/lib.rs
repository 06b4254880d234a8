//! dripline: marketing automation at the edge.
//!
//! Landing pages, forms, segments, nurture journeys, e-mail, SMS and the return of campaigns, as
//! one WebAssembly module on Cloudflare Workers. `ARCHITECTURE.md` has the details; this is the
//! map, in reading order.
//!
//! - [`domain`]: nouns. What dripline knows, and its decisions; pure functions.
//! - [`store`]: SQL as data. Functions that return statements, and the rows that come back.
//! - [`providers`]: outside services. A message becomes a request, an answer becomes an outcome.
//! - [`views`]: the built-in HTML, in English and in Chinese.
//! - [`flows`]: verbs. One file for each entry: read, decide, write; generic over the ports.
//! - [`route`]: method and path become a route; the enum is the list of URLs.
//! - `edge` (wasm32 only): D1, KV, queues and `fetch`; the only code that talks to the platform.
//! - `native` (not wasm32): SQLite behind the same ports, the command line, the simulation.
//!
//! Begin with [`domain::engine::decide`], where a contact and what happened to it become changes;
//! then [`flows::commit`], which writes them; then any other flow.

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

//! Cloudflare's services behind the ports: D1, KV, queues, rate limits, `fetch`, e-mail, the
//! clock.

pub mod clock;
pub mod d1;
pub mod email;
pub mod fetch;
pub mod kv;
pub mod queue;
pub mod rate_limit;

use js_sys::Reflect;
use wasm_bindgen::JsValue;
use worker::Env;

/// Returns a binding by its name, without the check of its type that `worker` makes at each
/// request. Fails only if the worker is configured without it.
fn binding(env: &Env, name: &str) -> Result<JsValue, String> {
    let found = Reflect::get(env, &name.into()).ok().filter(|found| !found.is_undefined());
    found.ok_or_else(|| format!("there is no binding `{name}`"))
}

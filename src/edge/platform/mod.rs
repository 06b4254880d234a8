//! Cloudflare's services behind the ports: D1, KV, queues, rate limits, `fetch`, e-mail, the
//! clock.
//!
//! All JavaScript is in `calls.js`, and few values cross: a request, a batch of statements or a
//! response as one text.

pub mod clock;
pub mod d1;
pub mod email;
pub mod fetch;
pub mod kv;
pub mod queue;
pub mod rate_limit;
pub mod text;

use js_sys::futures::{JsFuture, future_to_promise};
use js_sys::{Promise, Reflect};
use std::future::Future;
use wasm_bindgen::handler::{schedule_reinit, set_on_abort};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    /// The bindings, variables and secrets of the worker.
    #[derive(Clone)]
    pub type Env;

    /// The context of one event.
    pub type Context;
    #[wasm_bindgen(method, js_name = waitUntil)]
    fn wait_until(this: &Context, work: &Promise);

    #[wasm_bindgen(js_namespace = console, js_name = error)]
    pub fn console_error(text: &str);
}

#[wasm_bindgen(module = "/src/edge/platform/calls.js")]
extern "C" {
    #[wasm_bindgen(js_name = sleep)]
    fn begin_sleep(milliseconds: u32) -> Promise;
}

/// Runs once for each instance of the module. A panic or a trap leaves its memory in an unknown
/// state, so the next event begins with a fresh instance.
#[wasm_bindgen(start, private)]
fn start() {
    std::panic::set_hook(Box::new(|info| console_error(&info.to_string())));
    set_on_abort(schedule_reinit);
}

impl Context {
    /// Does something after the answer, which does not wait for it.
    pub fn after_answer(&self, work: impl Future<Output = ()> + 'static) {
        self.wait_until(&future_to_promise(async {
            work.await;
            Ok(JsValue::UNDEFINED)
        }));
    }
}

/// Returns a variable or a secret; a worker cannot tell them apart.
pub fn variable(env: &Env, name: &str) -> Option<String> {
    Reflect::get(env, &name.into()).ok()?.as_string()
}

/// Returns a binding by its name. Fails only if the worker is configured without it.
fn binding(env: &Env, name: &str) -> Result<JsValue, String> {
    let found = Reflect::get(env, &name.into()).ok().filter(|found| !found.is_undefined());
    found.ok_or_else(|| format!("there is no binding `{name}`"))
}

/// Waits for this time.
pub async fn sleep(milliseconds: u32) {
    // A timer does not fail.
    drop(answer(begin_sleep(milliseconds)).await);
}

/// Waits for a call; its error is what it threw.
pub async fn answer(call: Promise) -> Result<JsValue, JsValue> {
    JsFuture::from(call).await
}

/// Returns the message of what was thrown; drops the JavaScript stack.
fn message(thrown: &JsValue) -> String {
    match thrown.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => thrown.as_string().unwrap_or_else(|| "not an error object".to_owned()),
    }
}

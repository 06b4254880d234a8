//! Workers KV behind the `KeyValue` port: text by key, with fast reads and eventually consistent
//! writes. Every call has a timeout, because KV holds only copies.

use super::{Env, answer, binding, message};
use crate::flows::ports::{KeyValue, KeyValueError};
use js_sys::Promise;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

/// A read takes a few milliseconds, and some hundred for a key that was not read for long.
const READ_MILLISECONDS_MAX: u32 = 2_000;

/// A write takes some hundred milliseconds.
const WRITE_MILLISECONDS_MAX: u32 = 5_000;

#[wasm_bindgen(module = "/src/edge/platform/calls.js")]
extern "C" {
    fn get(namespace: &JsValue, key: &str, milliseconds: u32) -> Promise;
    fn put(namespace: &JsValue, key: &str, text: &str, milliseconds: u32) -> Promise;
}

/// The KV namespace bound as `KV`.
pub struct Kv(JsValue);

impl Kv {
    /// Opens the binding. Fails only if the worker is configured without it.
    pub fn new(env: &Env) -> Result<Self, String> {
        binding(env, "KV").map(Self)
    }
}

impl KeyValue for Kv {
    async fn get(&self, key: &str) -> Result<Option<String>, KeyValueError> {
        let found = answer(get(&self.0, key, READ_MILLISECONDS_MAX)).await;
        found.map(|text| text.as_string()).map_err(failed)
    }

    /// Other locations may read the old text for a minute.
    async fn put(&self, key: &str, text: &str) -> Result<(), KeyValueError> {
        let done = answer(put(&self.0, key, text, WRITE_MILLISECONDS_MAX)).await;
        done.map(drop).map_err(failed)
    }
}

fn failed(thrown: JsValue) -> KeyValueError {
    KeyValueError(message(&thrown))
}

//! The rate limit of submissions and sign-ins.

use super::{Env, answer, binding};
use js_sys::Promise;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

#[wasm_bindgen(module = "/src/edge/platform/calls.js")]
extern "C" {
    fn exceeds(limiter: &JsValue, keys: Vec<String>) -> Promise;
}

/// Whether one of the keys exceeds its limit. If the limiter does not answer, everybody is let in:
/// a lead is worth more than the spam it may bring.
pub async fn is_exceeded(env: &Env, keys: Vec<String>) -> bool {
    let Ok(limiter) = binding(env, "SUBMIT_LIMIT") else { return false };
    answer(exceeds(&limiter, keys)).await.is_ok_and(|exceeded| exceeded.is_truthy())
}

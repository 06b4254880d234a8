//! The rate limit of submissions and sign-ins.

use super::binding;
use js_sys::Promise;
use js_sys::futures::JsFuture;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use worker::Env;

#[wasm_bindgen(module = "/src/edge/platform/calls.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn exceeds(limiter: &JsValue, keys: Vec<String>) -> Result<Promise, JsValue>;
}

/// Whether one of the keys exceeds its limit. If the limiter does not answer, everybody is let in:
/// a lead is worth more than the spam it may bring.
pub async fn is_exceeded(env: &Env, keys: Vec<String>) -> bool {
    let Ok(limiter) = binding(env, "SUBMIT_LIMIT") else { return false };
    let Ok(answer) = exceeds(&limiter, keys) else { return false };
    JsFuture::from(answer).await.is_ok_and(|exceeded| exceeded.is_truthy())
}

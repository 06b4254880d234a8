//! `fetch` behind the `Http` port.

use super::{answer, message};
use crate::flows::ports::Http;
use crate::providers::http::{HttpError, HttpRequest, HttpResponse, USER_AGENT};
use js_sys::{JsString, Promise, Reflect};
use serde::Deserialize;
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};

/// The timeout of a whole response, in milliseconds. A delivery waits for it, and a queue consumer
/// has 15 minutes for its whole batch.
const ANSWER_MILLISECONDS_MAX: u32 = 20_000;

/// The most bytes of a response that are kept. Providers answer in a few hundred.
const BODY_BYTES_MAX: u32 = 64 * 1024;

#[wasm_bindgen(module = "/src/edge/platform/calls.js")]
extern "C" {
    fn call(
        method: &str,
        url: &str,
        headers: &str,
        body: &str,
        milliseconds: u32,
        most: u32,
    ) -> Promise;
}

/// What `call` returns. Bytes of the body that are not UTF-8 are replaced.
#[derive(Deserialize)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// The platform's `fetch`, without redirects and with a timeout.
pub struct Fetcher;

impl Http for Fetcher {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let HttpRequest { method, url, mut headers, body } = request;
        headers.push(("user-agent", USER_AGENT.to_owned()));
        let broken = |error: serde_json::Error| HttpError::Network(error.to_string());
        let headers = serde_json::to_string(&headers).map_err(broken)?;
        let called = call(method, &url, &headers, &body, ANSWER_MILLISECONDS_MAX, BODY_BYTES_MAX);
        let answered = answer(called).await.map_err(|thrown| failure(&thrown))?;
        let answered = answered.as_string().unwrap_or_default();
        let Answer { status, headers, body } = serde_json::from_str(&answered).map_err(broken)?;
        Ok(HttpResponse { status, headers, body })
    }
}

/// Classifies an exception. A timeout throws a `TimeoutError`, and an invalid request a `NotSent`;
/// any other exception, an object or a plain string, means that there was no response.
fn failure(thrown: &JsValue) -> HttpError {
    let name = Reflect::get(thrown, &"name".into()).unwrap_or_default();
    match name.dyn_into::<JsString>().map(String::from).as_deref() {
        Ok("TimeoutError" | "AbortError") => HttpError::TimedOut,
        Ok("NotSent") => HttpError::NotSent(message(thrown)),
        _ => HttpError::Network(message(thrown)),
    }
}

//! `fetch` behind the `Http` port.

use crate::flows::ports::Http;
use crate::providers::http::{HttpError, HttpRequest, HttpResponse, USER_AGENT};
use js_sys::{JsString, Reflect, Uint8Array, futures::JsFuture};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortSignal, ReadableStreamDefaultReader};
use worker::{Fetch, Headers, Method, Request, RequestInit, RequestRedirect, Response};

/// The timeout of a whole response, in milliseconds. A delivery waits for it, and a queue consumer
/// has 15 minutes for its whole batch.
const ANSWER_MILLISECONDS_MAX: u32 = 20_000;

/// The most bytes of a response that are kept. Providers answer in a few hundred.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The platform's `fetch`, without redirects and with a timeout.
pub struct Fetcher;

impl Http for Fetcher {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        // One signal covers the connection, the head and the body.
        let signal = AbortSignal::timeout_with_u32(ANSWER_MILLISECONDS_MAX);
        let request = outgoing(&request).map_err(|error| failure(error.into()))?;
        let response = Fetch::Request(request)
            .send_with_signal(&signal.into())
            .await
            .map_err(|error| failure(error.into()))?;
        let status = response.status_code();
        let headers = response.headers().entries().collect();
        let body = body(response).await.map_err(failure)?;
        Ok(HttpResponse { status, headers, body })
    }
}

fn outgoing(request: &HttpRequest) -> worker::Result<Request> {
    let headers = Headers::new();
    headers.set("user-agent", USER_AGENT)?;
    for (name, value) in &request.headers {
        headers.set(name, value)?;
    }
    let mut init = RequestInit::new();
    init.with_method(Method::from(request.method.to_owned()))
        .with_headers(headers)
        .with_redirect(RequestRedirect::Manual);
    if !request.body.is_empty() {
        init.with_body(Some(JsValue::from_str(&request.body)));
    }
    Request::new_with_init(&request.url, &init)
}

/// Reads the body up to the limit and drops the rest. Bytes that are not UTF-8 are replaced.
async fn body(response: Response) -> Result<String, JsValue> {
    let Some(stream) = web_sys::Response::from(response).body() else {
        return Ok(String::new());
    };
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let mut bytes = Vec::new();
    while bytes.len() < BODY_BYTES_MAX {
        let read = JsFuture::from(reader.read()).await?;
        let chunk = Reflect::get(&read, &JsValue::from_str("value"))?;
        if chunk.is_undefined() {
            return Ok(String::from_utf8_lossy(&bytes).into_owned());
        }
        bytes.extend_from_slice(&chunk.unchecked_into::<Uint8Array>().to_vec());
    }
    // The rest is not needed, so the promise of the cancellation is ignored.
    drop(reader.cancel());
    bytes.truncate(BODY_BYTES_MAX);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Classifies an exception. A timeout throws a `TimeoutError`; any other exception, an object or a
/// plain string, means that there was no response.
fn failure(thrown: JsValue) -> HttpError {
    let field = |name: &str| {
        let value = Reflect::get(&thrown, &JsValue::from_str(name)).ok()?;
        value.dyn_into::<JsString>().ok().map(String::from)
    };
    match field("name").as_deref() {
        Some("TimeoutError" | "AbortError") => HttpError::TimedOut,
        _ => HttpError::Network(field("message").or(thrown.as_string()).unwrap_or_default()),
    }
}

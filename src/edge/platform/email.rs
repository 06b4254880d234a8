//! Cloudflare's e-mail binding behind the `Http` port: it takes an e-mail and returns a response,
//! as if it were called over HTTP.

use super::{Env, answer, binding, message};
use crate::providers::cloudflare::Mail;
use crate::providers::http::{HttpError, HttpResponse};
use js_sys::{Promise, Reflect};
use serde_json::{Value, json};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

const BINDING: &str = "EMAIL";

#[wasm_bindgen(module = "/src/edge/platform/calls.js")]
extern "C" {
    #[wasm_bindgen(js_name = sendMail)]
    fn send_mail(service: &JsValue, mail: &str) -> Promise;
}

/// Sends an e-mail. An exception of the binding becomes a response that contains its code.
pub async fn send(env: &Env, body: &str) -> Result<HttpResponse, HttpError> {
    let mail = serde_json::from_str(body);
    let mail: Mail = mail.map_err(|error| HttpError::Network(error.to_string()))?;
    let Ok(service) = binding(env, BINDING) else {
        return Ok(response(500, &json!({ "code": "E_NO_BINDING", "message": BINDING })));
    };
    Ok(match answer(send_mail(&service, &message_builder(&mail).to_string())).await {
        Ok(id) => response(200, &json!({ "id": id.as_string() })),
        Err(thrown) => {
            let code = Reflect::get(&thrown, &"code".into()).ok();
            let code = code.and_then(|code| code.as_string()).unwrap_or_default();
            response(500, &json!({ "code": code, "message": message(&thrown) }))
        }
    })
}

/// Returns the mail as the binding takes it (Cloudflare's `EmailMessageBuilder`).
fn message_builder(mail: &Mail) -> Value {
    let Mail { from_name, from, to, subject, html, text, headers } = mail;
    let from = match from_name.as_str() {
        "" => json!(from),
        name => json!({ "name": name, "email": from }),
    };
    json!({ "from": from, "to": to, "subject": subject, "html": html, "text": text,
            "headers": headers })
}

fn response(status: u16, body: &Value) -> HttpResponse {
    HttpResponse { status, headers: Vec::new(), body: body.to_string() }
}

//! Cloudflare's e-mail binding behind the `Http` port: it takes an e-mail and returns a response,
//! as if it were called over HTTP.

use crate::providers::cloudflare::Mail;
use crate::providers::http::{HttpError, HttpResponse};
use js_sys::{JsString, Object, Reflect};
use serde_json::json;
use wasm_bindgen::{JsCast, JsValue};
use worker::{EmailAddress, Env, Error, SendEmailBuilder};

const BINDING: &str = "EMAIL";

/// Sends an e-mail. An exception of the binding becomes a response that contains its code.
pub async fn send(env: &Env, body: &str) -> Result<HttpResponse, HttpError> {
    let broken = |error: String| HttpError::Network(error);
    let mail: Mail = serde_json::from_str(body).map_err(|error| broken(error.to_string()))?;
    let Ok(binding) = env.send_email(BINDING) else {
        return Ok(answer(500, json!({ "code": "E_NO_BINDING", "message": BINDING })));
    };
    let builder = builder(&mail).map_err(|error| broken(format!("{error:?}")))?;
    Ok(match binding.send_with_builder(&builder).await {
        Ok(sent) => answer(200, json!({ "id": sent.message_id() })),
        Err(error) => {
            let (code, message) = code_of(Error::from(error));
            answer(500, json!({ "code": code, "message": message }))
        }
    })
}

fn builder(mail: &Mail) -> Result<SendEmailBuilder, JsValue> {
    let builder = match mail.from_name.as_str() {
        "" => SendEmailBuilder::builder(&mail.from, &mail.to, &mail.subject),
        name => {
            let from = EmailAddress::new(name, &mail.from);
            SendEmailBuilder::builder_with_email_address_and_str(&from, &mail.to, &mail.subject)
        }
    };
    let headers = Object::new();
    for (name, value) in &mail.headers {
        let value = value.as_str().unwrap_or_default();
        Reflect::set(&headers, &JsValue::from_str(name), &JsValue::from_str(value))?;
    }
    let headers = headers.unchecked_into::<Object<JsString>>();
    Ok(builder.headers(&headers).text(&mail.text).html(&mail.html).build())
}

/// Returns the code and the message of an exception.
fn code_of(error: Error) -> (String, String) {
    match error {
        Error::EmailRecipientSuppressed(said) => ("E_RECIPIENT_SUPPRESSED".into(), said),
        Error::EmailRecipientNotAllowed(said) => ("E_RECIPIENT_NOT_ALLOWED".into(), said),
        Error::RateLimitExceeded(said) => ("E_RATE_LIMIT_EXCEEDED".into(), said),
        Error::DailyLimitExceeded(said) => ("E_DAILY_LIMIT_EXCEEDED".into(), said),
        Error::InternalError(said) => ("E_INTERNAL_SERVER_ERROR".into(), said),
        Error::UnknownJsError { code, message, .. } => (code.unwrap_or_default(), message),
        other => (String::new(), other.to_string()),
    }
}

fn answer(status: u16, body: serde_json::Value) -> HttpResponse {
    HttpResponse { status, headers: Vec::new(), body: body.to_string() }
}

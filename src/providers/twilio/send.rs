//! Twilio, for SMS: `POST https://api.twilio.com/2010-04-01/Accounts/<sid>/Messages.json`.
//!
//! It has no idempotency key: if its response is lost, it is unknown whether the message was sent.
//! It carries no metadata either, so the callback URL contains our message id.

use crate::providers::common::{
    accepted, basic, by_status, error_text, form, json, percent_encode, text,
};
use crate::providers::http::{HttpRequest, HttpResponse};
use crate::providers::sms_template::needs_template;
use crate::providers::{Content, Outgoing, SendResult};
use serde_json::Value;

#[derive(Clone)]
pub struct Account {
    /// The account's id, `AC…`.
    pub account_sid: String,
    /// The account's secret.
    pub auth_token: String,
    /// The number or messaging service (`MG…`) to send from.
    pub from: String,
    /// The base of the callback URL for delivery reports, to which the message id is added. Empty
    /// for no reports.
    pub reports_to: String,
}

/// Builds the request that sends an SMS; `None` for any other kind of message, and for a text that
/// needs a provider's template.
pub fn request(account: &Account, message: &Outgoing) -> Option<HttpRequest> {
    let Content::Sms { text } = &message.content else { return None };
    if needs_template(text) {
        return None;
    }
    let sender = if account.from.starts_with("MG") { "MessagingServiceSid" } else { "From" };
    let report = format!("{}?m={}", account.reports_to, percent_encode(message.id.as_str()));
    let mut fields = vec![("To", message.to.as_str()), (sender, &account.from), ("Body", text)];
    if !account.reports_to.is_empty() {
        fields.push(("StatusCallback", &report));
    }
    let sid = &account.account_sid;
    Some(HttpRequest {
        method: "POST",
        url: format!("https://api.twilio.com/2010-04-01/Accounts/{sid}/Messages.json"),
        headers: vec![
            ("authorization", basic(sid, &account.auth_token)),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ],
        body: form(fields),
    })
}

/// Interprets the response. Errors are `{ "code", "message", "status" }`.
pub fn send_result(response: &HttpResponse) -> SendResult {
    let body = json(response);
    if (200..=299).contains(&response.status) {
        return accepted(text(&body, "/sid"));
    }
    let code = body.get("code").and_then(Value::as_i64);
    let code = code.map(|code| code.to_string()).unwrap_or_default();
    by_status(response, error_text(response.status, &code, text(&body, "/message")))
}

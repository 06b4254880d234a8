//! Amazon SES, version 2, for e-mail: `POST /v2/email/outbound-emails` at the endpoint of a region.
//!
//! `SendEmail` has no idempotency token. Its bulk calls need templates that are stored at Amazon,
//! so each mail is sent in its own call (docs.aws.amazon.com/ses/latest/APIReference-V2).

use crate::providers::common::{
    MESSAGE_KEY, accepted, ascii_mailbox, by_status, error_text, json, tag, text,
};
use crate::providers::http::{HttpRequest, HttpResponse};
use crate::providers::sign::{Signed, amz_date, aws};
use crate::providers::{Call, Content, SendResult};
use serde_json::{Value, json};

const PATH: &str = "/v2/email/outbound-emails";

#[derive(Clone)]
pub struct Account {
    /// The id of the access key, `AKIA…`.
    pub key_id: String,
    /// The secret of the access key.
    pub secret: String,
    /// The region, such as `eu-west-1`.
    pub region: String,
    /// The configuration set that publishes events; empty for none.
    pub configuration_set: String,
}

/// Builds the request of a call; `None` for anything but e-mail.
pub fn request(account: &Account, call: Call<'_>) -> Option<HttpRequest> {
    let Content::Email { from, subject, html, text, headers } = &call.first.content else {
        return None;
    };
    let data = |data: &str| json!({ "Data": data, "Charset": "UTF-8" });
    let headers: Vec<Value> =
        headers.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
    let mut body = json!({
        "FromEmailAddress": ascii_mailbox(from),
        "Destination": { "ToAddresses": [call.first.to] },
        "Content": { "Simple": {
            "Subject": data(subject),
            "Body": { "Html": data(html), "Text": data(text) },
            "Headers": headers,
        } },
        "EmailTags": [{ "Name": MESSAGE_KEY, "Value": tag(&call.first.id) }],
    });
    if !account.configuration_set.is_empty() {
        body["ConfigurationSetName"] = account.configuration_set.as_str().into();
    }
    let (body, date) = (body.to_string(), amz_date(call.at));
    let host = format!("email.{}.amazonaws.com", account.region);
    let signed = Signed {
        method: "POST",
        path: PATH,
        query: "",
        headers: &[("content-type", "application/json"), ("host", &host), ("x-amz-date", &date)],
        body: &body,
    };
    let key = (account.key_id.as_str(), account.secret.as_str());
    let authorization = aws(&signed, key, (&account.region, "ses"), call.at);
    Some(HttpRequest {
        method: "POST",
        url: format!("https://{host}{PATH}"),
        headers: vec![
            ("content-type", "application/json".to_owned()),
            ("x-amz-date", date),
            ("authorization", authorization),
        ],
        body,
    })
}

/// Interprets the response. The error's name is in the header `x-amzn-errortype`, its text in
/// `message`.
pub fn send_result(response: &HttpResponse) -> SendResult {
    let body = json(response);
    if (200..=299).contains(&response.status) {
        return accepted(text(&body, "/MessageId"));
    }
    let header = response.headers.iter().find(|(name, _)| name == "x-amzn-errortype");
    // Sometimes `Name:http://…`.
    let name = header.map(|(_, value)| value.as_str()).unwrap_or_default();
    let name = name.split([':', ',']).next().unwrap_or_default();
    let message = [text(&body, "/message"), text(&body, "/Message")].concat();
    let reason = error_text(response.status, name, &message);
    match name {
        "TooManyRequestsException"
        | "ThrottlingException"
        | "Throttling"
        | "LimitExceededException" => SendResult::Busy { after: None, reason },
        "AccountSuspendedException" | "SendingPausedException" => SendResult::Stop(reason),
        // This campaign's sender is not verified; an operator can fix that.
        "MailFromDomainNotVerifiedException" => SendResult::Retry { after: None, reason },
        _ => by_status(response, reason),
    }
}

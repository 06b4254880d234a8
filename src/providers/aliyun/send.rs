//! Alibaba Cloud SMS: `SendSms` of `dysmsapi.aliyuncs.com`, signed with ACS3-HMAC-SHA256.
//!
//! The API has no idempotency key. Our message id travels as `OutId`
//! (help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2017-05-25-sendsms). `sms_template`
//! describes how a text is mapped to an approved template.

use crate::domain::base::primitives::Span;
use crate::domain::base::token::sha256_hex;
use crate::providers::common::{accepted, by_status, error_text, form, json, text};
use crate::providers::http::{HttpRequest, HttpResponse};
use crate::providers::sign::{Signed, aliyun, seconds_text};
use crate::providers::sms_template::{Filled, signature};
use crate::providers::{Call, Content, SendResult};
use serde_json::{Map, Value};

const HOST: &str = "dysmsapi.aliyuncs.com";

/// The wait after a phone number has reached its limit. The limits are per minute, per hour and per
/// day.
const LIMIT_WAIT: Span = Span::hours(1);

#[derive(Clone)]
pub struct Account {
    /// The id of the access key.
    pub key_id: String,
    /// The secret of the access key.
    pub secret: String,
    /// The approved signature for texts without one of their own.
    pub sign_name: String,
    /// The approved template for texts that name none.
    pub template: String,
    /// The only variable of that template.
    pub variable: String,
}

/// Builds the request that sends an SMS; `None` for any other kind of message.
pub fn request(account: &Account, call: Call<'_>) -> Option<HttpRequest> {
    let Content::Sms { text } = &call.first.content else { return None };
    let (brand, rest) = signature(text);
    let filled = Filled::read(rest).unwrap_or_else(|| Filled {
        template: &account.template,
        values: vec![(&account.variable, rest)],
    });
    let values: Map<String, Value> =
        filled.values.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    let values = Value::Object(values).to_string();
    // Sorted by name, as the signature requires.
    let query = form([
        ("OutId", call.first.id.as_str()),
        ("PhoneNumbers", &number(&call.first.to)),
        ("SignName", brand.unwrap_or(&account.sign_name)),
        ("TemplateCode", filled.template),
        ("TemplateParam", &values),
    ]);
    let (date, empty) = (seconds_text(call.at), sha256_hex(""));
    // A nonce must be new for each attempt; each attempt has a different time.
    let nonce = sha256_hex(&format!("{} {}", call.first.id, call.at.0));
    let signed = Signed {
        method: "POST",
        path: "/",
        query: &query,
        headers: &[
            ("host", HOST),
            ("x-acs-action", "SendSms"),
            ("x-acs-content-sha256", &empty),
            ("x-acs-date", &date),
            ("x-acs-signature-nonce", &nonce),
            ("x-acs-version", "2017-05-25"),
        ],
        body: "",
    };
    let authorization = aliyun(&signed, (&account.key_id, &account.secret));
    Some(HttpRequest {
        method: "POST",
        url: format!("https://{HOST}/?{query}"),
        headers: vec![
            ("x-acs-action", "SendSms".to_owned()),
            ("x-acs-content-sha256", empty),
            ("x-acs-date", date),
            ("x-acs-signature-nonce", nonce),
            ("x-acs-version", "2017-05-25".to_owned()),
            ("authorization", authorization),
        ],
        body: String::new(),
    })
}

/// Formats a number as Alibaba Cloud expects it: without the country code within China, elsewhere
/// with the country code but without the plus.
fn number(e164: &str) -> String {
    let number = e164.trim_start_matches('+');
    number.strip_prefix("86").filter(|rest| rest.len() == 11).unwrap_or(number).to_owned()
}

/// Interprets the response. Errors also come with status 200: `{ "Code", "Message", "BizId" }`
/// (help.aliyun.com/zh/sms/developer-reference/api-error-codes).
pub fn send_result(response: &HttpResponse) -> SendResult {
    let body = json(response);
    let code = text(&body, "/Code");
    let reason = error_text(code, "", text(&body, "/Message"));
    match code {
        "OK" => accepted(text(&body, "/BizId")),
        // An account problem: credit, contract, permissions, key, or the calling IP address.
        "isv.AMOUNT_NOT_ENOUGH"
        | "isv.BILLING_DEDUCTION_ERROR"
        | "isv.OUT_OF_SERVICE"
        | "isv.ACCOUNT_ABNORMAL"
        | "isv.ACCOUNT_NOT_EXISTS"
        | "isv.PRODUCT_UN_SUBSCRIPT"
        | "isv.PRODUCT_UNSUBSCRIBE"
        | "isv.RAM_CHECK_FAILED"
        | "isp.RAM_PERMISSION_DENY"
        | "isv.DENY_IP_RANGE"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature" => SendResult::Stop(reason),
        _ if code.starts_with("InvalidAccessKeyId") || code.starts_with("Forbidden") => {
            SendResult::Stop(reason)
        }
        // The account's own daily and monthly limits.
        "isv.DAY_LIMIT_CONTROL" | "isv.MONTH_LIMIT_CONTROL" => {
            SendResult::Busy { after: Some(LIMIT_WAIT), reason }
        }
        _ if code.starts_with("Throttling") => SendResult::Busy { after: None, reason },
        // This number has reached its limit per minute, hour or day.
        _ if code.contains("BUSINESS_LIMIT") => {
            SendResult::Retry { after: Some(LIMIT_WAIT), reason }
        }
        // The same request was made before; its outcome is unknown.
        "SignatureNonceUsed" => SendResult::Lost(reason),
        "ServiceUnavailable" | "InternalError" => SendResult::Lost(reason),
        _ if code.starts_with("isp.") => SendResult::Lost(reason),
        "" if (200..=299).contains(&response.status) => {
            SendResult::Lost("an answer without a code".to_owned())
        }
        "" => by_status(response, format!("status {}", response.status)),
        _ => SendResult::Refused(reason),
    }
}

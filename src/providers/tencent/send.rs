//! Tencent Cloud SMS: `SendSms` of `sms.tencentcloudapi.com`, signed with TC3-HMAC-SHA256.
//!
//! It has no idempotency key. Our message id travels as `SessionContext` but is not returned: a
//! later report is matched by its `SerialNo` (cloud.tencent.com/document/product/382/55981).
//! `sms_template` describes how a text is mapped to an approved template; here, values are matched
//! by order, not by name.

use crate::domain::base::primitives::Span;
use crate::providers::common::{accepted, by_status, error_text, json, text};
use crate::providers::http::{HttpRequest, HttpResponse};
use crate::providers::sign::{Signed, tencent};
use crate::providers::sms_template::{Filled, signature};
use crate::providers::{Call, Content, SendResult};
use serde_json::json;

const HOST: &str = "sms.tencentcloudapi.com";
const CONTENT_TYPE: &str = "application/json; charset=utf-8";

/// The wait after a phone number has reached its limit.
const LIMIT_WAIT: Span = Span::hours(1);

/// The wait during the night, from 22:00 to 8:00, when Tencent accepts no marketing. All attempts
/// together last longer than the night.
const NIGHT_WAIT: Span = Span::hours(2);

#[derive(Clone)]
pub struct Account {
    /// The id of the secret, `AKID…`.
    pub secret_id: String,
    pub secret_key: String,
    /// The SMS application, `1400…`.
    pub app_id: String,
    /// The region, such as `ap-guangzhou`.
    pub region: String,
    /// The approved signature for texts without one of their own.
    pub sign_name: String,
    /// The approved template for texts that name none; it has one variable.
    pub template: String,
}

/// Builds the request that sends an SMS; `None` for any other kind of message.
pub fn request(account: &Account, call: Call<'_>) -> Option<HttpRequest> {
    let Content::Sms { text } = &call.first.content else { return None };
    let (brand, rest) = signature(text);
    let filled = Filled::read(rest)
        .unwrap_or_else(|| Filled { template: &account.template, values: vec![("", rest)] });
    let values: Vec<&str> = filled.values.iter().map(|(_, value)| *value).collect();
    let body = json!({
        "PhoneNumberSet": [call.first.to],
        "SmsSdkAppId": account.app_id,
        "SignName": brand.unwrap_or(&account.sign_name),
        "TemplateId": filled.template,
        "TemplateParamSet": values,
        "SessionContext": call.first.id,
    });
    let body = body.to_string();
    let signed = Signed {
        method: "POST",
        path: "/",
        query: "",
        headers: &[("content-type", CONTENT_TYPE), ("host", HOST)],
        body: &body,
    };
    let key = (account.secret_id.as_str(), account.secret_key.as_str());
    let authorization = tencent(&signed, key, "sms", call.at);
    Some(HttpRequest {
        method: "POST",
        url: format!("https://{HOST}/"),
        headers: vec![
            ("content-type", CONTENT_TYPE.to_owned()),
            ("x-tc-action", "SendSms".to_owned()),
            ("x-tc-version", "2021-01-11".to_owned()),
            ("x-tc-region", account.region.clone()),
            ("x-tc-timestamp", call.at.0.div_euclid(1_000).to_string()),
            ("authorization", authorization),
        ],
        body,
    })
}

/// Interprets the response. Errors also come with status 200: those of the whole request in
/// `Error`, those of the number in `SendStatusSet` (cloud.tencent.com/document/product/382/59177).
pub fn send_result(response: &HttpResponse) -> SendResult {
    let body = json(response);
    let (error, status) = ("/Response/Error", "/Response/SendStatusSet/0");
    let place = if body.pointer(error).is_some() { error } else { status };
    let part = |name: &str| text(&body, &format!("{place}/{name}"));
    let code = part("Code");
    let reason = error_text(code, "", part("Message"));
    match code {
        "Ok" => accepted(part("SerialNo")),
        "" if (200..=299).contains(&response.status) => {
            SendResult::Lost("an answer without a code".to_owned())
        }
        "" => by_status(response, format!("status {}", response.status)),
        // An account problem: credit, application, permissions or key.
        "FailedOperation.InsufficientBalanceInSmsPackage"
        | "InvalidParameterValue.SdkAppIdNotExist"
        | "InvalidParameter.AppidAndBizId"
        | "InternalError.SigFieldMissing"
        | "InternalError.SigVerificationFail"
        | "IpInBlacklist"
        | "IpNotInWhitelist" => SendResult::Stop(reason),
        // The account may not send marketing; other messages are not affected.
        "UnauthorizedOperation.IndividualUserMarketingSmsPermissionDeny" => {
            SendResult::Retry { after: Some(LIMIT_WAIT), reason }
        }
        _ if code.starts_with("AuthFailure") || code.starts_with("UnauthorizedOperation") => {
            SendResult::Stop(reason)
        }
        "FailedOperation.MarketingSendTimeConstraint" => {
            SendResult::Retry { after: Some(NIGHT_WAIT), reason }
        }
        // This number has reached its limit.
        "LimitExceeded.DeliveryFrequencyLimit" => {
            SendResult::Retry { after: Some(LIMIT_WAIT), reason }
        }
        _ if code.starts_with("LimitExceeded.PhoneNumber") => {
            SendResult::Retry { after: Some(LIMIT_WAIT), reason }
        }
        // The application's own daily limit.
        _ if code.starts_with("LimitExceeded") => {
            SendResult::Busy { after: Some(LIMIT_WAIT), reason }
        }
        _ if code.starts_with("RequestLimitExceeded") => SendResult::Busy { after: None, reason },
        // Our clock is wrong; nothing was accepted.
        "InternalError.RequestTimeException" => SendResult::Busy { after: None, reason },
        "InternalError.JsonParseFail" => SendResult::Refused(reason),
        _ if code.starts_with("InternalError") => SendResult::Lost(reason),
        _ => SendResult::Refused(reason),
    }
}

//! Reads the bodies of requests. What cannot be read comes back as the reply that says why.

use crate::domain::base::diagnostic::brief;
use crate::domain::form::form_data::{BodyProblem, FORM_BODY_BYTES_MAX, FormData};
use crate::edge::http::request::{BodyError, Inbound};
use crate::edge::http::response::{self, Reply};
use crate::views::visitor::MessageKind;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Display;

/// The limit of a body that names a contact and little more, in bytes.
pub const QUESTION_BYTES_MAX: usize = 4_096;

/// The limit of a form with one checkbox, in bytes.
const CONFIRMATION_BYTES_MAX: usize = 1_024;

/// Reads a JSON body. For one of another form, the reply has the `title`, and `like` as an example.
pub async fn json<T: DeserializeOwned>(
    inbound: &Inbound,
    bytes_max: usize,
    title: &str,
    like: &str,
) -> Result<T, Reply> {
    let body = json_bytes(inbound, bytes_max).await?;
    serde_json::from_slice(&body).map_err(|error| not_like(title, like, &error))
}

/// Answers a body of another form than `like`.
pub fn not_like(title: &str, like: &str, error: &impl Display) -> Reply {
    let detail = format!("Send {like}: {}.", brief(error));
    Reply::problem(400, title, &detail, Value::Null)
}

/// Reads a JSON body without decoding it. The content type is required, because a form of another
/// site cannot set it.
pub async fn json_bytes(inbound: &Inbound, bytes_max: usize) -> Result<Vec<u8>, Reply> {
    if !inbound.brings_json() {
        let detail = "Send JSON, with the header `content-type: application/json`.";
        return Err(Reply::problem(415, "Unsupported content type", detail, Value::Null));
    }
    inbound.body(bytes_max).await.map_err(|error| match error {
        BodyError::TooLarge => {
            let detail = format!("The body is longer than {bytes_max} bytes. Send less at once.");
            Reply::problem(413, "Body too large", &detail, Value::Null)
        }
        BodyError::Broken => response::message(inbound, MessageKind::BadRequest),
    })
}

/// Reads a form of the web app. One that cannot be decoded counts as empty.
pub async fn web_app_form(inbound: &Inbound, bytes_max: usize) -> Result<FormData, Reply> {
    match inbound.body(bytes_max).await {
        Ok(body) => Ok(FormData::from_urlencoded(&body).unwrap_or_default()),
        Err(BodyError::TooLarge) => Err(response::message(inbound, MessageKind::TooLarge)),
        Err(BodyError::Broken) => Err(response::message(inbound, MessageKind::BadRequest)),
    }
}

/// Whether the confirmation box beside a button that cannot be undone was ticked.
pub async fn is_confirmed(inbound: &Inbound) -> bool {
    let body = inbound.body(CONFIRMATION_BYTES_MAX).await.unwrap_or_default();
    FormData::from_urlencoded(&body).is_ok_and(|form| form.first("sure") == Some("1"))
}

/// Reads the body of a form, or returns a reply that says what is wrong with it.
pub async fn form(inbound: &Inbound) -> Result<FormData, Reply> {
    let refuse = |inbound: &Inbound, problem: BodyProblem| {
        let kind = match problem {
            BodyProblem::TooLarge | BodyProblem::TooManyPairs => MessageKind::TooLarge,
            BodyProblem::Multipart | BodyProblem::UnknownType => MessageKind::UnsupportedType,
            _ => MessageKind::BadRequest,
        };
        response::message_with(inbound, kind, Some(&problem.message(inbound.language())))
    };
    let body = match inbound.body(FORM_BODY_BYTES_MAX).await {
        Ok(body) => body,
        Err(BodyError::TooLarge) => return Err(refuse(inbound, BodyProblem::TooLarge)),
        Err(BodyError::Broken) => return Err(response::message(inbound, MessageKind::BadRequest)),
    };
    FormData::from_body(inbound.header("content-type"), &body)
        .map_err(|problem| refuse(inbound, problem))
}

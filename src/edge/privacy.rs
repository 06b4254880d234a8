//! What an operator does about one person through the API: erase, merge.

use super::api::{QUESTION_BYTES_MAX, read_json, refuse_stranger, unavailable};
use super::app::App;
use super::inbound::Inbound;
use super::reply::Reply;
use crate::domain::problem::brief;
use crate::flows::erase::{self, NotErased};
use crate::flows::merge::{self, NotMerged};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Erases the contact with this id.
pub async fn erase_one(app: App, inbound: Inbound, id: &str) -> Reply {
    match refuse_stranger(&app, &inbound) {
        Some(refusal) => refusal,
        None => erase(app, inbound, id).await,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    contact: String,
}

/// Erases the contact that the body names: an address in a URL would end up in logs.
pub async fn erase_asked(app: App, mut inbound: Inbound) -> Reply {
    if let Some(refusal) = refuse_stranger(&app, &inbound) {
        return refusal;
    }
    match read::<Named>(&mut inbound, "{\"contact\": \"…\"}").await {
        Ok(named) => erase(app, inbound, &named.contact).await,
        Err(refusal) => refusal,
    }
}

async fn erase(mut app: App, inbound: Inbound, told: &str) -> Reply {
    let App { db, catalog, settings, now, ids, .. } = &mut app;
    match erase::erase(db, catalog, &settings.keys, told, *now, ids).await {
        Ok(erased) => Reply::json(200, &erased),
        Err(NotErased::Unknown(problem)) => {
            let more = json!({ "problems": [problem] });
            Reply::problem(404, "Nobody to erase", "Nothing has changed.", more)
        }
        Err(NotErased::Database(error)) => unavailable(&inbound, "erase", &error.to_string()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Into {
    into: String,
}

/// Merges the contact with this id into the one that the body names.
pub async fn merge_one(app: App, mut inbound: Inbound, id: &str) -> Reply {
    if let Some(refusal) = refuse_stranger(&app, &inbound) {
        return refusal;
    }
    match read::<Into>(&mut inbound, "{\"into\": \"…\"}").await {
        Ok(body) => merge(app, inbound, (id, &body.into)).await,
        Err(refusal) => refusal,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Two {
    contact: String,
    into: String,
}

/// Merges two contacts that the body names.
pub async fn merge_asked(app: App, mut inbound: Inbound) -> Reply {
    if let Some(refusal) = refuse_stranger(&app, &inbound) {
        return refusal;
    }
    match read::<Two>(&mut inbound, "{\"contact\": \"…\", \"into\": \"…\"}").await {
        Ok(two) => merge(app, inbound, (&two.contact, &two.into)).await,
        Err(refusal) => refusal,
    }
}

async fn merge(mut app: App, inbound: Inbound, told: (&str, &str)) -> Reply {
    let App { db, catalog, now, ids, .. } = &mut app;
    match merge::merge(db, catalog, told, *now, ids).await {
        Ok(merged) => Reply::json(200, &merged),
        Err(NotMerged::Unknown(problem)) => {
            let more = json!({ "problems": [problem] });
            Reply::problem(404, "Nobody to merge", "Nothing has changed.", more)
        }
        Err(NotMerged::Endless) => {
            let detail = "A decision about the merged contact would not end. Nothing has changed.";
            Reply::problem(422, "They cannot be merged", detail, Value::Null)
        }
        Err(NotMerged::Database(error)) => unavailable(&inbound, "merge", &error.to_string()),
    }
}

/// Reads a small body; `like` shows what it has to look like.
async fn read<T: DeserializeOwned>(inbound: &mut Inbound, like: &str) -> Result<T, Reply> {
    let body = read_json(inbound, QUESTION_BYTES_MAX).await?;
    serde_json::from_slice(&body).map_err(|error| {
        let detail = format!("Send {like}: {}.", brief(&error));
        Reply::problem(400, "Not understood", &detail, Value::Null)
    })
}

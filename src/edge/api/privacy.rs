//! The API for erasing and merging contacts, and for the restore hold.

use crate::domain::base::diagnostic::brief;
use crate::domain::sending::restore_guard::Resolution;
use crate::edge::api::{QUESTION_BYTES_MAX, read_json, unavailable};
use crate::edge::app::App;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::Reply;
use crate::flows::contact::erase::{self, NotErased};
use crate::flows::contact::merge::{self, NotMerged};
use crate::flows::send::restore_guard;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Erases the contact with this id.
pub async fn erase_one(app: App, inbound: Inbound, id: &str) -> Reply {
    erase(app, inbound, id).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    contact: String,
}

/// Erases the contact named in the body: an address in a URL would end up in logs.
pub async fn erase_asked(app: App, mut inbound: Inbound) -> Reply {
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
            Reply::problem(404, "Contact not found", "Nothing has changed.", more)
        }
        Err(NotErased::Database(error)) => unavailable(&inbound, "erase", &error.to_string()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Into {
    into: String,
}

/// Merges the contact with this id into the one named in the body.
pub async fn merge_one(app: App, mut inbound: Inbound, id: &str) -> Reply {
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

/// Merges the two contacts named in the body.
pub async fn merge_asked(app: App, mut inbound: Inbound) -> Reply {
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
            Reply::problem(404, "Contact not found", "Nothing has changed.", more)
        }
        Err(NotMerged::Endless) => {
            let detail = "A decision about the merged contact would not end. Nothing has changed.";
            Reply::problem(422, "They cannot be merged", detail, Value::Null)
        }
        Err(NotMerged::Database(error)) => unavailable(&inbound, "merge", &error.to_string()),
    }
}

/// Returns whether the database was restored, and which messages wait because of it.
pub async fn restore(app: App, inbound: Inbound) -> Reply {
    match restore_guard::state(&app.db).await {
        Ok(state) => Reply::json(200, &state),
        Err(error) => unavailable(&inbound, "restore", &error.to_string()),
    }
}

/// Decides what happens to the messages that wait.
pub async fn restore_say(app: App, inbound: Inbound, word: Resolution) -> Reply {
    match restore_guard::say(&app.db, word, app.now).await {
        Ok(before) => Reply::json(200, &before),
        Err(error) => unavailable(&inbound, "restore", &error.to_string()),
    }
}

/// Reads a small body; `like` is an example of its form for the error message.
async fn read<T: DeserializeOwned>(inbound: &mut Inbound, like: &str) -> Result<T, Reply> {
    let body = read_json(inbound, QUESTION_BYTES_MAX).await?;
    serde_json::from_slice(&body).map_err(|error| {
        let detail = format!("Send {like}: {}.", brief(&error));
        Reply::problem(400, "Not understood", &detail, Value::Null)
    })
}

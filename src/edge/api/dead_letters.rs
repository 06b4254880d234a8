//! Dead letters: list, show, replay, discard.

use crate::domain::base::primitives::Millis;
use crate::domain::operations::dead_letter::DeadVerb;
use crate::edge::app::{ALL_DEAD_LETTERS, App};
use crate::edge::http::body::{self, QUESTION_BYTES_MAX};
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::operations::dead_letters;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Lists the dead letters.
pub async fn list(app: App, inbound: Inbound) -> Reply {
    match dead_letters::list(&app.db).await {
        Ok((listed, totals)) => {
            let mut body = json!(totals);
            body["dead_letters"] = json!(listed);
            Reply::json(200, &body)
        }
        Err(error) => response::failed(&inbound, "dead_letters", &error),
    }
}

/// Returns one dead letter, with its whole task.
pub async fn show(app: App, inbound: Inbound, id: &str) -> Reply {
    match dead_letters::whole(&app.db, id).await {
        Ok(Some(dead_letter)) => Reply::json(200, &dead_letter),
        Ok(None) => unknown(),
        Err(error) => response::failed(&inbound, "dead_letters", &error),
    }
}

/// Replays or discards one, or all.
pub async fn act(mut app: App, inbound: Inbound, id: &str, verb: DeadVerb) -> Reply {
    let before = match read(&inbound).await {
        Ok(asked) => asked.before.map(|at| Millis(at.0.clamp(0, app.now.0.saturating_add(1)))),
        Err(refusal) => return refusal,
    };
    match verb {
        DeadVerb::Replay => match app.replay(id, before).await {
            Ok(Some(replayed)) => Reply::json(200, &replayed),
            Ok(None) => unknown(),
            Err(error) => response::failed(&inbound, "dead_letters", &error),
        },
        DeadVerb::Discard => match app.discard(id, before).await {
            Ok(0) if id != ALL_DEAD_LETTERS => unknown(),
            Ok(discarded) => Reply::json(200, &json!({ "discarded": discarded })),
            Err(error) => response::failed(&inbound, "dead_letters", &error),
        },
    }
}

fn unknown() -> Reply {
    let detail = "It is not there: it may have been replayed or discarded already.";
    Reply::problem(404, "No such dead letter", detail, Value::Null)
}

/// Limits `all` to those that were given up before a moment.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Asked {
    before: Option<Millis>,
}

async fn read(inbound: &Inbound) -> Result<Asked, Reply> {
    let (title, like) = ("Not a request", "{} or {\"before\": …}");
    // Serde would also read the struct from an array of one value.
    let map: Map<String, Value> = body::json(inbound, QUESTION_BYTES_MAX, title, like).await?;
    serde_json::from_value(map.into()).map_err(|error| body::not_like(title, like, &error))
}

//! Dead letters, in the API and in the web app.

use super::admin::{frame, is_sure};
use super::api::{QUESTION_BYTES_MAX, read_json, unavailable};
use super::app::App;
use crate::domain::base::diagnostic::brief;
use crate::domain::base::primitives::{Millis, Span};
use crate::domain::operations::dead_letter::{DeadVerb, FailedAgain, Replayed};
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::operations::dead_letters::{self, Desk, Discarded};
use crate::flows::ports::DatabaseError;
use crate::route::DeadRoute;
use crate::views::dead_letters::{DeadLettersView, dead_letters as list_page};
use crate::views::page::Section;
use crate::views::visitor::MessageKind;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Stands for all dead letters in place of an id.
const ALL: &str = "all";

/// Answers the requests about dead letters.
pub async fn answer(app: App, inbound: Inbound, found: DeadRoute<'_>) -> Reply {
    match found {
        DeadRoute::ApiList => list(app, inbound).await,
        DeadRoute::ApiOne(id) => one(app, inbound, id).await,
        DeadRoute::ApiSay(id, verb) => say(app, inbound, id, verb).await,
        DeadRoute::Page => page(app, inbound).await,
        DeadRoute::ByHand(id, verb) => by_hand(app, inbound, id, verb).await,
    }
}

/// Lists the dead letters.
async fn list(app: App, inbound: Inbound) -> Reply {
    match dead_letters::list(&app.db).await {
        Ok((letters, totals)) => {
            let mut body = json!(totals);
            body["dead_letters"] = json!(letters);
            Reply::json(200, &body)
        }
        Err(error) => unavailable(&inbound, "dead_letters", &error.to_string()),
    }
}

/// Returns one dead letter, with its whole task.
async fn one(app: App, inbound: Inbound, id: &str) -> Reply {
    match dead_letters::whole(&app.db, id).await {
        Ok(Some(letter)) => Reply::json(200, &letter),
        Ok(None) => unknown(),
        Err(error) => unavailable(&inbound, "dead_letters", &error.to_string()),
    }
}

fn unknown() -> Reply {
    let detail = "It is not there: it may have been replayed or discarded already.";
    Reply::problem(404, "No such dead letter", detail, Value::Null)
}

/// Replays or discards one, or all.
async fn say(mut app: App, mut inbound: Inbound, id: &str, verb: DeadVerb) -> Reply {
    /// The body: limits `all` to those that were given up before a moment.
    #[derive(Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Asked {
        before: Option<Millis>,
    }
    let body = match read_json(&mut inbound, QUESTION_BYTES_MAX).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    // Serde would also read the struct from an array of one value.
    let asked = serde_json::from_slice::<Map<String, Value>>(&body)
        .and_then(|map| serde_json::from_value::<Asked>(map.into()));
    let asked = match asked {
        Ok(asked) => asked,
        Err(error) => {
            let detail = format!("Send {{}} or {{\"before\": …}}: {}.", brief(&error));
            return Reply::problem(400, "Not a request", &detail, Value::Null);
        }
    };
    match verb {
        DeadVerb::Replay => match replay(&mut app, id, asked.before).await {
            Ok(Some(replayed)) => Reply::json(200, &replayed),
            Ok(None) => unknown(),
            Err(error) => unavailable(&inbound, "dead_letters", &error.to_string()),
        },
        DeadVerb::Discard => match discard(&app, id, asked.before).await {
            Ok(0) if id != ALL => unknown(),
            Ok(discarded) => Reply::json(200, &json!({ "discarded": discarded })),
            Err(error) => unavailable(&inbound, "dead_letters", &error.to_string()),
        },
    }
}

/// Replays one, or the next of all. Returns `None` if there is no such dead letter.
async fn replay(
    app: &mut App,
    id: &str,
    before: Option<Millis>,
) -> Result<Option<Replayed>, DatabaseError> {
    let App { db, catalog, settings, now, ids, .. } = app;
    let desk = Desk { db, catalog, keys: &settings.keys, now: *now };
    let said = match id {
        ALL => Some(desk.replay_next(before.unwrap_or(*now), ids).await?),
        id => desk.replay(id, ids).await?,
    };
    let Some((replayed, work)) = said else { return Ok(None) };
    app.hint(&work).await;
    Ok(Some(replayed))
}

/// Discards one, or all that were given up before a moment. Returns the number discarded.
async fn discard(app: &App, id: &str, before: Option<Millis>) -> Result<usize, DatabaseError> {
    let which = match id {
        // "All" includes those of this very moment.
        ALL => Discarded::Before(before.unwrap_or(app.now.plus(Span(1)))),
        id => Discarded::One(id),
    };
    dead_letters::discard(&app.db, which).await
}

async fn page(app: App, inbound: Inbound) -> Reply {
    show(&app, &inbound, "", 200).await
}

/// Executes the action of a button, then shows the list again.
async fn by_hand(mut app: App, mut inbound: Inbound, id: &str, verb: DeadVerb) -> Reply {
    let done = match verb {
        DeadVerb::Discard if !is_sure(&mut inbound).await => Ok(None),
        DeadVerb::Discard => discard(&app, id, None).await.map(|_| None),
        DeadVerb::Replay => replay(&mut app, id, None).await,
    };
    match done {
        Ok(Some(Replayed { failed, replayed, .. })) if !failed.is_empty() => {
            let all = failed.len();
            let FailedAgain { error, .. } = &failed[0];
            let said = inbound.language().pick(
                format!("Replayed: {replayed}. Failed again and kept: {all}, the first: {error}"),
                format!("已重放 {replayed} 条。{all} 条再次失败，仍保留，其中第一条：{error}"),
            );
            show(&app, &inbound, &said, 409).await
        }
        // A button that is pressed twice, or late, shows what is left.
        Ok(_) => {
            let language = inbound.language().tag();
            Reply::redirect(303, &format!("/admin/dead-letters?lang={language}"))
        }
        Err(error) => {
            response::log("dead_letters", &error.to_string());
            response::message(&inbound, MessageKind::Unavailable)
        }
    }
}

async fn show(app: &App, inbound: &Inbound, said: &str, status: u16) -> Reply {
    match dead_letters::list(&app.db).await {
        Ok((letters, totals)) => {
            let frame = frame(app, inbound, Section::DeadLetters);
            let view = DeadLettersView { frame, letters: &letters, totals: &totals, said };
            Reply::page(status, list_page(&view))
        }
        Err(error) => {
            response::log("dead_letters", &error.to_string());
            response::message(inbound, MessageKind::Unavailable)
        }
    }
}

//! Companies and their people; merging records of any kind but contacts.

use crate::domain::access::role::Action;
use crate::domain::base::primitives::{KindId, RecordId, uuid_time};
use crate::domain::kind::COMPANY;
use crate::edge::api::records;
use crate::edge::app::App;
use crate::edge::http::body::{self, QUESTION_BYTES_MAX};
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::contact::scope;
use crate::flows::record::companies::{self, AskedPosition, EVENTS_PER_PAGE, PEOPLE_PER_PAGE};
use crate::flows::record::edit::Editor;
use crate::route::companies::CompanyRoute;
use serde::Deserialize;
use serde_json::{Value, json};

/// The default number of people, or of events, of a page.
const USUAL: usize = 50;

/// Answers a call about companies.
pub async fn answer(app: App, inbound: Inbound, found: CompanyRoute<'_>) -> Reply {
    if let Some(refusal) = refuse(&app, found) {
        return refusal;
    }
    match found {
        CompanyRoute::People(id) => people(&app, &inbound, &RecordId::from(id)).await,
        CompanyRoute::SetPosition(id) => set_position(app, inbound, &RecordId::from(id)).await,
        CompanyRoute::EndPosition(id, contact) => {
            end_position(app, inbound, &RecordId::from(id), contact).await
        }
        CompanyRoute::Log(id) => log(&app, &inbound, &RecordId::from(id)).await,
        CompanyRoute::Merge(kind, id) => merge(app, inbound, &KindId::from(kind), id).await,
    }
}

/// Refuses a caller who may not do this to any record of the kind.
fn refuse(app: &App, found: CompanyRoute<'_>) -> Option<Reply> {
    match found {
        CompanyRoute::Merge(kind, _) => records::refuse(app, Action::Merge, &KindId::from(kind)),
        _ => records::refuse(app, Action::See, &KindId::from(COMPANY)),
    }
}

/// Reads the `limit` of a page.
fn limit(inbound: &Inbound, most: usize) -> Result<usize, Reply> {
    let asked = inbound.parameter("limit").map(|text| text.parse::<usize>());
    match asked.transpose() {
        Ok(asked) if asked.is_none_or(|asked| (1..=most).contains(&asked)) => {
            Ok(asked.unwrap_or(USUAL))
        }
        _ => {
            let detail = format!("`limit` is a whole number from 1 to {most}.");
            Err(Reply::problem(400, "Not understood", &detail, Value::Null))
        }
    }
}

async fn people(app: &App, inbound: &Inbound, company: &RecordId) -> Reply {
    let limit = match limit(inbound, PEOPLE_PER_PAGE) {
        Ok(limit) => limit,
        Err(refusal) => return refusal,
    };
    let after = inbound.parameter("after");
    match companies::people(&records::reader(app), company, after.as_deref(), limit).await {
        Ok(page) => Reply::json(200, &page),
        Err(error) => response::refused(inbound, "people", error),
    }
}

async fn log(app: &App, inbound: &Inbound, company: &RecordId) -> Reply {
    let limit = match limit(inbound, EVENTS_PER_PAGE) {
        Ok(limit) => limit,
        Err(refusal) => return refusal,
    };
    let after = inbound.parameter("after");
    match companies::log(&records::reader(app), company, after.as_deref(), limit).await {
        Ok(page) => Reply::json(200, &page),
        Err(error) => response::refused(inbound, "log", error),
    }
}

const LIKE_POSITION: &str = "{\"contact\": \"…\", \"role\": \"buyer\", \"stance\": 1}";

async fn set_position(mut app: App, inbound: Inbound, company: &RecordId) -> Reply {
    let read = body::json(&inbound, QUESTION_BYTES_MAX, "Not a position", LIKE_POSITION).await;
    let asked: AskedPosition = match read {
        Ok(asked) => asked,
        Err(refusal) => return refusal,
    };
    if let Err(refusal) = within(&app, &inbound, &asked.contact).await {
        return refusal;
    }
    let App { db, catalog, access, now, ids, .. } = &mut app;
    match companies::set_position(db, catalog, company, asked, access, *now, ids).await {
        Ok((position, work)) => {
            app.hint(&work).await;
            Reply::json(200, &position)
        }
        Err(error) => response::refused(&inbound, "position", error),
    }
}

async fn end_position(mut app: App, inbound: Inbound, company: &RecordId, contact: &str) -> Reply {
    if let Err(refusal) = within(&app, &inbound, contact).await {
        return refusal;
    }
    let App { db, catalog, access, now, ids, .. } = &mut app;
    match companies::end_position(db, catalog, company, contact, access, *now, ids).await {
        Ok((was_there, work)) => {
            app.hint(&work).await;
            Reply::json(200, &json!({ "ended": was_there }))
        }
        Err(error) => response::refused(&inbound, "position", error),
    }
}

/// Refuses a contact that the one who asks may not edit.
async fn within(app: &App, inbound: &Inbound, contact: &str) -> Result<(), Reply> {
    // Who does not see an address must not find a contact by it.
    let scope = match uuid_time(contact) {
        Some(_) => app.access.scope(Action::Edit, &KindId::contact()),
        None => app.access.clear_scope(Action::Edit, &KindId::contact()),
    };
    let checked = scope::check(&app.db, &scope, contact, app.now).await;
    checked.map_err(|error| response::refused(inbound, "contact", error))
}

/// A body that names the record that stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Survivor {
    into: RecordId,
}

async fn merge(mut app: App, inbound: Inbound, kind: &KindId, id: &str) -> Reply {
    let like = "{\"into\": \"…\"}";
    let Survivor { into } =
        match body::json(&inbound, QUESTION_BYTES_MAX, "Not understood", like).await {
            Ok(survivor) => survivor,
            Err(refusal) => return refusal,
        };
    let App { db, catalog, access, now, ids, .. } = &mut app;
    let editor = Editor { db, catalog, access, seal_key: None, now: *now };
    match editor.merge(kind, &RecordId::from(id), &into, ids).await {
        Ok(merged) => Reply::json(200, &merged).about(id, json!({ "into": merged.record })),
        Err(error) => response::refused(&inbound, "merge", error),
    }
}

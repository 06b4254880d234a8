//! Records of any kind: list, one, make, edit, erase.

use crate::domain::access::role::Action;
use crate::domain::base::diagnostic::{Problem, brief};
use crate::domain::base::primitives::{KindId, RecordId};
use crate::domain::campaign_file::filter;
use crate::domain::segment::Rule;
use crate::edge::api::{exports, imports, kinds, search};
use crate::edge::app::App;
use crate::edge::http::body::{self, QUESTION_BYTES_MAX};
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::edge::platform::d1::D1;
use crate::flows::record::edit::{self, EditError, Edited, Editor};
use crate::flows::record::explain;
use crate::flows::record::read::Reader;
use crate::route::RecordRoute;
use serde::Deserialize;
use serde_json::{Value, json};

/// The limit of an edit, in bytes: the largest value of a field is below a fifth of this.
const EDIT_BYTES_MAX: usize = 1_000_000;

/// The limit of a query, in bytes.
const QUERY_BYTES_MAX: usize = 30_000;

/// The default number of records of a page.
const RECORDS_USUAL: usize = 50;

/// A query: which records, and which page.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    /// A rule in the language of campaign files, as JSON.
    filter: Option<Value>,
    after: Option<RecordId>,
    limit: Option<usize>,
}

/// Answers a call about records, as far as the caller may see and change them.
pub async fn answer(app: App, inbound: Inbound, found: RecordRoute<'_>) -> Reply {
    match found {
        RecordRoute::List(kind) => list(&app, &inbound, &KindId::from(kind)).await,
        RecordRoute::Query(kind) => query(&app, &inbound, &KindId::from(kind)).await,
        RecordRoute::One(kind, id) => one(&app, &inbound, &KindId::from(kind), id).await,
        RecordRoute::Unmask(kind, id) => unmask(app, inbound, &KindId::from(kind), id).await,
        RecordRoute::Explain(kind, id) => explain(&app, &inbound, &KindId::from(kind), id).await,
        RecordRoute::Create(kind) => create(app, inbound, &KindId::from(kind)).await,
        RecordRoute::Edit(kind, id) => edit(app, inbound, &KindId::from(kind), id).await,
        RecordRoute::Search => search::answer(app, inbound).await,
        RecordRoute::Kind(found) => kinds::answer(app, inbound, found).await,
        RecordRoute::Import(found) => imports::answer(app, inbound, found).await,
        RecordRoute::Erase(kind, id) => erase(app, inbound, &KindId::from(kind), id).await,
        RecordRoute::Export(kind) => exports::answer(app, inbound, &KindId::from(kind)).await,
    }
}

/// Refuses a caller who may not do this to any record of the kind.
pub(super) fn refuse(app: &App, action: Action, kind: &KindId) -> Option<Reply> {
    if app.access.may(action, kind) {
        return None;
    }
    let detail = "None of your roles allows this for records of this kind. Ask an owner.";
    Some(Reply::problem(403, "Your roles do not allow this", detail, Value::Null))
}

async fn list(app: &App, inbound: &Inbound, kind: &KindId) -> Reply {
    let limit = inbound.parameter("limit").map(|text| text.parse::<usize>());
    let Ok(limit) = limit.transpose() else {
        let detail = "`limit` is a whole number from 1 to 200.";
        return Reply::problem(400, "Not understood", detail, Value::Null);
    };
    let after = inbound.parameter("after").map(RecordId);
    page(app, inbound, kind, Query { filter: None, after, limit }).await
}

async fn query(app: &App, inbound: &Inbound, kind: &KindId) -> Reply {
    let like = "{\"filter\": {\"attribute\": \"city\", \"is\": \"Bonn\"}}";
    match body::json(inbound, QUERY_BYTES_MAX, "Not a query", like).await {
        Ok(query) => page(app, inbound, kind, query).await,
        Err(refusal) => refusal,
    }
}

async fn page(app: &App, inbound: &Inbound, kind: &KindId, query: Query) -> Reply {
    if let Some(refusal) = refuse(app, Action::See, kind) {
        return refusal;
    }
    let rule = query.filter.map_or(Ok(Rule::All(Vec::new())), |rule| filter(kind, &rule));
    let rule = match rule {
        Ok(rule) => rule,
        Err(problems) => {
            let detail = "Write a rule as in a campaign file, as JSON.";
            let more = json!({ "problems": problems });
            return Reply::problem(422, "The filter is wrong", detail, more);
        }
    };
    let limit = query.limit.unwrap_or(RECORDS_USUAL);
    match reader(app).list(kind, &rule, query.after.as_ref(), limit).await {
        Ok(page) => Reply::json(200, &page),
        Err(error) => response::refused(inbound, "records", error),
    }
}

pub(super) fn reader(app: &App) -> Reader<'_, D1> {
    let App { db, catalog, access, now, .. } = app;
    Reader { db, catalog, access, now: *now }
}

async fn one(app: &App, inbound: &Inbound, kind: &KindId, id: &str) -> Reply {
    if let Some(refusal) = refuse(app, Action::See, kind) {
        return refusal;
    }
    match reader(app).one(kind, &RecordId::from(id)).await {
        Ok(found) => Reply::json(200, &found),
        Err(error) => response::refused(inbound, "record", error),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Masked {
    field: String,
}

/// Shows the whole value of a masked field.
async fn unmask(mut app: App, inbound: Inbound, kind: &KindId, id: &str) -> Reply {
    if let Some(refusal) = refuse(&app, Action::Unmask, kind) {
        return refusal;
    }
    let like = "{\"field\": \"email\"}";
    let Masked { field } =
        match body::json(&inbound, QUESTION_BYTES_MAX, "Not understood", like).await {
            Ok(masked) => masked,
            Err(refusal) => return refusal,
        };
    let App { db, catalog, access, settings, now, ids, .. } = &mut app;
    let reader = Reader { db, catalog, access, now: *now };
    let id = RecordId::from(id);
    match reader.unmask(kind, &id, &field, &settings.seal_keys, ids).await {
        Ok(value) => Reply::json(200, &json!({ "field": field, "value": value })),
        Err(error) => response::refused(&inbound, "unmask", error),
    }
}

async fn explain(app: &App, inbound: &Inbound, kind: &KindId, id: &str) -> Reply {
    if kind.is_contact() {
        let detail =
            format!("Contacts are explained by `/api/v1/contacts/{}/explain`.", brief(&id));
        return Reply::problem(409, "Not in this way", &detail, Value::Null);
    }
    if let Some(refusal) = refuse(app, Action::See, kind) {
        return refusal;
    }
    let id = RecordId::from(id);
    match explain::explain(&reader(app), kind, &id, inbound.language()).await {
        Ok(explanation) => Reply::json(200, &explanation),
        Err(error) => response::refused(inbound, "explain", error),
    }
}

const LIKE_EDIT: &str = "{\"fields\": {\"name\": \"Larkspan\"}}";

async fn create(mut app: App, inbound: Inbound, kind: &KindId) -> Reply {
    if let Some(refusal) = refuse(&app, Action::Create, kind) {
        return refusal;
    }
    let asked = match body::json(&inbound, EDIT_BYTES_MAX, "Not a record", LIKE_EDIT).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal,
    };
    let App { db, catalog, access, settings, now, ids, .. } = &mut app;
    let seal_key = settings.seal_keys.first();
    let made = Editor { db, catalog, access, seal_key, now: *now }.create(kind, asked, ids).await;
    edited(&app, &inbound, kind, made).await
}

async fn edit(mut app: App, inbound: Inbound, kind: &KindId, id: &str) -> Reply {
    if let Some(refusal) = refuse(&app, Action::Edit, kind) {
        return refusal;
    }
    let asked = match body::json(&inbound, EDIT_BYTES_MAX, "Not an edit", LIKE_EDIT).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal,
    };
    let App { db, catalog, access, settings, now, ids, .. } = &mut app;
    let (id, seal_key) = (RecordId::from(id), settings.seal_keys.first());
    let done =
        Editor { db, catalog, access, seal_key, now: *now }.edit(kind, &id, asked, ids).await;
    edited(&app, &inbound, kind, done).await
}

async fn edited(
    app: &App,
    inbound: &Inbound,
    kind: &KindId,
    done: Result<Edited, EditError>,
) -> Reply {
    let Edited { record, is_new, work } = match done {
        Ok(edited) => edited,
        Err(EditError::Flow(error)) => return response::refused(inbound, "edit", error),
        Err(EditError::Fields(problems)) => {
            let detail = "Nothing has changed. Correct the listed fields and send all again.";
            let more = json!({ "problems": edit::problems(&problems) });
            return Reply::problem(422, "Some fields are wrong", detail, more);
        }
        Err(EditError::NotAllowed(problems)) => {
            let detail = "Nothing has changed. Leave the listed fields out, or ask an owner.";
            let more = json!({ "problems": edit::problems(&problems) });
            return Reply::problem(403, "Not allowed", detail, more);
        }
        Err(EditError::Conflicts(conflicts)) => {
            let detail = "Nothing has changed. Look at the listed fields, and decide again.";
            let problems: Vec<Problem> = conflicts.iter().map(edit::conflict_problem).collect();
            let more = json!({ "problems": problems, "conflicts": conflicts });
            return Reply::problem(409, "Conflict", detail, more);
        }
    };
    app.hint(&work).await;
    let Some(kind) = app.catalog.kind(kind) else { return response::unavailable(inbound) };
    let status = if is_new { 201 } else { 200 };
    match app.access.show(kind, &record, app.now) {
        Some(shown) => Reply::json(status, &shown),
        // It was given to somebody else.
        None => Reply::json(status, &json!({ "id": record.id, "kind": record.kind })),
    }
}

async fn erase(mut app: App, inbound: Inbound, kind: &KindId, id: &str) -> Reply {
    if let Some(refusal) = refuse(&app, Action::Erase, kind) {
        return refusal;
    }
    if kind.is_contact() {
        let detail = format!("Contacts are erased by `/api/v1/contacts/{}/erase`.", brief(&id));
        return Reply::problem(409, "Not in this way", &detail, Value::Null);
    }
    let App { db, catalog, access, now, ids, .. } = &mut app;
    let id = RecordId::from(id);
    match (Editor { db, catalog, access, seal_key: None, now: *now }).erase(kind, &id, ids).await {
        Ok(()) => Reply::json(200, &json!({ "erased": id })),
        Err(error) => response::refused(&inbound, "erase", error),
    }
}

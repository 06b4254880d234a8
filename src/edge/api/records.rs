//! Records of any kind: list, one, make, edit, erase.

use crate::domain::access::role::Action;
use crate::domain::base::diagnostic::{Problem, brief};
use crate::domain::base::primitives::{KindId, RecordId};
use crate::domain::campaign_file::filter;
use crate::domain::segment::Rule;
use crate::edge::api::{exports, imports, kinds};
use crate::edge::app::App;
use crate::edge::http::body;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::record::edit::{self, EditError, Edited, Editor};
use crate::flows::record::read;
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

/// Answers a call about records.
pub async fn answer(app: App, inbound: Inbound, found: RecordRoute<'_>) -> Reply {
    if let Some(refusal) = refuse(&app, found) {
        return refusal;
    }
    match found {
        RecordRoute::List(kind) => list(&app, &inbound, &KindId::from(kind)).await,
        RecordRoute::Query(kind) => query(&app, &inbound, &KindId::from(kind)).await,
        RecordRoute::One(kind, id) => one(&app, &inbound, &KindId::from(kind), id).await,
        RecordRoute::Create(kind) => create(app, inbound, &KindId::from(kind)).await,
        RecordRoute::Edit(kind, id) => edit(app, inbound, &KindId::from(kind), id).await,
        RecordRoute::Kind(found) => kinds::answer(app, inbound, found).await,
        RecordRoute::Import(found) => imports::answer(app, inbound, found).await,
        RecordRoute::Erase(kind, id) => erase(app, inbound, &KindId::from(kind), id).await,
        RecordRoute::Export(kind) => exports::answer(app, inbound, &KindId::from(kind)).await,
    }
}

/// Refuses a caller who may not do this to every record of the kind, or may not see all of its
/// fields in full: these answers have no masks.
fn refuse(app: &App, found: RecordRoute<'_>) -> Option<Reply> {
    let (action, kind) = match found {
        // An export is limited to the scope, and has masks.
        RecordRoute::Kind(_) | RecordRoute::Import(_) | RecordRoute::Export(_) => return None,
        RecordRoute::List(kind) | RecordRoute::Query(kind) => (Action::See, kind),
        RecordRoute::One(kind, _) => (Action::See, kind),
        RecordRoute::Create(kind) => (Action::Create, kind),
        RecordRoute::Edit(kind, _) => (Action::Edit, kind),
        RecordRoute::Erase(kind, _) => (Action::Erase, kind),
    };
    let id = KindId::from(kind);
    let fields = app.catalog.kind(&id).map(|kind| kind.fields.clone()).unwrap_or_default();
    if app.access.may_all(action, &id, &fields) {
        return None;
    }
    let detail = format!(
        "It needs a role that may do this to every {} and sees all fields. Ask an owner.",
        brief(&kind)
    );
    Some(Reply::problem(403, "Not allowed", &detail, Value::Null))
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
    let App { db, catalog, now, .. } = app;
    match read::list(db, catalog, kind, &rule, query.after, limit, *now).await {
        Ok(page) => {
            let Some(kind) = catalog.kind(kind) else { return response::unavailable(inbound) };
            let rows = page.records.iter().map(|row| read::shown_row(kind, row));
            let rows: Vec<_> = rows.collect();
            Reply::json(200, &json!({ "records": rows, "next": page.next }))
        }
        Err(error) => response::refused(inbound, "records", error),
    }
}

async fn one(app: &App, inbound: &Inbound, kind: &KindId, id: &str) -> Reply {
    let App { db, catalog, now, .. } = app;
    match read::found(db, catalog, kind, &RecordId::from(id), *now).await {
        Ok(found) => {
            let Some(kind) = catalog.kind(kind) else { return response::unavailable(inbound) };
            let mut shown = read::shown(kind, &found.record);
            shown["log"] = json!(found.log);
            Reply::json(200, &shown)
        }
        Err(error) => response::refused(inbound, "record", error),
    }
}

const LIKE_EDIT: &str = "{\"fields\": {\"name\": \"Larkspan\"}}";

async fn create(mut app: App, inbound: Inbound, kind: &KindId) -> Reply {
    let asked = match body::json(&inbound, EDIT_BYTES_MAX, "Not a record", LIKE_EDIT).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal,
    };
    let by = app.access.actor().clone();
    let App { db, catalog, now, ids, .. } = &mut app;
    let made = Editor { db, catalog, by: &by, now: *now }.create(kind, asked, ids).await;
    edited(&app, &inbound, kind, made).await
}

async fn edit(mut app: App, inbound: Inbound, kind: &KindId, id: &str) -> Reply {
    let asked = match body::json(&inbound, EDIT_BYTES_MAX, "Not an edit", LIKE_EDIT).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal,
    };
    let by = app.access.actor().clone();
    let App { db, catalog, now, ids, .. } = &mut app;
    let id = RecordId::from(id);
    let done = Editor { db, catalog, by: &by, now: *now }.edit(kind, &id, asked, ids).await;
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
        Err(EditError::Conflicts(conflicts)) => {
            let detail = "Nothing has changed. Look at the listed fields, and decide again.";
            let problems: Vec<Problem> = conflicts.iter().map(edit::conflict_problem).collect();
            let more = json!({ "problems": problems, "conflicts": conflicts });
            return Reply::problem(409, "Conflict", detail, more);
        }
    };
    app.hint(&work).await;
    match app.catalog.kind(kind) {
        Some(kind) => Reply::json(if is_new { 201 } else { 200 }, &read::shown(kind, &record)),
        None => response::unavailable(inbound),
    }
}

async fn erase(mut app: App, inbound: Inbound, kind: &KindId, id: &str) -> Reply {
    if kind.is_contact() {
        let detail = format!("Contacts are erased by `/api/v1/contacts/{}/erase`.", brief(&id));
        return Reply::problem(409, "Not in this way", &detail, Value::Null);
    }
    let by = app.access.actor().clone();
    let App { db, catalog, now, ids, .. } = &mut app;
    let id = RecordId::from(id);
    match (Editor { db, catalog, by: &by, now: *now }).erase(kind, &id, ids).await {
        Ok(()) => Reply::json(200, &json!({ "erased": id })),
        Err(error) => response::refused(&inbound, "erase", error),
    }
}

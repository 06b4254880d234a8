//! Static lists: all, one, make, rename, delete, and their members.

use crate::domain::access::rights::Scope;
use crate::domain::access::role::Action;
use crate::domain::base::primitives::{KindId, ListId};
use crate::edge::api::records;
use crate::edge::app::App;
use crate::edge::http::body::{self, QUESTION_BYTES_MAX};
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::list::members::{self, CHANGED_MAX};
use crate::flows::list::{self, deletion};
use crate::route::ListRoute;
use crate::store::lists::ListRow;
use serde_json::{Value, json};

/// The limit of a description of a list, in bytes: its texts in any language.
const LIST_BYTES_MAX: usize = 4 * QUESTION_BYTES_MAX;

/// The limit of a change of members, in bytes.
const CHANGE_BYTES_MAX: usize = CHANGED_MAX * 400;

/// The default number of lists or members of a page.
const PAGE_USUAL: usize = 50;

/// Answers a call about lists.
pub async fn answer(app: App, inbound: Inbound, found: ListRoute<'_>) -> Reply {
    match found {
        ListRoute::All => all(&app, &inbound).await,
        ListRoute::Create => create(&app, &inbound).await,
        ListRoute::One(id) => match list::one(&app.db, &ListId::from(id)).await {
            Ok(list) => Reply::json(200, &shown(&app, &list)),
            Err(error) => response::refused(&inbound, "lists", error),
        },
        ListRoute::Edit(id) => edit(&app, &inbound, id).await,
        ListRoute::Delete(id) => {
            match deletion::delete(&app.db, &ListId::from(id), app.now).await {
                Ok(()) => Reply::json(200, &json!({ "deleted": id })),
                Err(error) => response::refused(&inbound, "lists", error),
            }
        }
        ListRoute::Members(id) => page(&app, &inbound, id).await,
        ListRoute::Change(id) => change(app, inbound, id).await,
    }
}

/// Returns a list as the API shows it. How many members it has is only for those who may see all
/// contacts.
fn shown(app: &App, list: &ListRow) -> Value {
    let sees_all = app.access.scope(Action::See, &KindId::contact()) == Scope::All;
    json!({
        "id": list.id, "name": list.name, "description": list.description,
        "members": sees_all.then_some(list.members), "created_at": list.created_at.rfc3339(),
        "created_by": list.created_by, "deleting": list.deleted_at.is_some(),
    })
}

/// Returns where a page begins and how many rows it has at most, or the reply that refuses it.
fn range(inbound: &Inbound) -> Result<(String, usize), Reply> {
    let limit = inbound.parameter("limit").map(|text| text.parse::<usize>());
    match limit.transpose() {
        Ok(limit) => {
            let after = inbound.parameter("after").unwrap_or_default();
            Ok((after, limit.unwrap_or(PAGE_USUAL)))
        }
        Err(_) => {
            let detail = "`limit` is a whole number from 1 to 200.";
            Err(Reply::problem(400, "Not understood", detail, Value::Null))
        }
    }
}

async fn all(app: &App, inbound: &Inbound) -> Reply {
    let (after, limit) = match range(inbound) {
        Ok(range) => range,
        Err(refusal) => return refusal,
    };
    match list::page(&app.db, &after, limit).await {
        Ok((lists, next)) => {
            let lists: Vec<Value> = lists.iter().map(|list| shown(app, list)).collect();
            Reply::json(200, &json!({ "lists": lists, "next": next }))
        }
        Err(error) => response::failed(inbound, "lists", &error),
    }
}

async fn create(app: &App, inbound: &Inbound) -> Reply {
    let like = "{\"id\": \"vip\", \"name\": \"VIP customers\"}";
    let asked = match body::json(inbound, LIST_BYTES_MAX, "Not a list", like).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal,
    };
    match list::create(&app.db, &asked, app.access.actor(), app.now).await {
        Ok(list) => Reply::json(201, &shown(app, &list)).about(list.id.as_str(), Value::Null),
        Err(error) => response::refused(inbound, "lists", error),
    }
}

async fn edit(app: &App, inbound: &Inbound, id: &str) -> Reply {
    let like = "{\"name\": \"VIP customers\"}";
    let asked = match body::json(inbound, LIST_BYTES_MAX, "Not an edit", like).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal,
    };
    match list::edit(&app.db, &ListId::from(id), &asked).await {
        Ok(list) => Reply::json(200, &shown(app, &list)),
        Err(error) => response::refused(inbound, "lists", error),
    }
}

async fn page(app: &App, inbound: &Inbound, id: &str) -> Reply {
    let (after, limit) = match range(inbound) {
        Ok(range) => range,
        Err(refusal) => return refusal,
    };
    match members::page(&records::reader(app), &ListId::from(id), &after, limit).await {
        Ok((members, next)) => Reply::json(200, &json!({ "members": members, "next": next })),
        Err(error) => response::refused(inbound, "lists", error),
    }
}

async fn change(mut app: App, inbound: Inbound, id: &str) -> Reply {
    let like = "{\"add\": [\"ann@example.com\"], \"source\": \"fair 2026\"}";
    let asked = match body::json(&inbound, CHANGE_BYTES_MAX, "Not a change", like).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal,
    };
    let App { db, catalog, access, now, ids, .. } = &mut app;
    let done = members::change(db, catalog, access, &ListId::from(id), &asked, *now, ids).await;
    match done {
        Ok((changed, work)) => {
            app.hint(&work).await;
            let detail = json!({ "added": changed.added, "removed": changed.removed });
            Reply::json(200, &changed).about(id, detail)
        }
        Err(error) => response::refused(&inbound, "lists", error),
    }
}

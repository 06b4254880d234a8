//! Contacts: explain, consent ledger, erase, merge. A contact is named by its id in the path,
//! or by an address in the body: an address in a URL would end up in logs.

use crate::domain::access::rights::Scope;
use crate::domain::access::role::Action;
use crate::domain::base::primitives::{KindId, RecordId};
use crate::edge::app::App;
use crate::edge::http::body::{self, QUESTION_BYTES_MAX};
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::contact::explain::{self, Question};
use crate::flows::contact::{consent_ledger, erase, merge, scope};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Explains why a contact, named by its id, is where it is.
pub async fn explain(app: App, inbound: Inbound, id: &str) -> Reply {
    let question = Question {
        contact: id.to_owned(),
        journey: inbound.parameter("journey"),
        segment: inbound.parameter("segment"),
        message: inbound.parameter("message"),
        broadcast: inbound.parameter("broadcast"),
    };
    explain_answer(&app, &inbound, &question).await
}

/// Explains the contact that is named in the body.
pub async fn explain_named(app: App, inbound: Inbound) -> Reply {
    let like = "{\"contact\": \"…\"}";
    match body::json(&inbound, QUESTION_BYTES_MAX, "Not a question", like).await {
        Ok(question) => explain_answer(&app, &inbound, &question).await,
        Err(refusal) => refusal,
    }
}

async fn explain_answer(app: &App, inbound: &Inbound, question: &Question) -> Reply {
    // An explanation quotes the values of fields.
    let scope = app.access.clear_scope(Action::See, &KindId::contact());
    if let Err(refusal) = within(app, inbound, &scope, &question.contact).await {
        return refusal;
    }
    let flow = explain::explain(&app.db, &app.catalog, question, app.now, inbound.language());
    match flow.await {
        Ok(explanation) => Reply::json(200, &explanation),
        Err(error) => response::refused(inbound, "explain", error),
    }
}

/// A body that names a contact.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    contact: String,
}

const LIKE_NAMED: &str = "{\"contact\": \"…\"}";

/// Returns the consent ledger of the contact with this id.
pub async fn consents(app: App, inbound: Inbound, id: &str) -> Reply {
    let scope = app.access.clear_scope(Action::See, &KindId::contact());
    if let Err(refusal) = within(&app, &inbound, &scope, id).await {
        return refusal;
    }
    match consent_ledger::ledger(&app.db, id, app.now).await {
        Ok(ledger) => Reply::json(200, &ledger).about(ledger.contact.as_str(), Value::Null),
        Err(error) => response::refused(&inbound, "consents", error),
    }
}

/// Returns the consent ledger of the contact that is named in the body.
pub async fn consents_named(app: App, inbound: Inbound) -> Reply {
    match read::<Named>(&inbound, LIKE_NAMED).await {
        Ok(named) => consents(app, inbound, &named.contact).await,
        Err(refusal) => refusal,
    }
}

/// Erases the contact with this id.
pub async fn erase(mut app: App, inbound: Inbound, id: &str) -> Reply {
    let scope = app.access.scope(Action::Erase, &KindId::contact());
    if let Err(refusal) = within(&app, &inbound, &scope, id).await {
        return refusal;
    }
    let App { db, catalog, settings, now, ids, .. } = &mut app;
    match erase::erase(db, catalog, &settings.keys, id, *now, ids).await {
        Ok(erased) => {
            let object = erased.contact.as_ref().map_or("", RecordId::as_str);
            Reply::json(200, &erased).about(object, Value::Null)
        }
        Err(error) => response::refused(&inbound, "erase", error),
    }
}

/// Erases the contact that is named in the body.
pub async fn erase_named(app: App, inbound: Inbound) -> Reply {
    match read::<Named>(&inbound, LIKE_NAMED).await {
        Ok(named) => erase(app, inbound, &named.contact).await,
        Err(refusal) => refusal,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Survivor {
    into: String,
}

/// Merges the contact with this id into the one that is named in the body.
pub async fn merge(app: App, inbound: Inbound, id: &str) -> Reply {
    match read::<Survivor>(&inbound, "{\"into\": \"…\"}").await {
        Ok(survivor) => merge_both(app, inbound, id, &survivor.into).await,
        Err(refusal) => refusal,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Both {
    contact: String,
    into: String,
}

/// Merges the two contacts that are named in the body.
pub async fn merge_named(app: App, inbound: Inbound) -> Reply {
    match read::<Both>(&inbound, "{\"contact\": \"…\", \"into\": \"…\"}").await {
        Ok(both) => merge_both(app, inbound, &both.contact, &both.into).await,
        Err(refusal) => refusal,
    }
}

async fn merge_both(mut app: App, inbound: Inbound, from: &str, into: &str) -> Reply {
    let scope = app.access.scope(Action::Merge, &KindId::contact());
    for named in [from, into] {
        if let Err(refusal) = within(&app, &inbound, &scope, named).await {
            return refusal;
        }
    }
    let App { db, catalog, now, ids, .. } = &mut app;
    match merge::merge(db, catalog, from, into, *now, ids).await {
        Ok(merged) => {
            let detail = json!({ "merged": merged.merged });
            Reply::json(200, &merged).about(merged.contact.as_str(), detail)
        }
        Err(error) => response::refused(&inbound, "merge", error),
    }
}

/// Refuses a contact that is outside the scope.
async fn within(app: &App, inbound: &Inbound, scope: &Scope, named: &str) -> Result<(), Reply> {
    let checked = scope::check(&app.db, scope, named, app.now).await;
    checked.map_err(|error| response::refused(inbound, "contact", error))
}

async fn read<T: DeserializeOwned>(inbound: &Inbound, like: &str) -> Result<T, Reply> {
    body::json(inbound, QUESTION_BYTES_MAX, "Not understood", like).await
}

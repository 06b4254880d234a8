//! Kinds of records: list, one, publish, and what publishing would do.

use crate::domain::base::primitives::KindId;
use crate::domain::kind::{KIND_BYTES_MAX, Kind};
use crate::edge::app::App;
use crate::edge::http::body;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::error::FlowError;
use crate::flows::record::{edit, kinds};
use crate::route::KindRoute;
use serde_json::json;

/// Answers a call about kinds.
pub async fn answer(app: App, inbound: Inbound, found: KindRoute<'_>) -> Reply {
    match found {
        KindRoute::List => match kinds::all_kinds(&app.db).await {
            Ok(all) => {
                let all: Vec<&Kind> = all.all().map(|kind| &**kind).collect();
                Reply::json(200, &json!({ "kinds": all }))
            }
            Err(error) => response::failed(&inbound, "kinds", &error),
        },
        KindRoute::One(id) => match edit::kind_of(&app.catalog, &KindId::from(id)) {
            Ok(kind) => Reply::json(200, kind),
            Err(error) => response::refused(&inbound, "kind", error),
        },
        KindRoute::Publish => publish(&app, &inbound).await,
        KindRoute::Diff => match read(&inbound).await {
            Ok(kind) => answered(&inbound, kinds::preview(&app.db, &kind).await),
            Err(refusal) => refusal,
        },
    }
}

async fn publish(app: &App, inbound: &Inbound) -> Reply {
    let kind = match read(inbound).await {
        Ok(kind) => kind,
        Err(refusal) => return refusal,
    };
    let published = kinds::publish(&app.db, &kind, app.now).await;
    if published.is_ok() {
        app.refresh("kind.copy").await;
    }
    answered(inbound, published)
}

async fn read(inbound: &Inbound) -> Result<Kind, Reply> {
    let like = "{\"id\": \"deal\", \"label\": {\"en\": \"Deal\"}, \"title\": \"name\", \
                \"fields\": [{\"name\": \"name\", \"kind\": \"text\"}]}";
    body::json(inbound, 2 * KIND_BYTES_MAX, "Not a kind", like).await
}

fn answered(inbound: &Inbound, published: Result<kinds::Published, FlowError>) -> Reply {
    match published {
        Ok(published) => Reply::json(200, &published),
        Err(error) => response::refused(inbound, "kind", error),
    }
}

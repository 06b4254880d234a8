//! The health of the deployment, at `/readyz`.

use crate::edge::app::App;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::Reply;
use crate::edge::http::{guard, session};
use crate::edge::platform::queue::Queue;
use crate::flows::campaign::catalog_cache;
use crate::flows::operations::health;
use crate::flows::ports::{Database, KeyValue};

/// Reports whether each part of the worker is ready: in one word to anybody, in full to a client
/// that has a token or is signed in.
pub async fn ready(app: App, inbound: Inbound) -> Reply {
    let kv = app.kv.get(catalog_cache::LIVE_KEY).await;
    let unreadable = app.catalog.unreadable();
    let parts = health::Parts {
        kv: kv.map(drop).map_err(|error| error.to_string()),
        queue: Queue::Intake.check(&app.env),
        unreadable: &unreadable,
    };
    let database = app.db.batch(health::questions(app.now)).await;
    let health = health::assess(database, parts, app.now);
    let status = if health.is_ready { 200 } else { 503 };
    let is_operator = guard::token_name(&app, &inbound).is_ok()
        || session::refuse(&app, &inbound).await.is_none();
    match is_operator {
        true => Reply::json(status, &health),
        false => Reply::json(status, &health.words()),
    }
}

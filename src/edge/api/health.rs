//! The health of the deployment, at `/readyz`.

use crate::edge::app::App;
use crate::edge::http::guard;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::Reply;
use crate::edge::platform::queue::Queue;
use crate::flows::campaign::catalog_cache;
use crate::flows::operations::health;
use crate::flows::ports::{Database, KeyValue};

/// Reports whether each part of the worker is ready: in one word to anybody, in full to
/// somebody who keeps the deployment running.
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
    match guard::is_operator(&app, &inbound).await {
        true => Reply::json(status, &health),
        false => Reply::json(status, &health.words()),
    }
}

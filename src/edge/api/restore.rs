//! The restore hold: which messages wait since a restore of the database, and what becomes of them.

use crate::domain::sending::restore_guard::Resolution;
use crate::edge::app::App;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::send::restore_guard;

/// Returns whether the database was restored, and how many messages wait because of it.
pub async fn show(app: App, inbound: Inbound) -> Reply {
    match restore_guard::state(&app.db).await {
        Ok(state) => Reply::json(200, &state),
        Err(error) => response::failed(&inbound, "restore", &error),
    }
}

/// Sends or drops the messages that wait.
pub async fn resolve(app: App, inbound: Inbound, resolution: Resolution) -> Reply {
    match restore_guard::resolve(&app.db, resolution, app.now).await {
        Ok(before) => Reply::json(200, &before),
        Err(error) => response::failed(&inbound, "restore", &error),
    }
}

//! Exports: records as a file, a page at a time.

use crate::domain::base::primitives::KindId;
use crate::edge::app::App;
use crate::edge::http::body;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::record::export::{self, Asked};

/// The limit of what is asked, in bytes.
const ASKED_BYTES_MAX: usize = 30_000;

/// Returns a page of records as a file. The header `x-next` says where the next page begins.
pub async fn answer(app: App, inbound: Inbound, kind: &KindId) -> Reply {
    let like = "{\"format\": \"csv\", \"columns\": [\"email\", \"city\"]}";
    let asked: Asked = match body::json(&inbound, ASKED_BYTES_MAX, "Not an export", like).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal,
    };
    let App { db, catalog, access, now, mut ids, .. } = app;
    let format = asked.format;
    match export::page(&db, &catalog, &access, kind, asked, now, &mut ids).await {
        Ok(page) => Reply::file(format.content_type(), page.text, page.next),
        Err(error) => response::refused(&inbound, "export", error),
    }
}

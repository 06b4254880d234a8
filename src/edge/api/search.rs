//! Search: records of all kinds by their words.

use crate::domain::base::primitives::{KindId, RecordId};
use crate::edge::app::App;
use crate::edge::http::body::{self, QUESTION_BYTES_MAX};
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::record::search::{self, Asked, PAGE_USUAL};
use serde::Deserialize;
use serde_json::Value;

/// A search in a body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    q: String,
    kind: Option<KindId>,
    after: Option<RecordId>,
    limit: Option<usize>,
}

/// Finds records by the words in the address; of a POST, by those in the body: an address in a URL
/// would end up in logs.
pub async fn answer(app: App, inbound: Inbound) -> Reply {
    let question = match inbound.method.as_str() {
        "POST" => body::json(&inbound, QUESTION_BYTES_MAX, "Not a search", LIKE).await,
        _ => read(&inbound),
    };
    let Question { q: words, kind, after: before, limit } = match question {
        Ok(question) => question,
        Err(refusal) => return refusal,
    };
    let asked = Asked { words, kind, before, limit: limit.unwrap_or(PAGE_USUAL) };
    match search::find(&app.db, &app.catalog, &app.access, &asked, app.now).await {
        Ok(found) => Reply::json(200, &found),
        Err(error) => response::refused(&inbound, "search", error),
    }
}

const LIKE: &str = "{\"q\": \"larkspan\"}";

fn read(inbound: &Inbound) -> Result<Question, Reply> {
    let given = |name: &str| inbound.parameter(name).filter(|text| !text.is_empty());
    let limit = given("limit").map(|text| text.parse::<usize>()).transpose();
    let limit = limit.map_err(|_| {
        let detail = "`limit` is a whole number from 1 to 100.";
        Reply::problem(400, "Not understood", detail, Value::Null)
    })?;
    let q = given("q").unwrap_or_default();
    Ok(Question { q, kind: given("kind").map(KindId), after: given("after").map(RecordId), limit })
}

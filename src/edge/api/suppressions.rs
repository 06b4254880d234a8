//! Suppressed addresses: list, add, release, import.

use crate::domain::base::diagnostic::brief;
use crate::domain::base::language::Language;
use crate::domain::base::primitives::Channel;
use crate::domain::contact::suppression::SuppressionReason;
use crate::domain::report::reason::in_words;
use crate::edge::app::App;
use crate::edge::http::body::{self, QUESTION_BYTES_MAX};
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::contact::suppressions::{self, ENTRIES_MAX, Import, Named, SuppressionError};
use crate::store::suppressions::Wanted;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The limit of an import, in bytes: a thousand of the longest addresses with all their fields.
const IMPORT_BYTES_MAX: usize = 1_000_000;

/// The default number of entries in an answer.
const ENTRIES_USUAL: usize = 100;

/// The filter of a listing.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    channel: Option<Channel>,
    reason: Option<SuppressionReason>,
    address: Option<String>,
    #[serde(default)]
    past: bool,
    after: Option<(String, String)>,
    limit: Option<usize>,
}

/// Lists the suppressed addresses that match the filter, and where the next page begins.
pub async fn list(app: App, inbound: Inbound) -> Reply {
    let listing = match inbound.method.as_str() {
        "POST" => match read(&inbound, "{\"reason\": \"bounced\"}").await {
            Ok(listing) => listing,
            Err(refusal) => return refusal,
        },
        _ => match inbound.parameter("reason").as_deref().map(reason).transpose() {
            Ok(reason) => Listing { reason, ..Listing::default() },
            Err(refusal) => return refusal,
        },
    };
    if let Some(address) = listing.address {
        return find(&app, &inbound, address, listing.channel).await;
    }
    let limit = listing.limit.unwrap_or(ENTRIES_USUAL).clamp(1, ENTRIES_MAX);
    let page = inbound.parameter("page").and_then(|text| text.parse::<usize>().ok());
    let wanted = Wanted {
        channel: listing.channel,
        reason: listing.reason,
        with_past: listing.past,
        after: listing.after,
        offset: page.unwrap_or(1).saturating_sub(1).saturating_mul(limit),
        limit,
    };
    match suppressions::list(&app.db, &wanted, app.now).await {
        Ok(entries) => {
            let last = entries.last().filter(|_| entries.len() == limit);
            let next = last.map(|entry| json!([entry.channel, entry.address]));
            Reply::json(200, &json!({ "suppressions": entries, "next": next }))
        }
        Err(error) => response::failed(&inbound, "suppressions", &error),
    }
}

/// Reads the reason that a listing is limited to.
fn reason(name: &str) -> Result<SuppressionReason, Reply> {
    SuppressionReason::by_name(name).ok_or_else(|| {
        let known = SuppressionReason::ALL.map(SuppressionReason::as_str).join(", ");
        let detail = format!("`{}` is not a reason. Use one of: {known}.", brief(&name));
        Reply::problem(400, "Not understood", &detail, Value::Null)
    })
}

/// Lists the entry of one address.
async fn find(app: &App, inbound: &Inbound, address: String, channel: Option<Channel>) -> Reply {
    let named = Named { address, channel, ..Named::default() };
    match suppressions::find(&app.db, &app.settings.keys, &named).await {
        Ok(found) => {
            let found: Vec<_> = found.into_iter().collect();
            Reply::json(200, &json!({ "suppressions": found, "next": null }))
        }
        Err(error) => refused(inbound, error),
    }
}

/// Suppresses an address.
pub async fn add(mut app: App, inbound: Inbound) -> Reply {
    let named: Named = match read(&inbound, "{\"address\": \"…\"}").await {
        Ok(named) => named,
        Err(refusal) => return refusal,
    };
    let App { db, catalog, settings, now, ids, access, .. } = &mut app;
    let by = access.actor().as_str();
    match suppressions::add(db, catalog, &settings.keys, &named, by, *now, ids).await {
        Ok(entry) => Reply::json(200, &json!({ "suppression": entry })),
        Err(error) => refused(&inbound, error),
    }
}

/// Lifts the suppression of an address.
pub async fn release(mut app: App, inbound: Inbound) -> Reply {
    let named: Named = match read(&inbound, "{\"address\": \"…\", \"note\": \"why\"}").await {
        Ok(named) => named,
        Err(refusal) => return refusal,
    };
    let App { db, catalog, settings, now, ids, access, .. } = &mut app;
    let by = access.actor().as_str();
    match suppressions::release(db, catalog, &settings.keys, &named, by, *now, ids).await {
        Ok(entry) => Reply::json(200, &json!({ "suppression": entry })),
        Err(error) => refused(&inbound, error),
    }
}

/// Imports the suppression list of another system.
pub async fn import(app: App, inbound: Inbound) -> Reply {
    let like = "{\"source\": \"…\", \"rows\": [{\"address\": \"…\"}]}";
    let list: Import = match body::json(&inbound, IMPORT_BYTES_MAX, "Not understood", like).await {
        Ok(list) => list,
        Err(refusal) => return refusal,
    };
    match suppressions::import(&app.db, &app.settings.keys, &list, app.now).await {
        Ok(imported) => Reply::json(200, &imported).about("", json!({ "source": list.source })),
        Err(error) => refused(&inbound, error),
    }
}

fn refused(inbound: &Inbound, error: SuppressionError) -> Reply {
    match error {
        SuppressionError::Rejected(why) => {
            Reply::problem(422, "This cannot be done", &format!("{why}."), Value::Null)
        }
        SuppressionError::Address(problem) => {
            Reply::problem(422, "This cannot be done", &problem.to_string(), Value::Null)
        }
        SuppressionError::NotSuppressed => {
            let detail = "The address is not suppressed, or is no more.";
            Reply::problem(404, "Nothing to lift", detail, Value::Null)
        }
        SuppressionError::NeedsForce(reason) => {
            let why = in_words(reason.as_str(), Language::English);
            let detail = format!("It is suppressed, for {why}. Say `force` if that is in error.");
            Reply::problem(409, "Not lifted without force", &detail, Value::Null)
        }
        SuppressionError::Commit(error) => response::failed(inbound, "suppressions", &error),
    }
}

async fn read<T: DeserializeOwned>(inbound: &Inbound, like: &str) -> Result<T, Reply> {
    body::json(inbound, QUESTION_BYTES_MAX, "Not understood", like).await
}

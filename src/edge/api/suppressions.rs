//! The API for suppressed addresses and for the consent ledgers of contacts.

use crate::domain::base::diagnostic::brief;
use crate::domain::base::language::Language;
use crate::domain::base::primitives::Channel;
use crate::domain::contact::suppression::SuppressionReason;
use crate::domain::report::reason::in_words;
use crate::edge::api::{QUESTION_BYTES_MAX, read_json, unavailable};
use crate::edge::app::App;
use crate::edge::http::guard;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::Reply;
use crate::flows::contact::consent_ledger::{self, NoLedger};
use crate::flows::contact::suppressions::{self, ENTRIES_MAX, Import, Named, NotDone};
use crate::store::suppressions::Wanted;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The limit of an import, in bytes: a thousand of the longest addresses with all their fields.
const IMPORT_BYTES_MAX: usize = 1_000_000;

/// The default number of entries in an answer.
const ENTRIES_USUAL: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    contact: String,
}

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

/// Returns the consent ledger of the contact with this id.
pub async fn consents_of(app: App, inbound: Inbound, id: &str) -> Reply {
    ledger(&app, &inbound, id).await
}

/// Returns the consent ledger of the contact named in the body: an address in a URL would end up in
/// logs.
pub async fn consents_asked(app: App, mut inbound: Inbound) -> Reply {
    match read::<Asked>(&mut inbound, QUESTION_BYTES_MAX, "{\"contact\": \"…\"}").await {
        Ok(asked) => ledger(&app, &inbound, &asked.contact).await,
        Err(refusal) => refusal,
    }
}

async fn ledger(app: &App, inbound: &Inbound, told: &str) -> Reply {
    match consent_ledger::ledger(&app.db, told, app.now).await {
        Ok(ledger) => Reply::json(200, &ledger),
        Err(NoLedger::Unknown(problem)) => {
            let more = json!({ "problems": [problem] });
            Reply::problem(404, "No such contact", "Nobody has that id or address.", more)
        }
        Err(NoLedger::Database(error)) => unavailable(inbound, "consents", &error.to_string()),
    }
}

/// Lists the suppressed addresses that match the filter, and where the next page begins.
pub async fn list(app: App, mut inbound: Inbound) -> Reply {
    let listing = match inbound.method.as_str() {
        "POST" => {
            read::<Listing>(&mut inbound, QUESTION_BYTES_MAX, "{\"reason\": \"bounced\"}").await
        }
        _ => Ok(Listing { reason: reason_asked(&inbound), ..Listing::default() }),
    };
    let listing = match listing {
        Ok(listing) => listing,
        Err(refusal) => return refusal,
    };
    if let Some(address) = listing.address {
        let named = Named { address, channel: listing.channel, ..Named::default() };
        return match suppressions::find(&app.db, &app.settings.keys, &named).await {
            Ok(found) => {
                let found: Vec<_> = found.into_iter().collect();
                Reply::json(200, &json!({ "suppressions": found, "next": null }))
            }
            Err(problem) => not_done(&inbound, problem),
        };
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
        Err(error) => unavailable(&inbound, "suppressions", &error.to_string()),
    }
}

/// Returns the reason in the query string of a page.
pub(in crate::edge) fn reason_asked(inbound: &Inbound) -> Option<SuppressionReason> {
    inbound.parameter("reason").and_then(|word| SuppressionReason::by_word(&word))
}

pub async fn add(mut app: App, mut inbound: Inbound) -> Reply {
    let by = match guard::token_name(&app, &inbound) {
        Ok(by) => by,
        Err(refusal) => return refusal,
    };
    let named = match read::<Named>(&mut inbound, QUESTION_BYTES_MAX, "{\"address\": \"…\"}").await
    {
        Ok(named) => named,
        Err(refusal) => return refusal,
    };
    let App { db, catalog, settings, now, ids, .. } = &mut app;
    match suppressions::add(db, catalog, &settings.keys, (&named, &by), *now, ids).await {
        Ok(entry) => Reply::json(200, &json!({ "suppression": entry })),
        Err(problem) => not_done(&inbound, problem),
    }
}

/// Lifts the suppression of an address.
pub async fn release(mut app: App, mut inbound: Inbound) -> Reply {
    let by = match guard::token_name(&app, &inbound) {
        Ok(by) => by,
        Err(refusal) => return refusal,
    };
    let like = "{\"address\": \"…\", \"note\": \"why\"}";
    let named = match read::<Named>(&mut inbound, QUESTION_BYTES_MAX, like).await {
        Ok(named) => named,
        Err(refusal) => return refusal,
    };
    let App { db, catalog, settings, now, ids, .. } = &mut app;
    match suppressions::release(db, catalog, &settings.keys, (&named, &by), *now, ids).await {
        Ok(entry) => Reply::json(200, &json!({ "suppression": entry })),
        Err(problem) => not_done(&inbound, problem),
    }
}

/// Imports the suppression list of another system.
pub async fn import(app: App, mut inbound: Inbound) -> Reply {
    let like = "{\"source\": \"…\", \"rows\": [{\"address\": \"…\"}]}";
    let brought = match read::<Import>(&mut inbound, IMPORT_BYTES_MAX, like).await {
        Ok(brought) => brought,
        Err(refusal) => return refusal,
    };
    match suppressions::import(&app.db, &app.settings.keys, &brought, app.now).await {
        Ok(imported) => Reply::json(200, &imported),
        Err(problem) => not_done(&inbound, problem),
    }
}

fn not_done(inbound: &Inbound, problem: NotDone) -> Reply {
    match problem {
        NotDone::Refused(why) => {
            Reply::problem(422, "This cannot be done", &format!("{why}."), Value::Null)
        }
        NotDone::Address(problem) => {
            Reply::problem(422, "This cannot be done", &problem.to_string(), Value::Null)
        }
        NotDone::Unknown => {
            let detail = "The address is not suppressed, or is no more.";
            Reply::problem(404, "Nothing to lift", detail, Value::Null)
        }
        NotDone::NeedsForce(reason) => {
            let why = in_words(reason.as_str(), Language::English);
            let detail = format!("It is suppressed, for {why}. Say `force` if that is in error.");
            Reply::problem(409, "Not lifted without force", &detail, Value::Null)
        }
        NotDone::Failed(error) => unavailable(inbound, "suppressions", &error.to_string()),
    }
}

/// Reads a body; `like` is an example of its form for the error message.
async fn read<T: DeserializeOwned>(
    inbound: &mut Inbound,
    bytes_max: usize,
    like: &str,
) -> Result<T, Reply> {
    let body = read_json(inbound, bytes_max).await?;
    serde_json::from_slice(&body).map_err(|error| {
        let detail = format!("Send {like}: {}.", brief(&error));
        Reply::problem(400, "Not understood", &detail, Value::Null)
    })
}

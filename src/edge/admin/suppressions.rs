//! The list of suppressed addresses in the web app.

use super::page::frame;
use crate::domain::contact::suppression::SuppressionReason;
use crate::domain::report::reason::in_words;
use crate::edge::app::App;
use crate::edge::http::body;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::contact::suppressions::{self, Named, SuppressionError};
use crate::store::suppressions::Wanted;
use crate::views::page::Section;
use crate::views::suppressions::{ENTRIES_A_PAGE, SuppressionsView, suppressions as list_page};

/// Shows one page of the list.
pub async fn list(app: App, inbound: Inbound) -> Reply {
    list_reply(&app, &inbound, "", "", 200).await
}

/// Suppresses an address, then shows the list again.
pub async fn add(mut app: App, inbound: Inbound) -> Reply {
    let named = match read(&inbound).await {
        Ok(named) => named,
        Err(reply) => return reply,
    };
    let App { db, catalog, settings, now, ids, access, .. } = &mut app;
    let by = access.actor().as_str();
    let flow = suppressions::add(db, catalog, &settings.keys, &named, by, *now, ids);
    let done = flow.await.map(|_| ());
    after(&app, &inbound, &named.address, done).await
}

/// Lifts a suppression, then shows the list again.
pub async fn release(mut app: App, inbound: Inbound) -> Reply {
    let named = match read(&inbound).await {
        Ok(named) => named,
        Err(reply) => return reply,
    };
    let App { db, catalog, settings, now, ids, access, .. } = &mut app;
    let by = access.actor().as_str();
    let flow = suppressions::release(db, catalog, &settings.keys, &named, by, *now, ids);
    let done = flow.await.map(|_| ());
    after(&app, &inbound, "", done).await
}

/// Reads the address and note from the form.
async fn read(inbound: &Inbound) -> Result<Named, Reply> {
    let form = body::form(inbound).await?;
    let text = |name: &str| form.first(name).unwrap_or_default().trim().to_owned();
    Ok(Named {
        address: text("address"),
        note: text("note"),
        force: form.first("force").is_some(),
        ..Named::default()
    })
}

/// Shows the list again. If the address was not suppressed, the field keeps what was `typed`.
async fn after(
    app: &App,
    inbound: &Inbound,
    typed: &str,
    done: Result<(), SuppressionError>,
) -> Reply {
    let language = inbound.language();
    let said = match done {
        Ok(()) => {
            let place = format!("/admin/suppressions?lang={}", language.tag());
            return Reply::redirect(303, &place);
        }
        Err(SuppressionError::Rejected(why)) => why,
        Err(SuppressionError::Address(problem)) => problem.message(language).to_owned(),
        Err(SuppressionError::NotSuppressed) => {
            language.pick("The address is not suppressed.", "该地址未被禁发。").to_owned()
        }
        Err(SuppressionError::NeedsForce(reason)) => {
            let why = in_words(reason.as_str(), language);
            language.pick(
                format!("Not lifted: {why}. Tick the box if that is in error."),
                format!("未解除：{why}。如确属误判，请勾选强制解除。"),
            )
        }
        Err(SuppressionError::Commit(error)) => {
            return response::failed(inbound, "suppressions", &error);
        }
    };
    list_reply(app, inbound, &said, typed, 422).await
}

/// Builds the list, with what was `said` about the last action and the address that was `typed`.
async fn list_reply(app: &App, inbound: &Inbound, said: &str, typed: &str, status: u16) -> Reply {
    let page = inbound.parameter("page").and_then(|text| text.parse::<usize>().ok());
    let page = page.unwrap_or(1).max(1);
    let reason = inbound.parameter("reason");
    let reason = reason.and_then(|word| SuppressionReason::by_name(&word));
    let wanted = Wanted {
        reason,
        offset: (page - 1).saturating_mul(ENTRIES_A_PAGE),
        // Reads one more entry to know whether there is another page.
        limit: ENTRIES_A_PAGE + 1,
        ..Wanted::default()
    };
    match suppressions::list(&app.db, &wanted, app.now).await {
        Ok(entries) => {
            let frame = frame(app, inbound, Section::Suppressions);
            let view = SuppressionsView { frame, entries: &entries, page, reason, said, typed };
            Reply::page(status, list_page(&view))
        }
        Err(error) => response::failed(inbound, "suppressions", &error),
    }
}

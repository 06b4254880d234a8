//! The list of suppressed addresses in the web app.

use crate::domain::report::reason::in_words;
use crate::edge::admin::frame;
use crate::edge::api::suppressions::reason_asked;
use crate::edge::app::App;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::edge::public::forms::read_answer;
use crate::flows::contact::suppressions::{self, Named, NotDone};
use crate::store::suppressions::Wanted;
use crate::views::page::Section;
use crate::views::suppressions::{ENTRIES_A_PAGE, SuppressionsView, suppressions as list_page};
use crate::views::visitor::MessageKind;

/// Recorded as the author of a change made in the web app, where sessions have no user name.
const WEB_APP: &str = "web app";

/// Shows one page of the list.
pub async fn page(app: App, inbound: Inbound) -> Reply {
    show(&app, &inbound, ("", ""), 200).await
}

/// Suppresses an address, then shows the list again.
pub async fn add(mut app: App, mut inbound: Inbound) -> Reply {
    let named = match read(&mut inbound).await {
        Ok(named) => named,
        Err(reply) => return reply,
    };
    let App { db, catalog, settings, now, ids, .. } = &mut app;
    let flow = suppressions::add(db, catalog, &settings.keys, (&named, WEB_APP), *now, ids);
    let done = flow.await.map(|_| ());
    after(&app, &inbound, &named.address, done).await
}

/// Lifts a suppression, then shows the list again.
pub async fn release(mut app: App, mut inbound: Inbound) -> Reply {
    let named = match read(&mut inbound).await {
        Ok(named) => named,
        Err(reply) => return reply,
    };
    let App { db, catalog, settings, now, ids, .. } = &mut app;
    let flow = suppressions::release(db, catalog, &settings.keys, (&named, WEB_APP), *now, ids);
    let done = flow.await.map(|_| ());
    after(&app, &inbound, "", done).await
}

/// Reads the address and note from the form.
async fn read(inbound: &mut Inbound) -> Result<Named, Reply> {
    let answer = read_answer(inbound).await?;
    let text = |name: &str| answer.first(name).unwrap_or_default().trim().to_owned();
    Ok(Named {
        address: text("address"),
        note: text("note"),
        force: answer.first("force").is_some(),
        ..Named::default()
    })
}

/// Shows the list again. If the address was not suppressed, the field keeps what was `typed`.
async fn after(app: &App, inbound: &Inbound, typed: &str, done: Result<(), NotDone>) -> Reply {
    let language = inbound.language();
    let said = match done {
        Ok(()) => {
            let place = format!("/admin/suppressions?lang={}", language.tag());
            return Reply::redirect(303, &place);
        }
        Err(NotDone::Refused(why)) => why,
        Err(NotDone::Address(problem)) => problem.message(language).to_owned(),
        Err(NotDone::Unknown) => {
            language.pick("The address is not suppressed.", "该地址未被禁发。").to_owned()
        }
        Err(NotDone::NeedsForce(reason)) => {
            let why = in_words(reason.as_str(), language);
            language.pick(
                format!("Not lifted: {why}. Tick the box if that is in error."),
                format!("未解除：{why}。如确属误判，请勾选强制解除。"),
            )
        }
        Err(NotDone::Failed(error)) => {
            response::log("suppressions", &error.to_string());
            return response::message(inbound, MessageKind::Unavailable);
        }
    };
    show(app, inbound, (&said, typed), 422).await
}

async fn show(app: &App, inbound: &Inbound, (said, typed): (&str, &str), status: u16) -> Reply {
    let page = inbound.parameter("page").and_then(|text| text.parse::<usize>().ok());
    let page = page.unwrap_or(1).max(1);
    let reason = reason_asked(inbound);
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
        Err(error) => {
            response::log("suppressions", &error.to_string());
            response::message(inbound, MessageKind::Unavailable)
        }
    }
}

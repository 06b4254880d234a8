//! Tracked links, short links, and the pixel.

use crate::domain::base::token::Purpose;
use crate::domain::base::web_address::location;
use crate::domain::inbound::bot_detection::{self, Fetched};
use crate::domain::inbound::engagement::Engagement;
use crate::edge::app::App;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::contact::subscription_links::{self, Link};
use crate::flows::tasks::Intake;
use crate::views::visitor::MessageKind;

const PIXEL: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\
\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// Redirects from a tracked link, and records the click after the answer.
pub fn click(app: App, inbound: Inbound, token: &str) -> Reply {
    let Ok(link) = Link::verify(&app.settings, Purpose::Click, token) else {
        return response::message(&inbound, MessageKind::NotFound);
    };
    follow(app, &inbound, link)
}

/// Redirects to the target of a link. Links of earlier versions may contain characters that are not
/// allowed in a header.
fn follow(app: App, inbound: &Inbound, link: Link) -> Reply {
    let Some(target) = location(&link.rest) else {
        return response::message(inbound, MessageKind::NotFound);
    };
    engaged(app, inbound, Fetched::Link, link);
    Reply::redirect(302, &target)
}

/// Redirects from a short link of an SMS, and records the click after the answer.
pub async fn short_link(app: App, inbound: Inbound, code: &str) -> Reply {
    let link = match subscription_links::short_link(&app.db, code, app.now).await {
        Ok(Some(link)) => link,
        Ok(None) => return response::message(&inbound, MessageKind::NotFound),
        Err(error) => return response::failed(&inbound, "short_link", &error),
    };
    follow(app, &inbound, link)
}

/// Answers the pixel of a message, and records the open after the answer.
pub fn open(app: App, inbound: Inbound, token: &str) -> Reply {
    let Ok(link) = Link::verify(&app.settings, Purpose::Open, token) else {
        return response::message(&inbound, MessageKind::NotFound);
    };
    engaged(app, &inbound, Fetched::Pixel, link);
    Reply::gif(PIXEL)
}

/// Records, after the answer, that a link or the picture of a message was fetched.
fn engaged(mut app: App, inbound: &Inbound, fetched: Fetched, link: Link) {
    let objects = inbound.objects_to_tracking();
    let Some((reasons, facts)) =
        bot_detection::apply_do_not_track(inbound.facts(), fetched, objects, app.now)
    else {
        return;
    };
    let (kind, url) = match fetched {
        Fetched::Link => ("click", Some(link.rest)),
        Fetched::Pixel => ("open", None),
    };
    let key = format!("{kind}:{}", app.ids.uuid());
    let report = Engagement {
        contact: link.contact,
        message: link.message,
        url,
        at: app.now,
        machine: reasons.into_iter().map(str::to_owned).collect(),
        facts,
        key,
    };
    later(app, inbound, Intake::EngagementV1(report));
}

/// Puts a fact into the intake queue after the answer.
pub(super) fn later(app: App, inbound: &Inbound, fact: Intake) {
    inbound.context.after_answer(async move {
        if let Err(error) = app.take_in(&[fact]).await {
            response::log("intake", &error);
        }
    });
}

//! Landing pages, and the small files that browsers and crawlers request.

use super::tracking::later;
use crate::domain::form::traffic_source::TrafficSource;
use crate::domain::inbound::bot_detection::{self, Fetched};
use crate::edge::app::App;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::campaign::landing_page::{self, Showing, Typed};
use crate::flows::tasks::Intake;
use crate::store::reports::Visit;
use crate::views::page::LANDING_POLICY;
use crate::views::visitor::MessageKind;

/// The cookie with the visitor's random first-party id, which keeps the variant of a page stable.
const VISITOR_COOKIE: &str = "dl_visitor";

/// The icon of every page that has none of its own: a drop. Browsers request it by themselves.
const ICON: &str = concat!(
    r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path fill="#0b7189" "##,
    r##"d="M16 3c5 7 9 12 9 17a9 9 0 0 1-18 0c0-5 4-10 9-17z"/></svg>"##,
);

/// The paths that crawlers should not visit: personal links, and what is not a page.
const ROBOTS: &str = "User-agent: *\n\
    Disallow: /admin\nDisallow: /api/\nDisallow: /c/\nDisallow: /confirm/\nDisallow: /dev/\n\
    Disallow: /f/\nDisallow: /o/\nDisallow: /preferences/\nDisallow: /s/\nDisallow: /u/\n";

/// Shows a landing page, and counts the visit after the answer.
pub async fn page(mut app: App, inbound: Inbound, path: &str) -> Reply {
    let Some((published, name, page)) = app.catalog.page_at(path) else {
        return match path {
            _ if app.catalog.may_have_page(path) => response::unavailable(&inbound),
            _ if app.catalog.had_page(path) => response::message(&inbound, MessageKind::Gone),
            _ => no_page(&app, &inbound, path),
        };
    };
    let network = inbound.address().map(|address| {
        format!("{address}|{}", bot_detection::known_agent(inbound.header("user-agent")))
    });
    let (cookie, objects) = (inbound.cookie(VISITOR_COOKIE), inbound.objects_to_tracking());
    let visitor =
        landing_page::visitor(page, cookie, objects, network, &app.settings, app.now, &mut app.ids);
    let campaign = published.id().as_str();
    let Some(variant) = landing_page::variant_for(page, campaign, name, &visitor.id) else {
        return response::message(&inbound, MessageKind::NotFound);
    };
    let referrer = inbound.header("referer");
    let origin = TrafficSource::of_visit(name, &variant.name, path, &inbound.query, referrer);
    let showing = Showing { published, page, variant, origin: &origin, typed: &Typed::default() };
    let rendered = landing_page::render(&showing, &app.settings, app.now, &mut app.ids);
    let html = match rendered {
        Ok(html) => html,
        Err(error) => {
            response::log("page.render", &error.to_string());
            return response::message(&inbound, MessageKind::Fault);
        }
    };
    let visit = Visit {
        campaign_id: campaign.to_owned(),
        visitor: visitor.id.clone(),
        part: format!("{name}/{}", variant.name),
        channel: origin.channel(app.settings.host()),
        at: app.now,
    };
    if bot_detection::classify(&inbound.facts(), Fetched::Link, app.now, None).is_empty() {
        later(app, &inbound, Intake::VisitV1(visit));
    }
    let reply = Reply::html(200, html, LANDING_POLICY);
    if !visitor.is_kept {
        return reply;
    }
    let secure = if inbound.is_secure() { "; Secure" } else { "" };
    let (id, seconds) = (visitor.id, landing_page::COOKIE_AGE.0 / 1_000);
    let cookie =
        format!("{VISITOR_COOKIE}={id}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    reply.header("set-cookie", cookie)
}

/// Answers a path where no campaign has a page: the files that browsers and crawlers request by
/// themselves, and in local development a redirect from the root to the web app.
fn no_page(app: &App, inbound: &Inbound, path: &str) -> Reply {
    match path {
        "/favicon.ico" => Reply::cached(ICON, "image/svg+xml"),
        "/robots.txt" => Reply::cached(ROBOTS, "text/plain; charset=utf-8"),
        "/" if app.settings.is_local() => Reply::redirect(302, "/admin"),
        _ => response::message(inbound, MessageKind::NotFound),
    }
}

//! Every address that dripline answers at: method and path become a route. The enum is the list.

use crate::domain::campaign::broadcast::BroadcastVerb;
use crate::domain::campaign::journey::RunState;
use crate::domain::form::form_data::percent_decode;
use crate::domain::operations::dead_letter::DeadVerb;
use crate::domain::sending::restore_guard::Resolution;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route<'a> {
    /// A landing page, at any path that is nothing else.
    Page(&'a str),
    /// A form's fields and a fresh token, for sites that embed it.
    FormStart(&'a str),
    /// A browser asks whether another site may send a form.
    FormPreflight(&'a str),
    /// A form is sent.
    FormSend(&'a str),
    /// A link of a message.
    Click(&'a str),
    /// A short link of a text message.
    ShortLink(&'a str),
    /// The pixel of a message.
    Open(&'a str),
    /// The page that asks whether to unsubscribe.
    UnsubscribeAsk(&'a str),
    /// Unsubscribe.
    Unsubscribe(&'a str),
    /// Take an unsubscription back.
    UnsubscribeUndo(&'a str),
    /// The page of a contact's preferences.
    PreferencesAsk(&'a str),
    /// Choose them.
    Preferences(&'a str),
    /// The page that asks whether to confirm.
    ConfirmAsk(&'a str),
    /// Confirm.
    Confirm(&'a str),
    /// A provider tells something; with the secret that its address ends with, or nothing.
    Hook(&'a str, &'a str),
    /// Publish a campaign.
    ApiPublish,
    /// What publishing a campaign would change.
    ApiDiff,
    /// A campaign's message as somebody would get it.
    ApiPreview(&'a str),
    /// A test of a campaign's message, to our own people.
    ApiTest(&'a str),
    /// Let a journey run, or halt it.
    ApiSteer(&'a str, RunState),
    /// Who would get a broadcast.
    ApiBroadcast(&'a str),
    /// Start, pause, resume or cancel a broadcast.
    ApiSteerBroadcast(&'a str, BroadcastVerb),
    /// Why a contact, named by its id, is where it is.
    ApiExplain(&'a str),
    /// The same of a contact that the body names: an address in a URL would end up in logs.
    ApiExplainAsked,
    /// Erase a contact, named by its id.
    ApiErase(&'a str),
    /// The same of a contact that the body names.
    ApiEraseAsked,
    /// The ledger of a contact's consents, by its id.
    ApiConsents(&'a str),
    /// The same of a contact that the body names.
    ApiConsentsAsked,
    /// The list of suppressed addresses.
    ApiSuppressions,
    /// Suppress an address.
    ApiSuppress,
    /// Lift a suppression.
    ApiUnsuppress,
    /// Put the list of another system on ours.
    ApiSuppressionsImport,
    /// Merge a contact, named by its id, into the one that the body names.
    ApiMerge(&'a str),
    /// Merge two contacts that the body names.
    ApiMergeAsked,
    /// Whether the database was restored, and what waits because of it.
    ApiRestore,
    /// What becomes of what waits.
    ApiRestoreSay(Resolution),
    /// The parked contacts.
    ApiParked,
    /// Let a parked contact be decided on again.
    ApiRelease(&'a str),
    /// Judge a campaign's openings and clicks anew.
    ApiRejudge(&'a str),
    /// Let a campaign that its brake stopped go on.
    ApiReleaseCampaign(&'a str),
    /// What unpublishing a campaign would stop.
    ApiStops(&'a str),
    /// Unpublish a campaign.
    ApiUnpublish(&'a str),
    /// Tell events.
    ApiEvents,
    /// A campaign's report.
    ApiReport(&'a str),
    /// The description of the API.
    ApiDescription,
    /// The list of campaigns.
    Admin,
    /// A campaign's report, as a page.
    AdminReport(&'a str),
    /// A campaign's messages.
    AdminMessages(&'a str),
    /// One message of a campaign, to be looked at with made-up data.
    AdminMessage(&'a str, &'a str),
    /// The same with a contact's data, or a test of it.
    AdminMessageAsked(&'a str, &'a str),
    /// Let a journey run, or halt it, from the web app.
    AdminSteer(&'a str, RunState),
    /// The list of suppressed addresses, as a page.
    AdminSuppressions,
    /// Suppress an address, from the web app.
    AdminSuppress,
    /// Lift a suppression, from the web app.
    AdminUnsuppress,
    /// Who would get a broadcast, as a page with the button that starts it.
    AdminBroadcast(&'a str),
    /// Start, pause, resume or cancel a broadcast, from the web app.
    AdminSteerBroadcast(&'a str, BroadcastVerb),
    /// Let a parked contact be decided on again, from the web app.
    AdminRelease(&'a str),
    /// Let a campaign that its brake stopped go on, from the web app.
    AdminReleaseCampaign(&'a str),
    /// What the queues gave up.
    Dead(DeadRoute<'a>),
    /// Unpublish a campaign, from the web app.
    AdminUnpublish(&'a str),
    /// Signing in and out of the web app, and who is signed in.
    Session(SessionRoute),
    /// The local mailbox.
    Mailbox,
    /// A message in it.
    MailboxMessage(&'a str),
    /// Is the worker alive?
    Health,
    /// Can it do its work?
    Ready,
}

/// What is asked about sessions of the web app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionRoute {
    /// The door.
    Ask,
    /// The door's script: it puts the secret of a link into the form.
    Script,
    /// Sign in.
    SignIn,
    /// Sign out.
    SignOut,
    /// Make a link that signs in, through the API.
    ApiLink,
    /// Who is signed in, through the API.
    ApiList,
    /// End all sessions and links, through the API.
    ApiEndAll,
}

/// What is asked about what the queues gave up. In place of an id stands `all` for all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadRoute<'a> {
    /// The list, through the API.
    ApiList,
    /// One of them, through the API.
    ApiOne(&'a str),
    /// What becomes of one, through the API.
    ApiSay(&'a str, DeadVerb),
    /// The list, as a page.
    Page,
    /// What becomes of one, from the web app.
    ByHand(&'a str, DeadVerb),
}

impl Route<'_> {
    /// What a request must bring before its handler runs. A new route says so here, or it does not
    /// compile.
    pub fn credential(&self) -> Credential {
        use DeadRoute as Dead;
        use SessionRoute as Session;
        match self {
            Self::Page(_)
            | Self::FormStart(_)
            | Self::FormPreflight(_)
            | Self::FormSend(_)
            | Self::Click(_)
            | Self::ShortLink(_)
            | Self::Open(_)
            | Self::UnsubscribeAsk(_)
            | Self::Unsubscribe(_)
            | Self::UnsubscribeUndo(_)
            | Self::PreferencesAsk(_)
            | Self::Preferences(_)
            | Self::ConfirmAsk(_)
            | Self::Confirm(_)
            | Self::Hook(..)
            | Self::ApiDescription
            | Self::Session(Session::Ask | Session::Script | Session::SignIn | Session::SignOut)
            | Self::Health
            | Self::Ready => Credential::None,
            Self::ApiPublish
            | Self::ApiDiff
            | Self::ApiPreview(_)
            | Self::ApiTest(_)
            | Self::ApiSteer(..)
            | Self::ApiBroadcast(_)
            | Self::ApiSteerBroadcast(..)
            | Self::ApiExplain(_)
            | Self::ApiExplainAsked
            | Self::ApiErase(_)
            | Self::ApiEraseAsked
            | Self::ApiConsents(_)
            | Self::ApiConsentsAsked
            | Self::ApiSuppressions
            | Self::ApiSuppress
            | Self::ApiUnsuppress
            | Self::ApiSuppressionsImport
            | Self::ApiMerge(_)
            | Self::ApiMergeAsked
            | Self::ApiRestore
            | Self::ApiRestoreSay(_)
            | Self::ApiParked
            | Self::ApiRelease(_)
            | Self::ApiRejudge(_)
            | Self::ApiReleaseCampaign(_)
            | Self::ApiStops(_)
            | Self::ApiUnpublish(_)
            | Self::ApiEvents
            | Self::ApiReport(_)
            | Self::Dead(Dead::ApiList | Dead::ApiOne(_) | Dead::ApiSay(..))
            | Self::Session(Session::ApiLink | Session::ApiList | Session::ApiEndAll) => {
                Credential::ApiToken
            }
            Self::Admin
            | Self::AdminReport(_)
            | Self::AdminMessages(_)
            | Self::AdminMessage(..)
            | Self::AdminMessageAsked(..)
            | Self::AdminSteer(..)
            | Self::AdminSuppressions
            | Self::AdminSuppress
            | Self::AdminUnsuppress
            | Self::AdminBroadcast(_)
            | Self::AdminSteerBroadcast(..)
            | Self::AdminRelease(_)
            | Self::AdminReleaseCampaign(_)
            | Self::AdminUnpublish(_)
            | Self::Dead(Dead::Page | Dead::ByHand(..)) => Credential::Session,
            Self::Mailbox | Self::MailboxMessage(_) => Credential::Mailbox,
        }
    }

    /// Whether it can be answered only by who knows what is published.
    pub fn needs_catalog(&self) -> bool {
        !matches!(
            self,
            Self::Click(_)
                | Self::ShortLink(_)
                | Self::Open(_)
                | Self::Hook(..)
                | Self::ApiEvents
                | Self::ApiDescription
                | Self::Session(_)
                | Self::Health
                | Self::Ready
        )
    }
}

/// Why a request has no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoute {
    /// Nothing is there.
    NotFound,
    /// Something is, for these methods (the value of an `Allow` header).
    MethodNotAllowed(&'static str),
}

/// What a request must bring before its handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// Nothing; a signed token in the path may still be asked for.
    None,
    /// An API token.
    ApiToken,
    /// A session of the web app.
    Session,
    /// A session, unless the machine is one that nobody else reaches.
    Mailbox,
}

/// For whom an address is; it decides by which connection and from which page it may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// Visitors and readers of messages, and providers.
    Public,
    /// Programs that hold an API token.
    Api,
    /// People who are signed in.
    WebApp,
}

/// The longest address that signing in leads to, in bytes.
const NEXT_BYTES_MAX: usize = 1_000;

/// The folders of the links that messages carry.
const LINKS: [&str; 6] = ["c", "o", "s", "u", "confirm", "preferences"];

/// The path as it is routed. Here, once and nowhere else, its escapes are decoded. `None` for a
/// path that two programs could read in two ways: a slash, backslash, `%` or control character
/// that was escaped, a broken escape, a backslash, a segment that is empty, `.` or `..`. One slash
/// at the end is kept: a page may be asked for with it. Links of messages lose the breaks that mail
/// programs have put into them.
pub fn decode(path: &str) -> Option<String> {
    let is_link = LINKS.contains(&path.strip_prefix('/')?.split('/').next()?);
    let mut segments = path.strip_prefix('/')?.split('/').peekable();
    let mut decoded = String::with_capacity(path.len());
    while let Some(segment) = segments.next() {
        let mut text = percent_decode(segment)?;
        if is_link {
            text.retain(|c| !BREAKS.contains(&c));
        }
        let is_last = segments.peek().is_none();
        let is_vague = |c: char| "/\\%".contains(c) || c.is_control();
        if text.contains(is_vague) || text == "." || text == ".." || (text.is_empty() && !is_last) {
            return None;
        }
        decoded.push('/');
        decoded.push_str(&text);
    }
    Some(decoded)
}

/// What mail programs break long links with: line ends, tabs, and signs that are not seen.
const BREAKS: [char; 9] =
    ['\r', '\n', '\t', '\u{ad}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}'];

/// For whom a decoded path is, whatever is there.
pub fn area(path: &str) -> Area {
    match path.split('/').nth(1) {
        Some("admin" | "dev") => Area::WebApp,
        Some("api") => Area::Api,
        _ => Area::Public,
    }
}

/// Whether an address is a page of the web app, and so one that signing in may lead to: a path of
/// ours and perhaps a query, as they stand in a header.
pub fn is_page_of_the_web_app(address: &str) -> bool {
    use Route::*;
    let (path, _) = address.split_once('?').unwrap_or((address, ""));
    let is_plain = address.bytes().all(|b| b.is_ascii_graphic() && b != b'#' && b != b'\\');
    let Some(path) = decode(path).filter(|_| is_plain && address.len() <= NEXT_BYTES_MAX) else {
        return false;
    };
    matches!(
        route("GET", &path),
        Ok(Admin
            | AdminReport(_)
            | AdminMessages(_)
            | AdminMessage(..)
            | AdminSuppressions
            | Dead(DeadRoute::Page)
            | AdminBroadcast(_)
            | Mailbox
            | MailboxMessage(_))
    )
}

/// Finds the route of a decoded path. HEAD goes where GET goes.
pub fn route<'a>(method: &str, path: &'a str) -> Result<Route<'a>, NoRoute> {
    use Route::*;
    let method = if method == "HEAD" { "GET" } else { method };
    let parts: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    let one = |wanted, route, allow| one(method, wanted, route, allow);
    let both = |get, post| both(method, get, post);
    match parts[..] {
        ["f", form] => match method {
            "OPTIONS" => Ok(FormPreflight(form)),
            "GET" => Ok(FormStart(form)),
            "POST" => Ok(FormSend(form)),
            _ => Err(NoRoute::MethodNotAllowed("GET, HEAD, POST, OPTIONS")),
        },
        ["u", token, "undo"] => one("POST", UnsubscribeUndo(token), "POST"),
        // A token of a link may have the text around it at its end, slashes too.
        ["c", token, ..] => one("GET", Click(token), GET),
        ["s", code, ..] => one("GET", ShortLink(code), GET),
        ["o", token, ..] => one("GET", Open(token), GET),
        ["u", token, ..] => both(UnsubscribeAsk(token), Unsubscribe(token)),
        ["preferences", token, ..] => both(PreferencesAsk(token), Preferences(token)),
        ["confirm", token, ..] => both(ConfirmAsk(token), Confirm(token)),
        ["hooks", provider] => one("POST", Hook(provider, ""), "POST"),
        ["hooks", provider, secret] => one("POST", Hook(provider, secret), "POST"),
        ["api", "v1", ref rest @ ..] => api(method, rest),
        ["admin", ref rest @ ..] => admin(method, path, rest),
        ["dev", "mailbox"] => one("GET", Mailbox, GET),
        ["dev", "mailbox", id] => one("GET", MailboxMessage(id), GET),
        ["healthz"] => one("GET", Health, GET),
        ["readyz"] => one("GET", Ready, GET),
        // The house's own folders have no pages of campaigns in them.
        [
            "f" | "c" | "s" | "o" | "u" | "confirm" | "preferences" | "hooks" | "api" | "dev"
            | "assets",
            ..,
        ] => Err(NoRoute::NotFound),
        _ => one("GET", Page(path), GET),
    }
}

/// The methods of what is only read.
const GET: &str = "GET, HEAD";

/// The route, for one method.
fn one<'a>(
    method: &str,
    wanted: &str,
    route: Route<'a>,
    allow: &'static str,
) -> Result<Route<'a>, NoRoute> {
    if method == wanted { Ok(route) } else { Err(NoRoute::MethodNotAllowed(allow)) }
}

/// One route for GET, another for POST.
fn both<'a>(method: &str, get: Route<'a>, post: Route<'a>) -> Result<Route<'a>, NoRoute> {
    match method {
        "GET" => Ok(get),
        "POST" => Ok(post),
        _ => Err(NoRoute::MethodNotAllowed("GET, HEAD, POST")),
    }
}

/// The routes of the web app, below `/admin`.
fn admin<'a>(method: &str, path: &'a str, parts: &[&'a str]) -> Result<Route<'a>, NoRoute> {
    use Route::*;
    let one = |wanted, route, allow| one(method, wanted, route, allow);
    let both = |get, post| both(method, get, post);
    match *parts {
        [] => one("GET", Admin, GET),
        ["campaigns", id] => one("GET", AdminReport(id), GET),
        ["campaigns", id, "messages"] => one("GET", AdminMessages(id), GET),
        ["campaigns", id, "messages", _, ..] => match path.split_once("/messages/") {
            Some((_, name)) => both(AdminMessage(id, name), AdminMessageAsked(id, name)),
            None => Err(NoRoute::NotFound),
        },
        ["journeys", id, verb] => match RunState::by_verb(verb) {
            Some(state) => one("POST", AdminSteer(id, state), "POST"),
            None => Err(NoRoute::NotFound),
        },
        ["suppressions"] => both(AdminSuppressions, AdminSuppress),
        ["suppressions", "release"] => one("POST", AdminUnsuppress, "POST"),
        ["broadcasts", id] => one("GET", AdminBroadcast(id), GET),
        ["broadcasts", id, verb] => match BroadcastVerb::read(verb) {
            Some(verb) => one("POST", AdminSteerBroadcast(id, verb), "POST"),
            None => Err(NoRoute::NotFound),
        },
        ["campaigns", id, "release"] => one("POST", AdminReleaseCampaign(id), "POST"),
        ["campaigns", id, "unpublish"] => one("POST", AdminUnpublish(id), "POST"),
        ["dead-letters"] => one("GET", Dead(DeadRoute::Page), GET),
        ["dead-letters", id, verb] => match DeadVerb::read(verb) {
            Some(verb) => one("POST", Dead(DeadRoute::ByHand(id, verb)), "POST"),
            None => Err(NoRoute::NotFound),
        },
        ["parked", id, "release"] => one("POST", AdminRelease(id), "POST"),
        ["sign-in"] => both(Session(SessionRoute::Ask), Session(SessionRoute::SignIn)),
        ["sign-in.js"] => one("GET", Session(SessionRoute::Script), GET),
        ["sign-out"] => one("POST", Session(SessionRoute::SignOut), "POST"),
        _ => Err(NoRoute::NotFound),
    }
}

/// Finds the route of an API call, by what follows `/api/v1/`.
fn api<'a>(method: &str, parts: &[&'a str]) -> Result<Route<'a>, NoRoute> {
    use Route::*;
    let one = |wanted, route, allow| one(method, wanted, route, allow);
    let both = |get, post| both(method, get, post);
    match *parts {
        ["campaigns"] => one("POST", ApiPublish, "POST"),
        ["campaigns", id, "rejudge"] => one("POST", ApiRejudge(id), "POST"),
        ["campaigns", "diff"] => one("POST", ApiDiff, "POST"),
        ["campaigns", id, "preview"] => one("POST", ApiPreview(id), "POST"),
        ["campaigns", id, "test"] => one("POST", ApiTest(id), "POST"),
        ["journeys", id, verb] => match RunState::by_verb(verb) {
            Some(state) => one("POST", ApiSteer(id, state), "POST"),
            None => Err(NoRoute::NotFound),
        },
        ["broadcasts", id] => one("GET", ApiBroadcast(id), GET),
        ["broadcasts", id, verb] => match BroadcastVerb::read(verb) {
            Some(verb) => one("POST", ApiSteerBroadcast(id, verb), "POST"),
            None => Err(NoRoute::NotFound),
        },
        ["contacts", "explain"] => one("POST", ApiExplainAsked, "POST"),
        ["contacts", id, "explain"] => one("GET", ApiExplain(id), GET),
        ["contacts", "erase"] => one("POST", ApiEraseAsked, "POST"),
        ["contacts", id, "erase"] => one("POST", ApiErase(id), "POST"),
        ["contacts", "consents"] => one("POST", ApiConsentsAsked, "POST"),
        ["contacts", id, "consents"] => one("GET", ApiConsents(id), GET),
        ["suppressions"] => both(ApiSuppressions, ApiSuppress),
        ["suppressions", "list"] => one("POST", ApiSuppressions, "POST"),
        ["suppressions", "release"] => one("POST", ApiUnsuppress, "POST"),
        ["suppressions", "import"] => one("POST", ApiSuppressionsImport, "POST"),
        ["contacts", "merge"] => one("POST", ApiMergeAsked, "POST"),
        ["contacts", id, "merge"] => one("POST", ApiMerge(id), "POST"),
        ["restore"] => one("GET", ApiRestore, GET),
        ["restore", verb] => match Resolution::by_verb(verb) {
            Some(word) => one("POST", ApiRestoreSay(word), "POST"),
            None => Err(NoRoute::NotFound),
        },
        ["dead-letters"] => one("GET", Dead(DeadRoute::ApiList), GET),
        ["dead-letters", id] => one("GET", Dead(DeadRoute::ApiOne(id)), GET),
        ["dead-letters", id, verb] => match DeadVerb::read(verb) {
            Some(verb) => one("POST", Dead(DeadRoute::ApiSay(id, verb)), "POST"),
            None => Err(NoRoute::NotFound),
        },
        ["parked"] => one("GET", ApiParked, GET),
        ["campaigns", id, "release"] => one("POST", ApiReleaseCampaign(id), "POST"),
        ["campaigns", id, "unpublish"] => both(ApiStops(id), ApiUnpublish(id)),
        ["parked", id, "release"] => one("POST", ApiRelease(id), "POST"),
        ["events"] => one("POST", ApiEvents, "POST"),
        ["reports", "campaigns", id] => one("GET", ApiReport(id), GET),
        ["sign-in-links"] => one("POST", Session(SessionRoute::ApiLink), "POST"),
        ["sessions"] => one("GET", Session(SessionRoute::ApiList), GET),
        ["sessions", "end"] => one("POST", Session(SessionRoute::ApiEndAll), "POST"),
        ["openapi.json"] => one("GET", ApiDescription, GET),
        _ => Err(NoRoute::NotFound),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_route() {
        assert_eq!(route("GET", "/webinar/thanks"), Ok(Route::Page("/webinar/thanks")));
        assert_eq!(route("HEAD", "/webinar"), Ok(Route::Page("/webinar")));
        assert_eq!(route("POST", "/f/spring.signup"), Ok(Route::FormSend("spring.signup")));
        assert_eq!(route("OPTIONS", "/f/spring.signup"), Ok(Route::FormPreflight("spring.signup")));
        assert_eq!(route("GET", "/u/1u.x.y"), Ok(Route::UnsubscribeAsk("1u.x.y")));
        assert_eq!(route("POST", "/u/1u.x.y"), Ok(Route::Unsubscribe("1u.x.y")));
        assert_eq!(route("GET", "/"), Ok(Route::Page("/")));
        let pause = Route::ApiSteer("spring.nurture", RunState::Paused);
        assert_eq!(route("POST", "/api/v1/journeys/spring.nurture/pause"), Ok(pause));
        assert_eq!(route("POST", "/api/v1/journeys/x.y/stop"), Err(NoRoute::NotFound));
        let unpublish = "/api/v1/campaigns/spring/unpublish";
        assert_eq!(route("GET", unpublish), Ok(Route::ApiStops("spring")));
        assert_eq!(route("POST", unpublish), Ok(Route::ApiUnpublish("spring")));
        assert_eq!(route("GET", "/c/1c.x.y%22/%3E"), Ok(Route::Click("1c.x.y%22")));
        assert_eq!(route("POST", "/u/1u.x.y/undo"), Ok(Route::UnsubscribeUndo("1u.x.y")));
        let start = Route::AdminSteerBroadcast("spring.news", BroadcastVerb::Start);
        assert_eq!(route("POST", "/admin/broadcasts/spring.news/start"), Ok(start));
    }

    #[test]
    fn a_path_is_decoded_once_or_refused() {
        for (path, decoded) in [
            ("/", "/"),
            ("/webinar/", "/webinar/"),
            ("/%E4%BA%A7%E5%93%81", "/产品"),
            ("/a+b%20c", "/a+b c"),
            ("/u/1uab.x.y%3E", "/u/1uab.x.y>"),
            ("/u/1uab%C2%AD.x%09.%E2%80%8By%0D%0A", "/u/1uab.x.y"),
            ("/%61dmin", "/admin"),
            ("/admin;x=1", "/admin;x=1"),
            ("/x/a%3Fb%23c", "/x/a?b#c"),
        ] {
            assert_eq!(decode(path).as_deref(), Some(decoded), "{path}");
        }
        for path in [
            "", "admin", "//admin", "/admin//x", "//", "/x//", "/admin%2Fcampaigns%2fx",
            "/%2Fadmin", "/admin%5Ccampaigns", "/admin\\campaigns", "/%252Fadmin", "/a%25",
            "/admin/../x", "/./x", "/admin/%2e%2E/x", "/%2e", "/..", "/admin/.%2e", "/a%00",
            "/a%0d%0aset-cookie:x", "/%zz", "/100%", "/%f", "/%ff", "/a%c0%af", "/a%7f",
            "/a%C2%85b",
        ] {
            assert_eq!(decode(path), None, "{path}");
        }
    }

    #[test]
    fn every_address_of_the_web_app_and_the_api_is_in_its_area() {
        for path in ["/admin", "/admin/", "/admin/sign-in", "/admin/x", "/dev/mailbox", "/dev"] {
            assert_eq!(area(path), Area::WebApp, "{path}");
        }
        for path in ["/api", "/api/v1/events", "/api/v2"] {
            assert_eq!(area(path), Area::Api, "{path}");
        }
        for path in ["/", "/webinar", "/administration", "/f/a.b", "/readyz", "/hooks/resend"] {
            assert_eq!(area(path), Area::Public, "{path}");
        }
        // Nothing of the web app is found anywhere else.
        for path in ["/Admin", "/x/admin", "/webinar/admin/sign-in"] {
            assert_eq!(route("GET", path), Ok(Route::Page(path)), "{path}");
        }
    }

    #[test]
    fn whatever_the_api_and_the_web_app_do_needs_a_credential() {
        let found = |method, path| route(method, path).map(|route| route.credential());
        for (method, path) in [
            ("POST", "/api/v1/events"),
            ("POST", "/api/v1/campaigns"),
            ("GET", "/api/v1/suppressions"),
            ("GET", "/api/v1/dead-letters"),
            ("POST", "/api/v1/sign-in"),
            ("GET", "/api/v1/restore"),
        ] {
            assert_eq!(found(method, path), Ok(Credential::ApiToken), "{method} {path}");
        }
        for path in
            ["/admin", "/admin/campaigns/spring", "/admin/suppressions", "/admin/dead-letters"]
        {
            assert_eq!(found("GET", path), Ok(Credential::Session), "{path}");
        }
        assert_eq!(found("GET", "/dev/mailbox"), Ok(Credential::Mailbox));
        for path in ["/api/v1/openapi.json", "/admin/sign-in", "/webinar", "/readyz"] {
            assert_eq!(found("GET", path), Ok(Credential::None), "{path}");
        }
    }

    #[test]
    fn signing_in_leads_to_a_page_of_the_web_app_and_nowhere_else() {
        for address in [
            "/admin",
            "/admin?lang=zh-CN",
            "/admin/campaigns/spring",
            "/dev/mailbox/a.1",
            "/admin/suppressions?reason=bounced&page=2",
            "/admin/campaigns/s/messages/emails/a/en",
        ] {
            assert!(is_page_of_the_web_app(address), "{address}");
        }
        let long = format!("/admin?x={}", "y".repeat(NEXT_BYTES_MAX));
        for address in [
            "",
            "admin",
            "/",
            "/webinar",
            "//evil.example/admin",
            "///admin",
            "/\\evil.example",
            "https://evil.example/admin",
            "javascript:alert(1)",
            "/admin/sign-out",
            "/admin/sign-in",
            "/admin/parked/x/release",
            "/admin/../..//evil.example",
            "/admin/%2e%2e/%2e%2e",
            "/admin%2F..%2Fx",
            "/admin?x=\r\nset-cookie:a=b",
            "/admin?x=\\evil",
            "/admin#x",
            "/admin?q=登录",
            " /admin",
            "/c/token",
            "/api/v1/parked",
            "/admin/campaigns/a b",
            &long,
        ] {
            assert!(!is_page_of_the_web_app(address), "{address}");
        }
    }

    #[test]
    fn erasing_and_merging_take_a_post() {
        assert_eq!(route("POST", "/api/v1/contacts/c-1/erase"), Ok(Route::ApiErase("c-1")));
        assert_eq!(route("POST", "/api/v1/contacts/erase"), Ok(Route::ApiEraseAsked));
        assert_eq!(route("POST", "/api/v1/contacts/c-1/merge"), Ok(Route::ApiMerge("c-1")));
        assert_eq!(route("POST", "/api/v1/contacts/merge"), Ok(Route::ApiMergeAsked));
        let refused = Err(NoRoute::MethodNotAllowed("POST"));
        assert_eq!(route("GET", "/api/v1/contacts/c-1/erase"), refused);
    }

    #[test]
    fn a_message_has_its_name_with_its_folder() {
        let path = "/admin/campaigns/spring/messages/emails/welcome/zh-CN";
        let name = "emails/welcome/zh-CN";
        assert_eq!(route("GET", path), Ok(Route::AdminMessage("spring", name)));
        assert_eq!(route("POST", path), Ok(Route::AdminMessageAsked("spring", name)));
    }

    #[test]
    fn a_wrong_method_is_told_the_right_ones() {
        assert_eq!(route("POST", "/webinar"), Err(NoRoute::MethodNotAllowed("GET, HEAD")));
        assert_eq!(route("POST", "/c/x"), Err(NoRoute::MethodNotAllowed("GET, HEAD")));
        assert_eq!(route("GET", "/api/v1/events"), Err(NoRoute::MethodNotAllowed("POST")));
        assert_eq!(
            route("GET", "/api/v1/journeys/x.y/pause"),
            Err(NoRoute::MethodNotAllowed("POST"))
        );
        assert_eq!(route("DELETE", "/u/x"), Err(NoRoute::MethodNotAllowed("GET, HEAD, POST")));
    }

    #[test]
    fn the_houses_folders_hold_no_pages() {
        for path in ["/api/v2/x", "/f", "/f/a/b", "/admin/x", "/dev", "/u/", "/hooks/resend"] {
            let found = route("GET", path);
            let is_page = matches!(found, Ok(Route::Page(_)));
            assert!(!is_page, "{path}: {found:?}");
        }
    }
}

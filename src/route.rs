//! Every URL that dripline serves: maps method and path to a route. The enum is the complete list.

pub mod companies;
mod dead_letters;
mod imports;
mod lists;
mod path;
mod records;

#[cfg(test)]
mod tests;

pub use dead_letters::DeadRoute;
pub use imports::ImportRoute;
pub use lists::ListRoute;
pub use path::{Area, area, decode};
pub use records::{KindRoute, RecordRoute};

use crate::domain::access::audit::Act;
use crate::domain::access::rights::Need;
use crate::domain::access::role::Action;
use crate::domain::campaign::broadcast::BroadcastVerb;
use crate::domain::campaign::journey::RunState;
use crate::domain::operations::dead_letter::DeadVerb;
use crate::domain::sending::restore_guard::Resolution;

/// The route of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route<'a> {
    /// A landing page, at any path that is not another route.
    Page(&'a str),
    /// Returns a form's fields and a new token, for sites that embed it.
    FormStart(&'a str),
    /// Answers a browser's CORS preflight for a form on another site.
    FormPreflight(&'a str),
    /// Accepts a form submission.
    FormSend(&'a str),
    /// A link of a message.
    Click(&'a str),
    /// A short link of an SMS.
    ShortLink(&'a str),
    /// The open pixel of a message.
    Open(&'a str),
    /// Shows the page that asks whether to unsubscribe.
    UnsubscribeAsk(&'a str),
    /// Unsubscribes.
    Unsubscribe(&'a str),
    /// Undoes an unsubscription.
    UnsubscribeUndo(&'a str),
    /// Shows the preference page of a contact.
    PreferencesAsk(&'a str),
    /// Saves the preferences.
    Preferences(&'a str),
    /// Shows the page that asks whether to confirm.
    ConfirmAsk(&'a str),
    /// Confirms.
    Confirm(&'a str),
    /// A provider webhook: the provider, and the secret at the end of the path or an empty text.
    Hook(&'a str, &'a str),
    /// Publishes a campaign.
    ApiPublish,
    /// Returns what publishing a campaign would change.
    ApiDiff,
    /// Renders a campaign's message as a contact would get it.
    ApiPreview(&'a str),
    /// Sends a test of a campaign's message to the operators.
    ApiTest(&'a str),
    /// Starts or stops a journey.
    ApiSetJourney(&'a str, RunState),
    /// Returns who would get a broadcast.
    ApiBroadcast(&'a str),
    /// Starts, pauses, resumes or cancels a broadcast.
    ApiSetBroadcast(&'a str, BroadcastVerb),
    /// Explains the state of a contact, identified by its id.
    ApiExplain(&'a str),
    /// Explains the state of a contact identified in the body: URLs end up in logs.
    ApiExplainAsked,
    /// Erases a contact, identified by its id.
    ApiErase(&'a str),
    /// Erases a contact identified in the body.
    ApiEraseAsked,
    /// Returns the consent records of a contact, identified by its id.
    ApiConsents(&'a str),
    /// Returns the consent records of a contact identified in the body.
    ApiConsentsAsked,
    /// Lists the suppressed addresses.
    ApiSuppressions,
    /// Suppresses an address.
    ApiSuppress,
    /// Lifts a suppression.
    ApiUnsuppress,
    /// Imports the suppressions of another system.
    ApiSuppressionsImport,
    /// Merges a contact, identified by its id, into the one identified in the body.
    ApiMerge(&'a str),
    /// Merges two contacts identified in the body.
    ApiMergeAsked,
    /// Returns whether the database was restored, and which messages wait because of it.
    ApiRestore,
    /// Decides about messages in the restore hold.
    ApiResolveRestore(Resolution),
    /// Lists the contacts in quarantine.
    ApiParked,
    /// Releases a contact from quarantine.
    ApiRelease(&'a str),
    /// Reclassifies a campaign's opens and clicks.
    ApiRejudge(&'a str),
    /// Releases a campaign from auto-pause.
    ApiReleaseCampaign(&'a str),
    /// Returns what unpublishing a campaign would stop.
    ApiStops(&'a str),
    /// Unpublishes a campaign.
    ApiUnpublish(&'a str),
    /// Accepts events.
    ApiEvents,
    /// Returns a campaign's report.
    ApiReport(&'a str),
    /// Returns the description of the API.
    ApiDescription,
    /// Shows the list of campaigns.
    Admin,
    /// Shows a campaign's report as a page.
    AdminReport(&'a str),
    /// Lists a campaign's messages.
    AdminMessages(&'a str),
    /// Shows one message of a campaign with sample data.
    AdminMessage(&'a str, &'a str),
    /// Shows the message with a contact's data, or sends a test of it.
    AdminMessageAsked(&'a str, &'a str),
    /// Starts or stops a journey, from the web app.
    AdminSetJourney(&'a str, RunState),
    /// Shows the suppressed addresses as a page.
    AdminSuppressions,
    /// Suppresses an address, from the web app.
    AdminSuppress,
    /// Lifts a suppression, from the web app.
    AdminUnsuppress,
    /// Shows who would get a broadcast, as a page with the button that starts it.
    AdminBroadcast(&'a str),
    /// Starts, pauses, resumes or cancels a broadcast, from the web app.
    AdminSetBroadcast(&'a str, BroadcastVerb),
    /// Releases a contact from quarantine, from the web app.
    AdminRelease(&'a str),
    /// Releases a campaign from auto-pause, from the web app.
    AdminReleaseCampaign(&'a str),
    /// Records of any kind.
    Record(RecordRoute<'a>),
    /// Companies and their people.
    Company(companies::CompanyRoute<'a>),
    /// Static lists.
    List(ListRoute<'a>),
    /// The dead letters of the queues.
    Dead(DeadRoute<'a>),
    /// Unpublishes a campaign, from the web app.
    AdminUnpublish(&'a str),
    /// The sessions of the web app.
    Session(SessionRoute),
    /// Members, their tokens and roles, and the audit log.
    Team(TeamRoute<'a>),
    /// Lists the messages in the local mailbox.
    Mailbox,
    /// Shows a message in the local mailbox.
    MailboxMessage(&'a str),
    /// Answers whether the worker is alive.
    Health,
    /// Answers whether the worker is ready.
    Ready,
}

/// The routes for sessions of the web app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionRoute {
    /// The sign-in page.
    Ask,
    /// The script of the sign-in page: it copies the secret of a link into the form.
    Script,
    /// Signs in with a token or a link, or mails a link to a member.
    SignIn,
    SignOut,
    /// Creates a sign-in link, through the API.
    ApiLink,
    /// Lists the sessions, through the API.
    ApiList,
    /// Ends all sessions and links, through the API.
    ApiEndAll,
}

/// The routes of the API for members, tokens, roles and the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TeamRoute<'a> {
    Members,
    AddMember,
    /// Shows a member, by id or e-mail address.
    Member(&'a str),
    EditMember(&'a str),
    EndMember(&'a str),
    /// Mails a one-time sign-in link to a member.
    MailLink(&'a str),
    Tokens,
    AddToken,
    /// Revokes a token, by id or name.
    RevokeToken(&'a str),
    Roles,
    PutRole(&'a str),
    DeleteRole(&'a str),
    /// Reads the audit log.
    Audit,
}

impl SessionRoute {
    fn credential(self) -> Credential {
        match self {
            Self::Ask | Self::Script | Self::SignIn | Self::SignOut => Credential::None,
            // The link signs in as the token does, and only configured tokens sign in.
            Self::ApiLink => Credential::ApiToken(Need::Owner),
            Self::ApiList | Self::ApiEndAll => Credential::ApiToken(Need::To(Action::Manage)),
        }
    }
}

impl RecordRoute<'_> {
    /// Which records of the kind are meant is up to the handler, which knows the kind.
    fn credential(self) -> Credential {
        Credential::ApiToken(match self {
            Self::Kind(KindRoute::Publish) => Need::To(Action::Publish),
            Self::Kind(KindRoute::Diff) => Need::To(Action::Compose),
            _ => Need::Known,
        })
    }
}

impl TeamRoute<'_> {
    fn credential(self) -> Credential {
        Credential::ApiToken(match self {
            Self::Members
            | Self::AddMember
            | Self::Member(_)
            | Self::EditMember(_)
            | Self::EndMember(_)
            | Self::MailLink(_)
            | Self::Tokens
            | Self::AddToken
            | Self::RevokeToken(_)
            | Self::Roles => Need::To(Action::Manage),
            Self::PutRole(_) | Self::DeleteRole(_) => Need::Owner,
            Self::Audit => Need::To(Action::Audit),
        })
    }
}

impl Route<'_> {
    /// Returns the credential that a request needs before its handler runs, and the permission that
    /// its holder needs. The match is exhaustive, so a new route without them does not compile.
    #[rustfmt::skip]
    pub fn credential(&self) -> Credential {
        use Action::{
            Compose, Edit, Erase, Import, Merge, Operate, Publish, Report, See, Send,
        };
        use Need::{Clear, Every, Quoting, Some, To};
        use Route::*;
        let api = Credential::ApiToken;
        let page = Credential::Session;
        match self {
            Page(_) | FormStart(_) | FormPreflight(_) | FormSend(_) | Click(_) | ShortLink(_)
            | Open(_) | UnsubscribeAsk(_) | Unsubscribe(_) | UnsubscribeUndo(_)
            | PreferencesAsk(_) | Preferences(_) | ConfirmAsk(_) | Confirm(_) | Hook(..)
            | ApiDescription | Health | Ready => Credential::None,
            ApiPublish | ApiSetJourney(..) | ApiStops(_) | ApiUnpublish(_) => api(To(Publish)),
            ApiDiff | ApiPreview(_) | ApiTest(_) => api(To(Compose)),
            ApiSetBroadcast(..) | ApiReleaseCampaign(_) => api(To(Send)),
            ApiBroadcast(_) | ApiReport(_) => api(To(Report)),
            ApiExplain(_) | ApiExplainAsked | ApiConsents(_) | ApiConsentsAsked => api(Clear(See)),
            ApiErase(_) | ApiEraseAsked => api(Some(Erase)),
            ApiMerge(_) | ApiMergeAsked => api(Some(Merge)),
            ApiSuppressions => api(Quoting(See)),
            ApiSuppress | ApiUnsuppress => api(Every(Edit)),
            ApiSuppressionsImport | ApiEvents => api(Every(Import)),
            ApiRestore | ApiResolveRestore(_) | ApiParked | ApiRelease(_) | ApiRejudge(_)
                => api(To(Operate)),
            Admin | AdminReport(_) | AdminMessages(_) | AdminMessage(..) | AdminBroadcast(_)
                => page(To(Report)),
            AdminMessageAsked(..) => page(To(Compose)),
            AdminSetJourney(..) | AdminUnpublish(_) => page(To(Publish)),
            AdminSuppressions => page(Quoting(See)),
            AdminSuppress | AdminUnsuppress => page(Every(Edit)),
            AdminSetBroadcast(..) | AdminReleaseCampaign(_) => page(To(Send)),
            AdminRelease(_) => page(To(Operate)),
            Record(found) => found.credential(),
            Company(found) => found.credential(),
            List(found) => found.credential(),
            Dead(found) => found.credential(),
            Session(found) => found.credential(),
            Team(found) => found.credential(),
            Mailbox | MailboxMessage(_) => Credential::Mailbox,
        }
    }

    /// Returns what the audit log says about a request that was granted; `None` if it changes
    /// nothing, or if its flow writes the log in its own batch. A handler adds what only it knows.
    pub fn act(&self) -> Option<Act> {
        use Route::*;
        Option::Some(match *self {
            ApiPublish => Act::new("publish", "campaign", ""),
            ApiUnpublish(id) | AdminUnpublish(id) => Act::new("unpublish", "campaign", id),
            ApiReleaseCampaign(id) | AdminReleaseCampaign(id) => {
                Act::new("release", "campaign", id)
            }
            ApiRejudge(id) => Act::new("rejudge", "campaign", id),
            ApiTest(id) | AdminMessageAsked(id, _) => Act::new("test", "campaign", id),
            ApiSetJourney(id, state) | AdminSetJourney(id, state) => {
                Act::new(state.verb(), "journey", id)
            }
            ApiSetBroadcast(id, verb) | AdminSetBroadcast(id, verb) => {
                Act::new(verb.as_str(), "broadcast", id)
            }
            ApiErase(_) | ApiEraseAsked => Act::new("erase", "contact", ""),
            ApiMerge(_) | ApiMergeAsked => Act::new("merge", "contact", ""),
            ApiSuppress | AdminSuppress => Act::new("suppress", "address", ""),
            ApiUnsuppress | AdminUnsuppress => Act::new("unsuppress", "address", ""),
            ApiSuppressionsImport => Act::new("import", "suppressions", ""),
            ApiSuppressions | AdminSuppressions => Act::new("list", "suppressions", ""),
            ApiConsents(_) | ApiConsentsAsked => Act::new("read_consents", "contact", ""),
            ApiResolveRestore(word) => Act::new(word.verb(), "restore", ""),
            ApiRelease(id) | AdminRelease(id) => Act::new("release", "contact", id),
            Dead(DeadRoute::ApiSay(id, verb) | DeadRoute::ByHand(id, verb)) => {
                Act::new(verb.as_str(), "dead_letter", id)
            }
            Session(SessionRoute::ApiEndAll) => Act::new("end_all", "session", ""),
            Record(RecordRoute::Import(ImportRoute::Create)) => Act::new("create", "import", ""),
            Record(RecordRoute::Import(ImportRoute::Act(id, verb))) => {
                Act::new(verb.as_str(), "import", id)
            }
            Record(RecordRoute::Kind(KindRoute::Publish)) => Act::new("publish", "kind", ""),
            Record(RecordRoute::Erase(_, id)) => Act::new("erase", "record", id),
            List(found) => return found.act(),
            Team(TeamRoute::Audit) => Act::new("read", "audit", ""),
            Company(found) => return found.act(),
            _ => return None,
        })
    }

    /// Returns whether the handler needs the catalog of published versions.
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
                | Self::Team(_)
                | Self::Health
                | Self::Ready
        )
    }
}

/// The reason why a request has no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoute {
    NotFound,
    /// The path exists, but only for these methods (the value of an `Allow` header).
    MethodNotAllowed(&'static str),
}

/// The credential that a request needs before its handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// None; the handler may still require a signed token in the path.
    None,
    /// An API token with a permission.
    ApiToken(Need),
    /// A session of the web app with a permission.
    Session(Need),
    /// An owner's session, except on a machine of one's own: all sign-in links are in the mailbox.
    Mailbox,
}

/// The longest URL that signing in may lead to, in bytes.
const NEXT_BYTES_MAX: usize = 1_000;

/// Returns whether a URL is a page of the web app, and so a valid target of signing in: a path of
/// ours, optionally with a query, in the form that a header has.
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

/// Finds the route of a decoded path. HEAD is routed like GET.
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
        // Text after a link may have become part of its token, including slashes.
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
        // The built-in folders contain no pages of campaigns.
        [
            "f" | "c" | "s" | "o" | "u" | "confirm" | "preferences" | "hooks" | "api" | "dev"
            | "assets",
            ..,
        ] => Err(NoRoute::NotFound),
        _ => one("GET", Page(path), GET),
    }
}

/// The methods of read-only routes.
const GET: &str = "GET, HEAD";

/// Returns a route that accepts a single method.
fn one<'a>(
    method: &str,
    wanted: &str,
    route: Route<'a>,
    allow: &'static str,
) -> Result<Route<'a>, NoRoute> {
    if method == wanted { Ok(route) } else { Err(NoRoute::MethodNotAllowed(allow)) }
}

/// Returns one route for GET and another for POST.
fn both<'a>(method: &str, get: Route<'a>, post: Route<'a>) -> Result<Route<'a>, NoRoute> {
    match method {
        "GET" => Ok(get),
        "POST" => Ok(post),
        _ => Err(NoRoute::MethodNotAllowed("GET, HEAD, POST")),
    }
}

/// Finds the route of the web app, below `/admin`.
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
            Some(state) => one("POST", AdminSetJourney(id, state), "POST"),
            None => Err(NoRoute::NotFound),
        },
        ["suppressions"] => both(AdminSuppressions, AdminSuppress),
        ["suppressions", "release"] => one("POST", AdminUnsuppress, "POST"),
        ["broadcasts", id] => one("GET", AdminBroadcast(id), GET),
        ["broadcasts", id, verb] => match BroadcastVerb::read(verb) {
            Some(verb) => one("POST", AdminSetBroadcast(id, verb), "POST"),
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

/// Finds the route of an API call, by the path after `/api/v1/`.
fn api<'a>(method: &str, parts: &[&'a str]) -> Result<Route<'a>, NoRoute> {
    use Route::*;
    use TeamRoute::*;
    let one = |wanted, route, allow| one(method, wanted, route, allow);
    let both = |get, post| both(method, get, post);
    match *parts {
        ["campaigns"] => one("POST", ApiPublish, "POST"),
        ["campaigns", id, "rejudge"] => one("POST", ApiRejudge(id), "POST"),
        ["campaigns", "diff"] => one("POST", ApiDiff, "POST"),
        ["campaigns", id, "preview"] => one("POST", ApiPreview(id), "POST"),
        ["campaigns", id, "test"] => one("POST", ApiTest(id), "POST"),
        ["journeys", id, verb] => match RunState::by_verb(verb) {
            Some(state) => one("POST", ApiSetJourney(id, state), "POST"),
            None => Err(NoRoute::NotFound),
        },
        ["broadcasts", id] => one("GET", ApiBroadcast(id), GET),
        ["broadcasts", id, verb] => match BroadcastVerb::read(verb) {
            Some(verb) => one("POST", ApiSetBroadcast(id, verb), "POST"),
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
            Some(word) => one("POST", ApiResolveRestore(word), "POST"),
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
        ["members"] => both(Team(Members), Team(AddMember)),
        ["members", id] => both(Team(Member(id)), Team(EditMember(id))),
        ["members", id, "end"] => one("POST", Team(EndMember(id)), "POST"),
        ["members", id, "link"] => one("POST", Team(MailLink(id)), "POST"),
        ["tokens"] => both(Team(Tokens), Team(AddToken)),
        ["tokens", id, "revoke"] => one("POST", Team(RevokeToken(id)), "POST"),
        ["roles"] => one("GET", Team(Roles), GET),
        ["roles", id] => one("POST", Team(PutRole(id)), "POST"),
        ["roles", id, "delete"] => one("POST", Team(DeleteRole(id)), "POST"),
        ["audit"] => one("GET", Team(Audit), GET),
        ["imports", ..] => imports::imports(method, parts),
        ["lists", ..] => lists::lists(method, parts),
        _ => records::find(method, parts),
    }
}

//! Every address that dripline answers at: method and path become a route. The enum is the list.

use crate::domain::journey::RunState;

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
    /// Publish a campaign.
    ApiPublish,
    /// What publishing a campaign would change.
    ApiDiff,
    /// Let a journey run, or halt it.
    ApiSteer(&'a str, RunState),
    /// Why a contact, named by its id, is where it is.
    ApiExplain(&'a str),
    /// The same of a contact that the body names: an address in a URL would end up in logs.
    ApiExplainAsked,
    /// Erase a contact, named by its id.
    ApiErase(&'a str),
    /// The same of a contact that the body names.
    ApiEraseAsked,
    /// Merge a contact, named by its id, into the one that the body names.
    ApiMerge(&'a str),
    /// Merge two contacts that the body names.
    ApiMergeAsked,
    /// The parked contacts.
    ApiParked,
    /// Let a parked contact be decided on again.
    ApiRelease(&'a str),
    /// Let a campaign that its brake stopped go on.
    ApiReleaseCampaign(&'a str),
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
    /// Let a journey run, or halt it, from the web app.
    AdminSteer(&'a str, RunState),
    /// Let a parked contact be decided on again, from the web app.
    AdminRelease(&'a str),
    /// Let a campaign that its brake stopped go on, from the web app.
    AdminReleaseCampaign(&'a str),
    /// The door of the web app.
    SignInAsk,
    /// Sign in.
    SignIn,
    /// Sign out.
    SignOut,
    /// The local mailbox.
    Mailbox,
    /// A message in it.
    MailboxMessage(&'a str),
    /// Is the worker alive?
    Health,
    /// Can it do its work?
    Ready,
}

/// Why a request has no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoute {
    /// Nothing is there.
    NotFound,
    /// Something is, for these methods (the value of an `Allow` header).
    MethodNotAllowed(&'static str),
}

/// Finds the route. HEAD goes where GET goes.
pub fn route<'a>(method: &str, path: &'a str) -> Result<Route<'a>, NoRoute> {
    use Route::*;
    let method = if method == "HEAD" { "GET" } else { method };
    let parts: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    let one = |wanted: &str, route, allow| {
        if method == wanted { Ok(route) } else { Err(NoRoute::MethodNotAllowed(allow)) }
    };
    let both = |get, post| match method {
        "GET" => Ok(get),
        "POST" => Ok(post),
        _ => Err(NoRoute::MethodNotAllowed("GET, HEAD, POST")),
    };
    const GET: &str = "GET, HEAD";
    match parts[..] {
        ["f", form] => match method {
            "OPTIONS" => Ok(FormPreflight(form)),
            "GET" => Ok(FormStart(form)),
            "POST" => Ok(FormSend(form)),
            _ => Err(NoRoute::MethodNotAllowed("GET, HEAD, POST, OPTIONS")),
        },
        ["c", token] => one("GET", Click(token), GET),
        ["o", token] => one("GET", Open(token), GET),
        ["u", token] => both(UnsubscribeAsk(token), Unsubscribe(token)),
        ["u", token, "undo"] => one("POST", UnsubscribeUndo(token), "POST"),
        ["preferences", token] => both(PreferencesAsk(token), Preferences(token)),
        ["confirm", token] => both(ConfirmAsk(token), Confirm(token)),
        ["api", "v1", "campaigns"] => one("POST", ApiPublish, "POST"),
        ["api", "v1", "campaigns", "diff"] => one("POST", ApiDiff, "POST"),
        ["api", "v1", "campaigns", id, "release"] => one("POST", ApiReleaseCampaign(id), "POST"),
        ["api", "v1", "journeys", id, verb] => match RunState::by_verb(verb) {
            Some(state) => one("POST", ApiSteer(id, state), "POST"),
            None => Err(NoRoute::NotFound),
        },
        ["api", "v1", "contacts", "explain"] => one("POST", ApiExplainAsked, "POST"),
        ["api", "v1", "contacts", id, "explain"] => one("GET", ApiExplain(id), GET),
        ["api", "v1", "contacts", "erase"] => one("POST", ApiEraseAsked, "POST"),
        ["api", "v1", "contacts", id, "erase"] => one("POST", ApiErase(id), "POST"),
        ["api", "v1", "contacts", "merge"] => one("POST", ApiMergeAsked, "POST"),
        ["api", "v1", "contacts", id, "merge"] => one("POST", ApiMerge(id), "POST"),
        ["api", "v1", "parked"] => one("GET", ApiParked, GET),
        ["api", "v1", "parked", id, "release"] => one("POST", ApiRelease(id), "POST"),
        ["api", "v1", "events"] => one("POST", ApiEvents, "POST"),
        ["api", "v1", "reports", "campaigns", id] => one("GET", ApiReport(id), GET),
        ["api", "v1", "openapi.json"] => one("GET", ApiDescription, GET),
        ["admin"] => one("GET", Admin, GET),
        ["admin", "campaigns", id] => one("GET", AdminReport(id), GET),
        ["admin", "campaigns", id, "release"] => one("POST", AdminReleaseCampaign(id), "POST"),
        ["admin", "journeys", id, verb] => match RunState::by_verb(verb) {
            Some(state) => one("POST", AdminSteer(id, state), "POST"),
            None => Err(NoRoute::NotFound),
        },
        ["admin", "parked", id, "release"] => one("POST", AdminRelease(id), "POST"),
        ["admin", "sign-in"] => both(SignInAsk, SignIn),
        ["admin", "sign-out"] => one("POST", SignOut, "POST"),
        ["dev", "mailbox"] => one("GET", Mailbox, GET),
        ["dev", "mailbox", id] => one("GET", MailboxMessage(id), GET),
        ["healthz"] => one("GET", Health, GET),
        ["readyz"] => one("GET", Ready, GET),
        // The house's own folders have no pages of campaigns in them.
        [
            "f" | "c" | "o" | "u" | "confirm" | "preferences" | "hooks" | "api" | "admin" | "dev"
            | "assets",
            ..,
        ] => Err(NoRoute::NotFound),
        _ => one("GET", Page(path), GET),
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

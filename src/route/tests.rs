//! Every path, and the credential that its route needs.

use super::*;
use Credential::{ApiToken, Session};

#[test]
fn each_path_has_its_route() {
    assert_eq!(route("GET", "/webinar/thanks"), Ok(Route::Page("/webinar/thanks")));
    assert_eq!(route("HEAD", "/webinar"), Ok(Route::Page("/webinar")));
    assert_eq!(route("POST", "/f/spring.signup"), Ok(Route::FormSend("spring.signup")));
    assert_eq!(route("OPTIONS", "/f/spring.signup"), Ok(Route::FormPreflight("spring.signup")));
    assert_eq!(route("GET", "/u/1u.x.y"), Ok(Route::UnsubscribeAsk("1u.x.y")));
    assert_eq!(route("POST", "/u/1u.x.y"), Ok(Route::Unsubscribe("1u.x.y")));
    assert_eq!(route("GET", "/"), Ok(Route::Page("/")));
    let pause = Route::ApiSetJourney("spring.nurture", RunState::Paused);
    assert_eq!(route("POST", "/api/v1/journeys/spring.nurture/pause"), Ok(pause));
    assert_eq!(route("POST", "/api/v1/journeys/x.y/stop"), Err(NoRoute::NotFound));
    let unpublish = "/api/v1/campaigns/spring/unpublish";
    assert_eq!(route("GET", unpublish), Ok(Route::ApiStops("spring")));
    assert_eq!(route("POST", unpublish), Ok(Route::ApiUnpublish("spring")));
    assert_eq!(route("GET", "/c/1c.x.y%22/%3E"), Ok(Route::Click("1c.x.y%22")));
    assert_eq!(route("POST", "/u/1u.x.y/undo"), Ok(Route::UnsubscribeUndo("1u.x.y")));
    let start = Route::AdminSetBroadcast("spring.news", BroadcastVerb::Start);
    assert_eq!(route("POST", "/admin/broadcasts/spring.news/start"), Ok(start));
}

#[test]
fn path_is_decoded_once_or_refused() {
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
        "", "admin", "//admin", "/admin//x", "//", "/x//", "/admin%2Fcampaigns%2fx", "/%2Fadmin",
        "/admin%5Ccampaigns", "/admin\\campaigns", "/%252Fadmin", "/a%25", "/admin/../x", "/./x",
        "/admin/%2e%2E/x", "/%2e", "/..", "/admin/.%2e", "/a%00", "/a%0d%0aset-cookie:x", "/%zz",
        "/100%", "/%f", "/%ff", "/a%c0%af", "/a%7f", "/a%C2%85b",
    ] {
        assert_eq!(decode(path), None, "{path}");
    }
}

#[test]
fn paths_belong_to_web_app_api_or_public() {
    for path in ["/admin", "/admin/", "/admin/sign-in", "/admin/x", "/dev/mailbox", "/dev"] {
        assert_eq!(area(path), Area::WebApp, "{path}");
    }
    for path in ["/api", "/api/v1/events", "/api/v2"] {
        assert_eq!(area(path), Area::Api, "{path}");
    }
    for path in ["/", "/webinar", "/administration", "/f/a.b", "/readyz", "/hooks/resend"] {
        assert_eq!(area(path), Area::Public, "{path}");
    }
    // The web app does not exist at any other path.
    for path in ["/Admin", "/x/admin", "/webinar/admin/sign-in"] {
        assert_eq!(route("GET", path), Ok(Route::Page(path)), "{path}");
    }
}

#[test]
fn api_and_web_app_routes_need_a_credential() {
    let found = |method, path| route(method, path).map(|route| route.credential());
    for (method, path) in [
        ("POST", "/api/v1/events"),
        ("POST", "/api/v1/campaigns"),
        ("GET", "/api/v1/suppressions"),
        ("GET", "/api/v1/dead-letters"),
        ("POST", "/api/v1/sign-in-links"),
        ("GET", "/api/v1/restore"),
        ("GET", "/api/v1/members"),
        ("GET", "/api/v1/audit"),
    ] {
        assert!(matches!(found(method, path), Ok(ApiToken(_))), "{method} {path}");
    }
    for path in ["/admin", "/admin/campaigns/spring", "/admin/suppressions", "/admin/dead-letters"]
    {
        assert!(matches!(found("GET", path), Ok(Session(_))), "{path}");
    }
    assert_eq!(found("GET", "/dev/mailbox"), Ok(Credential::Mailbox));
    for path in ["/api/v1/openapi.json", "/admin/sign-in", "/webinar", "/readyz"] {
        assert_eq!(found("GET", path), Ok(Credential::None), "{path}");
    }
}

#[test]
fn sign_in_redirects_to_web_app_pages_only() {
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
fn erase_and_merge_need_post() {
    assert_eq!(route("POST", "/api/v1/contacts/c-1/erase"), Ok(Route::ApiErase("c-1")));
    assert_eq!(route("POST", "/api/v1/contacts/erase"), Ok(Route::ApiEraseAsked));
    assert_eq!(route("POST", "/api/v1/contacts/c-1/merge"), Ok(Route::ApiMerge("c-1")));
    assert_eq!(route("POST", "/api/v1/contacts/merge"), Ok(Route::ApiMergeAsked));
    let refused = Err(NoRoute::MethodNotAllowed("POST"));
    assert_eq!(route("GET", "/api/v1/contacts/c-1/erase"), refused);
}

#[test]
fn message_name_includes_its_folder() {
    let path = "/admin/campaigns/spring/messages/emails/welcome/zh-CN";
    let name = "emails/welcome/zh-CN";
    assert_eq!(route("GET", path), Ok(Route::AdminMessage("spring", name)));
    assert_eq!(route("POST", path), Ok(Route::AdminMessageAsked("spring", name)));
}

#[test]
fn wrong_method_lists_the_allowed_ones() {
    assert_eq!(route("POST", "/webinar"), Err(NoRoute::MethodNotAllowed("GET, HEAD")));
    assert_eq!(route("POST", "/c/x"), Err(NoRoute::MethodNotAllowed("GET, HEAD")));
    assert_eq!(route("GET", "/api/v1/events"), Err(NoRoute::MethodNotAllowed("POST")));
    assert_eq!(route("GET", "/api/v1/journeys/x.y/pause"), Err(NoRoute::MethodNotAllowed("POST")));
    assert_eq!(route("DELETE", "/u/x"), Err(NoRoute::MethodNotAllowed("GET, HEAD, POST")));
}

#[test]
fn reserved_folders_hold_no_pages() {
    for path in ["/api/v2/x", "/f", "/f/a/b", "/admin/x", "/dev", "/u/", "/hooks/resend"] {
        let found = route("GET", path);
        let is_page = matches!(found, Ok(Route::Page(_)));
        assert!(!is_page, "{path}: {found:?}");
    }
}

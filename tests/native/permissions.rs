//! Every route with every built-in role: who may what. A route that is missing in the table fails.

use dripline::domain::access::built_in::{ROLES, role};
use dripline::domain::access::rights::{Access, Owners};
use dripline::domain::base::primitives::Actor;
use dripline::route::{Credential, route};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The credential is `public`, or `api` or `page` with the letters of the roles that may proceed,
/// in the order of `ROLES`: Owner, Marketer, Editor, Analyst, Sales, serVice, Developer, Read-only.
const TABLE: [(&str, &str, &str); 124] = [
    ("GET", "/webinar", "public"),
    ("GET", "/f/a.b", "public"),
    ("OPTIONS", "/f/a.b", "public"),
    ("POST", "/f/a.b", "public"),
    ("GET", "/c/x", "public"),
    ("GET", "/s/x", "public"),
    ("GET", "/o/x", "public"),
    ("GET", "/u/x", "public"),
    ("POST", "/u/x", "public"),
    ("POST", "/u/x/undo", "public"),
    ("GET", "/preferences/x", "public"),
    ("POST", "/preferences/x", "public"),
    ("GET", "/confirm/x", "public"),
    ("POST", "/confirm/x", "public"),
    ("POST", "/hooks/resend", "public"),
    ("GET", "/healthz", "public"),
    ("GET", "/readyz", "public"),
    ("GET", "/api/v1/openapi.json", "public"),
    ("GET", "/admin/sign-in", "public"),
    ("GET", "/admin/sign-in.js", "public"),
    ("POST", "/admin/sign-in", "public"),
    ("POST", "/admin/sign-out", "public"),
    ("POST", "/api/v1/campaigns", "api OMD"),
    ("POST", "/api/v1/campaigns/diff", "api OMED"),
    ("POST", "/api/v1/campaigns/a/preview", "api OMED"),
    ("POST", "/api/v1/campaigns/a/test", "api OMED"),
    ("POST", "/api/v1/campaigns/a/rejudge", "api OD"),
    ("POST", "/api/v1/campaigns/a/release", "api OM"),
    ("GET", "/api/v1/campaigns/a/unpublish", "api OMD"),
    ("POST", "/api/v1/campaigns/a/unpublish", "api OMD"),
    ("POST", "/api/v1/journeys/a.b/pause", "api OMD"),
    ("GET", "/api/v1/broadcasts/a.b", "api OMEASDR"),
    ("POST", "/api/v1/broadcasts/a.b/start", "api OM"),
    ("GET", "/api/v1/reports/campaigns/a", "api OMEASDR"),
    ("GET", "/api/v1/contacts/c/explain", "api OMS"),
    ("POST", "/api/v1/contacts/explain", "api OMS"),
    ("GET", "/api/v1/contacts/c/consents", "api OMS"),
    ("POST", "/api/v1/contacts/consents", "api OMS"),
    ("POST", "/api/v1/contacts/c/erase", "api OV"),
    ("POST", "/api/v1/contacts/erase", "api OV"),
    ("POST", "/api/v1/contacts/c/merge", "api OM"),
    ("POST", "/api/v1/contacts/merge", "api OM"),
    ("GET", "/api/v1/suppressions", "api OM"),
    ("POST", "/api/v1/suppressions/list", "api OM"),
    ("POST", "/api/v1/suppressions", "api OMV"),
    ("POST", "/api/v1/suppressions/release", "api OMV"),
    ("POST", "/api/v1/suppressions/import", "api OMD"),
    ("POST", "/api/v1/events", "api OMD"),
    ("GET", "/api/v1/restore", "api OD"),
    ("POST", "/api/v1/restore/release", "api OD"),
    ("GET", "/api/v1/parked", "api OD"),
    ("POST", "/api/v1/parked/c/release", "api OD"),
    ("GET", "/api/v1/dead-letters", "api O"),
    ("GET", "/api/v1/dead-letters/d", "api O"),
    ("POST", "/api/v1/dead-letters/d/replay", "api OD"),
    ("POST", "/api/v1/sign-in-links", "api O"),
    ("GET", "/api/v1/sessions", "api O"),
    ("POST", "/api/v1/sessions/end", "api O"),
    ("GET", "/api/v1/members", "api O"),
    ("POST", "/api/v1/members", "api O"),
    ("GET", "/api/v1/members/m", "api O"),
    ("POST", "/api/v1/members/m", "api O"),
    ("POST", "/api/v1/members/m/end", "api O"),
    ("POST", "/api/v1/members/m/link", "api O"),
    ("GET", "/api/v1/tokens", "api O"),
    ("POST", "/api/v1/tokens", "api O"),
    ("POST", "/api/v1/tokens/t/revoke", "api O"),
    ("GET", "/api/v1/roles", "api O"),
    ("POST", "/api/v1/roles/r", "api O"),
    ("POST", "/api/v1/roles/r/delete", "api O"),
    ("GET", "/api/v1/audit", "api O"),
    // The handler leaves out what the caller may not see.
    ("GET", "/api/v1/search", "api OMEASVDR"),
    ("POST", "/api/v1/search", "api OMEASVDR"),
    ("GET", "/api/v1/kinds", "api OMEASVDR"),
    ("POST", "/api/v1/kinds", "api OMD"),
    ("POST", "/api/v1/kinds/diff", "api OMED"),
    ("GET", "/api/v1/kinds/k", "api OMEASVDR"),
    // The handler knows the kind, and limits these to those who may do it to every record.
    ("GET", "/api/v1/records/k", "api OMEASVDR"),
    ("POST", "/api/v1/records/k", "api OMEASVDR"),
    ("POST", "/api/v1/records/k/query", "api OMEASVDR"),
    ("GET", "/api/v1/records/k/r", "api OMEASVDR"),
    ("POST", "/api/v1/records/k/r", "api OMEASVDR"),
    ("POST", "/api/v1/records/k/r/unmask", "api OMEASVDR"),
    ("GET", "/api/v1/records/k/r/explain", "api OMEASVDR"),
    ("POST", "/api/v1/records/k/r/erase", "api OMEASVDR"),
    ("GET", "/api/v1/records/company/r/people", "api OMEASVDR"),
    ("POST", "/api/v1/records/company/r/people", "api OMEASVDR"),
    ("POST", "/api/v1/records/company/r/people/c/end", "api OMEASVDR"),
    ("GET", "/api/v1/records/company/r/log", "api OMEASVDR"),
    ("POST", "/api/v1/records/k/r/merge", "api OMEASVDR"),
    // The handler limits these to the records that the caller may see and edit.
    ("GET", "/api/v1/lists", "api OMASVR"),
    ("POST", "/api/v1/lists", "api OMSV"),
    ("GET", "/api/v1/lists/l", "api OMASVR"),
    ("POST", "/api/v1/lists/l", "api OMSV"),
    ("POST", "/api/v1/lists/l/delete", "api OMV"),
    ("GET", "/api/v1/lists/l/members", "api OMASVR"),
    ("POST", "/api/v1/lists/l/members", "api OMSV"),
    ("POST", "/api/v1/records/k/export", "api OMEASVDR"),
    ("GET", "/api/v1/imports", "api OMEASVDR"),
    ("POST", "/api/v1/imports", "api OMEASVDR"),
    ("GET", "/api/v1/imports/i", "api OMEASVDR"),
    ("POST", "/api/v1/imports/i/parts/1", "api OMEASVDR"),
    ("GET", "/api/v1/imports/i/refused", "api OMEASVDR"),
    ("POST", "/api/v1/imports/i/start", "api OMEASVDR"),
    ("GET", "/admin", "page OMEASDR"),
    ("GET", "/admin/campaigns/a", "page OMEASDR"),
    ("GET", "/admin/campaigns/a/messages", "page OMEASDR"),
    ("GET", "/admin/campaigns/a/messages/emails/x", "page OMEASDR"),
    ("POST", "/admin/campaigns/a/messages/emails/x", "page OMED"),
    ("POST", "/admin/campaigns/a/release", "page OM"),
    ("POST", "/admin/campaigns/a/unpublish", "page OMD"),
    ("POST", "/admin/journeys/a.b/archive", "page OMD"),
    ("GET", "/admin/suppressions", "page OM"),
    ("POST", "/admin/suppressions", "page OMV"),
    ("POST", "/admin/suppressions/release", "page OMV"),
    ("GET", "/admin/broadcasts/a.b", "page OMEASDR"),
    ("POST", "/admin/broadcasts/a.b/cancel", "page OM"),
    ("POST", "/admin/parked/c/release", "page OD"),
    ("GET", "/admin/dead-letters", "page O"),
    ("POST", "/admin/dead-letters/d/discard", "page OD"),
    ("GET", "/dev/mailbox", "mailbox"),
    ("GET", "/dev/mailbox/m", "mailbox"),
    ("HEAD", "/webinar", "public"),
    ("HEAD", "/admin", "page OMEASDR"),
];

/// POST routes that change nothing, so that the audit log need not name them.
const ONLY_READ: [&str; 9] = [
    "/api/v1/search",
    // A part of a file: creating and starting its import are in the log.
    "/api/v1/imports/i/parts/1",
    "/api/v1/kinds/diff",
    "/api/v1/records/k/query",
    "/api/v1/campaigns/diff",
    "/api/v1/campaigns/a/preview",
    "/api/v1/contacts/c/explain",
    "/api/v1/contacts/explain",
    // What programs report are events of contacts, which name their source.
    "/api/v1/events",
];

/// Routes whose flow writes the audit log in its own batch.
const LOGGED_BY_FLOW: [&str; 15] = [
    // One entry for all pages of an export, with their number of records.
    "/api/v1/records/k/export",
    // An edit is an event of its record, which names its author.
    "/api/v1/records/k",
    "/api/v1/records/k/r",
    "/api/v1/records/company/r/people",
    "/api/v1/records/company/r/people/c/end",
    "/api/v1/records/k/r/unmask",
    "/api/v1/members",
    "/api/v1/members/m",
    "/api/v1/members/m/end",
    "/api/v1/members/m/link",
    "/api/v1/tokens",
    "/api/v1/tokens/t/revoke",
    "/api/v1/roles/r",
    "/api/v1/roles/r/delete",
    "/api/v1/sign-in-links",
];

fn access(id: &str) -> Access {
    let roles = role(id).into_iter().collect();
    Access::new(Actor::from("member:m"), Some("m".into()), roles, Owners::default())
}

fn found(credential: Credential) -> String {
    let (name, need) = match credential {
        Credential::None => return "public".to_owned(),
        Credential::Mailbox => return "mailbox".to_owned(),
        Credential::ApiToken(need) => ("api", need),
        Credential::Session(need) => ("page", need),
    };
    let letters = ROLES.iter().zip("OMEASVDR".chars());
    let may = letters.filter(|(id, _)| access(id).meets(need)).map(|(_, letter)| letter);
    assert!(!Access::nobody().meets(need), "nobody may {need:?}");
    assert!(Access::configured("ci").meets(need), "a configured token may {need:?}");
    format!("{name} {}", may.collect::<String>())
}

#[test]
fn every_route_admits_the_roles_of_the_table_and_no_other() {
    for (method, path, expected) in TABLE {
        let route =
            route(method, path).unwrap_or_else(|error| panic!("{method} {path}: {error:?}"));
        assert_eq!(found(route.credential()), expected, "{method} {path}");
    }
}

/// The names of the routes in an enum of `src/route.rs` or `src/route/`.
fn variants(source: &str, name: &str) -> BTreeSet<String> {
    let body = source.split(&format!("pub enum {name}")).nth(1).unwrap();
    let body = body.split("\n}\n").next().unwrap();
    let lines = body.lines().skip(1).map(str::trim).filter(|line| !line.starts_with("//"));
    let word = |line: &str| line.split(['(', ',']).next().unwrap_or_default().to_owned();
    lines.map(word).filter(|word| !word.is_empty()).collect()
}

#[test]
fn table_has_every_route() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = ["", "/companies", "/dead_letters", "/imports", "/lists", "/records"];
    let files = files.map(|file| format!("src/route{file}.rs"));
    let source = files.map(|file| fs::read_to_string(root.join(file)).unwrap()).concat();
    let walked: Vec<String> = TABLE
        .iter()
        .map(|(method, path, _)| format!("{:?}", route(method, path).unwrap()))
        .collect();
    for (name, outer) in [
        ("Route<'a>", ""),
        ("SessionRoute", "Session"),
        ("DeadRoute<'a>", "Dead"),
        ("TeamRoute<'a>", "Team"),
        ("RecordRoute<'a>", "Record"),
        ("CompanyRoute<'a>", "Company"),
        ("ListRoute<'a>", "List"),
        ("ImportRoute<'a>", "Record(Import"),
    ] {
        for variant in variants(&source, name) {
            let begins =
                if outer.is_empty() { variant.clone() } else { format!("{outer}({variant}") };
            let is_walked = walked.iter().any(|route| {
                route
                    .strip_prefix(&begins)
                    .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
            });
            assert!(is_walked, "{name}::{variant} is not in the table");
        }
    }
}

#[test]
fn every_act_is_in_the_audit_log() {
    for (method, path, expected) in TABLE {
        let is_logged = route(method, path).unwrap().act().is_some();
        let is_granted = method == "POST" && expected != "public";
        let is_known = ONLY_READ.contains(&path) || LOGGED_BY_FLOW.contains(&path);
        assert!(!is_granted || is_logged != is_known, "{method} {path}: {is_logged}");
        assert!(expected != "public" || !is_logged, "{method} {path}");
    }
}

#[test]
fn commands_call_only_routes_that_need_a_permission() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/native/cli");
    let mut calls = BTreeMap::new();
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for rest in text.split("\"/api/v1/").skip(1) {
            let call = rest.split(['"', '?']).next().unwrap().to_owned();
            calls.insert(call, path.display().to_string());
        }
    }
    assert!(calls.len() > 20, "{calls:?}");
    for (call, file) in calls {
        // A placeholder stands for an id, or for one of these verbs.
        let is_api = ["start", "pause", "release", "replay"].iter().any(|word| {
            let fill = |part: &str| {
                if part.starts_with('{') { (*word).to_owned() } else { part.to_owned() }
            };
            let path = call.split('/').map(fill).collect::<Vec<_>>().join("/");
            ["GET", "POST"].iter().any(|method| {
                route(method, &format!("/api/v1/{path}"))
                    .is_ok_and(|found| matches!(found.credential(), Credential::ApiToken(_)))
            })
        });
        assert!(is_api, "{file}: {call}");
    }
}

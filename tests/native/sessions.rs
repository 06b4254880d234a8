//! Access to the web app: one-time sign-in links, and sessions that can be ended.

use super::support::MONDAY;
use dripline::domain::access::session::{
    HELD_MAX, LINK_AGE_MAX, SESSION_AGE_MAX, SESSION_IDLE_MAX, SessionPurpose,
};
use dripline::domain::base::primitives::{Ids, Millis, Span};
use dripline::domain::base::token::{Keyring, sha256_hex};
use dripline::flows::access::sign_in;
use dripline::flows::ports::Database;
use dripline::native::sqlite::Sqlite;
use dripline::native::world::block_on;
use dripline::store::statement::Statement;

/// A session server with a counter in place of randomness.
struct Door {
    db: Sqlite,
    configured: String,
    now: Millis,
    made: usize,
}

impl Door {
    fn new() -> Self {
        let configured = format!("ci:{} laptop:{}", sha256_hex("t-ci"), sha256_hex("t-laptop"));
        Self { db: Sqlite::in_memory().unwrap(), configured, now: MONDAY, made: 0 }
    }

    fn random(&mut self) -> String {
        self.made += 1;
        format!("{:043}", self.made)
    }

    fn link(&mut self, token: &str) -> Option<String> {
        let random = self.random();
        let link = sign_in::make_link(&self.db, &self.configured, token, &random, self.now);
        block_on(link).unwrap().map(|link| link.secret)
    }

    fn sign_in(&mut self, proof: &str) -> Option<String> {
        self.sign_in_after(proof, None)
    }

    fn sign_in_after(&mut self, proof: &str, former: Option<&str>) -> Option<String> {
        let random = self.random();
        let (db, configured) = (&self.db, &self.configured);
        let fresh = (random.as_str(), &mut Ids::new(self.now, self.made as u64));
        block_on(sign_in::sign_in(db, configured, proof, former, fresh, self.now)).unwrap()
    }

    fn who(&self, secret: &str) -> Option<String> {
        let found = sign_in::session(&self.db, &self.configured, secret, self.now);
        block_on(found).unwrap().map(|found| found.session.subject)
    }

    fn sql(&self, sql: &'static str) -> String {
        block_on(self.db.batch(vec![Statement::new(sql, Vec::new())])).unwrap().remove(0).0
    }
}

#[test]
fn only_an_api_token_starts_sessions() {
    let mut door = Door::new();
    let session = door.sign_in("t-laptop").unwrap();
    assert_eq!(door.who(&session).as_deref(), Some("laptop"));
    assert_ne!(door.sign_in("t-laptop").unwrap(), session, "each time another");
    // Tokens that used to open the web app, signed with the current secret and with a previous one.
    let mac = |letter: &str| format!("1{letter}ab.MTc3MjQ0MjAwMDAwMA.AAAAAAAAAAAAAAAAAAAAAA");
    let click = Keyring::new("s", None).sign(dripline::domain::base::token::Purpose::Click, "1");
    for wrong in ["", "t", "t-laptop ", &mac("i"), &mac("s"), &click, &session] {
        assert_eq!(door.sign_in(wrong), None, "{wrong}");
        assert_eq!(door.link(wrong), None, "{wrong}");
    }
    for wrong in ["", "t-laptop", &mac("s"), &"0".repeat(43), &session[1..]] {
        assert_eq!(door.who(wrong), None, "{wrong}");
    }
    let kept = door.sql("SELECT * FROM sessions");
    assert!(!kept.contains(&session) && kept.contains(&sha256_hex(&session)), "{kept}");
}

#[test]
fn sign_in_link_works_once_within_fifteen_minutes() {
    let mut door = Door::new();
    let link = door.link("t-ci").unwrap();
    assert_eq!(door.who(&link), None, "a link is no session");
    let session = door.sign_in(&link).unwrap();
    assert_eq!(door.who(&session).as_deref(), Some("ci"));
    assert_eq!(door.sign_in(&link), None, "a second time");
    assert_eq!(door.who(&session).as_deref(), Some("ci"), "which changes nothing");
    // The whole link was pasted.
    let link = door.link("t-ci").unwrap();
    let pasted = format!("https://go.example/admin/sign-in#{link}");
    assert!(door.sign_in(&pasted).is_some() && door.sign_in(&link).is_none());

    let link = door.link("t-ci").unwrap();
    door.now = door.now.plus(Span(LINK_AGE_MAX.0 + 1));
    assert_eq!(door.sign_in(&link), None, "too old");
    let link = door.link("t-ci").unwrap();
    door.now = door.now.minus(Span::minutes(5));
    assert_eq!(door.sign_in(&link), None, "from the future");
}

#[test]
fn concurrent_use_of_a_link_starts_one_session() {
    let mut door = Door::new();
    let link = door.link("t-ci").unwrap();
    // Both have read the link as valid; only one of them still finds it unused.
    let session = dripline::domain::access::session::Session::new(
        SessionPurpose::Session,
        "ci",
        "x",
        door.now,
    );
    let used = |secret: &str| {
        let (link, secret) = (sha256_hex(&link), sha256_hex(secret));
        let statement = dripline::store::sessions::use_link(&link, &secret, &session);
        block_on(door.db.batch(vec![statement])).unwrap().remove(0).0
    };
    assert_ne!(used("one"), "[]");
    assert_eq!(used("two"), "[]");
}

#[test]
fn sign_out_ends_the_session_everywhere() {
    let mut door = Door::new();
    let (one, other) = (door.sign_in("t-ci").unwrap(), door.sign_in("t-ci").unwrap());
    block_on(sign_in::sign_out(&door.db, &one)).unwrap();
    assert_eq!(door.who(&one), None);
    assert!(door.who(&other).is_some(), "another browser's is its own");
    // Signing in again in the same browser leaves no old session behind.
    let again = door.sign_in_after("t-ci", Some(&other)).unwrap();
    assert_eq!((door.who(&other), door.who(&again).is_some()), (None, true));
    let link = door.link("t-ci").unwrap();
    let by_link = door.sign_in_after(&link, Some(&again)).unwrap();
    assert_eq!((door.who(&again), door.who(&by_link).is_some()), (None, true));
}

#[test]
fn session_ends_when_its_token_entry_changes() {
    let mut door = Door::new();
    let (session, link) = (door.sign_in("t-ci").unwrap(), door.link("t-ci").unwrap());
    let other = door.sign_in("t-laptop").unwrap();
    let before = door.configured.clone();
    let hash = sha256_hex("t-ci");
    for entry in [
        "",
        &format!("robot:{hash}"),
        &format!("ci:{hash}:reader"),
        &format!("ci:{}", sha256_hex("new")),
    ] {
        door.configured = before.replace(&format!("ci:{hash}"), entry);
        assert_eq!(door.who(&session), None, "{entry}");
        assert_eq!(door.sign_in(&link), None, "{entry}");
        assert!(door.who(&other).is_some(), "{entry}");
    }
    door.configured = before.split(' ').rev().collect::<Vec<_>>().join("\n");
    assert!(door.who(&session).is_some(), "entries may change places");
}

#[test]
fn session_expires_and_is_never_from_the_future() {
    let mut door = Door::new();
    let session = door.sign_in("t-ci").unwrap();
    door.now = door.now.minus(Span::minutes(2));
    assert_eq!(door.who(&session), None, "made by a clock that was ahead");
    door.now = MONDAY;
    // If used every day, it lasts seven days.
    while door.now < MONDAY.plus(Span(SESSION_AGE_MAX.0 - Span::days(1).0)) {
        door.now = door.now.plus(Span::days(1));
        assert!(door.who(&session).is_some());
    }
    door.now = MONDAY.plus(SESSION_AGE_MAX);
    assert_eq!(door.who(&session), None);
    let session = door.sign_in("t-ci").unwrap();
    assert_eq!(door.sql("SELECT count(*) AS n FROM sessions"), "[{\"n\":1}]", "what is over goes");
    door.now = door.now.plus(Span(SESSION_IDLE_MAX.0 + 1));
    assert_eq!(door.who(&session), None, "not used");
    // Writing to the database cannot create a session that never ends.
    let session = door.sign_in("t-ci").unwrap();
    door.sql(
        "UPDATE sessions SET created_at = 9000000000000000, used_at = 9000000000000000,
              expires_at = 9007199254740991",
    );
    assert_eq!(door.who(&session), None);
}

#[test]
fn operator_lists_and_ends_all_sessions() {
    let mut door = Door::new();
    let session = door.sign_in("t-ci").unwrap();
    door.now = door.now.plus(Span::minutes(1));
    let link = door.link("t-laptop").unwrap();
    let listed = block_on(sign_in::list(&door.db, &door.configured, door.now)).unwrap();
    let sessions: Vec<_> = listed.iter().map(|one| (one.subject.as_str(), one.purpose)).collect();
    assert_eq!(sessions, [("laptop", SessionPurpose::Link), ("ci", SessionPurpose::Session)]);
    let json = serde_json::to_string(&listed).unwrap();
    assert!(!json.contains("hash") && !json.contains("credential"), "{json}");
    let ended = block_on(sign_in::end_all(&door.db, &door.configured, door.now)).unwrap();
    assert_eq!(ended.len(), 2);
    assert_eq!((door.who(&session), door.sign_in(&link)), (None, None));
}

#[test]
fn sessions_per_token_are_limited_to_the_newest() {
    let mut door = Door::new();
    let laptop = door.sign_in("t-laptop").unwrap();
    let mut sessions = Vec::new();
    for _ in 0..HELD_MAX + 3 {
        door.now = door.now.plus(Span::seconds(1));
        sessions.push(door.sign_in("t-ci").unwrap());
        door.link("t-ci").unwrap();
    }
    let good = sessions.iter().filter(|session| door.who(session).is_some()).count();
    assert_eq!(good, HELD_MAX);
    assert!(door.who(sessions.last().unwrap()).is_some() && door.who(&laptop).is_some());
}

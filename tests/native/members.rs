//! Members: sign-in by mailed links, roles and tokens, and what remains of one who has ended.

use super::support::MONDAY;
use dripline::domain::access::audit::AuditEntry;
use dripline::domain::access::member::{Member, MemberEdit};
use dripline::domain::access::rights::{Access, Need};
use dripline::domain::access::role::{Action, FieldAccess, Grant, Reach, Role};
use dripline::domain::base::primitives::{Ids, KindId, Millis, Span};
use dripline::domain::base::token::{Keyring, sha256_hex};
use dripline::domain::contact::message::CapturedMessage;
use dripline::flows::access::link_mail::{LINK_MAILS_MAX, LinkMail, mail_link};
use dripline::flows::access::sign_in;
use dripline::flows::access::tokens::TokenRequest;
use dripline::flows::access::{Office, audit, caller};
use dripline::flows::error::FlowError;
use dripline::flows::ports::{Database, Http};
use dripline::flows::settings::Settings;
use dripline::native::sqlite::Sqlite;
use dripline::native::world::block_on;
use dripline::providers::Provider;
use dripline::providers::http::{HttpError, HttpRequest, HttpResponse};
use dripline::store::audit::AuditFilter;
use dripline::store::statement::Statement;
use std::cell::RefCell;

/// A local mailbox whose mails the test reads, and that can be out of order.
#[derive(Default)]
struct Post {
    mails: RefCell<Vec<CapturedMessage>>,
    is_broken: bool,
}

impl Http for Post {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if self.is_broken {
            return Err(HttpError::TimedOut);
        }
        let mails: Vec<CapturedMessage> = serde_json::from_str(&request.body).unwrap();
        self.mails.borrow_mut().extend(mails);
        Ok(HttpResponse { status: 200, headers: Vec::new(), body: String::new() })
    }
}

/// A deployment with one configured token, `root`.
struct Door {
    db: Sqlite,
    configured: String,
    settings: Settings,
    post: Post,
    now: Millis,
    made: u64,
}

impl Door {
    fn new() -> Self {
        let mut settings = Settings::read(|name| match name {
            "SIGNING_SECRET" => Some("s".repeat(32)),
            "BASE_URL" => Some("https://go.example".to_owned()),
            "MAIL_FROM" => Some("Larkspan <hello@larkspan.example>".to_owned()),
            _ => None,
        })
        .unwrap();
        settings.providers.email = vec![Provider::Mailbox];
        settings.keys = Keyring::new("s", None);
        let configured = format!("root:{}", sha256_hex("t-root"));
        let (db, post) = (Sqlite::in_memory().unwrap(), Post::default());
        Self { db, configured, settings, post, now: MONDAY, made: 0 }
    }

    fn random(&mut self) -> String {
        self.made += 1;
        format!("{:043}", self.made)
    }

    fn office<'a>(&'a self, by: &'a Access, seed: u64) -> Office<'a, Sqlite> {
        Office { db: &self.db, by, now: self.now, ids: Ids::new(self.now, seed) }
    }

    fn add(&mut self, email: &str, roles: &[&str]) -> Member {
        self.try_add(&Access::configured("root"), email, roles).unwrap()
    }

    fn try_add(&mut self, by: &Access, email: &str, roles: &[&str]) -> Result<Member, FlowError> {
        self.made += 1;
        let edit = MemberEdit {
            email: Some(email.to_owned()),
            name: Some(email.split('@').next().unwrap_or_default().to_owned()),
            roles: Some(roles.iter().map(|role| (*role).to_owned()).collect()),
            ..MemberEdit::default()
        };
        block_on(self.office(by, self.made).add_member(&edit))
    }

    fn edit(&mut self, member: &Member, edit: MemberEdit) -> Result<Member, FlowError> {
        self.made += 1;
        let root = Access::configured("root");
        block_on(self.office(&root, self.made).edit_member(member.id.as_str(), &edit))
    }

    fn end(&mut self, member: &Member) {
        self.made += 1;
        let root = Access::configured("root");
        block_on(self.office(&root, self.made).end_member(member.id.as_str())).unwrap();
    }

    fn link(&mut self, email: &str) -> LinkMail {
        let random = self.random();
        let mut ids = Ids::new(self.now, self.made);
        let (db, settings) = (&self.db, &self.settings);
        block_on(mail_link(db, &self.post, settings, email, &random, self.now, &mut ids)).unwrap()
    }

    fn session(&mut self, email: &str) -> String {
        let LinkMail::Sent(link) = self.link(email) else { panic!("{email} gets no link") };
        self.sign_in(&link.secret).unwrap()
    }

    fn sign_in(&mut self, proof: &str) -> Option<String> {
        let random = self.random();
        let fresh = (random.as_str(), &mut Ids::new(self.now, self.made));
        let flow = sign_in::sign_in(&self.db, &self.configured, proof, None, fresh, self.now);
        block_on(flow).unwrap()
    }

    /// What the holder of a session may do.
    fn who(&self, secret: &str) -> Option<Access> {
        let flow = sign_in::session(&self.db, &self.configured, secret, self.now);
        block_on(flow).unwrap().map(|found| found.access)
    }

    fn token(&mut self, by: &Access, asked: &TokenRequest) -> Result<String, FlowError> {
        let random = self.random();
        let made = block_on(self.office(by, self.made).add_token(asked, &self.configured, &random));
        made.map(|made| made.secret)
    }

    fn by_token(&self, token: &str) -> Option<Access> {
        block_on(caller::by_token(&self.db, &self.configured, token, self.now)).unwrap()
    }

    fn log(&self, filter: &AuditFilter) -> Vec<AuditEntry> {
        block_on(audit::list(&self.db, filter, 100)).unwrap()
    }

    fn sql(&self, sql: &'static str) -> String {
        block_on(self.db.batch(vec![Statement::new(sql, Vec::new())])).unwrap().remove(0).0
    }
}

fn asked(name: &str, roles: &[&str]) -> TokenRequest {
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    TokenRequest { name: name.to_owned(), roles, ..TokenRequest::default() }
}

fn roles(roles: &[&str]) -> MemberEdit {
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    MemberEdit { roles: Some(roles), ..MemberEdit::default() }
}

fn sees(access: &Access) -> bool {
    access.may(Action::See, &KindId::contact())
}

#[test]
fn member_signs_in_by_a_mailed_link_once() {
    let mut door = Door::new();
    let ann = door.add("Ann@Larkspan.example", &["sales"]);
    let LinkMail::Sent(link) = door.link(" ann@larkspan.example") else { panic!("not sent") };
    let mail = door.post.mails.borrow()[0].clone();
    assert_eq!((mail.address.as_str(), mail.channel.as_str()), ("ann@larkspan.example", "email"));
    let url = format!("https://go.example/admin/sign-in#{}", link.secret);
    assert!(mail.html.contains(&url) && mail.text.contains(&url), "{}", mail.text);
    assert!(mail.subject.contains("Sign in") && mail.subject.contains("登录"), "{}", mail.subject);
    assert_eq!(door.who(&link.secret), None, "a link is no session");
    let session = door.sign_in(&link.secret).unwrap();
    assert_eq!(door.sign_in(&link.secret), None, "a second time");
    let access = door.who(&session).unwrap();
    assert_eq!(access.actor().as_str(), format!("member:{}", ann.id));
    assert!(sees(&access) && !access.meets(Need::To(Action::Publish)));
    let kept = door.sql("SELECT * FROM sessions");
    assert!(!kept.contains(&session) && kept.contains(ann.id.as_str()), "{kept}");
    let signed_in = AuditFilter { action: Some("sign_in".to_owned()), ..AuditFilter::default() };
    let log = door.log(&signed_in);
    assert_eq!(log.len(), 1, "the link that was used before signs nobody in: {log:?}");
    assert_eq!(log[0].actor, *access.actor());
    let later = door.now.plus(Span::minutes(16));
    let LinkMail::Sent(link) = door.link("ann@larkspan.example") else { panic!("not sent") };
    door.now = later;
    assert_eq!(door.sign_in(&link.secret), None, "too old");
}

#[test]
fn only_active_members_get_links_and_at_most_five_an_hour() {
    let mut door = Door::new();
    let ann = door.add("ann@x.example", &["sales"]);
    for unknown in ["", "bob@x.example", "no address", "ann@x.example\r\nbcc: eve@x.example"] {
        assert_eq!(door.link(unknown), LinkMail::NotSent, "{unknown:?}");
    }
    for _ in 0..LINK_MAILS_MAX {
        assert!(matches!(door.link("ann@x.example"), LinkMail::Sent(_)));
        door.now = door.now.plus(Span::minutes(10));
    }
    assert_eq!(door.link("ann@x.example"), LinkMail::NotSent, "the sixth within an hour");
    door.now = door.now.plus(Span::minutes(11));
    assert!(matches!(door.link("ann@x.example"), LinkMail::Sent(_)), "the first is an hour old");
    door.end(&ann);
    door.now = door.now.plus(Span::days(1));
    assert_eq!(door.link("ann@x.example"), LinkMail::NotSent);
    assert_eq!(door.post.mails.borrow().len(), LINK_MAILS_MAX + 1);
    door.add("eve@x.example", &[]);
    door.post.is_broken = true;
    let LinkMail::Failed(_, reason) = door.link("eve@x.example") else { panic!("sent") };
    assert_eq!(reason, "mailbox: no answer in time");
    door.settings.providers.email.clear();
    let LinkMail::Failed(_, reason) = door.link("eve@x.example") else { panic!("sent") };
    assert!(reason.contains("SENDER_EMAIL"), "{reason}");
}

#[test]
fn ended_member_is_out_at_the_next_request_with_every_session_link_and_token() {
    let mut door = Door::new();
    let (ann, bob) = (door.add("ann@x.example", &["sales"]), door.add("bob@x.example", &["sales"]));
    let sessions = [door.session("ann@x.example"), door.session("ann@x.example")];
    let LinkMail::Sent(link) = door.link("ann@x.example") else { panic!("not sent") };
    let other = door.session("bob@x.example");
    let root = Access::configured("root");
    let wanted =
        TokenRequest { member: Some("ann@x.example".to_owned()), ..asked("a", &["sales"]) };
    let token = door.token(&root, &wanted).unwrap();
    assert!(door.by_token(&token).is_some_and(|access| sees(&access)));
    // The member ends while an act of theirs is under way: what was allowed when it began is done,
    // and the next request is refused.
    let began = door.who(&sessions[0]).unwrap();
    door.end(&ann);
    assert!(sees(&began));
    assert_eq!(sessions.map(|session| door.who(&session)), [None, None]);
    assert_eq!((door.sign_in(&link.secret), door.by_token(&token)), (None, None));
    assert!(door.who(&other).is_some(), "{}", bob.name);
    let listed = block_on(sign_in::list(&door.db, &door.configured, door.now)).unwrap();
    assert_eq!(listed.iter().map(|one| one.subject.as_str()).collect::<Vec<_>>(), ["bob"]);
    // Back under the same id, but with nothing of before.
    let again = door.add("ann@x.example", &["analyst"]);
    assert_eq!((again.id, again.roles), (ann.id, vec!["analyst".to_owned()]));
    assert_eq!((door.sign_in(&link.secret), door.by_token(&token)), (None, None));
}

#[test]
fn row_that_ends_a_member_is_enough_to_close_the_door() {
    let mut door = Door::new();
    door.add("ann@x.example", &["owner"]);
    let session = door.session("ann@x.example");
    let root = Access::configured("root");
    let wanted =
        TokenRequest { member: Some("ann@x.example".to_owned()), ..asked("a", &["owner"]) };
    let token = door.token(&root, &wanted).unwrap();
    // Sessions and tokens stay in their tables, as if another worker had just written them.
    door.sql("UPDATE members SET ended_at = 1");
    assert_eq!((door.who(&session), door.by_token(&token)), (None, None));
    assert!(block_on(sign_in::list(&door.db, &door.configured, door.now)).unwrap().is_empty());
}

#[test]
fn change_of_roles_takes_effect_at_the_next_request() {
    let mut door = Door::new();
    let ann = door.add("ann@x.example", &["marketer", "developer"]);
    let session = door.session("ann@x.example");
    let root = Access::configured("root");
    let member = Some(ann.id.0.clone());
    let token = door.token(&root, &TokenRequest { member, ..asked("a", &["marketer"]) }).unwrap();
    let publishes = |access: Option<Access>| access.unwrap().meets(Need::To(Action::Publish));
    let operates = |access: Option<Access>| access.unwrap().meets(Need::To(Action::Operate));
    assert!(publishes(door.who(&session)) && operates(door.who(&session)));
    assert!(publishes(door.by_token(&token)) && !operates(door.by_token(&token)));
    door.edit(&ann, roles(&["analyst"])).unwrap();
    assert!(!publishes(door.who(&session)) && sees(&door.who(&session).unwrap()));
    assert!(!publishes(door.by_token(&token)), "a token does not outlive a role of its member");
    assert!(!sees(&door.by_token(&token).unwrap()));
    door.edit(&ann, roles(&[])).unwrap();
    let access = door.who(&session).unwrap();
    assert!(access.meets(Need::Known) && !sees(&access), "a member without a role sees nothing");
}

#[test]
fn nobody_gives_more_than_they_hold() {
    let mut door = Door::new();
    let actions = vec![Action::Manage, Action::See];
    let grants = vec![Grant { kinds: None, actions, scope: Reach::All }];
    let (id, name) = ("lead".to_owned(), "Lead".to_owned());
    let lead = Role { id, name, grants, fields: Vec::new(), personal: FieldAccess::Full };
    let root = Access::configured("root");
    block_on(door.office(&root, 1).put_role(lead)).unwrap();
    door.add("lead@x.example", &["lead"]);
    let owner = door.add("owner@x.example", &["owner"]);
    let session = door.session("lead@x.example");
    let lead = door.who(&session).unwrap();
    assert!(lead.meets(Need::To(Action::Manage)) && !lead.meets(Need::Owner));
    let is_forbidden =
        |result: Result<Member, FlowError>| matches!(result, Err(FlowError::Forbidden(_)));
    assert!(is_forbidden(door.try_add(&lead, "x@x.example", &["owner"])));
    assert!(is_forbidden(door.try_add(&lead, "x@x.example", &["lead", "service"])));
    assert!(door.try_add(&lead, "x@x.example", &["lead"]).is_ok());
    // Changing an owner's address would be a way to their link.
    let address = MemberEdit { email: Some("lead2@x.example".to_owned()), ..MemberEdit::default() };
    let changed = block_on(door.office(&lead, 77).edit_member(owner.id.as_str(), &address));
    assert!(is_forbidden(changed));
    assert!(is_forbidden(block_on(door.office(&lead, 78).end_member(owner.id.as_str()))));
    let made = door.token(&lead, &asked("robot", &["owner"]));
    assert!(matches!(made, Err(FlowError::Forbidden(_))));
}

#[test]
fn wrong_edits_are_refused_with_every_problem() {
    let mut door = Door::new();
    let ann = door.add("ann@x.example", &["sales"]);
    let bob = door.add("bob@x.example", &["sales"]);
    door.end(&bob);
    let problems = |result: Result<Member, FlowError>| match result {
        Err(FlowError::Rejected(refusal) | FlowError::Conflict(refusal)) => refusal.to_string(),
        other => panic!("{other:?}"),
    };
    let wrong = MemberEdit {
        manager: Some(bob.id.0.clone()),
        deputy: Some("nobody".to_owned()),
        ..roles(&["salse", "owner"])
    };
    assert_eq!(
        problems(door.edit(&ann, wrong)),
        "roles: there is no role `salse`; did you mean `sales`?\n\
         manager: there is no such member, or it has ended\n\
         deputy: there is no such member, or it has ended"
    );
    assert!(
        problems(door.try_add(&Access::configured("root"), "ann@x.example", &[]))
            .contains("a member has this address")
    );
    assert!(problems(door.edit(&bob, roles(&[]))).contains("has ended"));
    let root = Access::configured("root");
    let nameless = block_on(door.office(&root, 5).add_member(&MemberEdit::default()));
    assert_eq!(problems(nameless), "email: is missing\nname: is missing");
    let unknown = block_on(door.office(&root, 5).end_member("nobody@x.example"));
    assert!(matches!(unknown, Err(FlowError::NotFound(_))));
}

#[test]
fn of_two_edits_at_once_one_is_refused_and_leaves_no_entry() {
    let mut door = Door::new();
    let ann = door.add("ann@x.example", &["sales"]);
    let version = 1;
    let update = dripline::store::members::update(&ann, version);
    let rows = block_on(door.db.batch(vec![update.clone(), update])).unwrap();
    assert_ne!(rows[0].0, "[]");
    assert_eq!(rows[1].0, "[]", "the version that it knew is no longer the newest");
    let entry = door.log(&AuditFilter::default()).remove(0);
    let entry = AuditEntry { id: "x".to_owned(), ..entry };
    let enter = dripline::store::members::enter_update(&entry, version);
    block_on(door.db.batch(vec![enter])).unwrap();
    assert_eq!(door.log(&AuditFilter::default()).len(), 1);
}

#[test]
fn token_is_scoped_expires_is_revoked_and_notes_its_use() {
    let mut door = Door::new();
    let root = Access::configured("root");
    let token =
        door.token(&root, &TokenRequest { days: Some(1), ..asked("crm", &["analyst"]) }).unwrap();
    let used = |door: &Door| door.sql("SELECT used_at FROM api_tokens WHERE name = 'crm'");
    assert!(used(&door).contains("null"));
    let access = door.by_token(&token).unwrap();
    assert_eq!(access.actor().as_str(), "token:crm");
    assert!(sees(&access) && !access.meets(Need::Quoting(Action::See)), "masked");
    let first = used(&door);
    door.now = door.now.plus(Span::minutes(9));
    door.by_token(&token).unwrap();
    assert_eq!(used(&door), first, "noted at most every ten minutes");
    door.now = door.now.plus(Span::minutes(2));
    door.by_token(&token).unwrap();
    assert_ne!(used(&door), first);
    let kept = door.sql("SELECT * FROM api_tokens");
    assert!(!kept.contains(&token), "{kept}");
    assert_eq!(door.sign_in(&token), None, "it opens no session, which would outlive it");
    for wrong in ["", "dl_", &token[1..], &format!("{token}x"), "dl_\u{ff11}", &"x".repeat(5_000)] {
        assert_eq!(door.by_token(wrong), None, "{wrong}");
    }
    door.now = MONDAY.plus(Span::days(1));
    assert_eq!(door.by_token(&token), None, "expired");
    let token = door.token(&root, &asked("erp", &["analyst"])).unwrap();
    assert!(door.by_token(&token).is_some());
    block_on(door.office(&root, 900).revoke_token("erp")).unwrap();
    assert_eq!(door.by_token(&token), None);
    let again = block_on(door.office(&root, 901).revoke_token("erp"));
    assert!(matches!(again, Err(FlowError::NotFound(_))));
    let revoked = AuditFilter { action: Some("revoke".to_owned()), ..AuditFilter::default() };
    assert_eq!(door.log(&revoked).len(), 1);
    for (name, roles, days) in [
        ("root", &["analyst"][..], 1),
        ("Crm", &["analyst"], 1),
        ("x", &[], 1),
        ("x", &["analist"], 1),
        ("x", &["analyst"], 0),
        ("x", &["analyst"], 367),
    ] {
        let wrong = TokenRequest { days: Some(days), ..asked(name, roles) };
        let made = door.token(&root, &wrong);
        assert!(matches!(made, Err(FlowError::Rejected(_))), "{wrong:?}: {made:?}");
    }
    let taken = door.token(&root, &asked("crm", &["analyst"]));
    assert!(matches!(taken, Err(FlowError::Conflict(_))), "{taken:?}");
}

#[test]
fn roles_of_ones_own_are_rows_and_built_in_ones_are_not() {
    let door = Door::new();
    let root = Access::configured("root");
    let grants = vec![Grant { kinds: None, actions: vec![Action::See], scope: Reach::Team }];
    let (id, name) = ("east".to_owned(), "East".to_owned());
    let role = Role { id, name, grants, fields: Vec::new(), personal: FieldAccess::Masked };
    let built_in = block_on(door.office(&root, 1).roles()).unwrap();
    assert_eq!(built_in.len(), 8);
    for id in built_in.iter().map(|role| role.id.clone()) {
        let refused = block_on(door.office(&root, 1).put_role(Role { id, ..role.clone() }));
        assert!(matches!(refused, Err(FlowError::Rejected(_))));
    }
    block_on(door.office(&root, 2).put_role(role.clone())).unwrap();
    let again = Role { name: "Eastern".to_owned(), ..role };
    block_on(door.office(&root, 3).put_role(again.clone())).unwrap();
    assert_eq!(block_on(door.office(&root, 1).roles()).unwrap().pop(), Some(again));
    block_on(door.office(&root, 4).delete_role("east")).unwrap();
    let gone = block_on(door.office(&root, 5).delete_role("east"));
    assert!(matches!(gone, Err(FlowError::NotFound(_))));
    let log = door.log(&AuditFilter { object: Some("east".to_owned()), ..AuditFilter::default() });
    assert_eq!(log.len(), 3);
    let change = log.iter().find(|entry| !entry.detail["before"].is_null()).unwrap();
    assert_eq!(change.detail["before"]["name"], "East");
}

#[test]
fn audit_log_is_filtered_and_read_page_by_page() {
    let mut door = Door::new();
    let mut members = Vec::new();
    for n in 0..5 {
        door.now = MONDAY.plus(Span::hours(n));
        members.push(door.add(&format!("m{n}@x.example"), &["sales"]));
    }
    door.edit(&members[0], roles(&["analyst"])).unwrap();
    let count = |filter: AuditFilter| door.log(&filter).len();
    let object = Some(members[0].id.0.clone());
    assert_eq!(count(AuditFilter { object, ..AuditFilter::default() }), 2);
    let actor = |name: &str| AuditFilter { actor: Some(name.to_owned()), ..AuditFilter::default() };
    assert_eq!((count(actor("token:root")), count(actor("token:x"))), (6, 0));
    let (since, until) = (Some(MONDAY.plus(Span::hours(1))), Some(MONDAY.plus(Span::hours(3))));
    assert_eq!(count(AuditFilter { since, until, ..AuditFilter::default() }), 2);
    let mut before = None;
    let mut seen = Vec::new();
    loop {
        let filter = AuditFilter { before, ..AuditFilter::default() };
        let page = block_on(audit::list(&door.db, &filter, 2)).unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.id.clone());
        seen.extend(page.into_iter().map(|entry| entry.id));
    }
    assert_eq!(seen.len(), 6);
    assert!(seen.windows(2).all(|pair| pair[0] > pair[1]), "the newest first");
    let text = serde_json::to_string(&door.log(&AuditFilter::default())).unwrap();
    assert!(!text.contains("x.example"), "no address is in the log: {text}");
}

//! A scope has two evaluators, in memory and in SQL, and they agree; and what a member's session
//! says about owners is what teams, managers and deputies are.

use super::segments::{contact, ids, named, rule, store};
use super::support::MONDAY;
use dripline::domain::access::built_in;
use dripline::domain::access::member::Member;
use dripline::domain::access::rights::{Access, Owners, Scope};
use dripline::domain::access::role::{Action, FieldAccess, Grant, Reach, Role};
use dripline::domain::access::session::{Session, SessionPurpose};
use dripline::domain::base::primitives::{Actor, KindId, MemberId, Millis, Span};
use dripline::flows::ports::Database;
use dripline::native::sqlite::Sqlite;
use dripline::native::world::block_on;
use dripline::store::sessions::{self, SessionRow};
use dripline::store::statement::Statement;
use dripline::store::{members, scope};
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeSet;

const NOW: Millis = MONDAY;

fn reach() -> impl Strategy<Value = Reach> {
    let fixed = select([Reach::Own, Reach::Team, Reach::Below, Reach::All].as_slice());
    prop_oneof![3 => fixed, 3 => rule().prop_map(Reach::Rule)]
}

fn access(reaches: Vec<Reach>) -> Access {
    let set = |ids: &[&str]| ids.iter().map(|id| MemberId::from(*id)).collect();
    let owners = Owners { own: set(&["m1"]), team: set(&["m2"]), below: set(&["m3", "m'4"]) };
    let grant = |scope| Grant { kinds: None, actions: vec![Action::See], scope };
    let (id, name) = ("own".to_owned(), "Own".to_owned());
    let grants = reaches.into_iter().map(grant).collect();
    let role = Role { id, name, grants, fields: Vec::new(), personal: FieldAccess::Full };
    Access::new(Actor::from("member:m0"), Some("m0".into()), vec![role], owners)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..<_>::default() })]

    #[test]
    fn scope_in_sql_includes_what_the_scope_in_memory_does(
        contacts in prop::collection::vec(contact(), 8),
        owners in prop::collection::vec(select(["", "m0", "m1", "m2", "m'4", "x"].as_slice()), 8),
        reaches in prop::collection::vec(reach(), 0..4),
    ) {
        let mut contacts = named(contacts);
        for (contact, owner) in contacts.iter_mut().zip(owners) {
            contact.owner = Some(MemberId::from(owner)).filter(|owner| !owner.0.is_empty());
        }
        let scope = access(reaches).scope(Action::See, &KindId::contact());
        let included = contacts.iter().filter(|contact| scope.includes(*contact, NOW));
        let expected: BTreeSet<String> = included.map(|contact| contact.id.0.clone()).collect();
        // A rule of a grant asks about neither; the generated ones do.
        let kind = KindId::contact();
        prop_assume!(!asks_the_date(&scope));
        let db = store(contacts);
        prop_assert_eq!(ids(&db, scope::records(&scope, &kind, NOW)), expected);
        let deals = scope::records(&scope, &KindId::from("deal"), NOW);
        prop_assert_eq!(ids(&db, deals), BTreeSet::new(), "another kind");
    }
}

/// A rule about the present date needs the record's own clock, so grants cannot have it.
fn asks_the_date(scope: &Scope) -> bool {
    format!("{scope:?}").contains("Relative")
}

fn member(id: &str, team: &str) -> Member {
    let member = Member::new(id.into(), NOW);
    let roles = vec!["sales".to_owned()];
    Member {
        email: format!("{id}@x.example"),
        name: id.to_owned(),
        team: team.to_owned(),
        roles,
        ..member
    }
}

/// The owners that a member sees the records of, read as a request reads them.
fn owners(db: &Sqlite, id: &str, now: Millis) -> [String; 3] {
    let session = Session::of_member(SessionPurpose::Session, &id.into(), id, now);
    block_on(db.batch(vec![sessions::keep(id, &session)])).unwrap();
    let rows = block_on(db.batch(vec![sessions::find(id, now), sessions::end(id)])).unwrap();
    let row: SessionRow = rows[0].first().unwrap().unwrap();
    let (_, Owners { own, team, below }) = row.caller.resolve(&[]);
    [own, team, below].map(|ids| ids.iter().map(MemberId::as_str).collect::<Vec<_>>().join(" "))
}

#[test]
fn owners_follow_from_teams_managers_and_deputies() {
    let db = Sqlite::in_memory().unwrap();
    let manager = |id: &str| Some(MemberId::from(id));
    let until = Some(NOW.plus(Span::days(2)));
    let all = [
        member("head", "sales"),
        member("east", "sales/east"),
        Member { deputy: manager("east"), away_until: until, ..member("east2", "sales/east") },
        member("sub", "sales/east/b"),
        // Its name only begins like the other.
        member("easter", "sales/eastern"),
        member("sales2", "sales2"),
        Member { manager: manager("head"), ..member("remote", "") },
        Member { manager: manager("remote"), ended_at: Some(NOW), ..member("intern", "") },
        // They report to each other.
        Member { manager: manager("b"), ..member("a", "") },
        Member { manager: manager("a"), ..member("b", "") },
        member("lone", ""),
    ];
    block_on(db.batch(all.iter().map(members::insert).collect())).unwrap();
    let below_head = "east east2 easter intern remote sub";
    for (id, own, team, below) in [
        ("head", "", "head", below_head),
        ("east", "east2", "east east2", "sub"),
        ("east2", "", "east east2", "sub"),
        ("sales2", "", "sales2", ""),
        ("remote", "", "", "intern"),
        ("a", "", "", "a b"),
        ("lone", "", "", ""),
        ("intern", "", "", ""),
    ] {
        assert_eq!(owners(&db, id, NOW), [own, team, below], "{id}");
    }
    let later = NOW.plus(Span::days(3));
    assert_eq!(owners(&db, "east", later)[0], "", "back at work");
}

#[test]
fn owned_records_are_found_by_their_index() {
    let db = Sqlite::in_memory().unwrap();
    let roles = vec![built_in::role("sales").unwrap()];
    let access = Access::new(Actor::from("x"), Some("m1".into()), roles, Owners::default());
    let kind = KindId::from("company");
    let found = scope::records(&access.scope(Action::See, &kind), &kind, NOW);
    let sql = format!("EXPLAIN QUERY PLAN {}", found.sql);
    let plan = block_on(db.batch(vec![Statement { sql: sql.into(), ..found }])).unwrap();
    assert!(plan[0].0.contains("records_owner"), "{}", plan[0].0);
}

//! The suppression list, as operators manage it.

use super::invariants::assert_sound;
use super::support::{FORM, history, join, number, rows, world};
use dripline::domain::base::primitives::{Ids, Millis, Span};
use dripline::domain::contact::address::AddressProblem;
use dripline::domain::contact::suppression::{Listed, SuppressionReason};
use dripline::flows::contact::erase;
use dripline::flows::contact::suppressions::{
    self, IMPORT_ROWS_MAX, Import, Named, SuppressionError,
};
use dripline::native::world::{World, block_on};
use dripline::store::suppressions::Wanted;

fn named(address: &str) -> Named {
    Named { address: address.to_owned(), ..Named::default() }
}

fn add(world: &World, named: &Named) -> Result<Option<Listed>, SuppressionError> {
    let (now, mut ids) = (world.now(), Ids::new(world.now(), 3));
    let keys = &world.settings.keys;
    block_on(suppressions::add(&world.db, &world.catalog, keys, named, "ops", now, &mut ids))
}

fn release(world: &World, named: &Named) -> Result<Listed, SuppressionError> {
    let (now, mut ids) = (world.now(), Ids::new(world.now(), 4));
    let keys = &world.settings.keys;
    block_on(suppressions::release(&world.db, &world.catalog, keys, named, "ops", now, &mut ids))
}

fn import(world: &World, rows: Vec<Named>) -> (usize, usize, Vec<usize>) {
    let brought = Import { source: "mailchimp".to_owned(), rows };
    let flow = suppressions::import(&world.db, &world.settings.keys, &brought, world.now());
    let done = block_on(flow).unwrap();
    (done.added, done.kept, done.problems.iter().map(|problem| problem.row).collect())
}

fn listed(world: &World, wanted: &Wanted) -> Vec<String> {
    let wanted = Wanted { limit: wanted.limit.max(1), ..wanted.clone() };
    let entries = block_on(suppressions::list(&world.db, &wanted, world.now())).unwrap();
    entries
        .into_iter()
        .map(|entry| format!("{} {}", entry.address, entry.reason.as_str()))
        .collect()
}

fn all(world: &World) -> Vec<String> {
    listed(world, &Wanted { limit: 1_000, ..Wanted::default() })
}

fn contact_world() -> World {
    let mut world = world(FORM);
    let phone = ("phone", "07400 123456");
    world.submit("/p", &[("email", "ann@x.example"), phone, ("consent", "on")]).unwrap();
    world
}

#[test]
fn operator_actions_appear_in_contact_history() {
    let world = contact_world();
    let entry = add(&world, &named(" Ann@X.example ")).unwrap().unwrap();
    assert_eq!((entry.address.as_str(), entry.source.as_str()), ("ann@x.example", "ops"));
    let note = "typing error".to_owned();
    let lifted = release(&world, &Named { note, ..named("ann@x.example") }).unwrap();
    assert_eq!(lifted.released_by.as_deref(), Some("ops"));
    let events = history(&world.db, "ann@x.example");
    assert_eq!(events[events.len() - 2..], ["contact.suppressed", "contact.released"]);
    let row = &rows(&world.db, "SELECT released_by, release_note FROM suppressions")[0];
    assert_eq!(
        (&row["released_by"], &row["release_note"]),
        (&"ops".into(), &"typing error".into())
    );
    assert_eq!(all(&world), [""; 0], "what is lifted is past");
    let past = Wanted { with_past: true, limit: 10, ..Wanted::default() };
    assert_eq!(listed(&world, &past), ["ann@x.example manual"]);

    add(&world, &named("ann@x.example")).unwrap();
    assert_eq!(all(&world), ["ann@x.example manual"], "and may be suppressed again");
    let row = &rows(&world.db, "SELECT released_by FROM suppressions")[0];
    assert!(row["released_by"].is_null());
    assert_sound(&world.db, None);
}

#[test]
fn unknown_address_can_be_suppressed_and_released() {
    let world = world(FORM);
    add(&world, &named("+44 7400 123456")).unwrap();
    assert_eq!(all(&world), ["+447400123456 manual"]);
    let unsaid = release(&world, &named("+447400123456"));
    assert!(matches!(unsaid, Err(SuppressionError::Rejected(why)) if why.contains("note")));
    let note = "his own".to_owned();
    release(&world, &Named { note: note.clone(), ..named("+447400123456") }).unwrap();
    let again = release(&world, &Named { note, ..named("+447400123456") });
    assert_eq!(again, Err(SuppressionError::NotSuppressed));
    let wrong = |address| add(&world, &named(address));
    assert_eq!(
        wrong("nobody"),
        Err(SuppressionError::Address(AddressProblem::NoAt)),
        "no number has letters"
    );
    assert_eq!(
        wrong("7400 12"),
        Err(SuppressionError::Address(AddressProblem::PhoneWithoutCountry))
    );
}

#[test]
fn complaint_is_released_by_force_only() {
    let world = contact_world();
    let complained = SuppressionReason::Complained;
    add(&world, &Named { reason: Some(complained), ..named("ann@x.example") }).unwrap();
    let kept = add(&world, &named("ann@x.example")).unwrap().unwrap();
    assert_eq!(kept.reason, complained);
    let lift = Named { note: "a mistake of ours".to_owned(), ..named("ann@x.example") };
    assert_eq!(release(&world, &lift), Err(SuppressionError::NeedsForce(complained)));
    assert!(release(&world, &Named { force: true, ..lift }).is_ok());
}

#[test]
fn import_is_idempotent_and_reports_bad_rows() {
    let mut world = contact_world();
    let bounced = |address| Named { reason: Some(SuppressionReason::Bounced), ..named(address) };
    let brought =
        vec![bounced("Bo@x.example"), named("nobody"), named("ann@x.example"), named("+1 555")];
    assert_eq!(import(&world, brought.clone()), (2, 0, vec![2, 4]));
    assert_eq!(import(&world, brought), (0, 2, vec![2, 4]));
    assert_eq!(import(&world, vec![named("bo@x.example")]), (0, 1, vec![]), "the stricter stays");
    assert_eq!(all(&world), ["ann@x.example imported", "bo@x.example bounced"]);
    // The contact's next message finds the suppression.
    join(&mut world, "ann@x.example");
    assert_sound(&world.db, None);

    let many = vec![named("ann@x.example"); IMPORT_ROWS_MAX + 1];
    let brought = Import { source: "x".to_owned(), rows: many };
    let flow = suppressions::import(&world.db, &world.settings.keys, &brought, world.now());
    assert!(matches!(block_on(flow), Err(SuppressionError::Rejected(why)) if why.contains("1000")));
    let nothing = Import { source: "x".to_owned(), rows: Vec::new() };
    let flow = suppressions::import(&world.db, &world.settings.keys, &nothing, world.now());
    assert!(
        matches!(block_on(flow), Err(SuppressionError::Rejected(why)) if why.contains("no rows"))
    );
}

#[test]
fn import_does_not_restore_an_erased_address() {
    let world = contact_world();
    let (now, mut ids) = (world.now(), Ids::new(world.now(), 6));
    let keys = &world.settings.keys;
    block_on(erase::erase(&world.db, &world.catalog, keys, "ann@x.example", now, &mut ids))
        .unwrap();
    assert_eq!(import(&world, vec![named("ann@x.example"), named("bo@x.example")]), (1, 1, vec![]));
    add(&world, &named("ann@x.example")).unwrap();
    let plain = "SELECT count(*) FROM suppressions WHERE address = 'ann@x.example'";
    assert_eq!(number(&world.db, plain), 0, "the address is not written down again");
    let lift = Named { note: "asked us".to_owned(), ..named("ann@x.example") };
    assert_eq!(
        release(&world, &lift),
        Err(SuppressionError::NeedsForce(SuppressionReason::Erased))
    );
    assert!(release(&world, &Named { force: true, ..lift }).is_ok());
}

#[test]
fn pagination_lists_each_entry_once() {
    let world = world(FORM);
    let many: Vec<Named> = (0..1_000).map(|n| named(&format!("p{n}@x.example"))).collect();
    assert_eq!(import(&world, many).0, 1_000);
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let wanted = Wanted { after: after.clone(), limit: 300, ..Wanted::default() };
        let page = block_on(suppressions::list(&world.db, &wanted, world.now())).unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.channel.clone(), last.address.clone()));
        seen.extend(page.into_iter().map(|entry| entry.address));
    }
    assert_eq!(seen.len(), 1_000);
    assert!(seen.is_sorted());
    let second = Wanted { offset: 100, limit: 100, ..Wanted::default() };
    assert_eq!(listed(&world, &second)[0], format!("{} imported", seen[100]));
}

#[test]
fn temporary_suppression_expires() {
    let mut world = world(FORM);
    let until = Some(world.now().plus(Span::days(7)));
    add(&world, &Named { until, ..named("ann@x.example") }).unwrap();
    assert_eq!(all(&world).len(), 1);
    world.after(Span::days(8)).unwrap();
    assert_eq!(all(&world).len(), 0);
    let note = "over".to_owned();
    let past = release(&world, &Named { note, ..named("ann@x.example") });
    assert_eq!(past, Err(SuppressionError::NotSuppressed));
    assert!(world.now() > Millis(0));
}

#[test]
fn end_of_a_suppression_beyond_the_calendar_is_refused() {
    let world = world(FORM);
    for beyond in [1 << 53, -1, i64::MIN] {
        let beyond = Named { until: Some(Millis(beyond)), ..named("ann@x.example") };
        assert!(matches!(add(&world, &beyond), Err(SuppressionError::Rejected(_))));
        let (_, _, refused) = import(&world, vec![beyond, named("ben@x.example")]);
        assert_eq!(refused, [1]);
    }
}

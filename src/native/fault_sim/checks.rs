//! The invariants that must hold after a run, of the database and of what the providers accepted.
//! Each check is a sentence that is true unless the check returns something.

use super::flow::EMPLOYEES;
use super::hooks::Report;
use super::provider::KEY_LIFETIME;
use super::run::{CAP, Fact, Run};
use crate::domain::base::primitives::{Millis, QualifiedId, Span};
use crate::domain::campaign::journey::{Action, Journey, Next, ReEntry, Step};
use crate::domain::contact::Contact;
use crate::domain::contact::message::Class;
use crate::domain::engine::change::ErasedAddress;
use crate::domain::operations::failing::Failing;
use crate::store::contacts::{ContactRow, KeyRow, by_ids};
use crate::store::erasures::{ErasedRow, known};
use crate::store::failing;
use crate::store::invariants::{
    ALWAYS, AT_REST, EnrollmentRow, LeftRow, all_of, contradictions, enrollments, keys, left,
    members, suppressed_for_good, survivors, tables, unsettled, without_broadcast,
};
use crate::store::invariants::{EditRow, edits};
use crate::store::messages::IdRow;
use crate::store::segments::holding;
use crate::store::statement::{Rows, Statement};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// A sentence, and the function that returns what contradicts it.
type Check = (&'static str, fn(&Run) -> Vec<String>);

/// The checks that are not queries. I1 and so on number the invariants of a journey engine: at most
/// once, nothing lost, nothing without its row, and so on.
const CHECKS: [Check; 19] = [
    ("I1, I16: no mail leaves twice, unless an operator says so", mails_that_left_twice),
    ("I1, I16: nobody gets twice what is sent once", mails_of_one_kind),
    ("I1: no webhook comes again when its id may be forgotten", webhooks_too_late),
    ("I1: no more texts leave than the ledger admits", texts_too_many),
    ("I2: nobody is left in a journey", people_left_in_a_journey),
    ("I2: nobody is left out of a broadcast", people_without_the_broadcast),
    ("I2: every reported fact is in the log", facts_that_were_lost),
    ("I3: whatever left is in the ledger as sent", mails_that_the_ledger_denies),
    ("I3: a report about a mail settles it", mails_in_doubt),
    ("I4: every enrollment follows the edges of its version, and waits", steps_out_of_order),
    ("I5: no work of the deployment is refused for good", work_that_fails),
    ("I7: nobody is let go who bounced or complained", people_not_suppressed),
    ("I8: no fact is in the log twice", facts_recorded_twice),
    ("no edit overwrites another unseen", edits_that_overwrote),
    ("I9: a journey without re-entry is entered once", journeys_entered_again),
    ("I9: a person who sends a form begins its journey", people_without_a_journey),
    ("I10: who is in a segment is whom its rule finds", members_who_differ),
    ("I11: nobody gets more mails in a day than the cap has", mails_over_the_cap),
    ("I15: no table knows an address that was erased", addresses_that_are_known),
];

/// Returns everything that is wrong after a run has come to rest.
pub fn wrong(run: &Run) -> Vec<String> {
    let queries = ALWAYS.iter().chain(&AT_REST).flat_map(|(name, sql)| {
        let rows: Vec<serde_json::Value> = ask(run, contradictions(sql, run.now()));
        rows.into_iter().map(move |row| format!("{name}: {row}"))
    });
    let found = CHECKS.iter().flat_map(|(name, check)| {
        check(run).into_iter().map(move |what| format!("{name}: {what}"))
    });
    queries.chain(found).collect()
}

fn ask<T: DeserializeOwned>(run: &Run, statement: Statement) -> Vec<T> {
    run.rows(statement).and_then(|rows| Rows::all(&rows)).unwrap_or_default()
}

fn work_that_fails(run: &Run) -> Vec<String> {
    let rows: Vec<Failing> = ask(run, failing::list(None));
    rows.iter().map(|row| format!("{} {}: {}", row.kind.as_str(), row.id, row.reason)).collect()
}

/// An e-mail may leave twice if an operator released it from a restore hold in between. After an
/// undetectable restore it may also leave twice once the provider has forgotten its key, or in a
/// batch with others, under another key.
/// under another key.
fn mails_that_left_twice(run: &Run) -> Vec<String> {
    let restores = run.restores();
    let may_leave_again = |first: Millis, second: Millis| {
        let second_by_then = second.plus(CLOCK_BACK_MAX);
        let was_there =
            |times: &[Millis]| times.iter().any(|at| first <= *at && *at <= second_by_then);
        was_there(&restores.released)
            || was_there(&restores.unseen)
                && (run.has_batches() || second >= first.plus(KEY_LIFETIME))
    };
    let again = |times: &[Millis]| times.windows(2).any(|pair| !may_leave_again(pair[0], pair[1]));
    let accepted = run.accepted();
    let twice = accepted.mails.iter().filter(|(_, times)| again(times));
    twice.map(|(message, times)| format!("{message}, {} times", times.len())).collect()
}

/// The subjects of e-mails that one recipient gets only once: those of journeys without re-entry,
/// and the broadcast's.
const ONCE: [&str; 8] = [
    "emails/welcome", "emails/nudge", "emails/more", "emails/last", "emails/bye", "emails/medal",
    "emails/offer", "Now",
];

/// After a restore, the same step creates another message. A contact who sent a form in the
/// meantime may have entered the journey again, since the database had lost the first entry.
fn mails_of_one_kind(run: &Run) -> Vec<String> {
    let restores = run.restores();
    let accepted = run.accepted();
    let again = |reader: &String, first: Millis, second: Millis| {
        let mut excuses = restores.released.iter().chain(&restores.unseen);
        let second = second.plus(CLOCK_BACK_MAX);
        !excuses.any(|at| first <= *at && *at <= second) && !run.has_asked(reader, first, second)
    };
    let kinds = accepted.readers.iter().filter(|([reader, subject], _)| {
        ONCE.contains(&&**subject) && !run.shared().changed.borrow().contains(reader)
    });
    let twice = kinds.filter(|([reader, _], times)| {
        times.windows(2).any(|pair| again(reader, pair[0], pair[1]))
    });
    twice.map(|([reader, subject], times)| format!("{reader} got {subject}: {times:?}")).collect()
}

/// A program that receives a webhook remembers its id for at least a day.
fn webhooks_too_late(run: &Run) -> Vec<String> {
    let restores = run.restores();
    let is_excused = |at: &Millis| {
        let mut excuses = restores.released.iter().chain(&restores.unseen);
        excuses.any(|excuse| at.plus(CLOCK_BACK_MAX) >= *excuse)
    };
    let late = |times: &&Vec<Millis>| {
        let first = times.first().map_or(run.now(), |first| first.plus(KEY_LIFETIME));
        times.iter().any(|at| *at >= first && !is_excused(at))
    };
    let accepted = run.accepted();
    let calls = accepted.webhooks.iter().filter(|(_, times)| late(times));
    calls.map(|(id, times)| format!("{id}, {} times", times.len())).collect()
}

/// Twilio has no idempotency keys, so SMS are counted by template. The ledger does not contain what
/// a restore undid.
fn texts_too_many(run: &Run) -> Vec<String> {
    if run.restores().any {
        return Vec::new();
    }
    let mut admitted = BTreeMap::<String, u64>::new();
    for row in ask::<LeftRow>(run, left()).into_iter().filter(|row| row.channel == "sms") {
        *admitted.entry(row.template.replace("sms/", "")).or_default() += 1;
    }
    let accepted = run.accepted();
    let more = accepted.texts.iter().filter(|(text, left)| admitted.get(*text) < Some(*left));
    more.map(|(text, left)| format!("{text}, {left} times")).collect()
}

fn people_without_the_broadcast(run: &Run) -> Vec<String> {
    if run.restores().any {
        return Vec::new();
    }
    let merged: Vec<IdRow<String>> = ask(run, survivors());
    // A consent taken over in a merge may be older than the moment at which the broadcast reached
    // the surviving contact.
    let merged: BTreeSet<String> = merged.into_iter().map(|row| row.id).collect();
    let without = ask::<IdRow<String>>(run, without_broadcast()).into_iter().map(|row| row.id);
    without.filter(|id| !merged.contains(id)).collect()
}

fn people_left_in_a_journey(run: &Run) -> Vec<String> {
    let left = ask::<EnrollmentRow>(run, enrollments());
    let active = |row: &EnrollmentRow| {
        row.state == crate::domain::record::enrollment::EnrollmentState::Active
    };
    left.iter().filter(|row| active(row)).map(|row| row.id.clone()).collect()
}

fn logged(run: &Run) -> Vec<String> {
    ask::<KeyRow>(run, keys()).into_iter().map(|row| row.key).collect()
}

fn facts_that_were_lost(run: &Run) -> Vec<String> {
    if run.restores().any {
        return Vec::new();
    }
    let logged: BTreeSet<String> = logged(run).into_iter().collect();
    let lost = run.facts().iter().filter(|(key, _)| !logged.contains(*key));
    lost.filter(|(_, fact)| !is_erased(run, fact)).map(|(key, _)| key.clone()).collect()
}

/// Whether the subject of a fact was erased after it was reported; the fact is then dropped.
fn is_erased(run: &Run, fact: &Fact) -> bool {
    let keys = &run.settings().keys;
    let kinds = ErasedAddress::KINDS;
    let hashes = fact.addresses.iter().flat_map(|address| {
        kinds.into_iter().flat_map(|kind| {
            let hashes = ErasedAddress::hashes(kind, address, keys).into_iter();
            hashes.map(move |hash| (kind, hash))
        })
    });
    let hashes: Vec<_> = hashes.collect();
    let listed: Vec<ErasedRow> = ask(run, known(&hashes));
    let contact = fact.contact.iter().flat_map(|contact| {
        ask::<ContactRow>(run, by_ids([contact], &[], &[], run.now()))
            .into_iter()
            .map(Contact::from)
    });
    listed.iter().any(|row| row.at >= fact.at)
        || contact.into_iter().any(|contact| contact.erased_at.is_some())
}

/// No address is left of a contact who was erased and has not come back by a form or an event
/// since.
fn addresses_that_are_known(run: &Run) -> Vec<String> {
    let erased = run.shared().erased.borrow();
    if erased.is_empty() {
        return Vec::new();
    }
    let mut gone = erased.clone();
    for fact in run.facts().values() {
        gone.retain(|address, at| fact.at <= *at || !fact.addresses.contains(address));
    }
    let mut known = Vec::new();
    // Addresses in the rules of a campaign are its author's, not personal data of a contact.
    let of_people = |table: &TableRow| table.name != "campaign_versions";
    for table in ask::<TableRow>(run, tables()).into_iter().filter(of_people) {
        let text = run.rows(all_of(&table.name)).map(|rows| rows.0).unwrap_or_default();
        let found = gone.keys().filter(|address| text.contains(&format!("\"{address}")));
        known.extend(found.map(|address| format!("{address} in {}", table.name)));
    }
    known
}

#[derive(Deserialize)]
struct TableRow {
    name: String,
}

/// Each edit of a company begins with the value that the edit before it has left.
fn edits_that_overwrote(run: &Run) -> Vec<String> {
    let edits: Vec<EditRow> = ask(run, edits(EMPLOYEES));
    let is_next = |pair: &[EditRow]| {
        let [one, two] = pair else { return true };
        one.record_id != two.record_id || one.after == two.before
    };
    let broken = edits.windows(2).filter(|pair| !is_next(pair));
    let shown = broken.map(|pair| format!("{} at {}", pair[1].record_id, pair[1].seq));
    let lost = edits.iter().filter(|edit| edit.after != json!(edit.place));
    let lost =
        lost.map(|edit| format!("{} has {} after {}", edit.record_id, edit.after, edit.place));
    shown.chain(lost).collect()
}

fn facts_recorded_twice(run: &Run) -> Vec<String> {
    let logged = logged(run);
    logged.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone()).collect()
}

fn mails_that_the_ledger_denies(run: &Run) -> Vec<String> {
    if run.restores().any {
        return Vec::new();
    }
    let admitted: BTreeSet<String> =
        ask::<LeftRow>(run, left()).into_iter().map(|row| row.id).collect();
    let accepted = run.accepted();
    let left = accepted.mails.keys().chain(accepted.webhooks.keys());
    left.filter(|message| !admitted.contains(*message)).cloned().collect()
}

/// Returns the messages that are uncertain in the ledger, although a delivery report has confirmed
/// them.
fn mails_in_doubt(run: &Run) -> Vec<String> {
    if run.restores().any {
        return Vec::new();
    }
    let received: BTreeSet<&str> = run.received().iter().map(|report| &*report.message).collect();
    let doubtful = ask::<IdRow<String>>(run, unsettled()).into_iter().map(|row| row.id);
    doubtful.filter(|id| received.contains(&**id)).collect()
}

/// Returns the addresses that bounced or complained and are not suppressed permanently. The
/// deployment's own addresses do not count.
fn people_not_suppressed(run: &Run) -> Vec<String> {
    if run.restores().any {
        return Vec::new();
    }
    let is_ours = |report: &&Report| report.address.ends_with("@house.example");
    let barred = run.received().iter().filter(|report| report.blocks() && !is_ours(report));
    let barred: BTreeSet<&String> = barred.map(|report| &report.address).collect();
    let suppressed: Vec<IdRow<String>> = ask(run, suppressed_for_good());
    let suppressed: BTreeSet<String> = suppressed.into_iter().map(|row| row.id).collect();
    let free = barred.into_iter().filter(|address| !suppressed.contains(*address));
    // Erasing a contact removes all its addresses, including those of contacts merged into it.
    let fact =
        |address: &String| Fact { addresses: vec![address.clone()], contact: None, at: Millis(0) };
    free.filter(|address| !is_erased(run, &fact(address))).cloned().collect()
}

fn members_who_differ(run: &Run) -> Vec<String> {
    let catalog = run.catalog();
    let mut differing = Vec::new();
    for published in catalog.live() {
        for (name, segment) in &published.compiled.campaign.segments {
            let id = QualifiedId::new(published.id(), name);
            let found: Vec<IdRow<String>> = ask(run, holding(segment, run.now()));
            let found: BTreeSet<String> = found.into_iter().map(|row| row.id).collect();
            let kept: Vec<IdRow<String>> = ask(run, members(&id));
            let kept: BTreeSet<String> = kept.into_iter().map(|row| row.id).collect();
            let differ = found.symmetric_difference(&kept);
            differing.extend(differ.map(|contact| format!("{contact} and {id}")));
        }
    }
    differing
}

/// The longest time between the reservation of an e-mail and its departure.
const PLACE_AGE_MAX: Span = Span::minutes(15);

fn mails_over_the_cap(run: &Run) -> Vec<String> {
    if run.restores().any || !run.is_paced() {
        return Vec::new();
    }
    let merged: Vec<IdRow<String>> = ask(run, survivors());
    // A merged contact has received the e-mails of both.
    let merged: BTreeSet<String> = merged.into_iter().map(|row| row.id).collect();
    let marketing = ask::<LeftRow>(run, left()).into_iter();
    let marketing = marketing.filter(|row| row.class == Class::Marketing);
    let accepted = run.accepted();
    let mut times = BTreeMap::<String, Vec<Millis>>::new();
    for row in marketing.filter(|row| !merged.contains(&row.contact_id)) {
        let left = accepted.mails.get(&row.id).and_then(|times| times.first());
        times.entry(row.contact_id).or_default().extend(left);
    }
    let is_over = |times: &mut Vec<Millis>| {
        times.sort_unstable();
        let day = Span::days(1).0 - PLACE_AGE_MAX.0;
        times.windows(CAP + 1).any(|some| some[CAP].0 - some[0].0 < day)
    };
    times.retain(|_, times| is_over(times));
    times.into_keys().collect()
}

fn journeys_entered_again(run: &Run) -> Vec<String> {
    let catalog = run.catalog();
    let merged: Vec<IdRow<String>> = ask(run, survivors());
    let merged: BTreeSet<String> = merged.into_iter().map(|row| row.id).collect();
    let mut passed = BTreeSet::new();
    let enrollments = ask::<EnrollmentRow>(run, enrollments());
    let again = enrollments.into_iter().filter(|row| {
        let published = catalog.live_version(&row.campaign_id);
        let journey = published.and_then(|published| published.journey(&row.journey));
        // A merged contact may have been in the journey as either.
        !merged.contains(&row.contact_id)
            && journey.is_some_and(|journey| journey.re_entry == ReEntry::Never)
            && !passed.insert((row.contact_id.clone(), row.journey.clone()))
    });
    again.map(|row| format!("{} by {}", row.journey, row.contact_id)).collect()
}

fn people_without_a_journey(run: &Run) -> Vec<String> {
    let without: Vec<IdRow<String>> = ask(run, crate::store::invariants::without_journey());
    without.into_iter().map(|row| row.id).collect()
}

/// How much earlier than due a step may be executed: as far as the clock goes back in a run.
const CLOCK_BACK_MAX: Span = Span::minutes(1);

fn steps_out_of_order(run: &Run) -> Vec<String> {
    let mut wrong = Vec::new();
    for row in ask::<EnrollmentRow>(run, enrollments()) {
        let Some(campaign) = run.version(&row.campaign_id, row.version) else { continue };
        let Some(journey) = campaign.journeys.get(&row.journey) else { continue };
        if let Some(what) = misstep(journey, &row) {
            wrong.push(format!("{} {}: {what}", row.journey, row.id));
        }
    }
    wrong
}

/// Returns the first event of an enrollment that contradicts its journey.
fn misstep(journey: &Journey, row: &EnrollmentRow) -> Option<String> {
    let mut may_stand = waits_from(journey, journey.steps.first().map(|step| step.id.clone()));
    let mut since = None;
    for (at, name, from, to) in &row.events {
        if name == "journey.entered" {
            if since.is_some() {
                return Some("it began twice".to_owned());
            }
            since = Some(*at);
            continue;
        }
        let Some(from) = from.clone() else {
            // The enrollment waited until an hour had room for it.
            (may_stand, since) = (waits_from(journey, to.clone()), Some(*at));
            continue;
        };
        let Some(step) = journey.step(&from).filter(|_| may_stand.contains(&from)) else {
            return Some(format!("it cannot have stood at {from}"));
        };
        let (goes_to, least) = exits(step);
        let to = to.clone().map_or(Next::End, Next::Step);
        if !goes_to.contains(&to) {
            return Some(format!("{from} does not lead to {to:?}"));
        }
        let is_early = since.is_some_and(|since| *at < since.plus(least).minus(CLOCK_BACK_MAX));
        if is_early {
            return Some(format!("it left {from} before its time"));
        }
        since = Some(*at);
        let Next::Step(id) = to else {
            may_stand.clear();
            continue;
        };
        may_stand = waits_from(journey, Some(id));
    }
    None
}

/// Returns where a waiting step may lead, and its minimum wait.
fn exits(step: &Step) -> (Vec<Next>, Span) {
    match &step.action {
        Action::Wait(span) => (vec![step.then.clone()], *span),
        Action::WaitFor(wait) => (vec![step.then.clone(), wait.on_timeout.clone()], Span(0)),
        Action::WaitUntilDate { otherwise, .. } => {
            (vec![step.then.clone(), otherwise.clone()], Span(0))
        }
        _ => (vec![step.then.clone()], Span(0)),
    }
}

/// Returns the waiting steps that can be reached from this step without waiting.
fn waits_from(journey: &Journey, first: Option<String>) -> BTreeSet<String> {
    let (mut seen, mut waits) = (BTreeSet::new(), BTreeSet::new());
    let mut open: Vec<Next> = first.into_iter().map(Next::Step).collect();
    while let Some(next) = open.pop() {
        let Next::Step(id) = next else { continue };
        let Some(step) = journey.step(&id).filter(|_| seen.insert(id.clone())) else { continue };
        match &step.action {
            Action::Wait(_) | Action::WaitUntil(_) => {
                waits.insert(id);
            }
            Action::WaitFor(_) => {
                waits.insert(id);
                // The step may have looked back and gone on at once.
                open.push(step.then.clone());
            }
            Action::WaitUntilDate { otherwise, .. } => {
                waits.insert(id);
                // There may have been no future date.
                open.push(otherwise.clone());
            }
            Action::Split { paths } => open.extend(paths.iter().map(|(_, next)| next.clone())),
            Action::Leave { journey: None, .. } => {}
            Action::Branch { paths, otherwise } => {
                open.extend(paths.iter().map(|(_, next)| next.clone()));
                open.push(otherwise.clone());
            }
            Action::End => {}
            _ => open.push(step.then.clone()),
        }
    }
    waits
}

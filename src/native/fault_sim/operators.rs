//! The actions of operators: publish, pause, archive, erase, merge, restore.

use super::defects::Defect;
use super::flow::{Flow, Job, Request};
use super::people::PEOPLE;
use super::run::{Run, secret};
use super::script::campaigns;
use crate::domain::base::primitives::{CampaignId, Ids, QualifiedId, Span};
use crate::domain::base::token::Keyring;
use crate::domain::campaign::broadcast::BroadcastVerb;
use crate::domain::campaign::journey::RunState;
use crate::domain::operations::dead_letter::FailedAgain;
use crate::domain::sending::restore_guard::{Mark, Resolution};
use crate::flows::broadcast::control;
use crate::flows::campaign::{journey_control, publish};
use crate::flows::error::FlowError;
use crate::flows::operations::dead_letters::Desk;
use crate::flows::ports::Database;
use crate::flows::schedule::quarantine;
use crate::flows::send::restore_guard;
use crate::flows::settings::Settings;
use crate::flows::tasks::Intake;
use crate::native::sqlite::Sqlite;
use crate::native::world::block_on;
use crate::store::invariants::{overwrite_version, read_by_newer_code};
use crate::store::schedule;
use std::rc::Rc;

/// How long after a publication an isolate may not have noticed it: KV promises a minute.
const STALE_MAX: Span = Span::seconds(90);

/// The seed of the ids that a replay creates; no worker uses it.
const REPLAYS_SEED: u64 = 1 << 40;

impl Run {
    pub(super) fn publish(&mut self) {
        if !self.shared.strikes("publish: people inside") {
            return;
        }
        self.script_version += 1;
        let which = self.shared.dice.below(3);
        let compiled = campaigns(self.script_version).unwrap_or_default().into_iter().enumerate();
        for (index, compiled) in compiled.filter(|(index, _)| *index as u64 != which) {
            let published =
                block_on(publish::publish(&*self.shared.sqlite(), compiled, self.now()));
            if let Err(refusal) = published
                && !is_late(&refusal)
            {
                self.shared.accuse(format!("campaign {index} was refused: {refusal:?}"));
            }
        }
        self.update_isolates();
    }

    /// Pauses or resumes a journey that no check requires contacts to enter.
    pub(super) fn pause_journey(&mut self) {
        let dice = &self.shared.dice;
        let journey = dice.pick(&["first.fans", "first.buyers", "second.honour", "second.paths"]);
        let state = dice.pick(&[RunState::Paused, RunState::Running]);
        if self.shared.strikes("journey: paused with people inside") {
            self.set_state(&QualifiedId::from(journey), state);
            self.update_isolates();
        }
    }

    /// Pauses or resumes the broadcast.
    pub(super) fn control_broadcast(&mut self) {
        let verb = self.shared.dice.pick(&[BroadcastVerb::Pause, BroadcastVerb::Resume]);
        if self.shared.strikes("broadcast: paused under way") {
            self.control_broadcast_by(verb);
        }
    }

    fn control_broadcast_by(&mut self, verb: BroadcastVerb) {
        let (db, offer) = (self.shared.sqlite(), QualifiedId::from("first.offer"));
        match block_on(control::apply_verb(&*db, &offer, verb, self.now())) {
            Ok((_, work)) => self.queue.extend(work.into_iter().map(Job::Work)),
            // It has not begun, or is over.
            Err(FlowError::Conflict(_)) => {}
            Err(refusal) => self.shared.accuse(format!("{verb:?}: {refusal:?}")),
        }
    }

    /// Archives a journey that no check requires contacts to enter; all its enrollments end.
    pub(super) fn archive(&mut self) {
        let journey = self.shared.dice.pick(&["first.fans", "second.honour", "second.paths"]);
        if self.shared.strikes("journey: archived with people inside") {
            self.set_state(&QualifiedId::from(journey), RunState::Archived);
            self.update_isolates();
        }
    }

    pub(super) fn erase(&mut self) {
        let address = format!("p{}@example.com", self.shared.dice.below(PEOPLE));
        if self.shared.strikes("people: erased while something is under way") {
            self.shared.log(format!("  {address}"));
            self.shared.changed.borrow_mut().insert(address.clone());
            // An event about the contact arrives at the same moment.
            let key = format!("late:{}", self.facts.len());
            self.report(address.clone(), "order.completed", key);
            self.begin(Flow::Request(Request::Erase(address)));
        }
    }

    pub(super) fn merge(&mut self) {
        let one = self.shared.dice.below(PEOPLE);
        let other = (one + 1 + self.shared.dice.below(PEOPLE - 1)) % PEOPLE;
        let [from, into] = [one, other].map(|person| format!("p{person}@example.com"));
        if self.shared.strikes("people: merged while something is under way") {
            self.shared.log(format!("  {from} into {into}"));
            self.shared.changed.borrow_mut().extend([from.clone(), into.clone()]);
            self.begin(Flow::Request(Request::Merge(from, into)));
        }
    }

    /// Runs older code, which cannot read one of the campaigns, beside newer code.
    pub(super) fn roll_back(&mut self) {
        let spans = [Span::minutes(10), Span::hours(2), Span::hours(30)];
        let dice = &self.shared.dice;
        let (campaign, span) = (dice.pick(&["first", "second"]), dice.pick(&spans));
        self.older_code = Some((CampaignId::from(campaign), self.now().plus(span)));
    }

    /// Damages a live version in the database, or repairs the damaged one.
    pub(super) fn damage(&mut self) {
        if self.damaged.is_some() {
            return self.repair_damage();
        }
        let campaign = CampaignId::from(self.shared.dice.pick(&["first", "second"]));
        let Some(published) = self.catalog.live_version(&campaign) else { return };
        let version = published.version;
        let Ok(text) = serde_json::to_string(&published.compiled) else { return };
        if self.shared.strikes("version: damaged") {
            self.write_version(&campaign, version, "{\"damaged\": true}");
            self.damaged = Some((campaign, version, text));
            self.read_catalog();
        }
    }

    /// Repairs the damaged version.
    pub(super) fn repair_damage(&mut self) {
        if let Some((campaign, version, text)) = self.damaged.take() {
            self.write_version(&campaign, version, &text);
            self.read_catalog();
        }
    }

    fn write_version(&self, campaign: &CampaignId, version: u32, text: &str) {
        let written = self.rows(overwrite_version(campaign, version, text));
        if let Err(error) = written {
            self.shared.accuse(error);
        }
    }

    /// Rotates the signing secret; existing links still work.
    pub(super) fn rotate(&mut self) {
        if !self.shared.strikes("secret: rotated") {
            return;
        }
        self.rotations += 1;
        let former: Vec<String> = (0..self.rotations).map(secret).collect();
        let is_kept = !self.shared.has(Defect::FormerSecretForgotten);
        let former = is_kept.then(|| former.join("\n"));
        let keys = Keyring::new(&secret(self.rotations), former.as_deref());
        let settings = Settings { keys, ..(*self.settings).clone() };
        self.settings = Rc::new(settings);
    }

    fn set_state(&self, journey: &QualifiedId, state: RunState) {
        let db = self.shared.sqlite();
        if let Err(refusal) = block_on(journey_control::set_state(&*db, journey, state, self.now()))
        {
            self.shared.accuse(format!("{journey} was not {state:?}: {refusal:?}"));
        }
    }

    /// Resumes every paused journey.
    pub(super) fn resume_all(&mut self) {
        let campaigns: Vec<CampaignId> =
            self.catalog.live().map(|published| published.id().clone()).collect();
        for campaign in campaigns {
            let paused = self.catalog.statuses(&campaign);
            let paused = paused.filter(|status| status.state == RunState::Paused);
            for status in paused {
                self.set_state(&QualifiedId::new(&campaign, &status.journey), RunState::Running);
            }
        }
        self.control_broadcast_by(BroadcastVerb::Resume);
        self.read_catalog();
    }

    /// Releases the contacts in quarantine, whose workers were all killed.
    pub(super) fn release_all(&mut self) {
        let db = self.shared.sqlite();
        for parked in block_on(quarantine::list(&*db)).unwrap_or_default() {
            self.shared.log(format!("{} is released: {}", parked.contact, parked.reason));
            if let Err(error) = block_on(quarantine::release(&*db, &parked.contact, self.now())) {
                self.shared.accuse(error.to_string());
            }
        }
    }

    /// Lets newer code read the dead letters that are its own, and replays all of them.
    pub(super) fn replay_all(&mut self) {
        let (db, settings) = (self.shared.sqlite(), self.settings.clone());
        let (catalog, now) = (self.catalog.clone(), self.now());
        let newer = self.rows(read_by_newer_code());
        newer.err().into_iter().for_each(|error| self.shared.accuse(error));
        let desk = Desk { db: &*db, catalog: &catalog, keys: &settings.keys, now };
        let ids = &mut Ids::new(now, REPLAYS_SEED);
        loop {
            match block_on(desk.replay_next(now, ids)) {
                Ok((said, work)) => {
                    self.queue.extend(work.into_iter().map(Job::Work));
                    for FailedAgain { id, error } in said.failed {
                        self.shared.accuse(format!("dead letter {id} fails again: {error}"));
                    }
                    if !said.more {
                        return;
                    }
                }
                Err(error) => return self.shared.accuse(error.to_string()),
            }
        }
    }

    /// Updates the catalog; some isolates keep the former one for a while.
    fn update_isolates(&mut self) {
        let before = self.catalog.clone();
        self.read_catalog();
        self.stale = Some((before, self.now().plus(STALE_MAX)));
    }

    pub(super) fn read_catalog(&mut self) {
        match block_on(publish::live(&*self.shared.sqlite())) {
            Ok(catalog) => self.catalog = Rc::new(catalog),
            Err(error) => self.shared.accuse(error.to_string()),
        }
        self.remember_versions();
    }

    /// Restores a bookmark, which ends all running work; or resolves the hold of the previous
    /// restore.
    pub(super) fn restore(&mut self) {
        if self.answer_restore() || self.bookmarks.is_empty() {
            return;
        }
        let Some(index) = self.bookmark_to_restore() else { return };
        if !self.shared.strikes("restore: an earlier bookmark") {
            return;
        }
        let (at, db) = self.bookmarks.swap_remove(index);
        self.bookmarks.retain(|(other, _)| *other < at);
        for worker in std::mem::take(&mut self.workers) {
            self.queue.extend(worker.again);
        }
        self.resubmit_forms();
        self.shared.log(format!("  to {}", at.rfc3339()));
        self.restores.any = true;
        // The restore cannot be detected: no mark tells whether ticks have run since.
        let is_unseen = last_mark(&db) >= self.shared.mark();
        self.restores.unseen.extend(is_unseen.then_some(self.now()));
        *self.shared.db.borrow_mut() = Rc::new(db);
        self.stale = None;
        self.damaged = None;
        // Contacts that were erased since the bookmark exist again.
        self.shared.erased.borrow_mut().clear();
        self.read_catalog();
    }

    /// Records queued forms as sent again: to the restored database they are new.
    fn resubmit_forms(&mut self) {
        let forms = self.queue.iter().filter_map(|job| match job {
            Job::Intake(Intake::SubmissionV1(post)) => Some((**post).clone()),
            _ => None,
        });
        for post in forms.collect::<Vec<_>>() {
            self.remember_asked(&post);
        }
    }

    /// Chooses mostly a bookmark from before the last mark, and of those often the first: the more
    /// is lost.
    fn bookmark_to_restore(&self) -> Option<usize> {
        let mark = self.shared.mark();
        let seen = self.bookmarks.iter().filter(|(_, db)| last_mark(db) < mark).count();
        let dice = &self.shared.dice;
        match seen {
            _ if dice.in_a_hundred(15) => Some(self.bookmarks.len() - 1),
            0 => None,
            _ if dice.in_a_hundred(50) => Some(0),
            _ => Some(dice.below(seen as u64) as usize),
        }
    }

    /// Resolves the restore hold. Returns whether there was one.
    pub(super) fn answer_restore(&mut self) -> bool {
        let db = self.shared.sqlite();
        match block_on(restore_guard::state(&*db)) {
            Ok(state) if !state.restored => return false,
            Ok(_) => {}
            Err(error) => self.shared.accuse(error.to_string()),
        }
        let word = self.shared.dice.pick(&[Resolution::Release, Resolution::Drop]);
        self.shared.log(format!("  {word:?} what waits"));
        if word == Resolution::Release {
            self.restores.released.push(self.now());
        }
        if let Err(error) = block_on(restore_guard::resolve(&*db, word, self.now())) {
            self.shared.accuse(error.to_string());
        }
        true
    }
}

/// Whether the only problem is that the broadcast's time has passed without a tick to start it.
fn is_late(error: &FlowError) -> bool {
    matches!(error, FlowError::Rejected(refusal)
        if refusal.problems.iter().all(|problem| problem.key == "broadcast.offer.at"))
}

fn last_mark(db: &Sqlite) -> Option<Mark> {
    let rows = block_on(db.batch(vec![schedule::last_mark()])).ok()?;
    rows.first()?.first().ok()?
}

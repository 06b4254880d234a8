//! One run: the production flows over SQLite, made-up people, and faults at every await.

use super::defects::Defect;
use super::faults::Shared;
use super::flow::{Ended, Flow, FlowContext, Job};
use super::hooks::{self, ReceivedReports, Report};
use super::provider::Accepted;
use super::script::{Action, Move, campaigns};
use super::turns::Task;
use crate::domain::base::primitives::{CampaignId, Ids, Millis, RecordId, Span};
use crate::domain::base::token::Keyring;
use crate::domain::campaign::Campaign;
use crate::domain::engine::Submitted;
use crate::domain::pacing::DeploymentPacing;
use crate::domain::pacing::Limits;
use crate::domain::publication::catalog::{Catalog, PublishedVersion, Unreadable};
use crate::flows::campaign::backfill::WORKER_LIFE;
use crate::flows::campaign::publish;
use crate::flows::ports::Database;
use crate::flows::settings::Settings;
use crate::flows::settings::providers::Providers;
use crate::native::sqlite::Sqlite;
use crate::native::world::{self, block_on};
use crate::providers::{Provider, postmark, resend, twilio};
use crate::store::schedule;
use crate::store::statement::{INTEGER_MAX, Rows, Statement};
use serde::Deserialize;
use std::cell::{Ref, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Monday, 2 March 2026, 09:00 UTC; the clocks of Europe change within the month.
const START: Millis = Millis(1_772_442_000_000);

/// The most rounds after the last fault until nothing is due any more: a clock that was a year
/// ahead leaves a year of weekly schedules to work through.
const ROUNDS_MAX: usize = 1_200;

/// The most rounds of follow-up work in one minute.
const FOLLOW_UPS_MAX: usize = 30;

/// The common starting point of all runs, made once.
pub struct BaseState {
    db: Sqlite,
    versions: Vec<Rc<PublishedVersion>>,
}

impl BaseState {
    /// Creates a database with the first version of the campaigns.
    pub fn new() -> Result<Self, String> {
        let db = Sqlite::in_memory().map_err(|error| error.to_string())?;
        for compiled in campaigns(0)? {
            let published = block_on(publish::publish(&db, compiled, START));
            published.map_err(|refusal| format!("{refusal:?}"))?;
        }
        let catalog = block_on(publish::live(&db)).map_err(|error| error.to_string())?;
        block_on(world::due(&db, START)).map_err(|error| error.to_string())?;
        Ok(Self { db, versions: catalog.live().cloned().collect() })
    }
}

/// A running flow.
pub(super) struct Worker {
    task: Task<'static, Ended>,
    began: Millis,
    /// The jobs that its queue delivers again if the worker is killed.
    pub(super) again: Vec<Job>,
}

/// The subject and time of a reported fact.
pub struct Fact {
    /// The addresses that it names.
    pub addresses: Vec<String>,
    /// The contact that it names.
    pub contact: Option<RecordId>,
    /// When it happened.
    pub at: Millis,
}

/// The effects of restores on a run.
#[derive(Default)]
pub struct Restores {
    /// Whether there was any.
    pub any: bool,
    /// The times of restores to a bookmark after the last mark, which cannot be detected.
    pub unseen: Vec<Millis>,
    /// The times at which the operator released messages that might have left before.
    pub released: Vec<Millis>,
}

/// The frequency cap of a paced run: e-mails per contact and day.
pub const CAP: usize = 3;

/// The quiet hours of a paced run, in minutes of the day.
pub const NIGHT: [u16; 2] = [22 * 60, 6 * 60];

const PACING: &str = r#"{
    "caps": [{ "channel": "email", "messages": 3, "within": "1d" }],
    "quiet": { "email": { "from": "22:00", "to": "06:00" } }
}"#;

/// Returns the signing secret after a number of rotations.
pub(super) fn secret(rotations: u32) -> String {
    format!("secret {rotations}")
}

/// Whether a seed's run is paced: a quarter of them are.
fn is_paced(seed: u64) -> bool {
    seed % 4 == 1
}

fn deployment(seed: u64) -> Result<DeploymentPacing, String> {
    if is_paced(seed) { DeploymentPacing::read(PACING) } else { Ok(DeploymentPacing::default()) }
}

/// Returns the e-mail providers of a run: one, or also a second as fallback.
fn email_providers(seed: u64) -> Vec<Provider> {
    let resend = Provider::Resend(resend::Account { api_key: "re_1".to_owned() });
    let postmark = Provider::Postmark(postmark::Account {
        server_token: "pm_1".to_owned(),
        broadcast_stream: "broadcast".to_owned(),
    });
    match seed % 3 {
        0 => vec![resend, postmark],
        _ => vec![resend],
    }
}

/// A run in progress.
pub struct Run {
    pub(super) shared: Rc<Shared>,
    pub(super) accepted: Rc<RefCell<Accepted>>,
    pub(super) settings: Rc<Settings>,
    pub(super) catalog: Rc<Catalog>,
    /// The catalog of isolates that have not noticed the newest version, and until when.
    pub(super) stale: Option<(Rc<Catalog>, Millis)>,
    /// A campaign that older code cannot read, and until when older code runs.
    pub(super) older_code: Option<(CampaignId, Millis)>,
    /// A version that is damaged in the database, and its original text.
    pub(super) damaged: Option<(CampaignId, u32, String)>,
    /// Every version that was ever live.
    versions: BTreeMap<(CampaignId, u32), Rc<PublishedVersion>>,
    pub(super) script_version: u64,
    /// The number of rotations of the signing secret.
    pub(super) rotations: u32,
    pub(super) workers: Vec<Worker>,
    pub(super) queue: Vec<Job>,
    pub(super) posts: Vec<Submitted>,
    pub(super) facts: BTreeMap<String, Fact>,
    /// The times at which the owner of an address sent a form, including repetitions.
    pub(super) asked: BTreeMap<String, Vec<Millis>>,
    flows_begun: u64,
    pub(super) bookmarks: Vec<(Millis, Sqlite)>,
    pub(super) restores: Restores,
    pub(super) received: ReceivedReports,
}

impl Run {
    /// Creates a run.
    pub fn new(base: &BaseState, seed: u64, defect: Option<Defect>) -> Result<Self, String> {
        let db = base.db.copy().map_err(|error| error.to_string())?;
        if let Some(change) = defect.and_then(Defect::schema) {
            block_on(db.batch(vec![change])).map_err(|error| error.to_string())?;
        }
        let account = twilio::Account {
            account_sid: "AC1".to_owned(),
            auth_token: "secret".to_owned(),
            from: "+447400000000".to_owned(),
            reports_to: String::new(),
        };
        let keys = Keyring::new(&secret(0), None);
        let settings = Settings {
            hooks: hooks::secrets()?,
            base_url: "https://go.example".to_owned(),
            mail_from: "House <hello@house.example>".to_owned(),
            // Bounces and complaints are drawn at random here, so auto-pause is off.
            pacing: DeploymentPacing {
                brake: Limits { min_sent: u32::MAX, ..<_>::default() },
                ..deployment(seed)?
            },
            providers: Providers {
                email: email_providers(seed),
                sms: vec![Provider::Twilio(account)],
                // Half of the runs send e-mails in batches, the others one by one.
                batch_max: if seed.is_multiple_of(2) { usize::MAX } else { 1 },
                ..Providers::none(&keys)
            },
            keys,
            seal_keys: Vec::new(),
            tracking_off_in: Vec::new(),
        };
        let mut run = Self {
            shared: Rc::new(Shared::new(db, START, seed, defect)),
            accepted: Rc::default(),
            settings: Rc::new(settings),
            catalog: Rc::new(Catalog::new(base.versions.iter().cloned())),
            stale: None,
            older_code: None,
            damaged: None,
            versions: BTreeMap::new(),
            script_version: 0,
            rotations: 0,
            workers: Vec::new(),
            queue: Vec::new(),
            posts: Vec::new(),
            facts: BTreeMap::new(),
            asked: BTreeMap::new(),
            flows_begun: seed << 32,
            bookmarks: Vec::new(),
            restores: Restores::default(),
            received: ReceivedReports::default(),
        };
        if run.shared.strikes("kv: takes no writes") {
            run.shared.kv.refuses_writes.set(run.shared.dice.in_a_hundred(20));
        }
        run.remember_versions();
        Ok(run)
    }

    pub fn now(&self) -> Millis {
        self.shared.now.get()
    }

    /// The shared state of the run.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The messages that the providers accepted.
    pub fn accepted(&self) -> Ref<'_, Accepted> {
        self.accepted.borrow()
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The live versions.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Returns a version that is or was live.
    pub fn version(&self, campaign: &CampaignId, version: u32) -> Option<&Campaign> {
        let published = self.versions.get(&(campaign.clone(), version))?;
        Some(&published.compiled.campaign)
    }

    /// The keys of all reported facts, none of which may be lost.
    pub fn facts(&self) -> &BTreeMap<String, Fact> {
        &self.facts
    }

    /// Whether the owner of an address sent a form between two moments.
    pub fn has_asked(&self, address: &str, first: Millis, second: Millis) -> bool {
        let mut asked = self.asked.get(address).into_iter().flatten();
        asked.any(|at| first <= *at && *at <= second)
    }

    /// Whether frequency caps and quiet hours apply to e-mails.
    pub fn is_paced(&self) -> bool {
        !self.settings.pacing.caps.is_empty()
    }

    /// Whether e-mails leave in batches.
    pub fn has_batches(&self) -> bool {
        self.settings.providers.batch_max > 1
    }

    /// The delivery reports that we received from Resend.
    pub fn received(&self) -> &[Report] {
        &self.received.reports
    }

    /// The effects of restores on the run.
    pub fn restores(&self) -> &Restores {
        &self.restores
    }

    /// Returns the rows of a statement, without any fault.
    pub fn rows(&self, statement: Statement) -> Result<Rows, String> {
        let rows = block_on(self.shared.sqlite().batch(vec![statement]));
        let rows = rows.map_err(|error| error.to_string())?;
        rows.into_iter().next().ok_or_else(|| "no rows".to_owned())
    }

    pub(super) fn remember_versions(&mut self) {
        let live = self.catalog.live();
        let known = live.map(|one| ((one.id().clone(), one.version), one.clone()));
        self.versions.extend(known);
    }

    /// Makes a move, and works on everything that waits at the same time.
    pub fn make(&mut self, one: &Move) {
        self.shared.dice.reseed(one.dice);
        self.shared.with_faults.set(one.with_faults);
        self.shared.log(format!("{} {:?}", self.now().rfc3339(), one.action));
        match one.action {
            Action::Post => self.post(None),
            Action::Move => self.post(Some(["Asia/Shanghai", "America/New_York", "UTC"])),
            Action::Engage => self.engage(&[]),
            Action::Scan => self.engage(&["scanner"]),
            Action::Confirm => self.confirm(),
            Action::Unsubscribe => self.unsubscribe(),
            Action::Order => self.order(),
            Action::Crowd => self.crowd(),
            Action::Visit => self.visit(),
            Action::Pass => {
                let spans = [Span::minutes(1), Span::minutes(20), Span::hours(7), Span::hours(30)];
                self.pass(self.shared.dice.pick(&spans));
            }
            Action::Jump => self.jump(),
            Action::Publish => self.publish(),
            Action::PauseJourney => self.pause_journey(),
            Action::PauseBroadcast => self.control_broadcast(),
            Action::Archive => self.archive(),
            Action::Erase => self.erase(),
            Action::Merge => self.merge(),
            Action::Restore => self.restore(),
            Action::Rollback => self.roll_back(),
            Action::Damage => self.damage(),
            Action::Rotate => self.rotate(),
        }
        if self.shared.dice.in_a_hundred(12) && self.damaged.is_none() {
            self.bookmarks.extend(self.shared.sqlite().copy().ok().map(|db| (self.now(), db)));
        }
        self.hand_out();
        let turns = 4 + self.shared.dice.below(60);
        self.work(turns);
    }

    // --- Time -----------------------------------------------------------------------------------

    fn pass(&mut self, span: Span) {
        self.set_clock(self.now().plus(span));
        if self.shared.strikes("cron: tick missed") {
            return;
        }
        self.read_catalog();
        self.begin(Flow::Tick);
        if self.shared.strikes("cron: ticks overlap") {
            self.begin(Flow::Tick);
        }
    }

    fn jump(&mut self) {
        match self.shared.dice.in_a_hundred(50) {
            true if self.shared.strikes("clock: five seconds back") => {
                self.set_clock(self.now().minus(Span::seconds(5)));
            }
            false if self.shared.strikes("clock: an hour ahead") => {
                self.set_clock(self.now().plus(Span::hours(1)));
            }
            _ => {}
        }
        if self.shared.dice.in_a_hundred(50) && self.shared.strikes("clock: a year ahead, and back")
        {
            // Only the clock of this tick's worker is wrong.
            self.begin_at(Flow::Tick, self.now().plus(Span::days(400)));
            return;
        }
        self.begin(Flow::Tick);
    }

    /// Sets the clock; workers that have run for too long are stopped.
    fn set_clock(&mut self, now: Millis) {
        self.shared.now.set(now);
        let workers = std::mem::take(&mut self.workers);
        for worker in workers {
            if now < worker.began.plus(WORKER_LIFE) {
                self.workers.push(worker);
            } else {
                self.shared.count("worker: out of time");
                self.queue.extend(worker.again);
            }
        }
    }

    // --- Queues and workers --------------------------------------------------------------------

    /// Hands out the queued jobs: some twice, late, or in another order; some hints are dropped.
    fn hand_out(&mut self) {
        self.deliver_reports();
        let mut jobs = std::mem::take(&mut self.queue);
        let shared = self.shared.clone();
        if jobs.len() > 1 && shared.strikes("queue: order changed") {
            for last in (1..jobs.len()).rev() {
                jobs.swap(last, shared.dice.below(last as u64 + 1) as usize);
            }
        }
        let (mut batch, mut copies) = (Vec::new(), Vec::new());
        for job in jobs {
            if shared.strikes("queue: task late") {
                self.queue.push(job);
                continue;
            }
            let twice = shared.strikes("queue: task twice");
            match job {
                Job::Request(request) => self.begin(Flow::Request(request)),
                Job::Dead(body) => {
                    if twice {
                        self.begin(Flow::Dead(body.clone()));
                    }
                    self.begin(Flow::Dead(body));
                }
                Job::Intake(task) => {
                    copies.extend(twice.then(|| task.clone()));
                    batch.push(task);
                }
                Job::Work(_) if shared.strikes("queue: task dropped") => {}
                Job::Work(work) => {
                    if twice {
                        self.begin(Flow::Work(work.clone()));
                    }
                    self.begin(Flow::Work(work));
                }
            }
        }
        for (batch, is_kept) in [(copies, false), (batch, true)] {
            if !batch.is_empty() {
                self.begin(Flow::Intake(batch, is_kept));
            }
        }
    }

    pub(super) fn begin(&mut self, flow: Flow) {
        self.begin_at(flow, self.now());
    }

    /// Starts a flow whose worker's clock shows this time.
    fn begin_at(&mut self, flow: Flow, shown: Millis) {
        self.flows_begun += 1;
        let now = self.now();
        let stale = self.stale.clone().filter(|(_, until)| now < *until);
        let catalog = match stale {
            Some((stale, _)) if self.shared.strikes("publish: old and new code together") => stale,
            _ => self.catalog.clone(),
        };
        let older = self.older_code.as_ref().filter(|(_, until)| now < *until);
        let older = older.filter(|_| self.shared.strikes("code: older beside newer"));
        let unreadable = older.map(|(campaign, _)| campaign.clone());
        let catalog = match &unreadable {
            Some(campaign) => Rc::new(as_older_code(&catalog, campaign)),
            None => catalog,
        };
        let again = flow.to_deliver_again();
        let context = FlowContext {
            shared: self.shared.clone(),
            accepted: self.accepted.clone(),
            settings: self.settings.clone(),
            catalog,
            unreadable,
            now: shown,
            ids: Ids::new(shown, self.flows_begun),
        };
        self.workers.push(Worker { task: Box::pin(context.run(flow)), began: now, again });
    }

    /// Runs all workers in turns, for a number of turns. Some are killed on the way.
    fn work(&mut self, turns: u64) {
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..turns {
            self.deliver_early_reports();
            if self.workers.is_empty() {
                return;
            }
            let workers = std::mem::take(&mut self.workers);
            for mut worker in workers {
                if self.shared.strikes("worker: killed") {
                    self.queue.extend(worker.again);
                    continue;
                }
                match worker.task.as_mut().poll(&mut context) {
                    Poll::Pending => self.workers.push(worker),
                    Poll::Ready(Ended { more, again }) => {
                        self.queue.extend(more.into_iter().map(Job::Work).chain(again));
                    }
                }
            }
        }
    }

    // --- The end -------------------------------------------------------------------------------

    /// Runs without faults until nothing is due. For half an hour there is a tick each minute,
    /// after which nothing may be late. Then time jumps from one due time to the next.
    pub fn come_to_rest(&mut self) {
        self.shared.with_faults.set(false);
        self.older_code = None;
        self.repair_damage();
        self.resume_all();
        self.release_all();
        self.set_clock(self.now().plus(WORKER_LIFE));
        self.one_minute();
        // Dead letters of the last minute must be older than the replay.
        self.set_clock(self.now().plus(Span(1)));
        self.replay_all();
        for _ in 0..30 {
            self.answer_restore();
            self.one_minute();
            if !self.shared.wrong.borrow().is_empty() {
                return;
            }
        }
        if let Some(due) = self.next_due().filter(|due| *due < self.now()) {
            self.shared.accuse(format!("I5: due at {}, and not done", due.rfc3339()));
        }
        if let Some(since) = self.claimed_since().filter(|since| *since < self.now()) {
            self.shared.accuse(format!("I5: claimed, due since {}, not done", since.rfc3339()));
        }
        if !self.shared.wrong.borrow().is_empty() {
            return;
        }
        for _ in 0..ROUNDS_MAX {
            let Some(next) = self.next_due() else { return };
            if !self.shared.wrong.borrow().is_empty() {
                return;
            }
            self.shared.now.set(self.now().max(next).plus(Span::minutes(1)));
            self.one_minute();
            self.answer_restore();
        }
        self.shared.accuse("I2: it does not come to rest".to_owned());
    }

    /// Runs a tick, and all work that follows.
    fn one_minute(&mut self) {
        self.shared.now.set(self.now().plus(Span::minutes(1)));
        self.read_catalog();
        self.begin(Flow::Tick);
        for _ in 0..FOLLOW_UPS_MAX {
            self.work(u64::MAX);
            if self.queue.is_empty() && self.accepted.borrow().reports.is_empty() {
                return;
            }
            self.hand_out();
        }
        self.shared.accuse("I2: work leads to work without end".to_owned());
    }

    fn next_due(&self) -> Option<Millis> {
        self.at(schedule::next())
    }

    /// Returns since when the first claimed contact has been due, however long its claim lasts.
    fn claimed_since(&self) -> Option<Millis> {
        self.at(schedule::handed_out_since(Millis(INTEGER_MAX)))
    }

    fn at(&self, question: Statement) -> Option<Millis> {
        #[derive(Deserialize)]
        struct Row {
            at: Option<Millis>,
        }
        self.rows(question).ok()?.first::<Row>().ok()??.at
    }
}

/// Returns a catalog as older code sees it, which cannot read this campaign.
fn as_older_code(catalog: &Catalog, campaign: &CampaignId) -> Catalog {
    let statuses = catalog.live().flat_map(|published| catalog.statuses(published.id()).cloned());
    let stored = catalog.live().map(|published| match published.id() == campaign {
        true => Err(Unreadable {
            campaign: campaign.clone(),
            version: published.version,
            reason: "of newer code".to_owned(),
            paths: None,
        }),
        false => Ok(published.clone()),
    });
    let stored = stored.chain(catalog.unreadable().into_iter().map(Err));
    let outages = catalog.outages().to_vec();
    Catalog::of_stored(stored).with_statuses(statuses.collect()).with_outages(outages)
}

//! One run: the real flows over SQLite, made-up people, and faults at every await.

use super::defects::Defect;
use super::faults::Shared;
use super::flow::{Ended, Flow, FlowContext, Job, Said};
use super::provider::Accepted;
use super::script::{Deed, Move, campaigns};
use super::turns::Task;
use crate::domain::attribution::Touch;
use crate::domain::campaign::Campaign;
use crate::domain::catalog::{Catalog, Edition};
use crate::domain::decide::{Reported, Submitted};
use crate::domain::journey::RunState;
use crate::domain::pacing::House;
use crate::domain::primitives::{CampaignId, ContactId, Ids, Millis, QualifiedId, Span};
use crate::domain::token::{Keyring, Purpose};
use crate::flows::receive::{self, Link};
use crate::flows::run_due::WORKER_LIFE;
use crate::flows::seams::Database;
use crate::flows::senders::Senders;
use crate::flows::settings::Settings;
use crate::flows::task::{EngagementReport, EventReport, Intake};
use crate::flows::{park, publish, steer_journey};
use crate::native::sqlite::Sqlite;
use crate::native::world::block_on;
use crate::providers::{Sender, resend, twilio};
use crate::store::due;
use crate::store::reports::Visit;
use crate::store::statement::{Rows, Statement};
use serde::Deserialize;
use serde_json::json;
use std::cell::{Ref, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Monday, 2 March 2026, 09:00 UTC; the clocks of Europe change within the month.
const START: Millis = Millis(1_772_442_000_000);

/// How many people there are.
const PEOPLE: u64 = 10;

/// How many people join at once.
const CROWD: usize = 30;

/// How long after a publish some isolate may not have heard of it: KV promises a minute.
const STALE_MAX: Span = Span::seconds(90);

/// How old a bookmark may be: what left after it can leave again only under keys that the provider
/// still knows.
const BOOKMARK_AGE_MAX: Span = Span::hours(20);

/// How often something may still be due after the last fault until everything has come to rest.
const ROUNDS_MAX: usize = 300;

/// How often work may lead to more work in one minute.
const FOLLOW_UPS_MAX: usize = 30;

/// What all runs begin with, made once.
pub struct Ground {
    db: Sqlite,
    editions: Vec<Rc<Edition>>,
}

impl Ground {
    /// A database with the first version of the campaigns.
    pub fn new() -> Result<Self, String> {
        let db = Sqlite::in_memory().map_err(|error| error.to_string())?;
        for compiled in campaigns(0)? {
            let published = block_on(publish::publish(&db, compiled, START));
            published.map_err(|refusal| format!("{refusal:?}"))?;
        }
        let catalog = block_on(publish::live(&db)).map_err(|error| error.to_string())?;
        Ok(Self { db, editions: catalog.live().cloned().collect() })
    }
}

struct Worker {
    task: Task<'static, Ended>,
    began: Millis,
    /// What its queue delivers again if it dies.
    again: Vec<Job>,
}

/// Who told a fact, and when.
pub struct Teller {
    /// The addresses that it names.
    pub addresses: Vec<String>,
    /// The contact that it names.
    pub contact: Option<ContactId>,
    /// When it happened.
    pub at: Millis,
}

/// A run under way.
pub struct Run {
    shared: Rc<Shared>,
    accepted: Rc<RefCell<Accepted>>,
    settings: Rc<Settings>,
    catalog: Rc<Catalog>,
    /// What isolates that have not heard of the newest version believe in, and until when.
    stale: Option<(Rc<Catalog>, Millis)>,
    /// Every version that was ever live.
    versions: BTreeMap<(CampaignId, u32), Rc<Edition>>,
    edition: u64,
    workers: Vec<Worker>,
    queue: Vec<Job>,
    posts: Vec<Submitted>,
    told: BTreeMap<String, Teller>,
    flows_begun: u64,
    bookmarks: Vec<(Millis, Sqlite)>,
    restored: bool,
}

impl Run {
    /// A run at its beginning.
    pub fn new(ground: &Ground, seed: u64, defect: Option<Defect>) -> Result<Self, String> {
        let db = ground.db.copy().map_err(|error| error.to_string())?;
        if let Some(change) = defect.and_then(Defect::schema) {
            block_on(db.batch(vec![change])).map_err(|error| error.to_string())?;
        }
        let account = twilio::Account {
            account_sid: "AC1".to_owned(),
            auth_token: "secret".to_owned(),
            from: "+447400000000".to_owned(),
            reports_to: String::new(),
        };
        let keys = Keyring::new("secret", None);
        let resend = resend::Account { api_key: "re_1".to_owned() };
        let settings = Settings {
            hooks: <_>::default(),
            base_url: "https://go.example".to_owned(),
            mail_from: "House <hello@house.example>".to_owned(),
            pacing: House::default(),
            senders: Senders {
                email: vec![Sender::Resend(resend)],
                sms: vec![Sender::Twilio(account)],
                // Runs of either kind: mails in batches, and one by one.
                batch_max: if seed.is_multiple_of(2) { usize::MAX } else { 1 },
                ..Senders::none(&keys)
            },
            keys,
            tracking_off_in: Vec::new(),
        };
        let mut run = Self {
            shared: Rc::new(Shared::new(db, START, seed, defect)),
            accepted: Rc::default(),
            settings: Rc::new(settings),
            catalog: Rc::new(Catalog::new(ground.editions.iter().cloned())),
            stale: None,
            versions: BTreeMap::new(),
            edition: 0,
            workers: Vec::new(),
            queue: Vec::new(),
            posts: Vec::new(),
            told: BTreeMap::new(),
            flows_begun: seed << 32,
            bookmarks: Vec::new(),
            restored: false,
        };
        run.remember_versions();
        Ok(run)
    }

    /// The present.
    pub fn now(&self) -> Millis {
        self.shared.now.get()
    }

    /// What the parts of the run share.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// What the providers accepted.
    pub fn accepted(&self) -> Ref<'_, Accepted> {
        self.accepted.borrow()
    }

    /// How everything is configured.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What is live.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// A version that is or was live.
    pub fn version(&self, campaign: &CampaignId, version: u32) -> Option<&Campaign> {
        let edition = self.versions.get(&(campaign.clone(), version))?;
        Some(&edition.compiled.campaign)
    }

    /// The keys of all facts that were told, and must not be lost.
    pub fn told(&self) -> &BTreeMap<String, Teller> {
        &self.told
    }

    /// Whether mails leave in batches.
    pub fn has_batches(&self) -> bool {
        self.settings.senders.batch_max > 1
    }

    /// Whether the database was ever restored to an earlier bookmark.
    pub fn was_restored(&self) -> bool {
        self.restored
    }

    /// The rows of a statement, without any fault.
    pub fn rows(&self, statement: Statement) -> Result<Rows, String> {
        let rows = block_on(self.shared.sqlite().batch(vec![statement]));
        let rows = rows.map_err(|error| error.to_string())?;
        rows.into_iter().next().ok_or_else(|| "no rows".to_owned())
    }

    fn remember_versions(&mut self) {
        let live = self.catalog.live();
        let known = live.map(|one| ((one.id().clone(), one.version), one.clone()));
        self.versions.extend(known);
    }

    /// Something happens, and all that is waiting is worked on at the same time.
    pub fn make(&mut self, one: &Move) {
        self.shared.dice.reseed(one.dice);
        self.shared.stormy.set(one.stormy);
        self.shared.tell(format!("{} {:?}", self.now().rfc3339(), one.deed));
        match one.deed {
            Deed::Post => self.post(None),
            Deed::Move => self.post(Some(["Asia/Shanghai", "America/New_York", "UTC"])),
            Deed::Engage => self.engage(&[]),
            Deed::Scan => self.engage(&["scanner"]),
            Deed::Confirm => self.confirm(),
            Deed::Unsubscribe => self.unsubscribe(),
            Deed::Order => self.order(),
            Deed::Crowd => self.crowd(),
            Deed::Visit => self.visit(),
            Deed::Pass => {
                let spans = [Span::minutes(1), Span::minutes(20), Span::hours(7), Span::hours(30)];
                self.pass(self.shared.dice.pick(&spans));
            }
            Deed::Jump => self.jump(),
            Deed::Publish => self.publish(),
            Deed::Steer => self.steer(),
            Deed::Archive => self.archive(),
            Deed::Erase => self.erase(),
            Deed::Merge => self.merge(),
            Deed::Restore => self.restore(),
        }
        if self.shared.dice.in_a_hundred(8) {
            self.bookmarks.extend(self.shared.sqlite().copy().ok().map(|db| (self.now(), db)));
        }
        self.hand_out();
        let turns = 4 + self.shared.dice.below(60);
        self.work(turns);
    }

    // --- What happens --------------------------------------------------------------------------

    fn post(&mut self, zones: Option<[&'static str; 3]>) {
        let dice = &self.shared.dice;
        let again = zones.is_none() && !self.posts.is_empty() && dice.in_a_hundred(25);
        let post = match again {
            true => self.posts[dice.below(self.posts.len() as u64) as usize].clone(),
            false => self.new_post(zones),
        };
        self.shared.tell(format!("  {:?} {:?} {}", post.email, post.phone, post.key));
        let addresses = post.email.iter().chain(&post.phone).cloned().collect();
        self.told.insert(post.key.clone(), Teller { addresses, contact: None, at: post.at });
        self.posts.push(post.clone());
        // The same filled-in form, perhaps twice at once.
        for _ in 0..1 + self.shared.dice.below(2) {
            self.begin(Flow::Submit(Box::new(post.clone())));
        }
    }

    fn new_post(&self, zones: Option<[&'static str; 3]>) -> Submitted {
        let dice = &self.shared.dice;
        // Some come again after they were erased.
        let is_gone = |person: &u64| {
            let address = format!("p{person}@example.com");
            self.shared.erased.borrow().contains_key(&address) && !dice.in_a_hundred(20)
        };
        let drawn = dice.below(PEOPLE);
        let all = (0..PEOPLE).map(|more| (drawn + more) % PEOPLE);
        let person = all.into_iter().find(|person| !is_gone(person)).unwrap_or(drawn);
        let (campaign, form) = dice.pick(&[("first", "f"), ("first", "f"), ("second", "g")]);
        let number = if dice.in_a_hundred(85) { person } else { dice.below(PEOPLE) };
        let has_phone = form == "f" && dice.in_a_hundred(60);
        let has_email = form == "g" || !has_phone || dice.in_a_hundred(85);
        let campaign = CampaignId::from(campaign);
        let live = self.catalog.live_edition(&campaign);
        let ask = live.and_then(|live| live.compiled.campaign.forms[form].consent.clone());
        let touch = Touch {
            campaign: campaign.0.clone(),
            page: "p".to_owned(),
            variant: "default".to_owned(),
            channel: dice.pick(&["search", "social"]).to_owned(),
            at: self.now(),
            fresh_at: self.now(),
            ..Touch::default()
        };
        // An answer may be anything; here it is what must be forgotten with the address.
        let note = has_email.then(|| ("note".to_owned(), format!("p{person}@example.com").into()));
        let moved = zones.map(|zones| {
            let renewal = ("renewal".to_owned(), "2026-03-06".into());
            [("time_zone".to_owned(), dice.pick(&zones).into()), renewal]
        });
        Submitted {
            form: QualifiedId::new(&campaign, form),
            key: format!("form:{}", self.posts.len()),
            email: has_email.then(|| format!("p{person}@example.com")),
            phone: has_phone.then(|| format!("+44740000{number:04}")),
            attributes: moved.into_iter().flatten().chain(note).collect(),
            agreed: ask.filter(|_| dice.in_a_hundred(85)),
            touch,
            locale: "en".to_owned(),
            origin_hash: "o".to_owned(),
            at: self.now(),
        }
    }

    /// Somebody, or a machine for these reasons, opens a mail and clicks in it.
    fn engage(&mut self, reasons: &[&str]) {
        let Some(link) = self.link("/c/", Purpose::Click) else { return };
        let urls = match reasons.is_empty() && self.shared.dice.in_a_hundred(30) {
            true => vec![None],
            false => vec![None, Some(link.rest.clone())],
        };
        for url in urls {
            let key = format!("touch:{}", self.told.len());
            let contact = Some(link.contact.clone());
            let teller = Teller { addresses: Vec::new(), contact, at: self.now() };
            self.told.insert(key.clone(), teller);
            self.queue.push(Job::Intake(Intake::EngagementV1(EngagementReport {
                contact: link.contact.clone(),
                message: link.message.clone(),
                url,
                at: self.now(),
                machine: reasons.iter().map(|reason| (*reason).to_owned()).collect(),
                facts: None,
                key,
            })));
        }
    }

    fn confirm(&mut self) {
        let Some(link) = self.link("/confirm/", Purpose::Confirm) else { return };
        if receive::may_confirm(&link, self.now()) {
            self.begin(Flow::Confirm(link));
        }
    }

    fn unsubscribe(&mut self) {
        let Some(link) = self.link("/u/", Purpose::Unsubscribe) else { return };
        self.shared.tell(format!("  {}", link.contact));
        self.begin(Flow::Unsubscribe(link));
    }

    fn order(&mut self) {
        let dice = &self.shared.dice;
        let email = format!("p{}@example.com", dice.below(PEOPLE));
        if self.shared.erased.borrow().contains_key(&email) {
            return;
        }
        let key = format!("order:{}", dice.below(20));
        self.report(email, "order.completed", key);
    }

    fn crowd(&mut self) {
        let first = self.told.len();
        for number in first..first + CROWD {
            self.report(
                format!("c{number}@example.com"),
                "crowd.joined",
                format!("crowd:{number}"),
            );
        }
    }

    /// The customer's own system tells of an event.
    fn report(&mut self, email: String, name: &str, key: String) {
        let properties = json!({ "value_minor": 100, "currency": "GBP", "order": key });
        let addresses = vec![email.clone()];
        self.told.insert(key.clone(), Teller { addresses, contact: None, at: self.now() });
        self.queue.push(Job::Intake(Intake::ReportV1(EventReport {
            email: Some(email),
            phone: None,
            external_id: None,
            contact_id: None,
            event: Reported {
                name: name.to_owned(),
                at: self.now(),
                properties: properties.as_object().cloned().unwrap_or_default(),
                key,
            },
        })));
    }

    fn visit(&mut self) {
        self.queue.push(Job::Intake(Intake::VisitV1(Visit {
            campaign_id: "first".to_owned(),
            visitor: format!("v{}", self.shared.dice.below(5)),
            part: "p/default".to_owned(),
            channel: "search".to_owned(),
            at: self.now(),
        })));
    }

    /// A link of some letter that really arrived.
    fn link(&self, path: &str, purpose: Purpose) -> Option<Link> {
        let accepted = self.accepted.borrow();
        let with_link: Vec<&String> =
            accepted.letters.iter().filter(|body| body.contains(path)).collect();
        let index = self.shared.dice.below(with_link.len().max(1) as u64) as usize;
        let token = with_link.get(index)?.split(path).nth(1)?.split(['"', '\\', '>']).next()?;
        Link::verify(&self.settings, purpose, token).ok()
    }

    fn pass(&mut self, span: Span) {
        self.set_clock(self.now().plus(span));
        if self.shared.strikes("cron: tick missed") {
            return;
        }
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
        self.begin(Flow::Tick);
    }

    /// Time has passed; who has worked for too long is stopped.
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

    fn publish(&mut self) {
        if !self.shared.strikes("publish: people inside") {
            return;
        }
        self.edition += 1;
        let which = self.shared.dice.below(3);
        let compiled = campaigns(self.edition).unwrap_or_default().into_iter().enumerate();
        for (index, compiled) in compiled.filter(|(index, _)| *index as u64 != which) {
            let published =
                block_on(publish::publish(&*self.shared.sqlite(), compiled, self.now()));
            if let Err(refusal) = published {
                self.shared.accuse(format!("campaign {index} was refused: {refusal:?}"));
            }
        }
        self.tell_isolates();
    }

    /// A journey that nobody has to be in is paused, or runs on.
    fn steer(&mut self) {
        let dice = &self.shared.dice;
        let journey = dice.pick(&["first.fans", "first.buyers", "second.honour", "second.paths"]);
        let state = dice.pick(&[RunState::Paused, RunState::Running]);
        if self.shared.strikes("journey: paused with people inside") {
            self.set_state(&QualifiedId::from(journey), state);
            self.tell_isolates();
        }
    }

    /// A journey that nobody has to be in ends for everybody inside.
    fn archive(&mut self) {
        let journey = self.shared.dice.pick(&["first.fans", "second.honour", "second.paths"]);
        if self.shared.strikes("journey: archived with people inside") {
            self.set_state(&QualifiedId::from(journey), RunState::Archived);
            self.tell_isolates();
        }
    }

    fn erase(&mut self) {
        let told = format!("p{}@example.com", self.shared.dice.below(PEOPLE));
        if self.shared.strikes("people: erased while something is under way") {
            self.shared.tell(format!("  {told}"));
            // Something is told of them in that very moment.
            let key = format!("late:{}", self.told.len());
            self.report(told.clone(), "order.completed", key);
            self.begin(Flow::Say(Said::Erase(told)));
        }
    }

    fn merge(&mut self) {
        let one = self.shared.dice.below(PEOPLE);
        let other = (one + 1 + self.shared.dice.below(PEOPLE - 1)) % PEOPLE;
        let [from, into] = [one, other].map(|person| format!("p{person}@example.com"));
        if self.shared.strikes("people: merged while something is under way") {
            self.shared.tell(format!("  {from} into {into}"));
            self.begin(Flow::Say(Said::Merge(from, into)));
        }
    }

    fn set_state(&self, journey: &QualifiedId, state: RunState) {
        let db = self.shared.sqlite();
        if let Err(refusal) = block_on(steer_journey::steer(&*db, journey, state, self.now())) {
            self.shared.accuse(format!("{journey} was not {state:?}: {refusal:?}"));
        }
    }

    /// Whoever is paused runs on.
    fn resume_all(&mut self) {
        let campaigns: Vec<CampaignId> =
            self.catalog.live().map(|edition| edition.id().clone()).collect();
        for campaign in campaigns {
            let paused = self.catalog.statuses(&campaign);
            let paused = paused.filter(|status| status.state == RunState::Paused);
            for status in paused {
                self.set_state(&QualifiedId::new(&campaign, &status.journey), RunState::Running);
            }
        }
        self.read_catalog();
    }

    /// Whoever was parked, because every worker that tried it died, is released.
    fn release_all(&mut self) {
        let db = self.shared.sqlite();
        for parked in block_on(park::list(&*db)).unwrap_or_default() {
            self.shared.tell(format!("{} is released: {}", parked.contact, parked.reason));
            if let Err(error) = block_on(park::release(&*db, &parked.contact, self.now())) {
                self.shared.accuse(error.to_string());
            }
        }
    }

    /// Some hear of what is live now, others decide by the former word for a while.
    fn tell_isolates(&mut self) {
        let before = self.catalog.clone();
        self.read_catalog();
        self.stale = Some((before, self.now().plus(STALE_MAX)));
    }

    fn read_catalog(&mut self) {
        match block_on(publish::live(&*self.shared.sqlite())) {
            Ok(catalog) => self.catalog = Rc::new(catalog),
            Err(error) => self.shared.accuse(error.to_string()),
        }
        self.remember_versions();
    }

    /// The operator restores the newest bookmark, which ends what is under way.
    fn restore(&mut self) {
        let Some((at, db)) = self.bookmarks.pop() else { return };
        if self.now() > at.plus(BOOKMARK_AGE_MAX)
            || !self.shared.strikes("restore: an earlier bookmark")
        {
            return;
        }
        for worker in std::mem::take(&mut self.workers) {
            self.queue.extend(worker.again);
        }
        self.shared.tell(format!("  to {}", at.rfc3339()));
        *self.shared.db.borrow_mut() = Rc::new(db);
        (self.restored, self.stale) = (true, None);
        // Whoever was erased since is there again.
        self.shared.erased.borrow_mut().clear();
        self.read_catalog();
    }

    // --- Queues and workers --------------------------------------------------------------------

    /// Whatever waits is handed out: some of it twice, late, in another order; hints to nobody.
    fn hand_out(&mut self) {
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
                Job::Say(said) => self.begin(Flow::Say(said)),
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

    fn begin(&mut self, flow: Flow) {
        self.flows_begun += 1;
        let now = self.now();
        let stale = self.stale.clone().filter(|(_, until)| now < *until);
        let catalog = match stale {
            Some((stale, _)) if self.shared.strikes("publish: old and new code together") => stale,
            _ => self.catalog.clone(),
        };
        let again = flow.to_deliver_again();
        let context = FlowContext {
            shared: self.shared.clone(),
            accepted: self.accepted.clone(),
            settings: self.settings.clone(),
            catalog,
            now,
            ids: Ids::new(now, self.flows_begun),
        };
        self.workers.push(Worker { task: Box::pin(context.run(flow)), began: now, again });
    }

    /// Lets all workers go on in turns, so many of them. Some die on the way.
    fn work(&mut self, turns: u64) {
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..turns {
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
                    Poll::Ready(Ended::More(work)) => {
                        self.queue.extend(work.into_iter().map(Job::Work));
                    }
                    Poll::Ready(Ended::Again(jobs)) => self.queue.extend(jobs),
                }
            }
        }
    }

    // --- The end -------------------------------------------------------------------------------

    /// Everything works again. For half an hour a tick comes each minute, after which nothing may
    /// be late; then time jumps from one thing that is due to the next, until nothing is any more.
    pub fn come_to_rest(&mut self) {
        self.shared.stormy.set(false);
        self.resume_all();
        self.release_all();
        self.set_clock(self.now().plus(WORKER_LIFE));
        for _ in 0..30 {
            self.one_minute();
            if !self.shared.wrong.borrow().is_empty() {
                return;
            }
        }
        if let Some(due) = self.next_due().filter(|due| *due < self.now()) {
            self.shared.accuse(format!("I5: due at {}, and not done", due.rfc3339()));
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
        }
        self.shared.accuse("I2: it does not come to rest".to_owned());
    }

    /// A tick, and all work that follows.
    fn one_minute(&mut self) {
        self.shared.now.set(self.now().plus(Span::minutes(1)));
        self.begin(Flow::Tick);
        for _ in 0..FOLLOW_UPS_MAX {
            self.work(u64::MAX);
            if self.queue.is_empty() {
                return;
            }
            self.hand_out();
        }
        self.shared.accuse("I2: work leads to work without end".to_owned());
    }

    fn next_due(&self) -> Option<Millis> {
        #[derive(Deserialize)]
        struct Row {
            at: Option<Millis>,
        }
        self.rows(due::next()).ok()?.first::<Row>().ok()??.at
    }
}

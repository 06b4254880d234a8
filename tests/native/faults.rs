//! The engine under faults: batches that fail or whose answers are lost, workers that die between
//! any two awaits, duplicated and dropped tasks, a provider that forgets its keys after a day.
//!
//! A run is a function of its seed. When everything works again and nothing is due any more, the
//! invariants hold, and the provider has sent nothing twice.

use super::invariants::broken;
use super::rig::{Dice, Failing, Task, pass, together_until};
use super::support::{FORM, MONDAY, campaign, number, report, rows};
use dripline::domain::attribution::Touch;
use dripline::domain::catalog::Catalog;
use dripline::domain::decide::Submitted;
use dripline::domain::primitives::{CampaignId, Ids, Millis, QualifiedId, Span};
use dripline::domain::token::{Keyring, Purpose};
use dripline::flows::commit::CommitError;
use dripline::flows::receive::{self, Link};
use dripline::flows::seams::Http;
use dripline::flows::settings::Settings;
use dripline::flows::task::{EngagementReport, Intake, Work};
use dripline::flows::{deliver, park, publish, record_touches, run_due, submit_form};
use dripline::native::sqlite::Sqlite;
use dripline::native::world::block_on;
use dripline::providers::http::{HttpError, HttpRequest, HttpResponse};
use dripline::providers::{Sender, resend, twilio};
use dripline::store::reports::Visit;
use dripline::store::{due, segments};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

const MOVES: usize = 20;

const CAMPAIGN: &str = r#"
    [segment.clickers]
    rule = { event = "message.clicked", within = "2d" }
    [segment.quiet]
    rule = { all = [{ event = "form.submitted" }, { not = { event = "message.sent", within = "1d" } }] }
    [journey.j]
    enter = { form = "f" }
    exit = { event = "order.completed" }
    [[journey.j.step]]
    id = "welcome"
    send = "emails/welcome"
    [[journey.j.step]]
    id = "pause"
    wait = "6h"
    [[journey.j.step]]
    id = "clicked"
    wait_for = { event = "message.clicked", step = "welcome" }
    timeout = "1d"
    on_timeout = "nudge"
    [[journey.j.step]]
    id = "score"
    update = { add_tags = ["clicked"], score = 10 }
    then = "text"
    [[journey.j.step]]
    id = "nudge"
    send = "emails/nudge"
    [[journey.j.step]]
    id = "text"
    send = "sms/text"
    [journey.fans]
    enter = { segment = "clickers" }
    re_entry = "always"
    [[journey.fans.step]]
    id = "thanks"
    send = "emails/thanks"
    [[journey.fans.step]]
    id = "tell"
    notify = "owner"
"#;

// Two hundred seeds, in four tests that run beside one another.
#[test]
fn fifty_seeds_of_faults_break_no_invariant() {
    try_seeds(1..=50);
}

#[test]
fn fifty_other_seeds_break_none() {
    try_seeds(51..=100);
}

#[test]
fn fifty_more_seeds_break_none() {
    try_seeds(101..=150);
}

#[test]
fn the_last_fifty_seeds_break_none() {
    try_seeds(151..=200);
}

fn try_seeds(seeds: std::ops::RangeInclusive<u64>) {
    let compiled = campaign(&format!("{FORM}{CAMPAIGN}"));
    let mut sent = 0;
    let count = seeds.clone().count();
    for seed in seeds {
        let mut sim = Sim::new(seed, compiled.clone());
        (0..MOVES).for_each(|_| sim.make_a_move());
        sim.come_to_rest();
        let wrong = sim.wrong();
        assert!(wrong.is_empty(), "seed {seed}:\n{}\n{}", wrong.join("\n"), sim.trace());
        sent += sim.provider.sent.borrow().len();
    }
    assert!(sent > count, "the runs are about something: {sent} messages sent");
}

/// One run.
struct Sim {
    db: Sqlite,
    catalog: Catalog,
    settings: Settings,
    provider: Provider,
    dice: Dice,
    now: Millis,
    flows_begun: u64,
    failing_in_a_hundred: u64,
    /// What waits in the intake queue.
    intake: Vec<Intake>,
    work: Vec<Work>,
    posts: Vec<Submitted>,
    trace: Vec<String>,
}

/// What a flow led to: tasks to do, or tasks to be delivered again.
enum Ended {
    More(Vec<Work>),
    Again(Vec<Intake>),
    Failed,
}

impl Sim {
    fn new(seed: u64, compiled: dripline::domain::campaign::Compiled) -> Self {
        let db = Sqlite::in_memory().unwrap();
        block_on(publish::publish(&db, compiled, MONDAY)).unwrap();
        let catalog = block_on(publish::live(&db)).unwrap();
        let dice = Dice::new(seed);
        let account = twilio::Account {
            account_sid: "AC1".to_owned(),
            auth_token: "secret".to_owned(),
            from: "+447400000000".to_owned(),
        };
        let settings = Settings {
            base_url: "https://go.example".to_owned(),
            keys: Keyring::new("secret", None),
            mail_from: "House <hello@house.example>".to_owned(),
            email: Sender::Resend(resend::Account { api_key: "re_1".to_owned() }),
            sms: Sender::Twilio(account),
        };
        let provider = Provider::new(dice.clone());
        let (now, flows_begun, failing_in_a_hundred) = (MONDAY, seed << 32, 15);
        let (intake, work, posts, trace) = Default::default();
        Self {
            db,
            catalog,
            settings,
            provider,
            dice,
            now,
            flows_begun,
            failing_in_a_hundred,
            intake,
            work,
            posts,
            trace,
        }
    }

    /// Something happens, and all that is waiting is worked on at the same time.
    fn make_a_move(&mut self) {
        match self.dice.below(10) {
            0..=2 => self.post_a_form(),
            3..=4 => self.click(),
            5 if self.dice.in_a_hundred(40) => self.unsubscribe(),
            5 => self.visit(),
            6 if self.dice.in_a_hundred(40) => self.order(),
            _ => {
                let spans = [Span::minutes(1), Span::minutes(20), Span::hours(7), Span::hours(30)];
                let span = spans[self.dice.below(4) as usize];
                self.pass_time(span);
            }
        }
        self.work_off();
    }

    fn pass_time(&mut self, span: Span) {
        self.now = self.now.plus(span);
        self.provider.now.set(self.now);
        self.trace.push(format!("{} a tick", self.now.rfc3339()));
        // Some ticks overlap, some do not come.
        let ticks = self.dice.below(3);
        let flows = (0..ticks).map(|_| Flow::Tick).collect();
        self.run(flows);
    }

    fn post_a_form(&mut self) {
        let again = !self.posts.is_empty() && self.dice.in_a_hundred(30);
        let post = match again {
            true => self.posts[self.dice.below(self.posts.len() as u64) as usize].clone(),
            false => self.new_post(),
        };
        self.trace.push(format!("{} {:?} posts {}", self.now.rfc3339(), post.email, post.key));
        // The same filled-in form, perhaps twice at once.
        let times = 1 + self.dice.below(2);
        self.posts.push(post.clone());
        self.run((0..times).map(|_| Flow::Submit(Box::new(post.clone()))).collect());
    }

    fn new_post(&mut self) -> Submitted {
        let (person, with_phone) = (self.dice.below(4), self.dice.in_a_hundred(50));
        let phone = format!("+44740000000{}", self.dice.below(3));
        let compiled = &self.catalog.live().next().unwrap().compiled;
        let ask = compiled.campaign.forms["f"].consent.clone();
        let touch = Touch {
            campaign: "c".to_owned(),
            page: "p".to_owned(),
            variant: "default".to_owned(),
            channel: ["search", "social"][self.dice.below(2) as usize].to_owned(),
            at: self.now,
            fresh_at: self.now,
            ..Touch::default()
        };
        Submitted {
            form: QualifiedId::new(&CampaignId::from("c"), "f"),
            key: format!("form:{}", self.posts.len()),
            email: (self.dice.below(10) > 0).then(|| format!("p{person}@example.com")),
            phone: with_phone.then_some(phone),
            attributes: BTreeMap::new(),
            agreed: ask.filter(|_| self.dice.in_a_hundred(85)),
            touch,
            locale: "en".to_owned(),
            origin_hash: "o".to_owned(),
            at: self.now,
        }
    }

    fn click(&mut self) {
        let Some(link) = self.link("/c/", Purpose::Click) else { return };
        let report = EngagementReport {
            contact: link.contact,
            message: link.message,
            url: self.dice.in_a_hundred(70).then_some(link.rest),
            at: self.now,
            machine: self.dice.in_a_hundred(20).then(|| "scanner".to_owned()).into_iter().collect(),
            key: format!("touch:{}", self.dice.below(u64::MAX >> 34)),
        };
        self.trace.push(format!("{} a touch of {}", self.now.rfc3339(), report.message));
        self.intake.push(Intake::EngagementV1(report));
    }

    fn unsubscribe(&mut self) {
        let Some(link) = self.link("/u/", Purpose::Unsubscribe) else { return };
        self.trace.push(format!("{} {} unsubscribes", self.now.rfc3339(), link.contact));
        self.run(vec![Flow::Unsubscribe(link)]);
    }

    fn order(&mut self) {
        let email = format!("p{}@example.com", self.dice.below(5));
        let key = format!("order:{}", self.dice.below(20));
        let paid = json!({ "value_minor": 100, "currency": "GBP" });
        self.trace.push(format!("{} {email} orders {key}", self.now.rfc3339()));
        self.intake.push(report(self.now, &email, "order.completed", paid, &key));
    }

    fn visit(&mut self) {
        self.intake.push(Intake::VisitV1(Visit {
            campaign_id: "c".to_owned(),
            visitor: format!("v{}", self.dice.below(5)),
            part: "p/default".to_owned(),
            channel: "search".to_owned(),
            at: self.now,
        }));
    }

    /// A link of some letter that really arrived.
    fn link(&self, path: &str, purpose: Purpose) -> Option<Link> {
        let sent = self.provider.sent.borrow();
        let with_link = sent.iter().filter(|body| body.contains(path)).collect::<Vec<_>>();
        let index = self.dice.below(with_link.len().max(1) as u64) as usize;
        let body: Value = serde_json::from_str(with_link.get(index)?).ok()?;
        let token = body["html"].as_str()?.split(path).nth(1)?.split('"').next()?;
        Link::verify(&self.settings, purpose, token).ok()
    }

    /// Whatever waits is handed out: some of it twice, some of the hints to nobody.
    fn work_off(&mut self) {
        let mut flows = Vec::new();
        for work in std::mem::take(&mut self.work) {
            let times = [0, 1, 1, 1, 2][self.dice.below(5) as usize];
            flows.extend((0..times).map(|_| Flow::Work(work.clone())));
        }
        let batch = std::mem::take(&mut self.intake);
        if !batch.is_empty() {
            if self.dice.in_a_hundred(20) {
                flows.push(Flow::Intake(batch.clone(), false));
            }
            flows.push(Flow::Intake(batch, true));
        }
        self.run(flows);
    }

    /// Runs flows side by side. Some die on the way.
    fn run(&mut self, flows: Vec<Flow>) {
        let failing = Failing {
            db: &self.db,
            dice: self.dice.clone(),
            in_a_hundred: self.failing_in_a_hundred,
            faults: RefCell::default(),
        };
        let (sim, db) = (&*self, &failing);
        let may_die = self.failing_in_a_hundred > 0;
        let mut kept = Vec::new();
        let tasks = flows.into_iter().enumerate().map(|(index, flow)| {
            let seed = self.flows_begun + index as u64;
            let dies = may_die && self.dice.in_a_hundred(12);
            let turns = if dies { 1 + self.dice.below(6) as usize } else { usize::MAX };
            kept.push(flow.to_deliver_again());
            let task: Task<'_, Ended> = Box::pin(sim.flow(db, flow, seed));
            (task, turns)
        });
        let tasks: Vec<_> = tasks.collect();
        let count = tasks.len() as u64;
        let ended = together_until(tasks);
        let faults = failing.faults.take();
        self.flows_begun += count;
        if !faults.is_empty() {
            self.trace.push(format!("    {}", faults.join(", ")));
        }
        for (ended, kept) in ended.into_iter().zip(kept) {
            match ended {
                Some(Ended::More(work)) => self.work.extend(work),
                Some(Ended::Again(intake)) => self.intake.extend(intake),
                Some(Ended::Failed) => {}
                None => {
                    self.trace.push("    a worker died".to_owned());
                    self.intake.extend(kept);
                }
            }
        }
    }

    async fn flow(&self, db: &Failing<'_>, flow: Flow, seed: u64) -> Ended {
        let (catalog, now) = (&self.catalog, self.now);
        let ids = &mut Ids::new(now, seed);
        let failed = |result: Result<Vec<Work>, CommitError>| match result {
            Ok(work) => Ended::More(work),
            Err(_) => Ended::Failed,
        };
        match flow {
            Flow::Tick => failed(run_due::tick(db, now).await.map_err(CommitError::Database)),
            Flow::Submit(post) => {
                let kept = vec![Intake::SubmissionV1(post.clone())];
                match submit_form::submit(db, catalog, *post, now, ids).await {
                    Ok(work) => Ended::More(work),
                    Err(_) => Ended::Again(kept),
                }
            }
            Flow::Intake(tasks, is_last) => {
                match record_touches::record(db, catalog, tasks.clone(), now, ids).await {
                    Ok(work) => Ended::More(work),
                    Err(_) if is_last => Ended::Again(tasks),
                    Err(_) => Ended::Failed,
                }
            }
            Flow::Unsubscribe(link) => {
                let done = receive::unsubscribe(db, catalog, link, "o", now, ids).await;
                failed(done.map(|()| Vec::new()))
            }
            Flow::Work(Work::DueV1 { contacts }) => {
                failed(run_due::run(db, catalog, contacts, now, ids).await)
            }
            Flow::Work(Work::AloneV1 { contact }) => {
                failed(park::run_alone(db, catalog, contact, now, ids).await)
            }
            Flow::Work(Work::DeliverV1 { messages }) => {
                let (http, settings) = (&self.provider, &self.settings);
                failed(deliver::deliver(db, http, catalog, settings, messages, now, ids).await)
            }
        }
    }

    /// Everything works again, until nothing is due any more.
    fn come_to_rest(&mut self) {
        self.failing_in_a_hundred = 0;
        self.provider.failing_in_a_hundred.set(0);
        for _ in 0..400 {
            while !self.intake.is_empty() || !self.work.is_empty() {
                let work = std::mem::take(&mut self.work).into_iter().map(Flow::Work);
                let intake = std::mem::take(&mut self.intake);
                self.run(work.chain([Flow::Intake(intake, true)]).collect());
            }
            let next =
                block_on(dripline::flows::seams::Database::batch(&self.db, vec![due::next()]));
            let next = next.unwrap()[0].all::<Value>().unwrap()[0]["at"].as_i64();
            let Some(next) = next else { return };
            self.now = self.now.max(Millis(next));
            self.provider.now.set(self.now);
            self.run(vec![Flow::Tick]);
        }
        panic!("still not at rest:\n{}", self.trace());
    }

    /// What is wrong with the database and with what the provider sent.
    fn wrong(&self) -> Vec<String> {
        let mut wrong = broken(&self.db, Some(self.now));
        let rule = |name: &str| {
            let edition = self.catalog.live().next().unwrap();
            let rule = &edition.compiled.campaign.segments[name];
            let query = segments::holding(rule, self.now);
            let rows = block_on(dripline::flows::seams::Database::batch(&self.db, vec![query]));
            rows.unwrap()[0].all::<Value>().unwrap().len() as i64
        };
        for name in ["clickers", "quiet"] {
            let sql = format!("SELECT count(*) FROM segment_members WHERE segment_id = 'c.{name}'");
            if number(&self.db, &sql) != rule(name) {
                wrong.push(format!("segment {name} is not what its rule says"));
            }
        }
        let states = "SELECT id, state FROM messages WHERE state IN ('sent', 'unknown')";
        let taken: BTreeSet<String> = rows(&self.db, states)
            .iter()
            .map(|row| row["id"].as_str().unwrap_or_default().to_owned())
            .collect();
        for (key, times) in self.provider.keys.borrow().iter() {
            if times.sent != 1 {
                wrong.push(format!("{key} was sent {} times", times.sent));
            }
            if !taken.contains(key) {
                wrong.push(format!("{key} was sent and the ledger does not know"));
            }
        }
        for (text, times) in self.provider.texts.borrow().iter() {
            if *times != 1 {
                wrong.push(format!("{text} was sent {times} times"));
            }
        }
        let texts = self.provider.texts.borrow().len() as i64;
        let known = "SELECT count(*) FROM messages
                      WHERE channel = 'sms' AND state IN ('sent', 'unknown')";
        if texts > number(&self.db, known) {
            wrong.push("a text was sent and the ledger does not know".to_owned());
        }
        wrong
    }

    fn trace(&self) -> String {
        self.trace.join("\n")
    }
}

/// A flow to run.
enum Flow {
    Tick,
    Submit(Box<Submitted>),
    Intake(Vec<Intake>, bool),
    Unsubscribe(Link),
    Work(Work),
}

impl Flow {
    /// What its queue delivers again if it dies. A visitor sends a form again.
    fn to_deliver_again(&self) -> Vec<Intake> {
        match self {
            Self::Submit(post) => vec![Intake::SubmissionV1(post.clone())],
            Self::Intake(tasks, true) => tasks.clone(),
            _ => Vec::new(),
        }
    }
}

/// Resend and Twilio as they are at their worst.
struct Provider {
    dice: Dice,
    now: Cell<Millis>,
    failing_in_a_hundred: Cell<u64>,
    /// The e-mails that left, whole.
    sent: RefCell<Vec<String>>,
    keys: RefCell<BTreeMap<String, Key>>,
    texts: RefCell<BTreeMap<String, u32>>,
}

struct Key {
    body: String,
    first_used: Millis,
    sent: u32,
}

impl Provider {
    fn new(dice: Dice) -> Self {
        Self {
            dice,
            now: Cell::new(MONDAY),
            failing_in_a_hundred: Cell::new(25),
            sent: RefCell::default(),
            keys: RefCell::default(),
            texts: RefCell::default(),
        }
    }

    /// Takes a request, once a key within a day, and answers as the API does.
    fn take(&self, request: &HttpRequest) -> HttpResponse {
        let key = request.headers.iter().find(|(name, _)| *name == "idempotency-key");
        let Some((_, key)) = key else {
            *self.texts.borrow_mut().entry(request.body.clone()).or_default() += 1;
            return answer(201, json!({ "sid": "SM1" }));
        };
        let mut keys = self.keys.borrow_mut();
        let now = self.now.get();
        let known = keys.get_mut(key);
        match known {
            Some(known) if now < known.first_used.plus(Span::hours(24)) => {
                if known.body != request.body {
                    return answer(409, json!({ "name": "invalid_idempotent_request" }));
                }
            }
            Some(known) => {
                known.sent += 1;
                known.first_used = now;
            }
            None => {
                self.sent.borrow_mut().push(request.body.clone());
                let body = request.body.clone();
                keys.insert(key.clone(), Key { body, first_used: now, sent: 1 });
            }
        }
        answer(200, json!({ "id": format!("re-{key}") }))
    }
}

fn answer(status: u16, body: Value) -> HttpResponse {
    HttpResponse { status, headers: Vec::new(), body: body.to_string() }
}

impl Http for Provider {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        pass().await;
        if !self.dice.in_a_hundred(self.failing_in_a_hundred.get()) {
            return Ok(self.take(&request));
        }
        match self.dice.below(6) {
            0 => Err(HttpError::Network("refused".to_owned())),
            1 => {
                self.take(&request);
                Err(HttpError::TimedOut)
            }
            2 => {
                self.take(&request);
                Ok(answer(502, Value::Null))
            }
            3 => {
                self.take(&request);
                Ok(HttpResponse { status: 200, headers: Vec::new(), body: "<html>".to_owned() })
            }
            4 => Ok(HttpResponse {
                headers: vec![("retry-after".to_owned(), "90000".to_owned())],
                ..answer(429, Value::Null)
            }),
            _ => Ok(answer(503, Value::Null)),
        }
    }
}

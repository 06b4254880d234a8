//! A deployment in memory: the real flows over SQLite, with a clock that the test sets and a
//! mailbox that keeps every message. Tests and simulations use it.

use super::sqlite::{OneRun, Sqlite};
use super::stores::{Memory, Tray};
use super::table_file::decode_gb18030;
use crate::domain::base::primitives::{CampaignId, Ids, Millis, QualifiedId, Span};
use crate::domain::base::token::{Keyring, Purpose, TokenProblem};
use crate::domain::campaign::Compiled;
use crate::domain::campaign::broadcast::BroadcastVerb;
use crate::domain::campaign::journey::RunState;
use crate::domain::contact::message::CapturedMessage;
use crate::domain::form::form_data::FormData;
use crate::domain::form::traffic_source::{
    LANDING_FIELD, PAGE_FIELD, QUERY_FIELD, TrafficSource, VARIANT_FIELD,
};
use crate::domain::form::{FILL_TIME_MIN, FieldProblem, TOKEN_FIELD};
use crate::domain::inbound::engagement::Engagement;
use crate::domain::pacing::DeploymentPacing;
use crate::domain::publication::catalog::Catalog;
use crate::domain::publication::unpublished::Stops;
use crate::domain::report::Report;
use crate::domain::sending::auto_pause::PauseEvent;
use crate::flows::broadcast::control::{BroadcastProgress, Preview};
use crate::flows::broadcast::{control, run};
use crate::flows::campaign::catalog_cache::Shelf;
use crate::flows::campaign::journey_control::JourneyStateChange;
use crate::flows::campaign::publish::Published;
use crate::flows::campaign::unpublish;
use crate::flows::campaign::{auto_pause, journey_control, landing_page, publish};
use crate::flows::commit::CommitError;
use crate::flows::contact::erase::{self, Erased};
use crate::flows::contact::merge::{self, Merged};
use crate::flows::contact::subscription_links::{self, Confirmation, Link};
use crate::flows::error::FlowError;
use crate::flows::import::{self, Importer};
use crate::flows::ingest::form::Checked;
use crate::flows::ingest::{consume, form};
use crate::flows::ports::{Database, DatabaseError, Http};
use crate::flows::report::campaign;
use crate::flows::schedule::due::{DUE_PER_TICK_MAX, HandOutError};
use crate::flows::schedule::tick::{self, Minute, TickOutcome};
use crate::flows::schedule::{due, housekeeping, quarantine};
use crate::flows::send;
use crate::flows::settings::Settings;
use crate::flows::settings::providers::Providers;
use crate::flows::tasks::{Intake, Work};
use crate::providers::Provider;
use crate::providers::http::{HttpError, HttpRequest, HttpResponse};
use crate::store::reports::Visit;
use crate::store::statement::{Rows, Statement};
use serde::Deserialize;
use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Runs a future to its end. Nothing here waits for external I/O, so it is never pending.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// Runs only the part of a tick that hands out due work, after the housekeeping.
pub async fn due<D: Database>(db: &D, now: Millis) -> Result<Vec<Work>, HandOutError> {
    let queue = Tray::default();
    housekeeping::prepare_work(db, None, now).await;
    due::hand_out(db, &queue, DUE_PER_TICK_MAX, now).await?;
    Ok(queue.take())
}

/// An in-memory deployment.
pub struct World {
    pub db: Sqlite,
    pub kv: Memory,
    pub queue: Tray,
    pub mail_catcher: MailCatcher,
    pub catalog: Catalog,
    pub settings: Settings,
    shelf: RefCell<Shelf>,
    /// Failures that the housekeeping logs and retries by itself, one line each.
    pub failures: Vec<String>,
    now: Millis,
    ids: Ids,
    work: VecDeque<Work>,
}

/// Keeps every message, once per id, as the local mailbox does.
#[derive(Default)]
pub struct MailCatcher {
    captured: RefCell<Vec<CapturedMessage>>,
    known: RefCell<BTreeSet<String>>,
    now: RefCell<Millis>,
}

impl Http for MailCatcher {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let messages: Vec<CapturedMessage> = serde_json::from_str(&request.body)
            .map_err(|error| HttpError::Network(error.to_string()))?;
        for message in messages {
            if self.known.borrow_mut().insert(message.id.clone()) {
                self.captured
                    .borrow_mut()
                    .push(CapturedMessage { at: *self.now.borrow(), ..message });
            }
        }
        Ok(HttpResponse { status: 200, headers: Vec::new(), body: String::new() })
    }
}

/// The result of submitting a form.
#[derive(Clone, Debug, PartialEq)]
pub enum Sent {
    /// The visitor was thanked.
    Thanks,
    /// The visitor was shown what to correct.
    Problems(Vec<FieldProblem>),
    /// The visitor was asked to reload the page.
    BadToken(TokenProblem),
}

impl World {
    /// Creates a world at an instant, with these campaigns published. The same seed gives the same
    /// ids.
    pub fn new(now: Millis, seed: u64, campaigns: Vec<Compiled>) -> Result<Self, String> {
        let keys = Keyring::new("a secret of the simulated world", None);
        let mailbox = || vec![Provider::Mailbox];
        let settings = Settings {
            hooks: <_>::default(),
            base_url: "https://go.example".to_owned(),
            mail_from: "dripline <hello@go.example>".to_owned(),
            pacing: DeploymentPacing::default(),
            providers: Providers { email: mailbox(), sms: mailbox(), ..Providers::none(&keys) },
            keys,
            seal_keys: Vec::new(),
            tracking_off_in: Vec::new(),
        };
        let mut world = Self {
            db: Sqlite::in_memory().map_err(|error| error.to_string())?,
            kv: Memory::default(),
            queue: Tray::default(),
            mail_catcher: MailCatcher::default(),
            catalog: Catalog::default(),
            settings,
            shelf: RefCell::default(),
            failures: Vec::new(),
            now,
            ids: Ids::new(now, seed),
            work: VecDeque::new(),
        };
        world.set_clock(now);
        for compiled in campaigns {
            world.publish(compiled).map_err(|refusal| format!("{refusal:?}"))?;
        }
        Ok(world)
    }

    pub fn now(&self) -> Millis {
        self.now
    }

    /// Publishes a campaign; it is live at once.
    pub fn publish(&mut self, compiled: Compiled) -> Result<Published, FlowError> {
        let published = block_on(publish::publish(&self.db, compiled, self.now))?;
        self.catalog = block_on(publish::live(&self.db))?;
        Ok(published)
    }

    /// Pauses, resumes or archives a journey; the catalog is updated at once.
    pub fn set_journey_state(
        &mut self,
        journey: &str,
        state: RunState,
    ) -> Result<JourneyStateChange, FlowError> {
        let id = QualifiedId::from(journey);
        let changed = block_on(journey_control::set_state(&self.db, &id, state, self.now))?;
        self.catalog = block_on(publish::live(&self.db))?;
        Ok(changed)
    }

    /// Unpublishes a campaign; the catalog is updated at once.
    pub fn unpublish(&mut self, campaign: &str) -> Result<Stops, FlowError> {
        let id = CampaignId::from(campaign);
        let stops = block_on(unpublish::unpublish(&self.db, &id, self.now))?;
        self.catalog = block_on(publish::live(&self.db))?;
        Ok(stops)
    }

    /// Starts, pauses, resumes or cancels a broadcast; the next tick continues it.
    pub fn broadcast(
        &mut self,
        id: &str,
        verb: BroadcastVerb,
    ) -> Result<BroadcastProgress, FlowError> {
        let id = QualifiedId::from(id);
        let (standing, work) = block_on(control::apply_verb(&self.db, &id, verb, self.now))?;
        self.work.extend(work);
        Ok(standing)
    }

    /// Returns who would get a broadcast now.
    pub fn preview_broadcast(&self, id: &str) -> Result<Preview, FlowError> {
        block_on(control::preview(&self.db, &QualifiedId::from(id), self.now))
    }

    /// Simulates a visit to a page, given its path and query string, and counts it.
    pub fn visit(&mut self, visitor: &str, path: &str, query: &str) -> Result<(), CommitError> {
        let Some((published, name, page)) = self.catalog.page_at(path) else { return Ok(()) };
        let campaign = published.id().0.clone();
        let Some(variant) = landing_page::variant_for(page, &campaign, name, visitor) else {
            return Ok(());
        };
        let origin = TrafficSource::of_visit(name, &variant.name, path, query, "");
        let visit = Visit {
            campaign_id: campaign,
            visitor: visitor.to_owned(),
            part: format!("{name}/{}", variant.name),
            channel: origin.channel(self.settings.host()),
            at: self.now,
        };
        self.take_in(vec![Intake::VisitV1(visit)])
    }

    /// Simulates a visitor who fills in and sends the form of a page, in the variant for this
    /// visitor.
    pub fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<Sent, CommitError> {
        self.submit_from(path, "", fields)
    }

    /// Like `submit`, with the query string of the page's address.
    pub fn submit_from(
        &mut self,
        path: &str,
        query: &str,
        fields: &[(&str, &str)],
    ) -> Result<Sent, CommitError> {
        let Some((form_id, answer)) = self.fill_in(path, query, fields) else {
            return Ok(Sent::BadToken(TokenProblem::Malformed));
        };
        self.set_clock(self.now.plus(FILL_TIME_MIN));
        self.send(&form_id, &answer)
    }

    /// Returns the body that a browser would send for a page's form. `None` if the page has none.
    pub fn fill_in(
        &mut self,
        path: &str,
        query: &str,
        fields: &[(&str, &str)],
    ) -> Option<(QualifiedId, FormData)> {
        let visitor = self.ids.uuid();
        self.fill_in_as(&visitor, path, query, fields)
    }

    /// Like `fill_in` for a given visitor, who sees the variant of the page for this visitor.
    pub fn fill_in_as(
        &mut self,
        visitor: &str,
        path: &str,
        query: &str,
        fields: &[(&str, &str)],
    ) -> Option<(QualifiedId, FormData)> {
        let (published, name, page) = self.catalog.page_at(path)?;
        let form_id = QualifiedId::new(published.id(), page.form.as_ref()?);
        let variant = landing_page::variant_for(page, published.id().as_str(), name, visitor)?;
        let token = landing_page::form_token(&self.settings, &form_id, self.now, &mut self.ids);
        let mut answer = FormData::default();
        let hidden = [
            (TOKEN_FIELD, token.as_str()),
            (PAGE_FIELD, name),
            (VARIANT_FIELD, &variant.name),
            (LANDING_FIELD, path),
            (QUERY_FIELD, query),
        ];
        hidden.iter().chain(fields).for_each(|(name, value)| answer.push(*name, *value));
        Some((form_id, answer))
    }

    /// Sends a form's body, and completes the work that follows at once.
    pub fn send(&mut self, form_id: &QualifiedId, answer: &FormData) -> Result<Sent, CommitError> {
        let Some((published, form)) = self.catalog.form(form_id) else {
            return Ok(Sent::BadToken(TokenProblem::Malformed));
        };
        let checked =
            form::check(published, form_id, form, answer, "origin", &self.settings, self.now);
        match checked {
            Checked::Robot => Ok(Sent::Thanks),
            Checked::Problems(problems) => Ok(Sent::Problems(problems)),
            Checked::BadToken(problem) => Ok(Sent::BadToken(problem)),
            Checked::Good(submitted) => {
                let flow = form::submit(
                    &self.db, &self.catalog, &self.settings.keys, *submitted, self.now,
                    &mut self.ids,
                );
                self.work.extend(block_on(flow)?);
                self.do_work()?;
                Ok(Sent::Thanks)
            }
        }
    }

    /// Processes tasks of the intake queue, and completes the work that follows at once.
    pub fn take_in(&mut self, tasks: Vec<Intake>) -> Result<(), CommitError> {
        let flow = consume::record(
            &self.db, &self.catalog, &self.settings.keys, tasks, self.now, &mut self.ids,
        );
        self.work.extend(block_on(flow)?);
        self.do_work()
    }

    /// Clicks the first link of a message whose target contains `part`. Returns whether there was
    /// such a link.
    pub fn click(&mut self, message: &CapturedMessage, part: &str) -> Result<bool, CommitError> {
        let link = self.links(message, Purpose::Click).find(|link| link.rest.contains(part));
        link.map_or(Ok(false), |link| self.follow(Purpose::Click, link))
    }

    /// Unsubscribes by the link in a message.
    pub fn unsubscribe(&mut self, message: &CapturedMessage) -> Result<bool, CommitError> {
        let link = self.links(message, Purpose::Unsubscribe).next();
        link.map_or(Ok(false), |link| self.follow(Purpose::Unsubscribe, link))
    }

    /// Confirms by the link in a confirmation message.
    pub fn confirm(&mut self, message: &CapturedMessage) -> Result<bool, CommitError> {
        let link = self.links(message, Purpose::Confirm).next();
        link.map_or(Ok(false), |link| self.follow(Purpose::Confirm, link))
    }

    /// Returns the links of a message for one purpose, in their order. The tracking pixel counts as
    /// a link.
    pub fn links<'w>(
        &'w self,
        message: &'w CapturedMessage,
        purpose: Purpose,
    ) -> impl Iterator<Item = Link> + 'w {
        let path = match purpose {
            Purpose::Open => "/o/",
            Purpose::Unsubscribe => "/u/",
            Purpose::Confirm => "/confirm/",
            _ => "/c/",
        };
        let tokens = message.html.split(path).skip(1).filter_map(|rest| rest.split('"').next());
        tokens.filter_map(move |token| Link::verify(&self.settings, purpose, token).ok())
    }

    /// Follows a link as a person does, and sends the form behind it where there is one. Returns
    /// whether that had any effect.
    pub fn follow(&mut self, purpose: Purpose, link: Link) -> Result<bool, CommitError> {
        let (db, catalog, now) = (&self.db, &self.catalog, self.now);
        match purpose {
            Purpose::Unsubscribe => {
                let flow = subscription_links::unsubscribe(
                    db, catalog, link, "origin", now, &mut self.ids,
                );
                block_on(flow)?;
            }
            Purpose::Confirm => {
                if !subscription_links::may_confirm(&link, now) {
                    return Ok(false);
                }
                let confirmation = Confirmation {
                    link,
                    shown_at: now,
                    takes_details: true,
                    origin_hash: "origin".to_owned(),
                };
                let ids = &mut self.ids;
                let flow = subscription_links::confirm(db, catalog, confirmation, now, ids);
                self.work.extend(block_on(flow)?);
                self.do_work()?;
            }
            _ => {
                let report = Engagement {
                    contact: link.contact,
                    message: link.message,
                    url: (purpose == Purpose::Click).then_some(link.rest),
                    at: now,
                    machine: Vec::new(),
                    facts: None,
                    key: format!("engagement:{}", self.ids.uuid()),
                };
                self.take_in(vec![Intake::EngagementV1(report)])?;
            }
        }
        Ok(true)
    }

    /// Erases a contact as an operator does.
    pub fn erase(&mut self, address: &str) -> Result<Erased, FlowError> {
        let (catalog, keys) = (&self.catalog, &self.settings.keys);
        block_on(erase::erase(&self.db, catalog, keys, address, self.now, &mut self.ids))
    }

    /// Merges the first contact into the second as an operator does.
    pub fn merge(&mut self, from: &str, into: &str) -> Result<Merged, FlowError> {
        let flow = merge::merge(&self.db, &self.catalog, from, into, self.now, &mut self.ids);
        block_on(flow)
    }

    /// Advances the clock by a span. At each minute where something is due, it stops and runs a
    /// tick, as the cron trigger would.
    pub fn after(&mut self, span: Span) -> Result<(), CommitError> {
        let target = self.now.plus(span);
        while let Some(next) = self.next_due()?.filter(|next| *next <= target) {
            self.set_clock(next_minute(next).clamp(self.now, target.max(next)));
            self.tick()?;
        }
        self.set_clock(target);
        self.tick()
    }

    /// Advances the clock to `at`, or to the first minute before it at which something is due, and
    /// then runs a tick. Returns whether there was such a minute.
    pub fn step(&mut self, at: Millis) -> Result<bool, CommitError> {
        let next = self.next_due()?.map(next_minute).filter(|minute| *minute <= at);
        self.set_clock(next.unwrap_or(at).max(self.now));
        if next.is_some() {
            self.tick()?;
        }
        Ok(next.is_some())
    }

    /// Runs a tick and all the work that it hands out.
    pub fn tick(&mut self) -> Result<(), CommitError> {
        let said = self.cron();
        let (housekeeping, failures): (Vec<_>, Vec<_>) =
            said.failures.into_iter().partition(|(part, _)| *part == tick::FILLINGS);
        self.failures.extend(housekeeping.into_iter().map(|(_, reason)| reason));
        if let Some((part, reason)) = failures.into_iter().next() {
            let fault = DatabaseError::Fault(format!("{part}: {reason}"));
            return Err(CommitError::Database(fault));
        }
        self.do_work()
    }

    /// Runs a tick, whatever fails in it; the work that it hands out stays queued.
    pub fn cron(&mut self) -> TickOutcome {
        let said = block_on(tick::tick(&Minute {
            db: &OneRun::new(&self.db),
            kv: &self.kv,
            queue: &self.queue,
            shelf: &self.shelf,
            catalog: &self.catalog,
            settings: &self.settings,
            now: self.now,
            real_now: self.now,
        }));
        self.work.extend(self.queue.take());
        said
    }

    /// Drops the queued work; returns the number of dropped tasks.
    pub fn forget_work(&mut self) -> usize {
        std::mem::take(&mut self.work).len()
    }

    /// Reads the live versions again.
    pub fn read_catalog(&mut self) -> Result<(), DatabaseError> {
        self.catalog = block_on(publish::live(&self.db))?;
        Ok(())
    }

    /// Sets the clock, forwards or backwards, without running anything.
    pub fn jump(&mut self, now: Millis) {
        self.set_clock(now);
    }

    /// Takes the messages that arrived since the last call.
    pub fn take_messages(&mut self) -> Vec<CapturedMessage> {
        self.mail_catcher.captured.take()
    }

    /// Every message that was kept, oldest first.
    pub fn captured_messages(&self) -> Vec<CapturedMessage> {
        self.mail_catcher.captured.borrow().clone()
    }

    /// The messages for an address, oldest first.
    pub fn inbox(&self, address: &str) -> Vec<CapturedMessage> {
        self.captured_messages().into_iter().filter(|message| message.address == address).collect()
    }

    pub fn report(&self, campaign: &str) -> Result<Option<Report>, DatabaseError> {
        let Some(published) = self.catalog.live_version(&CampaignId::from(campaign)) else {
            return Ok(None);
        };
        block_on(campaign::report(&self.db, published, self.now)).map(Some)
    }

    /// A campaign's report with its journeys and auto-pause.
    pub fn report_in_full(&self, campaign: &str) -> Result<Option<Report>, DatabaseError> {
        let Some(published) = self.catalog.live_version(&CampaignId::from(campaign)) else {
            return Ok(None);
        };
        block_on(campaign::report_with_journeys(&self.db, published, self.now)).map(Some)
    }

    /// Releases an auto-paused campaign as an operator does.
    pub fn release(&self, campaign: &str, note: &str) -> Result<PauseEvent, FlowError> {
        block_on(auto_pause::release(&self.db, &CampaignId::from(campaign), note, self.now))
    }

    /// A campaign's report with its broadcasts.
    pub fn report_with_broadcasts(&self, campaign: &str) -> Result<Option<Report>, DatabaseError> {
        let whole = self.report_in_full(campaign)?;
        Ok(whole.map(|whole| Report { journeys: Vec::new(), ..whole }))
    }

    pub fn rows(&self, statement: Statement) -> Result<Rows, DatabaseError> {
        let rows = block_on(self.db.batch(vec![statement]))?;
        Ok(rows.into_iter().next().unwrap_or_default())
    }

    /// Returns the next instant at which a contact or a message is due.
    fn next_due(&self) -> Result<Option<Millis>, DatabaseError> {
        #[derive(Deserialize)]
        struct Row {
            at: Option<Millis>,
        }
        let row = self.rows(crate::store::schedule::next())?.first::<Row>();
        Ok(row.map_err(DatabaseError::Fault)?.and_then(|row| row.at))
    }

    fn set_clock(&mut self, now: Millis) {
        self.now = now;
        *self.mail_catcher.now.borrow_mut() = now;
    }

    /// Completes all queued work, and the work that follows from it.
    pub fn do_work(&mut self) -> Result<(), CommitError> {
        while let Some(work) = self.work.pop_front() {
            let (db, catalog, now) = (&OneRun::new(&self.db), &self.catalog, self.now);
            let more = match work {
                Work::DueV1 { contacts } => {
                    block_on(due::run(db, catalog, contacts, now, &mut self.ids))?
                }
                Work::AloneV1 { contact } => block_on(quarantine::process_isolated(
                    db, catalog, contact, now, &mut self.ids,
                ))?,
                Work::BroadcastV1 { broadcast } => {
                    block_on(run::run(db, catalog, &broadcast, now, &mut self.ids))?
                }
                Work::ImportV1 { import } => {
                    let keys = &self.settings.keys;
                    let decoder = &decode_gb18030;
                    let importer = Importer { db, catalog, keys, decoder, now };
                    block_on(import::run::work(&importer, &import, &mut self.ids))?
                }
                Work::DeliverV1 { messages } => block_on(send::deliver(
                    db, &self.mail_catcher, catalog, &self.settings, messages, now, &mut self.ids,
                ))?,
            };
            self.work.extend(more);
        }
        Ok(())
    }
}

const MINUTE_MS: i64 = 60_000;

/// Returns the first full minute that is not before `at`.
fn next_minute(at: Millis) -> Millis {
    Millis((at.0 + MINUTE_MS - 1).div_euclid(MINUTE_MS) * MINUTE_MS)
}

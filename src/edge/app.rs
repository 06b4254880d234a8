//! What every entry point needs: the ports, the catalog, the configuration, the time.

use crate::domain::access::audit::Act;
use crate::domain::access::rights::Access;
use crate::domain::base::primitives::{Actor, CampaignId, Ids, Millis, QualifiedId, Span};
use crate::domain::campaign::broadcast::BroadcastVerb;
use crate::domain::campaign::journey::RunState;
use crate::domain::contact::address::counted_network;
use crate::domain::contact::message::CapturedMessage;
use crate::domain::operations::dead_letter::Replayed;
use crate::domain::publication::catalog::{Catalog, PublishedVersion};
use crate::domain::publication::unpublished::Stops;
use crate::edge::http::request::Inbound;
use crate::edge::http::response;
use crate::edge::platform::d1::D1;
use crate::edge::platform::email;
use crate::edge::platform::fetch::Fetcher;
use crate::edge::platform::kv::Kv;
use crate::edge::platform::queue::Queue;
use crate::edge::platform::text::decode_gb18030;
use crate::edge::platform::{self, Env, clock};
use crate::flows::access::link_mail::{self, LinkMail};
use crate::flows::access::{Office, audit};
use crate::flows::broadcast::control::{self, BroadcastProgress};
use crate::flows::broadcast::run;
use crate::flows::campaign::catalog_cache::{Library, Shelf};
use crate::flows::campaign::journey_control::{self, JourneyStateChange};
use crate::flows::campaign::unpublish;
use crate::flows::commit::{CommitError, load_versions};
use crate::flows::error::FlowError;
use crate::flows::import::{self, Importer};
use crate::flows::operations::dead_letters::{self, Desk, Discarded};
use crate::flows::ports::{Database, DatabaseError, Http};
use crate::flows::schedule::{due, quarantine};
use crate::flows::send::preview::{self, MessageRequest, Tested};
use crate::flows::send::{self, restore_guard};
use crate::flows::settings::Settings;
use crate::flows::tasks::{Intake, Work};
use crate::providers::http::{HttpError, HttpRequest, HttpResponse};
use crate::providers::{cloudflare, mailbox};
use crate::store;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

thread_local! {
    /// The published versions that this isolate caches.
    static SHELF: &'static RefCell<Shelf> = Box::leak(Box::default());
}

/// The environment of one entry point.
pub struct App {
    pub env: Env,
    pub db: D1,
    pub kv: Kv,
    pub catalog: Rc<Catalog>,
    /// Why the published campaigns could not be read; the catalog is then empty.
    pub catalog_failure: Option<String>,
    pub settings: Rc<Settings>,
    /// When the entry point began.
    pub now: Millis,
    pub ids: Ids,
    /// Who makes the request, once the guard knows; until then, nobody.
    pub access: Access,
}

impl App {
    /// Opens the bindings and the catalog. Fails, naming what is missing, if the worker is
    /// configured wrongly. If neither KV nor the database answers, sets `catalog_failure`.
    pub async fn open(env: Env) -> Result<Self, String> {
        let settings = settings(&env)?;
        let db = D1::new(&env)?;
        let kv = Kv::new(&env)?;
        let now = clock::now(&env, settings.is_local()).await;
        let seed = clock::seed().map_err(|error| error.to_string())?;
        let shelf = SHELF.with(|shelf| *shelf);
        let library = Library { db: &db, kv: &kv, shelf, now: clock::real() };
        let (catalog, catalog_failure) = match library.catalog().await {
            Ok(catalog) => (catalog, None),
            Err(error) => (Rc::default(), Some(error.to_string())),
        };
        let ids = Ids::new(now, seed);
        Ok(Self {
            env,
            db,
            kv,
            catalog,
            catalog_failure,
            settings,
            now,
            ids,
            access: Access::nobody(),
        })
    }

    /// The stores that published versions are read from.
    pub fn library(&self) -> Library<'_, D1, Kv> {
        let shelf = SHELF.with(|shelf| *shelf);
        Library { db: &self.db, kv: &self.kv, shelf, now: clock::real() }
    }

    /// Reads the live versions again after a change. If KV accepts no writes, the next tick tries
    /// again.
    pub async fn refresh(&self, event: &str) {
        match self.library().refresh().await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => response::log(event, &error.to_string()),
            Err(error) => response::log(event, &error.to_string()),
        }
    }

    /// Returns the version of a campaign that links and reports use: the live one, or the newest of
    /// an unpublished campaign, which is read on demand. `None` if there is none, or it cannot be
    /// read.
    pub async fn known_version(&self, campaign: &CampaignId) -> Option<Rc<PublishedVersion>> {
        if let Some(version) = self.catalog.unpublished(campaign).and_then(|one| one.version) {
            let wanted = std::iter::once((campaign.clone(), version));
            if let Err(error) = load_versions(&self.db, &self.catalog, wanted, self.now).await {
                response::log("unpublished", &error.to_string());
            }
        }
        self.catalog.known_version(campaign)
    }

    /// Returns a variable or a secret; a worker cannot tell them apart.
    pub fn variable(&self, name: &str) -> Option<String> {
        platform::variable(&self.env, name)
    }

    /// Returns a keyed hash of the client's network address, as rate limits count it; empty if
    /// there is none.
    pub fn origin_hash(&self, inbound: &Inbound) -> String {
        let network = inbound.address().map(|address| counted_network(&address));
        network.map_or_else(String::new, |network| self.settings.keys.pseudonym("origin", &network))
    }

    /// Returns the configured API tokens, against which sessions are checked.
    pub fn api_tokens(&self) -> String {
        self.variable("API_TOKENS").unwrap_or_default()
    }

    /// Executes one task.
    pub async fn work(&mut self, task: Work) -> Result<Vec<Work>, CommitError> {
        let (db, catalog, now) = (&self.db, &self.catalog, self.now);
        match task {
            Work::DueV1 { contacts } => due::run(db, catalog, contacts, now, &mut self.ids).await,
            Work::AloneV1 { contact } => {
                quarantine::process_isolated(db, catalog, contact, now, &mut self.ids).await
            }
            Work::BroadcastV1 { broadcast } => {
                run::run(db, catalog, &broadcast, now, &mut self.ids).await
            }
            Work::ImportV1 { import } => {
                let keys = &self.settings.keys;
                let importer = Importer { db, catalog, keys, decoder: &decode_gb18030, now };
                import::run::work(&importer, &import, &mut self.ids).await
            }
            Work::DeliverV1 { messages } => {
                // Without a mark, a restore cannot be detected.
                let mark = restore_guard::mark(&self.kv).await.ok().flatten();
                restore_guard::watch(db, mark, now).await?;
                let http = Outside { env: &self.env, db, now, began: clock::real() };
                send::deliver(db, &http, catalog, &self.settings, messages, now, &mut self.ids)
                    .await
            }
        }
    }

    /// Sends work to the queue. The next tick finds the work of a lost hint, so a failure is only
    /// logged.
    pub async fn hint(&self, work: &[Work]) {
        if !work.is_empty()
            && let Err(error) = Queue::Work.send(&self.env, work).await
        {
            response::log("queue.hint", &error.reason);
        }
    }

    pub async fn take_in(&self, facts: &[Intake]) -> Result<(), String> {
        Queue::Intake.send(&self.env, facts).await.map_err(|error| error.reason)
    }
}

/// What concerns imports.
impl App {
    pub fn importer(&self) -> Importer<'_, D1> {
        let App { db, catalog, settings, now, .. } = self;
        Importer { db, catalog, keys: &settings.keys, decoder: &decode_gb18030, now: *now }
    }
}

/// What concerns members.
impl App {
    /// Returns the management of members, for the one who makes the request.
    pub fn office(&self) -> Office<'_, D1> {
        Office { db: &self.db, by: &self.access, now: self.now, ids: self.ids.clone() }
    }

    /// Mails a sign-in link to the member with this address. `random` is its secret.
    pub async fn mail_link(
        &mut self,
        address: &str,
        random: &str,
    ) -> Result<LinkMail, DatabaseError> {
        let App { env, db, settings, now, ids, .. } = self;
        let http = Outside { env, db, now: *now, began: clock::real() };
        link_mail::mail_link(db, &http, settings, address, random, *now, ids).await
    }

    /// Returns the audit log for the request, which the handler's use of the app does not end.
    pub fn audit_log(&self) -> AuditLog {
        let (db, actor) = (self.db.clone(), self.access.actor().clone());
        AuditLog { db, actor, now: self.now, ids: self.ids.clone() }
    }
}

/// The audit log, for one request.
pub struct AuditLog {
    db: D1,
    actor: Actor,
    now: Millis,
    ids: Ids,
}

impl AuditLog {
    /// Enters what was done. If that fails, the act stays done, and the worker's log says so.
    pub async fn enter(mut self, act: Act) {
        let entry = act.by(&self.actor, self.now, &mut self.ids);
        if let Err(error) = audit::enter(&self.db, &entry).await {
            response::log("audit", &format!("{} {}: {error}", entry.action, entry.kind));
        }
    }
}

/// What the API and the web app both do: a flow, and what follows it at once.
impl App {
    /// Pauses, resumes or archives a journey, then updates KV and this isolate.
    pub async fn set_journey_state(
        &self,
        id: &str,
        state: RunState,
    ) -> Result<JourneyStateChange, FlowError> {
        let id = QualifiedId::from(id);
        let changed = journey_control::set_state(&self.db, &id, state, self.now).await?;
        self.refresh("journey_state.copy").await;
        Ok(changed)
    }

    /// Unpublishes a campaign, then updates KV and this isolate.
    pub async fn unpublish(&self, id: &str) -> Result<Stops, FlowError> {
        let stops = unpublish::unpublish(&self.db, &CampaignId::from(id), self.now).await?;
        self.refresh("unpublish.copy").await;
        Ok(stops)
    }

    /// Starts, pauses, resumes or cancels a broadcast, and enqueues the work that follows.
    pub async fn control_broadcast(
        &self,
        id: &str,
        verb: BroadcastVerb,
    ) -> Result<BroadcastProgress, FlowError> {
        let id = QualifiedId::from(id);
        let (progress, work) = control::apply_verb(&self.db, &id, verb, self.now).await?;
        self.hint(&work).await;
        Ok(progress)
    }

    /// Writes a test message to the database, and enqueues its delivery.
    pub async fn send_test(
        &mut self,
        campaign: &str,
        asked: &MessageRequest,
    ) -> Result<Tested, FlowError> {
        let campaign = CampaignId::from(campaign);
        let App { db, catalog, settings, now, ids, .. } = self;
        let flow = preview::send_test(db, catalog, &campaign, settings, asked, *now, ids);
        let (tested, work) = flow.await?;
        self.hint(&work).await;
        Ok(tested)
    }

    /// Replays one dead letter, or the next of all that were given up before a moment. Returns
    /// `None` if there is no such dead letter.
    pub async fn replay(
        &mut self,
        id: &str,
        before: Option<Millis>,
    ) -> Result<Option<Replayed>, DatabaseError> {
        let App { db, catalog, settings, now, ids, .. } = self;
        let desk = Desk { db, catalog, keys: &settings.keys, now: *now };
        let done = match id {
            ALL_DEAD_LETTERS => Some(desk.replay_next(before.unwrap_or(*now), ids).await?),
            id => desk.replay(id, ids).await?,
        };
        let Some((replayed, work)) = done else { return Ok(None) };
        self.hint(&work).await;
        Ok(Some(replayed))
    }

    /// Discards one dead letter, or all that were given up before a moment. Returns the number
    /// discarded.
    pub async fn discard(&self, id: &str, before: Option<Millis>) -> Result<usize, DatabaseError> {
        let which = match id {
            // "All" includes those of this very moment.
            ALL_DEAD_LETTERS => Discarded::Before(before.unwrap_or(self.now.plus(Span(1)))),
            id => Discarded::One(id),
        };
        dead_letters::discard(&self.db, which).await
    }
}

/// Stands for all dead letters in place of an id.
pub const ALL_DEAD_LETTERS: &str = "all";

/// Returns the configuration. It cannot change within an isolate, so each isolate reads it once.
fn settings(env: &Env) -> Result<Rc<Settings>, String> {
    thread_local! {
        static READ: RefCell<Option<Rc<Settings>>> = RefCell::default();
    }
    if let Some(settings) = READ.with_borrow(|read| read.clone()) {
        return Ok(settings);
    }
    let settings = Rc::new(Settings::read(|name| platform::variable(env, name))?);
    READ.set(Some(settings.clone()));
    Ok(settings)
}

/// Whether the public address is https; needed before the configuration is read.
pub fn is_https(env: &Env) -> bool {
    thread_local! {
        static READ: Cell<Option<bool>> = const { Cell::new(None) };
    }
    READ.get().unwrap_or_else(|| {
        let base_url = platform::variable(env, "BASE_URL").unwrap_or_default();
        let is_https = base_url.starts_with("https://");
        READ.set(Some(is_https));
        is_https
    })
}

/// Outgoing calls: `fetch`, Cloudflare's e-mail binding, and the local mailbox in our own database.
struct Outside<'a> {
    env: &'a Env,
    db: &'a D1,
    now: Millis,
    /// The real time at which it was opened.
    began: Millis,
}

impl Http for Outside<'_> {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        match request.url.as_str() {
            mailbox::URL => {}
            cloudflare::URL => return email::send(self.env, &request.body).await,
            _ => return Fetcher.send(request).await,
        }
        let broken = |error: String| HttpError::Network(error);
        let messages: Vec<CapturedMessage> =
            serde_json::from_str(&request.body).map_err(|error| broken(error.to_string()))?;
        let keep = messages.iter().map(|message| store::mailbox::keep(message, self.now)).collect();
        let kept = self.db.batch(keep).await;
        kept.map_err(|error| broken(error.to_string()))?;
        Ok(HttpResponse { status: 200, headers: Vec::new(), body: String::new() })
    }

    fn elapsed(&self) -> Span {
        Span(clock::real().0 - self.began.0)
    }

    async fn wait_until(&self, elapsed: Span) {
        let left = elapsed.0.saturating_sub(self.elapsed().0);
        if let Ok(left @ 1..) = u32::try_from(left) {
            platform::sleep(left).await;
        }
    }
}

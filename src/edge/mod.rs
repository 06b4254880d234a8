//! The edge: the only code that talks to the platform. It translates between the platform and the
//! flows, and decides nothing.

mod platform;
mod app;
mod http;
mod public;
mod api;
mod admin;

use crate::flows;
use crate::flows::ingest::consume;
use crate::flows::operations::dead_letters::{Dead, Desk};
use crate::flows::schedule::tick::Minute;
use crate::flows::tasks::Work;
use crate::route::{
    self, ContactRoute, DeadRoute, NoRoute, Route, SessionRoute, TeamRoute, area, route,
};
use crate::views::admin::SIGN_IN_SCRIPT;
use crate::views::visitor::MessageKind;
use app::App;
use http::guard;
use http::request::Inbound;
use http::response::{self, Reply};
use js_sys::Promise;
use js_sys::futures::future_to_promise;
use platform::queue::{Batch, Message, WorkTray};
use platform::{Context, Env};
use public::{forms, pages, subscriptions, tracking, webhooks};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

/// Answers a request.
#[wasm_bindgen]
pub fn fetch(request: JsValue, env: Env, context: Context) -> Promise {
    future_to_promise(async move {
        let inbound = Inbound::new(request, context);
        let is_strict = app::is_https(&env) && inbound.is_secure();
        let reply = answer(inbound, env).await;
        if is_strict { reply.https_only() } else { reply }.into_response()
    })
}

async fn answer(inbound: Inbound, env: Env) -> Reply {
    let Some(path) = route::decode(&inbound.path) else {
        return response::message(&inbound, MessageKind::NotFound);
    };
    let found = match route(&inbound.method, &path) {
        Ok(found) => found,
        Err(NoRoute::NotFound) => return response::message(&inbound, MessageKind::NotFound),
        Err(NoRoute::MethodNotAllowed(allow)) => {
            return response::message(&inbound, MessageKind::MethodNotAllowed)
                .header("allow", allow);
        }
    };
    if found == Route::Health {
        return Reply::text(200, "ok\n");
    }
    let mut app = match App::open(env).await {
        Ok(app) => app,
        Err(problem) => {
            response::log("app.open", &problem);
            return response::unavailable(&inbound);
        }
    };
    if let Some(refusal) = guard::refuse(&app, &inbound, area(&path)) {
        return refusal;
    }
    if let Some(failure) = &app.catalog_failure {
        response::log("catalog", failure);
        if found.needs_catalog() {
            return response::unavailable(&inbound);
        }
    }
    app.access = match guard::authorize(&app, &inbound, found.credential()).await {
        Ok(access) => access,
        Err(refusal) => return refusal,
    };
    let Some(act) = found.act() else { return dispatch(app, inbound, found).await };
    let log = app.audit_log();
    let reply = dispatch(app, inbound, found).await;
    if let Some(act) = reply.done(act) {
        log.enter(act).await;
    }
    reply
}

async fn dispatch(app: App, inbound: Inbound, found: Route<'_>) -> Reply {
    match found {
        Route::Page(path) => pages::page(app, inbound, path).await,
        Route::FormStart(form) => forms::form_start(app, inbound, form),
        Route::FormPreflight(form) => forms::form_preflight(&app, &inbound, form),
        Route::FormSend(form) => forms::form_send(app, inbound, form).await,
        Route::Click(token) => tracking::click(app, inbound, token),
        Route::ShortLink(code) => tracking::short_link(app, inbound, code).await,
        Route::Open(token) => tracking::open(app, inbound, token),
        Route::UnsubscribeAsk(token) => subscriptions::unsubscribe_ask(&app, &inbound, token).await,
        Route::Unsubscribe(token) => subscriptions::unsubscribe(app, inbound, token).await,
        Route::UnsubscribeUndo(token) => subscriptions::undo(app, inbound, token).await,
        Route::PreferencesAsk(token) => subscriptions::preferences_ask(&app, &inbound, token).await,
        Route::Preferences(token) => subscriptions::preferences(app, inbound, token).await,
        Route::ConfirmAsk(token) => subscriptions::confirm_ask(&app, &inbound, token).await,
        Route::Confirm(token) => subscriptions::confirm(app, inbound, token).await,
        Route::Hook(provider, secret) => webhooks::hook(app, inbound, provider, secret).await,
        Route::ApiPublish => api::campaigns::publish(app, inbound).await,
        Route::ApiDiff => api::campaigns::diff(app, inbound).await,
        Route::ApiPreview(id) => api::messages::preview(app, inbound, id).await,
        Route::ApiTest(id) => api::messages::send_test(app, inbound, id).await,
        Route::ApiSetJourney(id, to) => api::journeys::set_state(app, inbound, id, to).await,
        Route::ApiBroadcast(id) => api::broadcasts::preview(app, inbound, id).await,
        Route::ApiSetBroadcast(id, to) => api::broadcasts::control(app, inbound, id, to).await,
        Route::Contact(found) => contact(app, inbound, found).await,
        Route::ApiExplain(id) => api::contacts::explain(app, inbound, id).await,
        Route::ApiExplainAsked => api::contacts::explain_named(app, inbound).await,
        Route::ApiErase(id) => api::contacts::erase(app, inbound, id).await,
        Route::ApiEraseAsked => api::contacts::erase_named(app, inbound).await,
        Route::ApiConsents(id) => api::contacts::consents(app, inbound, id).await,
        Route::ApiConsentsAsked => api::contacts::consents_named(app, inbound).await,
        Route::ApiSuppressions => api::suppressions::list(app, inbound).await,
        Route::ApiSuppress => api::suppressions::add(app, inbound).await,
        Route::ApiUnsuppress => api::suppressions::release(app, inbound).await,
        Route::ApiSuppressionsImport => api::suppressions::import(app, inbound).await,
        Route::AdminSuppressions => admin::suppressions::list(app, inbound).await,
        Route::AdminSuppress => admin::suppressions::add(app, inbound).await,
        Route::AdminUnsuppress => admin::suppressions::release(app, inbound).await,
        Route::ApiMerge(id) => api::contacts::merge(app, inbound, id).await,
        Route::ApiMergeAsked => api::contacts::merge_named(app, inbound).await,
        Route::Record(found) => api::records::answer(app, inbound, found).await,
        Route::ApiRestore => api::restore::show(app, inbound).await,
        Route::ApiResolveRestore(word) => api::restore::resolve(app, inbound, word).await,
        Route::ApiParked => api::quarantine::list(app, inbound).await,
        Route::Dead(found) => dead_letters(app, inbound, found).await,
        Route::ApiRelease(id) => api::quarantine::release(app, inbound, id).await,
        Route::ApiRejudge(id) => api::campaigns::reclassify(app, inbound, id).await,
        Route::ApiStops(id) => api::campaigns::stops(app, inbound, id).await,
        Route::ApiUnpublish(id) => api::campaigns::unpublish(app, inbound, id).await,
        Route::ApiReleaseCampaign(id) => api::campaigns::release(app, inbound, id).await,
        Route::ApiEvents => api::events::add(app, inbound).await,
        Route::ApiReport(id) => api::reports::show(app, inbound, id).await,
        Route::ApiDescription => api::description::show(),
        Route::Admin => admin::campaigns::list(app, inbound).await,
        Route::AdminReport(id) => admin::campaigns::report(app, inbound, id).await,
        Route::AdminMessages(id) => admin::messages::list(app, inbound, id).await,
        Route::AdminMessage(id, name) => admin::messages::show(app, inbound, id, name).await,
        Route::AdminMessageAsked(id, name) => admin::messages::ask(app, inbound, id, name).await,
        Route::AdminSetJourney(id, to) => admin::journeys::set_state(app, inbound, id, to).await,
        Route::AdminBroadcast(id) => admin::broadcasts::show(app, inbound, id).await,
        Route::AdminSetBroadcast(id, to) => admin::broadcasts::control(app, inbound, id, to).await,
        Route::AdminRelease(id) => admin::quarantine::release(app, inbound, id).await,
        Route::AdminUnpublish(id) => admin::campaigns::unpublish(app, inbound, id).await,
        Route::AdminReleaseCampaign(id) => admin::campaigns::release(app, inbound, id).await,
        Route::Session(found) => sessions(app, inbound, found).await,
        Route::Team(found) => team(app, inbound, found).await,
        Route::Mailbox | Route::MailboxMessage(_) => mailbox(app, inbound, found).await,
        Route::Health | Route::Ready => health(app, inbound, found).await,
    }
}

async fn health(app: App, inbound: Inbound, found: Route<'_>) -> Reply {
    match found {
        Route::Ready => api::health::ready(app, inbound).await,
        _ => Reply::text(200, "ok\n"),
    }
}

async fn contact(app: App, inbound: Inbound, found: ContactRoute<'_>) -> Reply {
    match found {
        ContactRoute::Show(id) => api::contacts::show(app, inbound, id).await,
        ContactRoute::Unmask(id) => api::contacts::unmask(app, inbound, id).await,
    }
}

async fn mailbox(app: App, inbound: Inbound, found: Route<'_>) -> Reply {
    match found {
        Route::MailboxMessage(id) => admin::mailbox::show(app, inbound, id).await,
        _ => admin::mailbox::list(app, inbound).await,
    }
}

async fn dead_letters(app: App, inbound: Inbound, found: DeadRoute<'_>) -> Reply {
    match found {
        DeadRoute::ApiList => api::dead_letters::list(app, inbound).await,
        DeadRoute::ApiOne(id) => api::dead_letters::show(app, inbound, id).await,
        DeadRoute::ApiSay(id, verb) => api::dead_letters::act(app, inbound, id, verb).await,
        DeadRoute::Page => admin::dead_letters::list(app, inbound).await,
        DeadRoute::ByHand(id, verb) => admin::dead_letters::act(app, inbound, id, verb).await,
    }
}

async fn team(app: App, inbound: Inbound, found: TeamRoute<'_>) -> Reply {
    match found {
        TeamRoute::Members => api::members::list(app, inbound).await,
        TeamRoute::AddMember => api::members::add(app, inbound).await,
        TeamRoute::Member(named) => api::members::show(app, inbound, named).await,
        TeamRoute::EditMember(named) => api::members::edit(app, inbound, named).await,
        TeamRoute::EndMember(named) => api::members::end(app, inbound, named).await,
        TeamRoute::MailLink(named) => api::members::mail_link(app, inbound, named).await,
        TeamRoute::Tokens => api::tokens::list(app, inbound).await,
        TeamRoute::AddToken => api::tokens::add(app, inbound).await,
        TeamRoute::RevokeToken(named) => api::tokens::revoke(app, inbound, named).await,
        TeamRoute::Roles => api::roles::list(app, inbound).await,
        TeamRoute::PutRole(id) => api::roles::put(app, inbound, id).await,
        TeamRoute::DeleteRole(id) => api::roles::delete(app, inbound, id).await,
        TeamRoute::Audit => api::audit::list(app, inbound).await,
    }
}

async fn sessions(app: App, inbound: Inbound, found: SessionRoute) -> Reply {
    match found {
        SessionRoute::Ask => admin::sessions::sign_in_ask(&inbound),
        SessionRoute::Script => Reply::script(SIGN_IN_SCRIPT),
        SessionRoute::SignIn => admin::sessions::sign_in(app, inbound).await,
        SessionRoute::SignOut => admin::sessions::sign_out(app, inbound).await,
        SessionRoute::ApiLink => api::sessions::make_link(app, inbound).await,
        SessionRoute::ApiList => api::sessions::list(app, inbound).await,
        SessionRoute::ApiEndAll => api::sessions::end_all(app, inbound).await,
    }
}

/// Runs the tick, once a minute: sends due work to the work queue and updates KV from the database.
#[wasm_bindgen]
pub fn scheduled(_event: JsValue, env: Env) -> Promise {
    future_to_promise(async move {
        if let Err(error) = tick(env).await {
            response::log("tick", &error);
        }
        Ok(JsValue::UNDEFINED)
    })
}

async fn tick(env: Env) -> Result<(), String> {
    let app = App::open(env).await?;
    if let Some(failure) = app.catalog_failure {
        return Err(failure);
    }
    let library = app.library();
    let minute = Minute {
        db: &app.db,
        kv: &app.kv,
        queue: &WorkTray(&app.env),
        shelf: library.shelf,
        catalog: &app.catalog,
        settings: &app.settings,
        now: app.now,
        real_now: library.now,
    };
    let outcome = flows::schedule::tick::tick(&minute).await;
    for (part, reason) in outcome.failures {
        response::log(&format!("tick.{part}"), &reason);
    }
    for event in outcome.pause_events {
        let (campaign, state) = (event.campaign, event.state.as_str());
        response::log("brake", &format!("{campaign}: {state} {}", event.reason));
    }
    Ok(())
}

/// Processes a batch of a queue. Each task is acknowledged or retried by itself. A task that keeps
/// failing comes back through the dead-letter queue.
#[wasm_bindgen]
pub fn queue(batch: Batch, env: Env) -> Promise {
    future_to_promise(async move {
        let mut messages = batch.messages();
        if let Err(error) = process(&batch.queue(), &mut messages, env).await {
            response::log("queue", &error);
        }
        // The remaining messages were not processed.
        messages.iter().for_each(Message::retry);
        Ok(JsValue::UNDEFINED)
    })
}

async fn process(queue: &str, messages: &mut Vec<Message>, env: Env) -> Result<(), String> {
    let mut app = App::open(env).await?;
    if let Some(failure) = app.catalog_failure {
        return Err(failure);
    }
    match queue {
        queue if queue.ends_with("dead") => bury(&mut app, messages).await,
        queue if queue.ends_with("intake") => take_in(&mut app, messages).await,
        _ => do_work(&mut app, messages).await,
    }
}

/// The delay of a fact that cannot be processed now: a hundred attempts take a day.
const WAIT_SECONDS: u32 = 900;

/// Writes a whole batch of facts at once; if that fails, all of them are retried. Two kinds of
/// facts are retried later instead: one that this code cannot read, because newer code may have
/// sent it, and one about a campaign that cannot be read. The dead-letter queue finally keeps them.
async fn take_in(app: &mut App, messages: &mut Vec<Message>) -> Result<(), String> {
    let all = std::mem::take(messages);
    let bodies: Vec<String> = all.iter().map(Message::text).collect();
    let (places, tasks): (Vec<_>, Vec<_>) =
        consume::sort(&app.catalog, bodies.iter().map(String::as_str)).into_iter().unzip();
    let mut taken = Vec::new();
    for (place, message) in all.into_iter().enumerate() {
        if places.contains(&place) {
            taken.push(message);
            continue;
        }
        response::log("queue.put_off", "a fact that cannot be dealt with now comes again later");
        message.retry_after(WAIT_SECONDS);
    }
    let App { db, catalog, settings, now, ids, .. } = app;
    let flow = consume::record(db, catalog, &settings.keys, tasks, *now, ids);
    let work = match flow.await {
        Ok(work) => work,
        Err(error) => {
            *messages = taken;
            return Err(error.to_string());
        }
    };
    taken.iter().for_each(Message::ack);
    app.hint(&work).await;
    Ok(())
}

/// Stores the tasks that the other queues gave up. If that fails, all of them are retried.
async fn bury(app: &mut App, messages: &mut Vec<Message>) -> Result<(), String> {
    let dead: Vec<Dead> = messages
        .iter()
        .map(|message| Dead { message: message.id(), body: message.text() })
        .collect();
    let App { db, catalog, settings, now, ids, .. } = app;
    let desk = Desk { db, catalog, keys: &settings.keys, now: *now };
    let work = desk.take(&dead, ids).await.map_err(|error| error.to_string())?;
    std::mem::take(messages).iter().for_each(Message::ack);
    app.hint(&work).await;
    Ok(())
}

/// Executes each task by itself, so that a failing one does not hold back the others.
async fn do_work(app: &mut App, messages: &mut Vec<Message>) -> Result<(), String> {
    let mut failed = Ok(());
    for message in std::mem::take(messages) {
        let Some(task) = known(&message) else {
            message.ack();
            continue;
        };
        match app.work(task).await {
            Ok(more) => {
                message.ack();
                app.hint(&more).await;
            }
            Err(error) => {
                failed = Err(error.to_string());
                messages.push(message);
            }
        }
    }
    failed
}

/// Reads a task. An unreadable one is logged and dropped: a tick finds its work again.
fn known(message: &Message) -> Option<Work> {
    let task = serde_json::from_str(&message.text());
    task.map_err(|error| response::log("queue.unreadable", &error.to_string())).ok()
}

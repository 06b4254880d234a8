//! The edge: the only code that imports `worker`. It translates between the platform and the
//! flows, and decides nothing.

mod clock;
mod d1;
mod email;
mod http;
mod kv;
mod queue;
mod editions;
mod app;
mod inbound;
mod reply;
mod visitor;
mod hooks;
mod refuse;
mod api;
mod admin;
mod preview;
mod broadcasts;
mod lists;
mod suppressed;
mod privacy;

use crate::flows::task::{Intake, Work};
use crate::flows::{brake, guard_restore, record_touches, run_due};
use crate::route::{NoRoute, Route, route};
use crate::views::visitor::MessageKind;
use app::App;
use inbound::Inbound;
use queue::Queue;
use reply::Reply;
use worker::web_sys::Request;
use worker::{
    Context, Env, MessageBatch, MessageExt, RawMessage, Response, Result, ScheduleContext,
    ScheduledEvent, event,
};

/// Answers one HTTP request.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<Response> {
    let inbound = Inbound::new(request, context);
    let reply = answer(inbound, env).await;
    reply.into_response()
}

async fn answer(inbound: Inbound, env: Env) -> Reply {
    let path = inbound.path.clone();
    let found = match route(&inbound.method, &path) {
        Ok(found) => found,
        Err(NoRoute::NotFound) => return reply::message(&inbound, MessageKind::NotFound),
        Err(NoRoute::MethodNotAllowed(allow)) => {
            return reply::message(&inbound, MessageKind::MethodNotAllowed).header("allow", allow);
        }
    };
    if found == Route::Health {
        return Reply::text(200, "ok\n");
    }
    match App::open(env).await {
        Ok(app) => dispatch(app, inbound, found).await,
        Err(problem) => {
            reply::log("app.open", &problem);
            reply::message(&inbound, MessageKind::Unavailable).header("retry-after", "30")
        }
    }
}

async fn dispatch(app: App, inbound: Inbound, found: Route<'_>) -> Reply {
    match found {
        Route::Page(path) => visitor::page(app, inbound, path).await,
        Route::FormStart(form) => visitor::form_start(app, inbound, form),
        Route::FormPreflight(form) => visitor::form_preflight(&app, &inbound, form),
        Route::FormSend(form) => visitor::form_send(app, inbound, form).await,
        Route::Click(token) => visitor::click(app, inbound, token),
        Route::ShortLink(code) => visitor::short_link(app, inbound, code).await,
        Route::Open(token) => visitor::open(app, inbound, token),
        Route::UnsubscribeAsk(token) => refuse::unsubscribe_ask(&app, &inbound, token),
        Route::Unsubscribe(token) => refuse::unsubscribe(app, inbound, token).await,
        Route::UnsubscribeUndo(token) => refuse::undo(app, inbound, token).await,
        Route::PreferencesAsk(token) => refuse::preferences_ask(&app, &inbound, token).await,
        Route::Preferences(token) => refuse::preferences(app, inbound, token).await,
        Route::ConfirmAsk(token) => refuse::confirm_ask(&app, &inbound, token).await,
        Route::Confirm(token) => refuse::confirm(app, inbound, token).await,
        Route::Hook(provider, secret) => hooks::receive_hook(app, inbound, provider, secret).await,
        Route::ApiPublish => api::publish(app, inbound).await,
        Route::ApiDiff => api::diff(app, inbound).await,
        Route::ApiPreview(id) => preview::api_preview(app, inbound, id).await,
        Route::ApiTest(id) => preview::api_test(app, inbound, id).await,
        Route::ApiSteer(id, state) => api::steer(app, inbound, id, state).await,
        Route::ApiBroadcast(id) => broadcasts::preview(app, inbound, id).await,
        Route::ApiSteerBroadcast(id, verb) => broadcasts::steer(app, inbound, id, verb).await,
        Route::ApiExplain(id) => api::explain_one(app, inbound, id).await,
        Route::ApiExplainAsked => api::explain_asked(app, inbound).await,
        Route::ApiErase(id) => privacy::erase_one(app, inbound, id).await,
        Route::ApiEraseAsked => privacy::erase_asked(app, inbound).await,
        Route::ApiConsents(id) => lists::consents_of(app, inbound, id).await,
        Route::ApiConsentsAsked => lists::consents_asked(app, inbound).await,
        Route::ApiSuppressions => lists::list(app, inbound).await,
        Route::ApiSuppress => lists::add(app, inbound).await,
        Route::ApiUnsuppress => lists::release(app, inbound).await,
        Route::ApiSuppressionsImport => lists::import(app, inbound).await,
        Route::AdminSuppressions => suppressed::page(app, inbound).await,
        Route::AdminSuppress => suppressed::add(app, inbound).await,
        Route::AdminUnsuppress => suppressed::release(app, inbound).await,
        Route::ApiMerge(id) => privacy::merge_one(app, inbound, id).await,
        Route::ApiMergeAsked => privacy::merge_asked(app, inbound).await,
        Route::ApiRestore => privacy::restore(app, inbound).await,
        Route::ApiRestoreSay(word) => privacy::restore_say(app, inbound, word).await,
        Route::ApiParked => api::parked(app, inbound).await,
        Route::ApiRelease(id) => api::release(app, inbound, id).await,
        Route::ApiRejudge(id) => api::rejudge(app, inbound, id).await,
        Route::ApiReleaseCampaign(id) => api::release_campaign(app, inbound, id).await,
        Route::ApiEvents => api::events(app, inbound).await,
        Route::ApiReport(id) => api::report(app, inbound, id).await,
        Route::ApiDescription => api::description(),
        Route::Admin => admin::index(app, inbound).await,
        Route::AdminReport(id) => admin::report(app, inbound, id).await,
        Route::AdminMessages(id) => preview::list(app, inbound, id).await,
        Route::AdminMessage(id, name) => preview::show(app, inbound, id, name).await,
        Route::AdminMessageAsked(id, name) => preview::ask(app, inbound, id, name).await,
        Route::AdminSteer(id, state) => admin::steer(app, inbound, id, state).await,
        Route::AdminBroadcast(id) => broadcasts::page(app, inbound, id).await,
        Route::AdminSteerBroadcast(id, verb) => {
            broadcasts::steer_by_hand(app, inbound, id, verb).await
        }
        Route::AdminRelease(id) => admin::release(app, inbound, id).await,
        Route::AdminReleaseCampaign(id) => admin::release_campaign(app, inbound, id).await,
        Route::SignInAsk => admin::sign_in_ask(&app, &inbound),
        Route::SignIn => admin::sign_in(app, inbound).await,
        Route::SignOut => admin::sign_out(&app, &inbound),
        Route::Mailbox => admin::mailbox(app, inbound).await,
        Route::MailboxMessage(id) => admin::mailbox_message(app, inbound, id).await,
        Route::Health => Reply::text(200, "ok\n"),
        Route::Ready => api::ready(app).await,
    }
}

/// One minute's cron: what is due goes to the work queue, KV is brought up to the database.
#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    if let Err(error) = tick(env).await {
        reply::log("tick", &error);
    }
}

async fn tick(env: Env) -> std::result::Result<(), String> {
    let app = App::open(env).await?;
    editions::repair(&app.db, &app.kv, clock::real()).await?;
    let mark = app.mark().await;
    guard_restore::watch(&app.db, mark).await.map_err(|error| error.to_string())?;
    let work = run_due::tick(&app.db, app.now).await.map_err(|error| error.to_string())?;
    if let Some(mark) = guard_restore::mark_after(mark, !work.is_empty(), app.now) {
        let kept = app.kv.put(app::MARK_KEY, &mark.0.to_string()).await;
        kept.map_err(|error| error.to_string())?;
    }
    Queue::Work.send(&app.env, &work).await.map_err(|error| error.to_string())?;
    let limits = &app.settings.pacing.brake;
    let said = brake::judge(&app.db, limits, app.now).await.map_err(|error| error.to_string())?;
    for word in said {
        let (campaign, state) = (word.campaign, word.state.as_str());
        reply::log("brake", &format!("{campaign}: {state} {}", word.reason));
    }
    api::refresh_snapshots(&app).await
}

/// Takes a batch of either queue. Each task is acknowledged or retried by itself, and the queue's
/// dead-letter queue keeps what retrying does not help.
#[event(queue)]
async fn queue(batch: MessageBatch<String>, env: Env, _context: Context) -> Result<()> {
    let mut messages: Vec<RawMessage> = batch.raw_iter().collect();
    let is_intake = batch.queue().ends_with("intake");
    let outcome = match App::open(env).await {
        Ok(mut app) if is_intake => take_in(&mut app, &mut messages).await,
        Ok(mut app) => do_work(&mut app, &mut messages).await,
        Err(error) => Err(error),
    };
    if let Err(error) = outcome {
        reply::log("queue", &error);
    }
    // What is left was not done.
    messages.iter().for_each(RawMessage::retry);
    Ok(())
}

/// Writes a whole batch of facts down at once; if that fails, all of them come again.
async fn take_in(app: &mut App, messages: &mut Vec<RawMessage>) -> std::result::Result<(), String> {
    let tasks = messages.iter().filter_map(known::<Intake>).collect();
    let App { db, catalog, settings, now, ids, .. } = app;
    let flow = record_touches::record(db, catalog, &settings.keys, tasks, *now, ids);
    let work = flow.await.map_err(|error| error.to_string())?;
    messages.drain(..).for_each(|message| message.ack());
    app.hint(&work).await;
    Ok(())
}

/// Does each task by itself: one that fails does not hold back its neighbours.
async fn do_work(app: &mut App, messages: &mut Vec<RawMessage>) -> std::result::Result<(), String> {
    let mut failed = Ok(());
    for message in std::mem::take(messages) {
        let Some(task) = known::<Work>(&message) else {
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

/// Reads a task; one that nobody can read is logged and let go, for it would never be done.
fn known<T: serde::de::DeserializeOwned>(message: &RawMessage) -> Option<T> {
    match queue::read(message) {
        Ok(task) => Some(task),
        Err(error) => {
            reply::log("queue.unreadable", &error.to_string());
            None
        }
    }
}

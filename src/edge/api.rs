//! The API: JSON for programs that hold a token.

use super::app::App;
use super::clock;
use super::editions;
use super::inbound::{Inbound, NoBody};
use super::reply::{self, Reply};
use crate::domain::campaign::Compiled;
use crate::domain::journey::RunState;
use crate::domain::primitives::{CampaignId, ContactId, QualifiedId};
use crate::domain::problem::brief;
use crate::domain::report::Report;
use crate::flows::accept_events::{self, EVENTS_BODY_BYTES_MAX};
use crate::flows::brake::{self, NotReleased};
use crate::flows::explain::{self, NoAnswer, Question};
use crate::flows::publish::{self, COMPILED_BYTES_MAX, Refusal};
use crate::flows::rejudge::{self, Page};
use crate::flows::seams::Database;
use crate::flows::settings::api_token_name;
use crate::flows::steer_journey::{self, NotSteered, Steered};
use crate::flows::{health, park, report as reporting};
use crate::views::visitor::MessageKind;
use serde_json::{Value, json};

/// The description of the API (OpenAPI 3.1).
const DESCRIPTION: &str = include_str!("openapi.json");

/// A question names a contact and little more.
pub(super) const QUESTION_BYTES_MAX: usize = 4_096;

/// Publishes a compiled campaign.
pub async fn publish(app: App, mut inbound: Inbound) -> Reply {
    if let Some(refusal) = refuse_stranger(&app, &inbound) {
        return refusal;
    }
    let compiled = match read_compiled(&mut inbound).await {
        Ok(compiled) => compiled,
        Err(refusal) => return refusal,
    };
    match publish::publish(&app.db, compiled, app.now).await {
        Ok(published) => {
            if let Err(error) = editions::put_live(&app.db, &app.kv, clock::real()).await {
                reply::log("publish.snapshot", &error);
            }
            Reply::json(if published.is_new { 201 } else { 200 }, &published)
        }
        Err(refusal) => not_published(&inbound, refusal),
    }
}

/// What publishing a compiled campaign would change.
pub async fn diff(app: App, mut inbound: Inbound) -> Reply {
    if let Some(refusal) = refuse_stranger(&app, &inbound) {
        return refusal;
    }
    let compiled = match read_compiled(&mut inbound).await {
        Ok(compiled) => compiled,
        Err(refusal) => return refusal,
    };
    match publish::preview(&app.db, compiled, app.now).await {
        Ok(preview) => Reply::json(200, &preview),
        Err(refusal) => not_published(&inbound, refusal),
    }
}

/// Lets a journey run, or halts it.
pub async fn steer(app: App, inbound: Inbound, id: &str, state: RunState) -> Reply {
    if let Some(refusal) = refuse_stranger(&app, &inbound) {
        return refusal;
    }
    match steer_here(&app, id, state).await {
        Ok(steered) => Reply::json(200, &steered),
        Err(NotSteered::Unknown(problem)) => {
            let detail = "Nothing has changed. Name a journey as <campaign>.<journey>.";
            let more = json!({ "problems": [problem] });
            Reply::problem(404, "There is no such journey", detail, more)
        }
        Err(NotSteered::Database(error)) => unavailable(&inbound, "steer", &error.to_string()),
    }
}

/// Lets a journey run, or halts it, and tells KV and this isolate.
pub async fn steer_here(app: &App, id: &str, state: RunState) -> Result<Steered, NotSteered> {
    let id = QualifiedId::from(id);
    let steered = steer_journey::steer(&app.db, &id, state, app.now).await?;
    // Should KV take no writes, the next tick tries again.
    if let Err(error) = editions::put_live(&app.db, &app.kv, clock::real()).await {
        reply::log("steer.snapshot", &error);
    }
    Ok(steered)
}

/// Why a contact, named by its id, is where it is.
pub async fn explain_one(app: App, inbound: Inbound, id: &str) -> Reply {
    if let Some(refusal) = refuse_stranger(&app, &inbound) {
        return refusal;
    }
    let question = Question {
        contact: id.to_owned(),
        journey: inbound.parameter("journey"),
        segment: inbound.parameter("segment"),
        message: inbound.parameter("message"),
        broadcast: inbound.parameter("broadcast"),
    };
    answer(&app, &inbound, &question).await
}

/// The same of a contact that the body names.
pub async fn explain_asked(app: App, mut inbound: Inbound) -> Reply {
    if let Some(refusal) = refuse_stranger(&app, &inbound) {
        return refusal;
    }
    let body = match read_json(&mut inbound, QUESTION_BYTES_MAX).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    match serde_json::from_slice::<Question>(&body) {
        Ok(question) => answer(&app, &inbound, &question).await,
        Err(error) => {
            let detail = format!("Send {{\"contact\": \"…\"}}: {}.", brief(&error));
            Reply::problem(400, "Not a question", &detail, Value::Null)
        }
    }
}

async fn answer(app: &App, inbound: &Inbound, question: &Question) -> Reply {
    let flow = explain::explain(&app.db, &app.catalog, question, app.now, inbound.language());
    match flow.await {
        Ok(explanation) => Reply::json(200, &explanation),
        Err(NoAnswer::Unknown(problem)) => {
            let more = json!({ "problems": [problem] });
            Reply::problem(404, "Nothing to explain", "What you ask about is not there.", more)
        }
        Err(NoAnswer::Database(error)) => unavailable(inbound, "explain", &error.to_string()),
    }
}

/// The parked contacts.
pub async fn parked(app: App, inbound: Inbound) -> Reply {
    if let Some(refusal) = refuse_stranger(&app, &inbound) {
        return refusal;
    }
    match park::list(&app.db).await {
        Ok(parked) => Reply::json(200, &json!({ "parked": parked })),
        Err(error) => unavailable(&inbound, "parked", &error.to_string()),
    }
}

/// Lets a parked contact be decided on again.
pub async fn release(app: App, inbound: Inbound, id: &str) -> Reply {
    if let Some(refusal) = refuse_stranger(&app, &inbound) {
        return refusal;
    }
    match park::release(&app.db, &ContactId::from(id), app.now).await {
        Ok(true) => Reply::json(200, &json!({ "released": id })),
        Ok(false) => {
            let detail = "It is not parked: it may have been released already.";
            Reply::problem(404, "No such parked contact", detail, Value::Null)
        }
        Err(error) => unavailable(&inbound, "release", &error.to_string()),
    }
}

/// Judges the next page of a campaign's openings and clicks anew.
pub async fn rejudge(mut app: App, inbound: Inbound, id: &str) -> Reply {
    if let Some(refusal) = refuse_stranger(&app, &inbound) {
        return refusal;
    }
    let id = CampaignId::from(id);
    if app.catalog.live_edition(&id).is_none() {
        let detail = format!("There is no campaign `{id}`.");
        return Reply::problem(404, "No such campaign", &detail, Value::Null);
    }
    let after = inbound.parameter("after").unwrap_or_default();
    let (db, catalog) = (&app.db, &app.catalog);
    match rejudge::rejudge(db, catalog, &id, &after, app.now, &mut app.ids).await {
        Ok(page) => {
            app.hint(&page.work).await;
            let Page { judged, changed, after, .. } = page;
            Reply::json(200, &json!({ "judged": judged, "changed": changed, "after": after }))
        }
        Err(error) => unavailable(&inbound, "rejudge", &error.to_string()),
    }
}

/// Lets a campaign that its brake stopped go on.
pub async fn release_campaign(app: App, mut inbound: Inbound, id: &str) -> Reply {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Why {
        note: String,
    }
    if let Some(refusal) = refuse_stranger(&app, &inbound) {
        return refusal;
    }
    let body = match read_json(&mut inbound, QUESTION_BYTES_MAX).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let why: Why = match serde_json::from_slice(&body) {
        Ok(why) => why,
        Err(error) => {
            let detail = format!("Send {{\"note\": \"…\"}}: {}.", brief(&error));
            return Reply::problem(400, "No note", &detail, Value::Null);
        }
    };
    match brake::release(&app.db, &CampaignId::from(id), &why.note, app.now).await {
        Ok(word) => Reply::json(200, &word),
        Err(NotReleased::Note(problem)) => {
            let more = json!({ "problems": [problem] });
            Reply::problem(422, "The note is not right", "Nothing has changed.", more)
        }
        Err(NotReleased::NotStopped(problem)) => {
            let more = json!({ "problems": [problem] });
            Reply::problem(404, "No such stopped campaign", "Nothing has changed.", more)
        }
        Err(NotReleased::Database(error)) => unavailable(&inbound, "brake", &error.to_string()),
    }
}

async fn read_compiled(inbound: &mut Inbound) -> Result<Compiled, Reply> {
    // A little more than the limit itself, so that the check can tell how far over it is.
    let body = read_json(inbound, COMPILED_BYTES_MAX * 2).await?;
    serde_json::from_slice(&body).map_err(|error| {
        let detail = format!("Send what `dripline publish` sends: {}.", brief(&error));
        Reply::problem(400, "Not a compiled campaign", &detail, Value::Null)
    })
}

fn not_published(inbound: &Inbound, refusal: Refusal) -> Reply {
    match refusal {
        Refusal::Problems(problems) => {
            let detail = "Nothing was published. Mend what is named, and publish again.";
            let more = json!({ "problems": problems });
            Reply::problem(422, "The campaign has mistakes", detail, more)
        }
        Refusal::Database(error) => unavailable(inbound, "publish", &error.to_string()),
    }
}

/// Takes events into the intake queue.
pub async fn events(mut app: App, mut inbound: Inbound) -> Reply {
    if let Some(refusal) = refuse_stranger(&app, &inbound) {
        return refusal;
    }
    let body = match read_json(&mut inbound, EVENTS_BODY_BYTES_MAX).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    match accept_events::read(&body, app.now, &mut app.ids) {
        Ok(facts) => match app.take_in(&facts).await {
            Ok(()) => Reply::json(202, &json!({ "accepted": facts.len() })),
            Err(error) => unavailable(&inbound, "events", &error.to_string()),
        },
        Err(problems) => {
            let detail = "None of the events was taken. Mend what is named, and send all again.";
            Reply::problem(422, "Some events are wrong", detail, json!({ "problems": problems }))
        }
    }
}

/// A campaign's report: from the database, or the last snapshot if that does not answer.
pub async fn report(app: App, inbound: Inbound, id: &str) -> Reply {
    if let Some(refusal) = refuse_stranger(&app, &inbound) {
        return refusal;
    }
    let Some(edition) = app.catalog.live_edition(&CampaignId::from(id)) else {
        let detail = format!("No campaign `{id}` is published.");
        return reply::message_with(&inbound, MessageKind::NotFound, Some(&detail));
    };
    match reporting::report_with_journeys(&app.db, edition, app.now).await {
        Ok(report) => Reply::json(200, &report),
        Err(error) => match app.kv.get(&snapshot_key(id)).await.ok().flatten() {
            Some(text) => Reply::text(200, &text).header("content-type", "application/json"),
            None => unavailable(&inbound, "report", &error.to_string()),
        },
    }
}

/// The description of the API.
pub fn description() -> Reply {
    Reply::text(200, DESCRIPTION).header("content-type", "application/json")
}

/// Whether the worker can do its work, part by part.
pub async fn ready(app: App) -> Reply {
    let kv = app.kv.get("live").await.map(|_| ()).map_err(|error| error.to_string());
    let queue = app.env.queue("INTAKE").map(|_| ()).map_err(|error| error.to_string());
    let database = app.db.batch(health::questions()).await;
    let health = health::judge(database, kv, queue, app.now);
    Reply::json(if health.is_ready { 200 } else { 503 }, &health)
}

/// Puts a snapshot of every report that has changed into KV, for when the database does not
/// answer. KV allows 1,000 writes a day on the free plan, so unchanged ones are left alone.
pub async fn refresh_snapshots(app: &App) -> Result<(), String> {
    for edition in app.catalog.live() {
        let report = reporting::report(&app.db, edition, app.now).await;
        let report = report.map_err(|error| error.to_string())?;
        let key = snapshot_key(edition.id().as_str());
        let known = app.kv.get(&key).await.map_err(|error| error.to_string())?;
        let known = known.and_then(|text| serde_json::from_str::<Report>(&text).ok());
        if known.is_some_and(|known| known.is_same_but_for_time(&report)) {
            continue;
        }
        let text = serde_json::to_string(&report).map_err(|error| error.to_string())?;
        app.kv.put(&key, &text).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn snapshot_key(campaign: &str) -> String {
    format!("report:{campaign}")
}

/// `None` for who has a token.
pub(super) fn refuse_stranger(app: &App, inbound: &Inbound) -> Option<Reply> {
    operator(app, inbound).err()
}

/// The name of the token that a request brings.
pub(super) fn operator(app: &App, inbound: &Inbound) -> Result<String, Reply> {
    let header = inbound.header("authorization");
    let token = header.strip_prefix("Bearer ").unwrap_or_default().trim();
    let configured = app.variable("API_TOKENS").unwrap_or_default();
    let name = api_token_name(&configured, token).filter(|_| !token.is_empty());
    if let Some(name) = name {
        return Ok(name.to_owned());
    }
    let detail = "Send `Authorization: Bearer <token>` with a token made by `dripline token new` \
                  and known to the deployment (its secret API_TOKENS).";
    let reply = Reply::problem(401, "An API token is needed", detail, Value::Null);
    Err(reply.header("www-authenticate", "Bearer"))
}

/// Reads a JSON body. Its type must be said, which no form of another site can do.
pub(super) async fn read_json(inbound: &mut Inbound, bytes_max: usize) -> Result<Vec<u8>, Reply> {
    if !inbound.brings_json() {
        let detail = Some("Send content-type: application/json.");
        return Err(reply::message_with(inbound, MessageKind::UnsupportedType, detail));
    }
    inbound.body(bytes_max).await.map_err(|problem| match problem {
        NoBody::TooLarge => {
            let detail = format!("The body is longer than {bytes_max} bytes.");
            reply::message_with(inbound, MessageKind::TooLarge, Some(&detail))
        }
        NoBody::Broken => reply::message(inbound, MessageKind::BadRequest),
    })
}

pub(super) fn unavailable(inbound: &Inbound, event: &str, error: &str) -> Reply {
    reply::log(event, error);
    reply::message(inbound, MessageKind::Unavailable).header("retry-after", "30")
}

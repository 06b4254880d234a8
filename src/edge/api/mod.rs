//! The API: JSON for programs that hold a token.

pub mod privacy;
pub mod suppressions;

use super::app::App;
use crate::domain::base::diagnostic::brief;
use crate::domain::base::primitives::{CampaignId, ContactId, QualifiedId};
use crate::domain::campaign::Compiled;
use crate::domain::campaign::journey::RunState;
use crate::domain::publication::unpublished::Stops;
use crate::edge::admin::sessions;
use crate::edge::http::guard;
use crate::edge::http::request::{Inbound, NoBody};
use crate::edge::http::response::{self, Reply};
use crate::flows::campaign::auto_pause::{self, NotReleased};
use crate::flows::campaign::catalog_cache;
use crate::flows::campaign::journey_control::{self, NotSteered, Steered};
use crate::flows::campaign::publish::{self, COMPILED_BYTES_MAX, Refusal};
use crate::flows::campaign::reclassify::{self, Page};
use crate::flows::campaign::unpublish::{self, NotUnpublished};
use crate::flows::contact::explain::{self, NoAnswer, Question};
use crate::flows::ingest::api_events::{self, EVENTS_BODY_BYTES_MAX};
use crate::flows::operations::health;
use crate::flows::ports::{Database, KeyValue};
use crate::flows::report::campaign as reporting;
use crate::flows::schedule::quarantine;
use crate::flows::schedule::tick::snapshot_key;
use crate::views::visitor::MessageKind;
use serde_json::{Value, json};

const DESCRIPTION: &str = include_str!("openapi.json");

/// The limit of a body that names a contact and little more, in bytes.
pub(super) const QUESTION_BYTES_MAX: usize = 4_096;

/// Publishes a compiled campaign.
pub async fn publish(app: App, mut inbound: Inbound) -> Reply {
    let compiled = match read_compiled(&mut inbound).await {
        Ok(compiled) => compiled,
        Err(refusal) => return refusal,
    };
    match publish::publish(&app.db, compiled, app.now).await {
        Ok(published) => {
            app.refresh("publish.copy").await;
            Reply::json(if published.is_new { 201 } else { 200 }, &published)
        }
        Err(refusal) => not_published(&inbound, refusal),
    }
}

/// Returns what publishing a compiled campaign would change.
pub async fn diff(app: App, mut inbound: Inbound) -> Reply {
    let compiled = match read_compiled(&mut inbound).await {
        Ok(compiled) => compiled,
        Err(refusal) => return refusal,
    };
    match publish::preview(&app.db, compiled, app.now).await {
        Ok(preview) => Reply::json(200, &preview),
        Err(refusal) => not_published(&inbound, refusal),
    }
}

/// Starts or stops a journey.
pub async fn steer(app: App, inbound: Inbound, id: &str, state: RunState) -> Reply {
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

/// Starts or stops a journey, then updates KV and this isolate.
pub async fn steer_here(app: &App, id: &str, state: RunState) -> Result<Steered, NotSteered> {
    let id = QualifiedId::from(id);
    let steered = journey_control::steer(&app.db, &id, state, app.now).await?;
    app.refresh("steer.copy").await;
    Ok(steered)
}

/// Explains why a contact, named by its id, is where it is.
pub async fn explain_one(app: App, inbound: Inbound, id: &str) -> Reply {
    let question = Question {
        contact: id.to_owned(),
        journey: inbound.parameter("journey"),
        segment: inbound.parameter("segment"),
        message: inbound.parameter("message"),
        broadcast: inbound.parameter("broadcast"),
    };
    answer(&app, &inbound, &question).await
}

/// Explains a contact that is named in the body.
pub async fn explain_asked(app: App, mut inbound: Inbound) -> Reply {
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

/// Lists the quarantined contacts.
pub async fn parked(app: App, inbound: Inbound) -> Reply {
    match quarantine::list(&app.db).await {
        Ok(parked) => Reply::json(200, &json!({ "parked": parked })),
        Err(error) => unavailable(&inbound, "parked", &error.to_string()),
    }
}

/// Releases a contact from quarantine.
pub async fn release(app: App, inbound: Inbound, id: &str) -> Reply {
    match quarantine::release(&app.db, &ContactId::from(id), app.now).await {
        Ok(true) => Reply::json(200, &json!({ "released": id })),
        Ok(false) => {
            let detail = "It is not parked: it may have been released already.";
            Reply::problem(404, "No such parked contact", detail, Value::Null)
        }
        Err(error) => unavailable(&inbound, "release", &error.to_string()),
    }
}

/// Reclassifies the next page of a campaign's opens and clicks.
pub async fn rejudge(mut app: App, inbound: Inbound, id: &str) -> Reply {
    let id = CampaignId::from(id);
    if app.known_edition(&id).await.is_none() {
        let detail = format!("There is no campaign `{id}`.");
        return Reply::problem(404, "No such campaign", &detail, Value::Null);
    }
    let after = inbound.parameter("after").unwrap_or_default();
    let (db, catalog) = (&app.db, &app.catalog);
    match reclassify::rejudge(db, catalog, &id, &after, app.now, &mut app.ids).await {
        Ok(page) => {
            app.hint(&page.work).await;
            let Page { judged, changed, after, .. } = page;
            Reply::json(200, &json!({ "judged": judged, "changed": changed, "after": after }))
        }
        Err(error) => unavailable(&inbound, "rejudge", &error.to_string()),
    }
}

/// Releases an auto-paused campaign.
pub async fn release_campaign(app: App, mut inbound: Inbound, id: &str) -> Reply {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Why {
        note: String,
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
    match auto_pause::release(&app.db, &CampaignId::from(id), &why.note, app.now).await {
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

/// Returns what unpublishing a campaign would stop.
pub async fn stops(app: App, inbound: Inbound, id: &str) -> Reply {
    unpublished(&inbound, unpublish::stops(&app.db, &CampaignId::from(id)).await)
}

/// Unpublishes a campaign.
pub async fn unpublish(app: App, inbound: Inbound, id: &str) -> Reply {
    unpublished(&inbound, unpublish_here(&app, id).await)
}

/// Unpublishes a campaign, then updates KV and this isolate.
pub async fn unpublish_here(app: &App, id: &str) -> Result<Stops, NotUnpublished> {
    let stops = unpublish::unpublish(&app.db, &CampaignId::from(id), app.now).await?;
    app.refresh("unpublish.copy").await;
    Ok(stops)
}

fn unpublished(inbound: &Inbound, said: Result<Stops, NotUnpublished>) -> Reply {
    match said {
        Ok(stops) => Reply::json(200, &stops),
        Err(NotUnpublished::Unknown(problem)) => {
            let more = json!({ "problems": [problem] });
            Reply::problem(404, "There is no such campaign", "Nothing has changed.", more)
        }
        Err(NotUnpublished::Database(error)) => {
            unavailable(inbound, "unpublish", &error.to_string())
        }
    }
}

async fn read_compiled(inbound: &mut Inbound) -> Result<Compiled, Reply> {
    // More than the limit itself, so that the check can report how far a campaign exceeds it.
    let body = read_json(inbound, COMPILED_BYTES_MAX * 2).await?;
    serde_json::from_slice(&body).map_err(|error| {
        let detail = format!("Send what `dripline publish` sends: {}.", brief(&error));
        Reply::problem(400, "Not a compiled campaign", &detail, Value::Null)
    })
}

fn not_published(inbound: &Inbound, refusal: Refusal) -> Reply {
    match refusal {
        Refusal::Problems(problems) => {
            let detail = "Nothing was published. Fix the listed problems and publish again.";
            let more = json!({ "problems": problems });
            Reply::problem(422, "The campaign has mistakes", detail, more)
        }
        Refusal::Database(error) => unavailable(inbound, "publish", &error.to_string()),
    }
}

/// Puts events into the intake queue.
pub async fn events(mut app: App, mut inbound: Inbound) -> Reply {
    let body = match read_json(&mut inbound, EVENTS_BODY_BYTES_MAX).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    match api_events::read(&body, app.now, &mut app.ids) {
        Ok(facts) => {
            let conflicts = api_events::conflicts(&app.db, &facts).await;
            if !conflicts.is_empty() {
                let detail = "None of the events was taken. An id stands for one event.";
                let more = json!({ "problems": conflicts });
                return Reply::problem(409, "An id was used for another event", detail, more);
            }
            match app.take_in(&facts).await {
                Ok(()) => Reply::json(202, &json!({ "accepted": facts.len() })),
                Err(error) => unavailable(&inbound, "events", &error),
            }
        }
        Err(problems) => {
            let detail = "None of the events was accepted. Fix the listed ones and send all again.";
            Reply::problem(422, "Some events are wrong", detail, json!({ "problems": problems }))
        }
    }
}

/// Returns a campaign's report from the database, or the last snapshot if the database does not
/// answer.
pub async fn report(app: App, inbound: Inbound, id: &str) -> Reply {
    let campaign = CampaignId::from(id);
    let Some(edition) = app.known_edition(&campaign).await else {
        if let Some(one) = app.catalog.unreadable_newest(&campaign) {
            return snapshot(&app, &inbound, id, &one.reason).await;
        }
        let detail = format!("No campaign `{id}` is published.");
        return response::message_with(&inbound, MessageKind::NotFound, Some(&detail));
    };
    match reporting::report_with_journeys(&app.db, &edition, app.now).await {
        Ok(report) => Reply::json(200, &report),
        Err(error) => snapshot(&app, &inbound, id, &error.to_string()).await,
    }
}

/// Returns the last snapshot of a report that cannot be made now.
async fn snapshot(app: &App, inbound: &Inbound, id: &str, why: &str) -> Reply {
    match app.kv.get(&snapshot_key(id)).await.ok().flatten() {
        Some(text) => Reply::text(200, &text).header("content-type", "application/json"),
        None => unavailable(inbound, "report", why),
    }
}

pub fn description() -> Reply {
    Reply::text(200, DESCRIPTION).header("content-type", "application/json")
}

/// Reports whether each part of the worker is ready: in one word to anybody, in full to a client
/// that has a token or is signed in.
pub async fn ready(app: App, inbound: Inbound) -> Reply {
    let kv = app.kv.get(catalog_cache::LIVE_KEY).await;
    let queue = app.env.queue("INTAKE");
    let unreadable = app.catalog.unreadable();
    let parts = health::Parts {
        kv: kv.map(drop).map_err(|error| error.to_string()),
        queue: queue.map(drop).map_err(|error| error.to_string()),
        unreadable: &unreadable,
    };
    let database = app.db.batch(health::questions(app.now)).await;
    let health = health::judge(database, parts, app.now);
    let status = if health.is_ready { 200 } else { 503 };
    let is_operator =
        guard::token_name(&app, &inbound).is_ok() || sessions::door(&app, &inbound).await.is_none();
    match is_operator {
        true => Reply::json(status, &health),
        false => Reply::json(status, &health.words()),
    }
}

/// Reads a JSON body. The content type is required, because a form of another site cannot set it.
pub(super) async fn read_json(inbound: &mut Inbound, bytes_max: usize) -> Result<Vec<u8>, Reply> {
    if !inbound.brings_json() {
        let detail = Some("Send content-type: application/json.");
        return Err(response::message_with(inbound, MessageKind::UnsupportedType, detail));
    }
    inbound.body(bytes_max).await.map_err(|problem| match problem {
        NoBody::TooLarge => {
            let detail = format!("The body is longer than {bytes_max} bytes.");
            response::message_with(inbound, MessageKind::TooLarge, Some(&detail))
        }
        NoBody::Broken => response::message(inbound, MessageKind::BadRequest),
    })
}

pub(super) fn unavailable(inbound: &Inbound, event: &str, error: &str) -> Reply {
    response::log(event, error);
    response::unavailable(inbound)
}

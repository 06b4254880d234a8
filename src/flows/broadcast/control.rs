//! Starts a broadcast by hand, pauses, resumes or cancels it, and counts its recipients.
//!
//! Starting checks the segments that the rule depends on, and that there is a recipient. Deliveries
//! read the state before each send.

use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::{CampaignId, Channel, Millis, QualifiedId};
use crate::domain::campaign::broadcast::{
    Audience, Broadcast, BroadcastState, BroadcastVerb, PAUSED, Phase, Target,
};
use crate::domain::publication::catalog::{Catalog, PublishedVersion};
use crate::domain::segment::Rule;
use crate::flows::broadcast::run::{first_phase, of};
use crate::flows::campaign::publish;
use crate::flows::error::{FlowError, Refusal};
use crate::flows::ports::{Database, DatabaseError};
use crate::flows::tasks::Work;
use crate::store::broadcasts::{self, AudienceRow, BroadcastRow, CountRow};
use crate::store::campaigns;
use crate::store::statement::Rows;
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// The progress of a broadcast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BroadcastProgress {
    /// The broadcast, `<campaign>.<name>`.
    pub broadcast: QualifiedId,
    /// Its state; `None` if it waits to be started by hand.
    pub state: Option<BroadcastState>,
    /// Its phase, once it has started.
    pub phase: Option<Phase>,
    /// When it starts by itself, while it is scheduled.
    pub starts_at: Option<Millis>,
    pub started_at: Option<Millis>,
}

/// The recipients that a broadcast would have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    #[serde(flatten)]
    pub standing: BroadcastProgress,
    /// The segment or the list.
    #[serde(flatten)]
    pub target: Target,
    /// The purpose that the members must have consented to.
    pub purpose: String,
    pub channel: Channel,
    /// The number of recipients.
    pub recipients: i64,
    /// The members by whether and why they would be excluded.
    #[serde(flatten)]
    pub audience: Audience,
}

/// Changes the state of a broadcast. Repeating a change has no effect. Returns the progress after
/// it, and the task to begin with at once; if that hint is lost, a tick finds it.
pub async fn apply_verb<D: Database>(
    db: &D,
    id: &QualifiedId,
    verb: BroadcastVerb,
    now: Millis,
) -> Result<(BroadcastProgress, Vec<Work>), FlowError> {
    let Found { published, campaign, row, .. } = find(db, id).await?;
    let name = name_of(id);
    let state = row.as_ref().map(|row| row.state);
    if let Some(refusal) = refuse(id, state, verb, published.is_some()) {
        return Err(conflict(refusal));
    }
    let wake = || broadcasts::wake_held(&campaign, name, PAUSED, now);
    let mut statements = match (verb, &published) {
        (BroadcastVerb::Start, Some(published)) => {
            let Some((broadcast, rule)) = of(published, name) else { return Err(unknown(id, &[])) };
            let asked = rule.segments();
            let rows = db.batch(vec![broadcasts::unfilled(&asked)]).await?;
            let row = rows.first().map(Rows::first::<CountRow>).transpose();
            if row.map_err(DatabaseError::Fault)?.flatten().is_some_and(|row| row.count > 0) {
                let message = "its segment asks about another that is still being filled";
                let problem = Problem::new("broadcast", message);
                return Err(conflict(problem.help("try again in a few minutes")));
            }
            let somebody = |audience: &Audience| audience.recipients() > 0;
            if !somebody(&audience(db, broadcast, &rule, id, now, somebody).await?) {
                let message =
                    "it would go to nobody at the moment, and a broadcast is sent only once";
                let help = "see its preview for who is left out, and why";
                return Err(conflict(Problem::new("broadcast", message).help(help)));
            }
            vec![broadcasts::start(&campaign, name, first_phase(broadcast), now)]
        }
        (BroadcastVerb::Pause, _) => vec![broadcasts::pause(&campaign, name)],
        (BroadcastVerb::Resume, _) => vec![broadcasts::resume(&campaign, name, now), wake()],
        (BroadcastVerb::Cancel, _) => vec![broadcasts::cancel(&campaign, name, now), wake()],
        (BroadcastVerb::Start, None) => return Err(unknown(id, &[])),
    };
    let begins = matches!(verb, BroadcastVerb::Start | BroadcastVerb::Resume);
    statements.push(broadcasts::one(&campaign, name));
    let rows = db.batch(statements).await?;
    let row = rows.last().map(Rows::first::<BroadcastRow>).transpose();
    let row = row.map_err(DatabaseError::Fault)?.flatten();
    let work = match &row {
        Some(row) if begins && row.state == BroadcastState::Running => {
            vec![Work::BroadcastV1 { broadcast: id.clone() }]
        }
        _ => Vec::new(),
    };
    Ok((standing(id, row.as_ref()), work))
}

/// Counts the recipients that a broadcast would have now.
pub async fn preview<D: Database>(
    db: &D,
    id: &QualifiedId,
    now: Millis,
) -> Result<Preview, FlowError> {
    let Found { published, row, absent, .. } = find(db, id).await?;
    let found = published.as_ref().and_then(|published| of(published, name_of(id)));
    let Some((broadcast, rule)) = found else { return Err(absent) };
    let audience = audience(db, broadcast, &rule, id, now, |_| false).await?;
    Ok(Preview {
        standing: standing(id, row.as_ref()),
        target: broadcast.target.clone(),
        purpose: broadcast.purpose.clone(),
        channel: channel_of(broadcast),
        recipients: audience.recipients(),
        audience,
    })
}

fn channel_of(broadcast: &Broadcast) -> Channel {
    let sms = broadcast.variants.first().is_some_and(|v| v.template.starts_with("sms/"));
    if sms { Channel::Sms } else { Channel::Email }
}

/// Counts the members of a broadcast's segment by outcome, until `is_enough`.
async fn audience<D: Database>(
    db: &D,
    broadcast: &Broadcast,
    rule: &Rule,
    id: &QualifiedId,
    now: Millis,
    is_enough: impl Fn(&Audience) -> bool,
) -> Result<Audience, FlowError> {
    let (channel, purpose) = (channel_of(broadcast), broadcast.purpose.as_str());
    let (mut audience, mut after_id) = (Audience::default(), String::new());
    while !is_enough(&audience) {
        let question = broadcasts::audience(rule, channel, purpose, id, &after_id, now);
        let rows = db.batch(vec![question]).await;
        let rows = rows.map_err(|error| unanswered(broadcast.target.name(), error))?;
        let row = rows.first().map(Rows::first::<AudienceRow>).transpose();
        let Some(row) = row.map_err(DatabaseError::Fault)?.flatten() else { break };
        audience = audience.plus(row.audience);
        match row.looked {
            Some(looked) => after_id = looked,
            None => break,
        }
    }
    Ok(audience)
}

/// Converts a fault into a problem with the segment's rule: the database would refuse the rule
/// again.
fn unanswered(segment: &str, error: DatabaseError) -> FlowError {
    let DatabaseError::Fault(reason) = error else { return error.into() };
    let message = format!("the database cannot answer it: {reason}");
    let problem = Problem::new(format!("segment.{segment}.rule"), message);
    let problem = problem.help(
        "ask less in one rule: make a part of it a segment of its own, and ask about that with \
         { segment = \"…\" }",
    );
    FlowError::Rejected(Refusal::new(
        "The rule of its segment cannot be answered",
        "Nothing has changed, and nobody was written to.",
        problem,
    ))
}

/// A broadcast as the database has it.
struct Found {
    campaign: CampaignId,
    /// The live version, if the broadcast is in it.
    published: Option<Rc<PublishedVersion>>,
    row: Option<BroadcastRow>,
    /// The refusal of what needs a live version.
    absent: FlowError,
}

async fn find<D: Database>(db: &D, id: &QualifiedId) -> Result<Found, FlowError> {
    let Some((campaign, name)) = id.parts() else {
        let problem = Problem::new("broadcast", format!("`{id}` is not <campaign>.<broadcast>"));
        return Err(not_found(problem));
    };
    let questions =
        vec![campaigns::live(), broadcasts::one(&campaign, name), campaigns::unpublished()];
    let rows = db.batch(questions).await?;
    let live = publish::catalog(rows.first())?;
    let live = live.with_unpublished(publish::unpublished(rows.get(2))?);
    let row = rows.get(1).map(Rows::first::<BroadcastRow>).transpose();
    let row = row.map_err(DatabaseError::Fault)?.flatten();
    let published = live.live_version(&campaign).cloned();
    let published = published.filter(|published| of(published, name).is_some());
    let absent = absent(id, &campaign, &live);
    if published.is_none() && row.is_none() {
        return Err(absent);
    }
    Ok(Found { campaign, published, row, absent })
}

/// Returns why a broadcast is not live.
fn absent(id: &QualifiedId, campaign: &CampaignId, live: &Catalog) -> FlowError {
    if live.unpublished(campaign).is_some() {
        let message = format!("`{campaign}` is unpublished; publish it, then start `{id}`");
        return conflict(Problem::new("broadcast", message));
    }
    let Some(one) = live.unreadable_live(campaign) else { return unknown(id, &known(live)) };
    let message = format!("version {} of `{campaign}` cannot be read now", one.version);
    conflict(Problem::new("broadcast", message))
}

fn known(live: &Catalog) -> Vec<String> {
    let of = |published: &Rc<PublishedVersion>| {
        let names = published.compiled.campaign.broadcasts.keys();
        names.map(|name| QualifiedId::new(published.id(), name).0).collect::<Vec<_>>()
    };
    live.live().flat_map(of).collect()
}

fn unknown(id: &QualifiedId, known: &[String]) -> FlowError {
    let problem = Problem::new("broadcast", format!("there is no broadcast `{id}`"));
    not_found(problem.suggest(id.as_str(), known.iter().map(String::as_str)))
}

const DETAIL: &str = "Nothing has changed. Name a broadcast as <campaign>.<broadcast>.";

fn not_found(problem: Problem) -> FlowError {
    FlowError::NotFound(Refusal::new("There is no such broadcast", DETAIL, problem))
}

fn conflict(problem: Problem) -> FlowError {
    let title = "The broadcast is in the wrong state";
    FlowError::Conflict(Refusal::new(title, "Nothing has changed.", problem))
}

fn name_of(id: &QualifiedId) -> &str {
    id.0.split_once('.').map_or("", |(_, name)| name)
}

fn standing(id: &QualifiedId, row: Option<&BroadcastRow>) -> BroadcastProgress {
    let has_started = row.is_some_and(|row| row.started_at.is_some());
    let is_scheduled = row.is_some_and(|row| row.state == BroadcastState::Scheduled);
    BroadcastProgress {
        broadcast: id.clone(),
        state: row.map(|row| row.state),
        phase: row.filter(|_| has_started).map(|row| row.phase),
        starts_at: row.filter(|_| is_scheduled).and_then(|row| row.due_at),
        started_at: row.and_then(|row| row.started_at),
    }
}

/// Returns why the verb is not allowed in the broadcast's present state.
fn refuse(
    id: &QualifiedId,
    state: Option<BroadcastState>,
    verb: BroadcastVerb,
    is_live: bool,
) -> Option<Problem> {
    use BroadcastState::{Cancelled, Done, Paused, Running, Scheduled};
    use BroadcastVerb::{Cancel, Pause, Resume, Start};
    let once = "a broadcast is sent only once; use a new name for the next one";
    let (message, help) = match (verb, state) {
        (Start, None | Some(Scheduled)) if is_live => return None,
        (Start, None | Some(Scheduled)) => ("is no longer live", "publish it again"),
        (Start, Some(Paused)) => ("is paused", "resume it"),
        (Start, Some(Done)) => ("has been sent", once),
        (Start | Resume | Pause, Some(Cancelled)) => ("was cancelled", once),
        (Pause | Resume, None | Some(Scheduled)) => {
            ("has not started", "cancel it, or publish it with another time or none")
        }
        (Start, Some(Running))
        | (Pause, Some(Running | Paused | Done))
        | (Resume, Some(Running | Paused | Done))
        | (Cancel, _) => return None,
    };
    Some(Problem::new("broadcast", format!("`{id}` {message}")).help(help))
}

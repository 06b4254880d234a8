//! Stores a compiled campaign as its next immutable version and makes it live at once.
//!
//! Nothing is written if the live version is the same. Broadcasts get the times of the new version.
//! The backfill of segments that are new or have another rule begins. Contacts that a journey's new
//! date or schedule concerns, and people in journeys with a migration map, are woken.

use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::{CampaignId, ListId, Millis, QualifiedId, Span};
use crate::domain::base::token::sha256_hex;
use crate::domain::campaign::Compiled;
use crate::domain::campaign::Segment;
use crate::domain::campaign::broadcast::{Broadcast, BroadcastState};
use crate::domain::campaign::journey::{JourneyStatus, Trigger};
use crate::domain::campaign::lists::{ListUse, lists_of};
use crate::domain::publication::catalog::{Catalog, Outage, PublishedVersion};
use crate::domain::publication::diff::{EnrollmentCount, JourneyDiff, diff, unknown_old_steps};
use crate::domain::publication::unpublished::Unpublished;
use crate::domain::publication::validate::check;
use crate::domain::publication::validate::check_templates;
use crate::domain::segment::{Operator, Rule};
use crate::domain::time::calendar::DateMoment;
use crate::flows::campaign::backfill::{UNAWARE_MAX, passes};
use crate::flows::commit::load_versions;
use crate::flows::error::{FlowError, Refusal};
use crate::flows::ports::{Database, DatabaseError, all};
use crate::store::broadcasts::{BroadcastRow, Plan as BroadcastPlan};
use crate::store::campaigns::{self, Listing, LiveItem, NumberRow, UnpublishedRow, VersionRow};
use crate::store::lists::ListRow;
use crate::store::outages::OutageRow;
use crate::store::statement::Rows;
use crate::store::{broadcasts, failing, journeys, lists, outages, segments};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::rc::Rc;

/// The maximum size of a compiled campaign, in bytes: half of the 2 MB that D1 accepts as one
/// value.
pub const COMPILED_BYTES_MAX: usize = 1_000_000;

/// The result of a publish.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Published {
    pub campaign: String,
    /// The version that is live now.
    pub version: u32,
    /// Whether this publish created it; false if the content was live already.
    pub is_new: bool,
    /// The changes to journeys that may have people inside; empty for a campaign's first version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub journeys: Vec<JourneyDiff>,
    /// When it was unpublished, if this publish puts it back on the web.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was_unpublished: Option<Millis>,
    /// The lists that it names and that do not exist: one begins with its first member.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_lists: Vec<ListId>,
}

/// Checks and stores a compiled campaign, and makes it live.
pub async fn publish<D: Database>(
    db: &D,
    compiled: Compiled,
    now: Millis,
) -> Result<Published, FlowError> {
    let Plan { catalog, journeys, unknown_lists } = plan(db, &compiled, now).await?;
    let id = &compiled.campaign.id;
    let text = serde_json::to_string(&compiled)
        .map_err(|error| DatabaseError::Fault(error.to_string()))?;
    // A live version that cannot be read is replaced, even by the same content.
    let is_readable = catalog.unreadable_live(id).is_none();
    let mut statements = vec![
        campaigns::insert_version(id, &sha256_hex(&text), &text, is_readable, now),
        campaigns::make_newest_live(id),
        campaigns::live_version(id),
        segments::begin_fills(&changed_fills(&catalog, &compiled), passes(now)),
        journeys::begin_wakes(id, &migrating(&catalog, &compiled), passes(now)),
        failing::clear_campaign(id),
    ];
    statements.extend(broadcasts::plan(id, &planned(&compiled)));
    let rows = db.batch(statements).await?;
    let number = |index: usize| {
        let row = rows.get(index).map(Rows::first::<NumberRow>).transpose();
        row.map(Option::flatten).map_err(DatabaseError::Fault)
    };
    let (added, live) = (number(0)?, number(2)?);
    let Some(live) = live else {
        return Err(DatabaseError::Fault("a published version is not live".to_owned()).into());
    };
    let is_new = added.is_some();
    let was_unpublished = catalog.unpublished(id).map(|one| one.since);
    let (campaign, version) = (id.0.clone(), live.version);
    Ok(Published { campaign, version, is_new, journeys, was_unpublished, unknown_lists })
}

/// Returns what `publish` would return, without writing anything.
pub async fn preview<D: Database>(
    db: &D,
    compiled: Compiled,
    now: Millis,
) -> Result<Published, FlowError> {
    let Plan { catalog, journeys, unknown_lists } = plan(db, &compiled, now).await?;
    let campaign = &compiled.campaign.id;
    let live = catalog.live_version(campaign);
    let is_new = live.is_none_or(|live| live.compiled != compiled);
    // Versions are numbered from the live one, which is the newest.
    let unreadable = || catalog.unreadable_live(campaign).map(|one| one.version);
    let unpublished = || catalog.unpublished(campaign)?.version;
    let newest = live.map(|live| live.version).or_else(unreadable).or_else(unpublished);
    let version = newest.unwrap_or(0) + u32::from(is_new);
    let was_unpublished = catalog.unpublished(campaign).map(|one| one.since);
    let campaign = campaign.0.clone();
    Ok(Published { campaign, version, is_new, journeys, was_unpublished, unknown_lists })
}

/// The live versions, and what a valid campaign would change about them.
struct Plan {
    catalog: Catalog,
    journeys: Vec<JourneyDiff>,
    unknown_lists: Vec<ListId>,
}

async fn plan<D: Database>(db: &D, compiled: &Compiled, now: Millis) -> Result<Plan, FlowError> {
    // An isolate's cache may be a minute old, so changes are computed from the database.
    let id = &compiled.campaign.id;
    let lists: BTreeSet<&ListId> =
        lists_of(&compiled.campaign).into_iter().map(|(list, _)| list).collect();
    let mut questions = vec![
        campaigns::live(),
        journeys::standing(id),
        broadcasts::of_campaign(id),
        campaigns::unpublished(),
    ];
    questions.extend((!lists.is_empty()).then(|| lists::by_ids(lists.iter().copied())));
    let rows = db.batch(questions).await?;
    let catalog = catalog(rows.first())?.with_unpublished(unpublished(rows.get(3))?);
    let known = all::<ListRow>(rows.get(4))?;
    let is_known = |list: &&&ListId| known.iter().any(|row| row.id == ***list);
    let unknown_lists = lists.iter().filter(|list| !is_known(list));
    let unknown_lists = unknown_lists.map(|list| (*list).clone()).collect();
    let standing = rows.get(1).map(Rows::all::<EnrollmentCount>).transpose();
    let standing = standing.map_err(DatabaseError::Fault)?.unwrap_or_default();
    let begun = rows.get(2).map(Rows::all::<BroadcastRow>).transpose();
    let begun = begun.map_err(DatabaseError::Fault)?.unwrap_or_default();
    let mut problems = problems(&catalog, compiled);
    problems.extend(wrong_times(compiled, &begun, now));
    problems.extend(ending_lists(compiled, &known));
    let mut journeys = Vec::new();
    if let Some(live) = catalog.live_version(id)
        && live.compiled != *compiled
    {
        if !migrating(&catalog, compiled).is_empty() {
            let inhabited: BTreeSet<u32> = standing.iter().map(|s| s.version).collect();
            let wanted = inhabited.iter().map(|version| (id.clone(), *version));
            load_versions(db, &catalog, wanted, now).await?;
            let older: Vec<_> = inhabited.iter().filter_map(|v| catalog.version(id, *v)).collect();
            problems.extend(unknown_old_steps(live, &older, compiled));
        }
        journeys = diff(&live.compiled, compiled, &standing);
    }
    if problems.is_empty() {
        Ok(Plan { catalog, journeys, unknown_lists })
    } else {
        Err(FlowError::Rejected(Refusal {
            title: "The campaign has mistakes",
            detail: "Nothing was published. Fix the listed problems and publish again.",
            problems,
        }))
    }
}

/// Returns the journeys of a new version that have a migration map.
fn migrating<'c>(catalog: &Catalog, compiled: &'c Compiled) -> Vec<&'c str> {
    let campaign = &compiled.campaign;
    let live = catalog.live_version(&campaign.id);
    if live.is_none_or(|live| live.compiled == *compiled) {
        return Vec::new();
    }
    let moves = campaign.journeys.iter().filter(|(_, journey)| !journey.migrate.is_empty());
    moves.map(|(name, _)| name.as_str()).collect()
}

/// Reads the live versions of all campaigns, with the states of their journeys.
pub async fn live<D: Database>(db: &D) -> Result<Catalog, DatabaseError> {
    let questions =
        vec![campaigns::live(), journeys::statuses(), outages::list(), campaigns::unpublished()];
    let rows = db.batch(questions).await?;
    let ended = ended_outages(rows.get(2))?;
    let catalog = catalog(rows.first())?.with_statuses(statuses(rows.get(1))?);
    Ok(catalog.with_outages(ended).with_unpublished(unpublished(rows.get(3))?))
}

/// Reads the rows of `journeys::statuses`.
pub fn statuses(rows: Option<&Rows>) -> Result<Vec<JourneyStatus>, DatabaseError> {
    let rows = rows.map(Rows::all::<JourneyStatus>).transpose().map_err(DatabaseError::Fault)?;
    Ok(rows.unwrap_or_default())
}

/// Reads the rows of `campaigns::unpublished`.
pub fn unpublished(rows: Option<&Rows>) -> Result<Vec<Unpublished>, DatabaseError> {
    let rows = rows.map(Rows::all::<UnpublishedRow>).transpose().map_err(DatabaseError::Fault)?;
    Ok(rows.unwrap_or_default().into_iter().map(Unpublished::from).collect())
}

/// Reads the rows of `outages::list`, and returns the outages that are over.
fn ended_outages(rows: Option<&Rows>) -> Result<Vec<Outage>, DatabaseError> {
    let rows = rows.map(Rows::all::<OutageRow>).transpose().map_err(DatabaseError::Fault)?;
    let ended = |row: OutageRow| {
        let until = row.until?.plus(UNAWARE_MAX);
        Some(Outage { campaign: row.campaign_id, since: row.since, until })
    };
    Ok(rows.unwrap_or_default().into_iter().filter_map(ended).collect())
}

/// Reads the rows of `campaigns::live`. A version that cannot be read affects only its own
/// campaign.
pub fn catalog(rows: Option<&Rows>) -> Result<Catalog, DatabaseError> {
    let rows = rows.map(Rows::all::<VersionRow>).transpose();
    let rows = rows.map_err(DatabaseError::Fault)?.unwrap_or_default();
    Ok(Catalog::of_stored(rows.iter().map(|row| row.version().map(Rc::new))))
}

/// Reads which version of each campaign is live, the states of its journeys and its recent outages,
/// and which campaigns were ever unpublished.
pub async fn live_versions<D: Database>(db: &D) -> Result<Listing, DatabaseError> {
    let questions = vec![
        campaigns::live_versions(),
        journeys::statuses(),
        outages::list(),
        campaigns::unpublished(),
    ];
    let rows = db.batch(questions).await?;
    let (statuses, ended) = (statuses(rows.get(1))?, ended_outages(rows.get(2))?);
    let items =
        rows.first().map(Rows::all::<LiveItem>).transpose().map_err(DatabaseError::Fault)?;
    let (mut live, kinds) = campaigns::sorted(items.unwrap_or_default());
    for row in &mut live {
        row.journeys = statuses.iter().filter(|s| s.campaign == row.campaign).cloned().collect();
        row.outages = ended.iter().filter(|one| one.campaign == row.campaign).cloned().collect();
    }
    Ok(Listing { live, unpublished: unpublished(rows.get(3))?, kinds })
}

/// Returns everything that is wrong with a campaign, by itself and together with the others.
fn problems(catalog: &Catalog, compiled: &Compiled) -> Vec<Problem> {
    let mut problems = check(&compiled.campaign);
    problems.extend(check_templates(compiled));
    let size = serde_json::to_string(compiled).map_or(usize::MAX, |text| text.len());
    if size > COMPILED_BYTES_MAX {
        let message = format!("it has {size} bytes; the limit is {COMPILED_BYTES_MAX}");
        problems.push(Problem::new("campaign", message).help("publish fewer or smaller templates"));
    }
    for (name, page) in &compiled.campaign.pages {
        let Some((owner, ..)) = catalog.page_at(&page.path) else { continue };
        if *owner.id() != compiled.campaign.id {
            let message = format!("`{}` is a page of campaign `{}`", page.path, owner.id());
            problems.push(
                Problem::new(format!("page.{name}.path"), message).help("choose another path"),
            );
        }
    }
    problems
}

/// Returns a problem for each use of a list that is being deleted.
fn ending_lists(compiled: &Compiled, known: &[ListRow]) -> Vec<Problem> {
    let is_ending =
        |list: &ListId| known.iter().any(|row| row.id == *list && row.deleted_at.is_some());
    let named = lists_of(&compiled.campaign).into_iter();
    let problem = |(list, key): ListUse<'_>| {
        let problem = Problem::new(key, format!("the list `{list}` is being deleted"));
        problem.help("name another one, or try again in half an hour")
    };
    named.filter(|(list, _)| is_ending(list)).map(problem).collect()
}

/// How late a broadcast may be published: more than a day late is an error.
const LATE_MAX: Span = Span::days(1);
/// How far ahead a broadcast may be planned: more is taken for a typing error.
const AHEAD_MAX: Span = Span::days(731);

/// Returns the broadcasts of a version that start by themselves.
fn planned(compiled: &Compiled) -> Vec<BroadcastPlan> {
    let campaign = &compiled.campaign;
    let plan = |(name, broadcast): (&String, &Broadcast)| {
        let at = broadcast.starts_at(&campaign.time_zone)?;
        Some(BroadcastPlan { broadcast: name.clone(), at })
    };
    campaign.broadcasts.iter().filter_map(plan).collect()
}

/// Returns a problem for each broadcast whose time has passed or is too far ahead. Broadcasts that
/// have begun are not checked.
fn wrong_times(compiled: &Compiled, begun: &[BroadcastRow], now: Millis) -> Vec<Problem> {
    let has_begun = |name: &str| {
        begun.iter().any(|row| row.broadcast == name && row.state != BroadcastState::Scheduled)
    };
    let problem = |plan: BroadcastPlan| {
        let key = format!("broadcast.{}.at", plan.broadcast);
        if plan.at.plus(LATE_MAX) < now {
            let message = "the time has passed, more than a day ago";
            let help = "give a time to come, or leave `at` out and start it by hand";
            return Some(Problem::new(key, message).help(help));
        }
        let message = "more than two years ahead";
        (plan.at > now.plus(AHEAD_MAX)).then(|| Problem::new(key, message))
    };
    let plans = planned(compiled).into_iter().filter(|plan| !has_begun(&plan.broadcast));
    plans.filter_map(problem).collect()
}

/// Returns the backfills that a publish needs: for segments, and for journeys with a date or a
/// schedule, that are new or have changed.
fn changed_fills(catalog: &Catalog, compiled: &Compiled) -> Vec<QualifiedId> {
    let campaign = &compiled.campaign;
    let before = catalog.live_version(&campaign.id).map(|published| &published.compiled.campaign);
    let is_same = |name: &String, rule| before.and_then(|b| b.segments.get(name)) == Some(rule);
    let segments = campaign.segments.iter().filter(|(name, rule)| !is_same(name, rule));
    // Contacts without a time zone use the campaign's.
    let before = before.filter(|before| before.time_zone == campaign.time_zone);
    let began = |name: &String| before.and_then(|b| Some(&b.journeys.get(name)?.enter));
    let journeys = campaign.journeys.iter().filter(|(name, journey)| {
        journey.enter.is_of_time() && began(name) != Some(&journey.enter)
    });
    let segments = segments.map(|(name, _)| QualifiedId::new(&campaign.id, name));
    segments.chain(journeys.map(|(name, _)| journey_fill(&campaign.id, name))).collect()
}

/// Returns the backfills of all segments, and of all journeys that begin by a date or a schedule,
/// of the live versions.
pub fn fills(catalog: &Catalog) -> Vec<QualifiedId> {
    let of = |published: &Rc<PublishedVersion>| {
        let campaign = &published.compiled.campaign;
        let segments = campaign.segments.keys().map(|name| QualifiedId::new(&campaign.id, name));
        let journeys = campaign.journeys.iter().filter(|(_, one)| one.enter.is_of_time());
        let journeys = journeys.map(|(name, _)| journey_fill(&campaign.id, name));
        segments.chain(journeys).collect::<Vec<_>>()
    };
    catalog.live().flat_map(of).collect()
}

/// The prefix of a journey's backfill. No campaign id contains a colon.
const JOURNEY_FILL: &str = "journey:";

fn journey_fill(campaign: &CampaignId, name: &str) -> QualifiedId {
    QualifiedId(format!("{JOURNEY_FILL}{campaign}.{name}"))
}

/// Returns the campaign of a backfill.
pub fn campaign_of_fill(fill: &QualifiedId) -> CampaignId {
    let name = fill.as_str().strip_prefix(JOURNEY_FILL).unwrap_or(fill.as_str());
    CampaignId::from(name.split('.').next().unwrap_or_default())
}

/// Returns whether the backfill's campaign is live in a version that cannot be read: its rule is
/// unknown then, and the backfill waits.
pub fn fill_waits(catalog: &Catalog, fill: &QualifiedId) -> bool {
    catalog.unreadable_live(&campaign_of_fill(fill)).is_some()
}

/// Returns the segment that a backfill fills. For a journey with a schedule, it is the segment of
/// that; for a journey with a date, the records whose date is set. Returns `None` if the segment or
/// journey is no longer live.
pub fn filled<'c>(catalog: &'c Catalog, fill: &QualifiedId) -> Option<Cow<'c, Segment>> {
    let (name, is_journey) = match fill.as_str().strip_prefix(JOURNEY_FILL) {
        Some(name) => (QualifiedId::from(name), true),
        None => (fill.clone(), false),
    };
    let (campaign, name) = name.parts()?;
    let published = catalog.live_version(&campaign)?;
    let segment = |name: &str| published.compiled.campaign.segments.get(name).map(Cow::Borrowed);
    match is_journey {
        false => segment(name),
        true => match &published.journey(name)?.enter {
            Trigger::Schedule(schedule) => segment(&schedule.segment),
            Trigger::Date(DateMoment { date, .. }) => {
                let test = Operator::Set(true);
                let rule = Rule::Attribute { attribute: date.clone(), test };
                let of = published.journey(name)?.of.clone();
                Some(Cow::Owned(Segment { of, rule }))
            }
            _ => None,
        },
    }
}

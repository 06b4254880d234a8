//! publish: a compiled campaign becomes its next immutable version, live at once.
//!
//! Two round trips: one (1 statement) to read what is live, one (4 statements) to write the version
//! (nothing, if the live one is the same). Segments that are new or have another rule begin to be
//! filled, and contacts woken whom a journey's new date or schedule concerns.

use super::seams::{Database, DatabaseError};
use crate::domain::campaign::Compiled;
use crate::domain::catalog::{Catalog, Edition};
use crate::domain::check::check;
use crate::domain::journey::{DateMoment, Trigger};
use crate::domain::primitives::{CampaignId, Millis, QualifiedId};
use crate::domain::problem::Problem;
use crate::domain::rule::{Rule, Test};
use crate::domain::template::check_templates;
use crate::domain::token::sha256_hex;
use crate::store::campaigns::{self, LiveRow, NumberRow, VersionRow};
use crate::store::segments;
use crate::store::statement::Rows;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::rc::Rc;

/// The largest compiled campaign: half of the 2 MB that D1 takes as one value.
pub const COMPILED_BYTES_MAX: usize = 1_000_000;

/// What came of a publish.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// The campaign.
    pub campaign: String,
    /// The version that is live now.
    pub version: u32,
    /// Whether this publish made it; false when the content was live already.
    pub is_new: bool,
}

/// Why a publish is refused.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// The campaign has mistakes.
    Problems(Vec<Problem>),
    /// The database failed; publishing again is safe.
    Database(DatabaseError),
}

impl From<DatabaseError> for Refusal {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

/// Checks and stores a compiled campaign, and makes it live.
pub async fn publish<D: Database>(
    db: &D,
    compiled: Compiled,
    now: Millis,
) -> Result<Published, Refusal> {
    // What an isolate has in mind may be a minute old; what changes is told by the database.
    let catalog = live(db).await?;
    let problems = problems(&catalog, &compiled);
    if !problems.is_empty() {
        return Err(Refusal::Problems(problems));
    }
    let id = &compiled.campaign.id;
    let text = serde_json::to_string(&compiled)
        .map_err(|error| DatabaseError::Fault(error.to_string()))?;
    let statements = vec![
        campaigns::insert_version(id, &sha256_hex(&text), &text, now),
        campaigns::make_newest_live(id),
        campaigns::live_version(id),
        segments::begin_fills(&changed_fills(&catalog, &compiled)),
    ];
    let rows = db.batch(statements).await?;
    let number = |index: usize| {
        let row = rows.get(index).map(Rows::first::<NumberRow>).transpose();
        row.map(Option::flatten).map_err(DatabaseError::Fault)
    };
    let (added, live) = (number(0)?, number(2)?);
    let Some(live) = live else {
        return Err(DatabaseError::Fault("a published version is not live".to_owned()).into());
    };
    Ok(Published { campaign: id.0.clone(), version: live.version, is_new: added.is_some() })
}

/// The live versions of all campaigns.
pub async fn live<D: Database>(db: &D) -> Result<Catalog, DatabaseError> {
    let rows = db.batch(vec![campaigns::live()]).await?;
    let rows = rows.first().map(Rows::all::<VersionRow>).transpose();
    let rows = rows.map_err(DatabaseError::Fault)?.unwrap_or_default();
    Ok(Catalog::new(
        rows.into_iter()
            .map(|row| Rc::new(Edition::new(row.version, row.published_at, row.compiled))),
    ))
}

/// Which version of each campaign is live.
pub async fn live_versions<D: Database>(db: &D) -> Result<Vec<LiveRow>, DatabaseError> {
    let rows = db.batch(vec![campaigns::live_versions()]).await?;
    let rows = rows.first().map(Rows::all::<LiveRow>).transpose().map_err(DatabaseError::Fault)?;
    Ok(rows.unwrap_or_default())
}

/// Everything that is wrong with a campaign, alone and beside the others.
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

/// The segments whose members must be looked for, and the journeys whose date or schedule is to be
/// reckoned for everybody it concerns: those that are new, and those that have changed.
fn changed_fills(catalog: &Catalog, compiled: &Compiled) -> Vec<QualifiedId> {
    let campaign = &compiled.campaign;
    let before = catalog.live_edition(&campaign.id).map(|edition| &edition.compiled.campaign);
    let is_same = |name: &String, rule| before.and_then(|b| b.segments.get(name)) == Some(rule);
    let segments = campaign.segments.iter().filter(|(name, rule)| !is_same(name, rule));
    // Those without a zone of their own are on the campaign's.
    let before = before.filter(|before| before.time_zone == campaign.time_zone);
    let began = |name: &String| before.and_then(|b| Some(&b.journeys.get(name)?.enter));
    let journeys = campaign.journeys.iter().filter(|(name, journey)| {
        journey.enter.is_of_time() && began(name) != Some(&journey.enter)
    });
    let segments = segments.map(|(name, _)| QualifiedId::new(&campaign.id, name));
    segments.chain(journeys.map(|(name, _)| journey_fill(&campaign.id, name))).collect()
}

/// What the filling of a journey is called: no campaign's id has a colon.
const JOURNEY_FILL: &str = "journey:";

fn journey_fill(campaign: &CampaignId, name: &str) -> QualifiedId {
    QualifiedId(format!("{JOURNEY_FILL}{campaign}.{name}"))
}

/// The live version that a filling belongs to, and the rule of those whom it wakes: of a segment
/// its own; of a journey that begins by a schedule its segment's, and by a date that of having one.
pub fn filled<'c>(
    catalog: &'c Catalog,
    fill: &QualifiedId,
) -> Option<(&'c Rc<Edition>, Cow<'c, Rule>)> {
    let (name, is_journey) = match fill.as_str().strip_prefix(JOURNEY_FILL) {
        Some(name) => (QualifiedId::from(name), true),
        None => (fill.clone(), false),
    };
    let (campaign, name) = name.parts()?;
    let edition = catalog.live_edition(&campaign)?;
    let segment = |name: &str| edition.compiled.campaign.segments.get(name).map(Cow::Borrowed);
    let rule = match is_journey {
        false => segment(name)?,
        true => match &edition.journey(name)?.enter {
            Trigger::Schedule(schedule) => segment(&schedule.segment)?,
            Trigger::Date(DateMoment { date, .. }) => {
                Cow::Owned(Rule::Attribute { attribute: date.clone(), test: Test::Set(true) })
            }
            _ => return None,
        },
    };
    Some((edition, rule))
}

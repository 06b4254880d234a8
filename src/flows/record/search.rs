//! Searching records of all kinds by their words, and filling in the words of a kind.

use crate::domain::access::rights::Access;
use crate::domain::access::searched::View;
use crate::domain::access::shown::Shown;
use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::{KindId, Millis, QualifiedId, RecordId};
use crate::domain::kind::Kind;
use crate::domain::publication::catalog::Catalog;
use crate::domain::search::{self, Query};
use crate::domain::segment::AnyRecord;
use crate::flows::error::{FlowError, Refusal};
use crate::flows::ports::{Database, DatabaseError, all};
use crate::flows::record::edit::kind_of;
use crate::store::contacts::{self, ContactRow};
use crate::store::kinds::{self, KindRow};
use crate::store::search::{
    CountRow, FillingRow, FoundRow, LOOKED_PER_PAGE, NextRow, Searched, Start, counts, drop_step,
    filling, next_records, page, put_unchanged,
};
use crate::store::segments::{self, FillRow, StepRow};
use serde::Serialize;
use serde_json::{Value, json};
use std::rc::Rc;

/// The usual and the largest number of records of a page.
pub const PAGE_USUAL: usize = 20;
pub const PAGE_MAX: usize = 100;

/// What somebody asks for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub words: String,
    /// Only records of this kind.
    pub kind: Option<KindId>,
    /// Only records made before this one: the `next` of the page before.
    pub before: Option<RecordId>,
    pub limit: usize,
}

/// A page of results.
#[derive(Debug, PartialEq, Serialize)]
pub struct Found {
    /// The newest records that have all words, as the one who asks may see them.
    pub found: Vec<Shown>,
    /// Where the next page begins; `None` at the end. A page may be short, and even empty, although
    /// others follow: only so many records are looked at.
    pub next: Option<RecordId>,
    /// The words of the query that were searched as whole words in these kinds, because too many
    /// words begin with them.
    pub whole: Vec<Whole>,
    /// The kinds whose words are not complete yet.
    pub filling: Vec<KindId>,
}

/// A word that was searched as a whole word.
#[derive(Debug, PartialEq, Serialize)]
pub struct Whole {
    pub kind: KindId,
    pub word: String,
}

/// A kind that is searched, and what of it may be.
struct Place {
    kind: Rc<Kind>,
    views: Vec<View>,
}

/// Finds the records that have all words of a query, in the kinds that are searched, among those
/// that the one who asks may see: newest first.
pub async fn find<D: Database>(
    db: &D,
    catalog: &Catalog,
    access: &Access,
    asked: &Asked,
    now: Millis,
) -> Result<Found, FlowError> {
    let query = Query::read(&asked.words).map_err(refused)?;
    let places = places(catalog, access, asked)?;
    let limit = asked.limit.clamp(1, PAGE_MAX);
    let mut found = Found { found: vec![], next: None, whole: vec![], filling: vec![] };
    let searched = |place| of(place, &query, asked);
    let fills = places.iter().map(|place| fill_of(&place.kind.id));
    let fills = filling(&fills.collect::<Vec<_>>());
    let mut statements: Vec<_> = places.iter().map(|place| counts(&searched(place))).collect();
    statements.push(fills);
    let counted = db.batch(statements).await?;
    let fills = all::<FillingRow>(counted.last())?;
    found.filling = fills.iter().filter_map(|row| kind_of_fill(&row.segment_id)).collect();

    let mut statements = Vec::new();
    for (place, rows) in places.iter().zip(&counted) {
        let Some(start) = start(&query, &all(Some(rows))?) else { continue };
        if let Start::Whole(index) = start
            && !query.terms[index].is_whole
        {
            let (kind, word) = (place.kind.id.clone(), query.terms[index].text.clone());
            found.whole.push(Whole { kind, word });
        }
        statements.push(page(&searched(place), start, limit, now));
    }
    if statements.is_empty() {
        return Ok(found);
    }
    let pages = db.batch(statements).await?;
    let pages = pages.iter().map(|rows| all(Some(rows))).collect::<Result<Vec<_>, _>>()?;
    let (ids, next) = newest(pages, limit);
    found.next = next;
    found.found = shown(db, catalog, access, &query, &ids, now).await?;
    Ok(found)
}

fn of<'a>(place: &'a Place, query: &'a Query, asked: &'a Asked) -> Searched<'a> {
    let Place { kind, views } = place;
    Searched { kind: &kind.id, views, terms: &query.terms, before: asked.before.as_ref() }
}

/// Returns the kinds that are searched and that the one who asks may search.
fn places(catalog: &Catalog, access: &Access, asked: &Asked) -> Result<Vec<Place>, FlowError> {
    if let Some(id) = &asked.kind {
        let kind = kind_of(catalog, id)?;
        if !kind.search {
            let message = format!("records of the kind `{id}` are not searched");
            let help = "publish the kind with search = true";
            return Err(refused(Problem::new("kind", message).help(help)));
        }
    }
    if !catalog.kinds().all().any(|kind| kind.search) {
        let problem = Problem::new("kind", "records of no kind are searched");
        return Err(refused(problem.help("publish a kind with search = true")));
    }
    let kinds = catalog.kinds().all().filter(|kind| kind.search);
    let kinds = kinds.filter(|kind| asked.kind.as_ref().is_none_or(|id| *id == kind.id));
    let place = |kind: &Rc<Kind>| Place { kind: kind.clone(), views: access.views(kind) };
    Ok(kinds.map(place).filter(|place| !place.views.is_empty()).collect())
}

fn refused(problem: Problem) -> FlowError {
    FlowError::Rejected(Refusal::new("This cannot be searched", "Nothing was searched.", problem))
}

/// Returns where a page begins to look: where there is least to look at. `None` if some term is met
/// by nothing.
fn start(query: &Query, counted: &[CountRow]) -> Option<Start> {
    if counted.iter().any(|row| row.entries == 0) {
        return None;
    }
    let least = counted.iter().min_by_key(|row| row.entries)?;
    if least.entries <= LOOKED_PER_PAGE {
        return Some(least.term.map_or(Start::Owners, Start::Term));
    }
    // All are common. Two Chinese characters are a whole word; of others, the longest is rarest.
    let terms = query.terms.iter().enumerate();
    let (index, _) = terms.max_by_key(|(_, term)| (term.is_whole, term.text.chars().count()))?;
    Some(Start::Whole(index))
}

/// Puts the pages of several kinds together, as far as all of them have looked. Returns the newest
/// records, and where the next page begins.
fn newest(pages: Vec<Vec<FoundRow>>, limit: usize) -> (Vec<RecordId>, Option<RecordId>) {
    let rows = || pages.iter().flatten();
    let end = rows().filter(|row| row.is_end).map(|row| &row.id).max().cloned();
    // A kind with a full page has not looked beyond it.
    let full = pages.iter().filter_map(|rows| {
        let last = rows.iter().filter(|row| !row.is_end).nth(limit - 1);
        last.map(|row| &row.id)
    });
    let end = end.into_iter().chain(full.max().cloned()).max();
    let found = rows().filter(|row| !row.is_end && end.as_ref().is_none_or(|end| row.id >= *end));
    let mut ids: Vec<RecordId> = found.map(|row| row.id.clone()).collect();
    ids.sort_by(|one, other| other.cmp(one));
    if ids.len() >= limit {
        ids.truncate(limit);
        return (ids.clone(), ids.pop());
    }
    (ids, end)
}

/// Returns the records as the one who asks may see them. One that was changed meanwhile and is no
/// longer found by what is shown of it is left out.
async fn shown<D: Database>(
    db: &D,
    catalog: &Catalog,
    access: &Access,
    query: &Query,
    ids: &[RecordId],
    now: Millis,
) -> Result<Vec<Shown>, FlowError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let watched: Vec<String> = Vec::new();
    let rows = db.batch(vec![contacts::records_by_ids(ids, &watched, &[], now)]).await?;
    let records = all::<ContactRow>(rows.first())?.into_iter().map(AnyRecord::from);
    let mut found: Vec<Shown> = Vec::new();
    for record in records.filter(|record| record.erased_at.is_none()) {
        let Some(kind) = catalog.kind(&record.kind) else { continue };
        let shown = access.show(kind, &record, now);
        found.extend(shown.filter(|shown| {
            let counts = |part: &str| part.split('+').all(|field| shown.shows(field));
            let words = search::words(kind, record.subject());
            query.terms.iter().all(|term| words.meet(term, counts))
        }));
    }
    found.sort_by(|one, other| other.id().cmp(one.id()));
    Ok(found)
}

/// The prefix of the backfill of a kind's words. No campaign id contains a colon.
const WORDS_FILL: &str = "words:";

/// Returns the backfill of a kind's words.
pub fn fill_of(kind: &KindId) -> QualifiedId {
    QualifiedId(format!("{WORDS_FILL}{kind}"))
}

/// Returns the kind whose words a backfill fills in; `None` for another backfill.
pub fn kind_of_fill(fill: &QualifiedId) -> Option<KindId> {
    fill.as_str().strip_prefix(WORDS_FILL).map(KindId::from)
}

/// Returns whether a new version of a kind has other words than the one before.
pub fn has_other_words(before: Option<&Kind>, after: &Kind) -> bool {
    let parts = |kind: &Kind| search::parts(kind);
    before.map(parts).unwrap_or_default() != parts(after)
}

/// Takes one step of filling in the words of a kind, or of removing them if it is no longer
/// searched. Returns what is left to do.
pub async fn fill_step<D: Database>(
    db: &D,
    id: &KindId,
    fill: &FillRow,
) -> Result<Option<StepRow>, DatabaseError> {
    let rows = db.batch(vec![kinds::one(id), next_records(id, &fill.after_id)]).await?;
    let kind = all::<KindRow>(rows.first())?.into_iter().next().and_then(|row| row.read().ok());
    let Some(kind) = kind.filter(|kind| kind.search) else {
        let rows = db.batch(drop_step(fill, id)).await?;
        let is_left = !all::<Value>(rows.last())?.is_empty();
        return Ok(is_left.then(|| StepRow { fill: fill.clone(), due: 0 }));
    };
    let records = all::<NextRow>(rows.get(1))?;
    let Some(reached) = records.last().map(|row| &row.id) else {
        db.batch(vec![segments::end_fill(fill)]).await?;
        return Ok(None);
    };
    let row = |row: &NextRow| {
        let words = row.words(&kind);
        json!({ "kind": id, "id": row.id, "seq": row.seq, "words": words })
    };
    let mut statements = put_unchanged(&records.iter().map(row).collect::<Vec<_>>());
    statements.push(segments::advance_fill(fill, reached));
    let rows = db.batch(statements).await?;
    Ok(all::<StepRow>(rows.last())?.into_iter().next())
}

//! editions: the published versions that a worker goes by. They are immutable, so an isolate keeps
//! each one it has seen. The key-value store says which are live and has copies of their content;
//! the database is the truth that the copies are made of, and is asked for whatever they lack.
//!
//! With a fresh list in mind: nothing. Else one read of the key-value store, and one more for each
//! version that the isolate has not seen yet. What that does not give costs one round trip for the
//! list (3 statements), and one for all content that is missing (1 statement).

use super::publish;
use crate::domain::base::primitives::{CLOCKS_DIFFER_MAX, CampaignId, Millis, Span};
use crate::domain::publication::catalog::{Catalog, PublishedVersion, Unreadable};
use crate::flows::ports::{Database, DatabaseError, KeyValue, KeyValueError};
use crate::store::campaigns::{self, Listing, LiveRow, VersionRow};
use crate::store::statement::Rows;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Under this key the key-value store lists what is live.
pub const LIVE_KEY: &str = "live";

/// How old the list may become before a tick puts it again: so it shows that it is kept up.
const LIST_AGE_MAX: Span = Span::minutes(5);

/// How old a list is that nobody keeps up: the key-value store takes no writes, or no tick runs.
/// The database is asked instead.
const LIST_AGE_LAST: Span = Span::minutes(7);

/// How many versions an isolate keeps; past that it forgets them all and reads again.
const EDITIONS_KEPT_MAX: usize = 200;

/// How long an isolate believes what it read last. The key-value store itself may be a minute
/// behind elsewhere; the isolate that publishes knows at once.
const CATALOG_AGE_MAX: Span = Span::seconds(5);

/// How long it goes on with that while neither store answers: no longer than others may be behind.
const CATALOG_AGE_LAST: Span = Span::minutes(1);

type Version = (CampaignId, u32);

/// The list in the key-value store.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Listed {
    /// When it was put.
    at: Millis,
    /// What is live.
    #[serde(flatten)]
    listing: Listing,
}

/// What an isolate has in mind.
#[derive(Default)]
pub struct Shelf {
    latest: Option<(Millis, Rc<Catalog>)>,
    kept: BTreeMap<Version, Rc<PublishedVersion>>,
    /// What the key-value store was found to lack.
    lacking: BTreeSet<Version>,
    /// Whether it has refused the last list.
    refused: bool,
}

impl Shelf {
    fn keep(&mut self, edition: &Rc<PublishedVersion>) {
        if self.kept.len() >= EDITIONS_KEPT_MAX {
            self.kept.clear();
        }
        self.kept.insert((edition.id().clone(), edition.version), edition.clone());
    }
}

/// The stores that versions come from, and the isolate's own shelf.
pub struct Library<'a, D, K> {
    /// The truth.
    pub db: &'a D,
    /// Its copies.
    pub kv: &'a K,
    /// What the isolate has in mind.
    pub shelf: &'a RefCell<Shelf>,
    /// The real time, which no test moves.
    pub now: Millis,
}

impl<D: Database, K: KeyValue> Library<'_, D, K> {
    /// The live versions. Fails if neither store answers, and nothing that was read lately is in
    /// mind.
    pub async fn catalog(&self) -> Result<Rc<Catalog>, DatabaseError> {
        let latest = self.shelf.borrow().latest.clone();
        let in_mind = |age: Span| {
            let (read_at, catalog) = latest.as_ref()?;
            let is_young = *read_at <= self.now && self.now < read_at.plus(age);
            is_young.then(|| catalog.clone())
        };
        if let Some(catalog) = in_mind(CATALOG_AGE_MAX) {
            return Ok(catalog);
        }
        let listed = self.listed().await;
        let is_believed = |listed: &Listed| {
            !self.shelf.borrow().refused && self.now < listed.at.plus(LIST_AGE_LAST)
        };
        let read = match &listed {
            Ok(Some(listed)) if is_believed(listed) => self.read(&listed.listing, true).await,
            _ => match (publish::live_versions(self.db).await, &listed) {
                // What does not answer is not asked for content as well.
                (Ok(truth), _) => self.read(&truth, listed.is_ok()).await,
                (Err(_), Ok(Some(listed))) => self.read(&listed.listing, true).await,
                (Err(error), _) => Err(error),
            },
        };
        read.or_else(|error| in_mind(CATALOG_AGE_LAST).ok_or(error))
    }

    /// Reads anew what the database has live, and copies what the key-value store lacks of it.
    /// Whatever becomes of the copies, this isolate knows.
    pub async fn refresh(&self) -> Result<Result<(), KeyValueError>, DatabaseError> {
        let truth = publish::live_versions(self.db).await?;
        let listed = self.listed().await;
        self.read(&truth, listed.is_ok()).await?;
        self.copy(truth, listed).await
    }

    /// Compares the copies with the database, and repairs them if something did not reach them.
    pub async fn repair(&self) -> Result<Result<(), KeyValueError>, DatabaseError> {
        let truth = publish::live_versions(self.db).await?;
        let listed = self.listed().await;
        let is_kept_up = matches!(&listed, Ok(Some(listed))
            if listed.listing == truth && self.now < listed.at.plus(LIST_AGE_MAX));
        if is_kept_up && self.shelf.borrow().lacking.is_empty() {
            self.shelf.borrow_mut().refused = false;
            return Ok(Ok(()));
        }
        self.copy(truth, listed).await
    }

    /// What the key-value store lists; `None` if there is no list that can be read. One that is
    /// dated in the future was put by a clock that was wrong.
    async fn listed(&self) -> Result<Option<Listed>, KeyValueError> {
        let text = self.kv.get(LIVE_KEY).await?;
        let listed = text.and_then(|text| serde_json::from_str::<Listed>(&text).ok());
        Ok(listed.filter(|listed| listed.at <= self.now.plus(CLOCKS_DIFFER_MAX)))
    }

    /// Reads the versions of a list, and has them in mind from now on.
    async fn read(
        &self,
        Listing { live: listed, unpublished }: &Listing,
        kv_answers: bool,
    ) -> Result<Rc<Catalog>, DatabaseError> {
        let (mut stored, mut missing) = (Vec::new(), Vec::new());
        for live in listed {
            match self.content(live, kv_answers).await {
                Some(edition) => stored.push(Ok(edition)),
                None => missing.push((live.campaign.clone(), live.version)),
            }
        }
        if !missing.is_empty() {
            stored.extend(self.in_database(missing).await?);
        }
        let statuses = listed.iter().flat_map(|live| live.journeys.iter().cloned()).collect();
        let outages = listed.iter().flat_map(|live| live.outages.iter().cloned()).collect();
        let catalog = Catalog::of_stored(stored).with_statuses(statuses).with_outages(outages);
        let catalog = Rc::new(catalog.with_unpublished(unpublished.clone()));
        self.shelf.borrow_mut().latest = Some((self.now, catalog.clone()));
        Ok(catalog)
    }

    /// The content of a version from the shelf, or from its copy.
    async fn content(&self, live: &LiveRow, kv_answers: bool) -> Option<Rc<PublishedVersion>> {
        let version = (live.campaign.clone(), live.version);
        let kept = self.shelf.borrow().kept.get(&version).cloned();
        if kept.is_some() || !kv_answers {
            return kept;
        }
        let text = self.kv.get(&content_key(&version)).await.ok()?;
        let edition = text.and_then(|text| {
            PublishedVersion::read(&live.campaign, live.version, live.published_at, &text).ok()
        });
        let edition = edition.map(Rc::new);
        match &edition {
            Some(edition) => self.shelf.borrow_mut().keep(edition),
            None => drop(self.shelf.borrow_mut().lacking.insert(version)),
        }
        edition
    }

    /// The content of these versions as the database has it.
    async fn in_database(
        &self,
        missing: Vec<Version>,
    ) -> Result<Vec<Result<Rc<PublishedVersion>, Unreadable>>, DatabaseError> {
        let mut stored = Vec::new();
        let mut gone: BTreeSet<Version> = missing.iter().cloned().collect();
        for row in self.rows(&missing).await? {
            gone.remove(&(row.campaign_id.clone(), row.version));
            let edition = row.edition().map(Rc::new);
            edition.iter().for_each(|edition| self.shelf.borrow_mut().keep(edition));
            stored.push(edition);
        }
        let reason = "it is not in the database";
        stored.extend(gone.into_iter().map(|(campaign, version)| {
            Err(Unreadable { campaign, version, reason: reason.to_owned(), paths: None })
        }));
        Ok(stored)
    }

    async fn rows(&self, versions: &[Version]) -> Result<Vec<VersionRow>, DatabaseError> {
        let rows = self.db.batch(vec![campaigns::versions(versions)]).await?;
        let rows = rows.first().map(Rows::all::<VersionRow>).transpose();
        Ok(rows.map_err(DatabaseError::Fault)?.unwrap_or_default())
    }

    /// Copies what is live and not listed yet, and then the list. The content goes over as it was
    /// written: newer code may have written more than this code can read.
    async fn copy(
        &self,
        truth: Listing,
        listed: Result<Option<Listed>, KeyValueError>,
    ) -> Result<Result<(), KeyValueError>, DatabaseError> {
        let copied = match listed {
            Ok(listed) => {
                let new = self
                    .not_copied(&truth.live, listed.map_or_else(Vec::new, |one| one.listing.live));
                let rows = if new.is_empty() { Vec::new() } else { self.rows(&new).await? };
                self.put(rows, truth).await
            }
            Err(error) => Err(error),
        };
        let mut shelf = self.shelf.borrow_mut();
        shelf.refused = copied.is_err();
        if copied.is_ok() {
            // What is live no more is nobody's concern.
            shelf.lacking.clear();
        }
        Ok(copied)
    }

    /// The live versions of which there is no copy.
    fn not_copied(&self, truth: &[LiveRow], listed: Vec<LiveRow>) -> Vec<Version> {
        let version = |live: &LiveRow| (live.campaign.clone(), live.version);
        let listed: BTreeSet<Version> = listed.iter().map(version).collect();
        let lacking = &self.shelf.borrow().lacking;
        let is_new = |one: &Version| !listed.contains(one) || lacking.contains(one);
        truth.iter().map(version).filter(is_new).collect()
    }

    async fn put(&self, rows: Vec<VersionRow>, listing: Listing) -> Result<(), KeyValueError> {
        for row in rows {
            let version = (row.campaign_id, row.version);
            self.kv.put(&content_key(&version), &row.compiled).await?;
        }
        let listed = serde_json::to_string(&Listed { at: self.now, listing });
        let listed = listed.map_err(|error| KeyValueError(error.to_string()))?;
        self.kv.put(LIVE_KEY, &listed).await
    }
}

fn content_key((campaign, version): &Version) -> String {
    format!("version:{campaign}:{version}")
}

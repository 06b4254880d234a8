//! The published versions that a worker uses. They are immutable, so an isolate keeps each version
//! that it has read. The key-value store lists the live versions and has copies of their content.
//! The database is the source of those copies, and is read for whatever they lack.
//!
//! A fresh list in memory is used as it is. Otherwise the list is read from the key-value store,
//! and so is the content of each version that the isolate has not read yet.

use super::publish;
use crate::domain::base::primitives::{CLOCKS_DIFFER_MAX, CampaignId, Millis, Span};
use crate::domain::kind::{Kind, Kinds};
use crate::domain::publication::catalog::{Catalog, PublishedVersion, Unreadable};
use crate::flows::ports::all;
use crate::flows::ports::{Database, DatabaseError, KeyValue, KeyValueError};
use crate::store::campaigns::LiveKind;
use crate::store::campaigns::{self, Listing, LiveRow, VersionRow};
use crate::store::kinds::{self, KindRow};
use crate::store::statement::Rows;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The key of the list of live versions in the key-value store.
pub const LIVE_KEY: &str = "live";

/// The age at which a tick rewrites the list, even if unchanged, to show that it is maintained.
const LIST_AGE_MAX: Span = Span::minutes(5);

/// The age at which the list counts as unmaintained, because the key-value store takes no writes or
/// no tick runs. The database is read instead.
const LIST_AGE_LAST: Span = Span::minutes(7);

/// The maximum number of versions that an isolate keeps; beyond that it drops them all and reads
/// again.
const VERSIONS_KEPT_MAX: usize = 200;

/// How long an isolate uses the last catalog without reading again. The key-value store itself may
/// lag by a minute elsewhere; the isolate that publishes sees the new version at once.
const CATALOG_AGE_MAX: Span = Span::seconds(5);

/// How long an isolate uses the last catalog while neither store answers: no longer than the
/// key-value store may lag.
const CATALOG_AGE_LAST: Span = Span::minutes(1);

type Version = (CampaignId, u32);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Listed {
    /// When it was written.
    at: Millis,
    /// The live versions.
    #[serde(flatten)]
    listing: Listing,
}

/// The cache of one isolate.
#[derive(Default)]
pub struct Shelf {
    latest: Option<(Millis, Rc<Catalog>)>,
    kept: BTreeMap<Version, Rc<PublishedVersion>>,
    /// The kinds of records that the isolate has read.
    kinds: BTreeMap<LiveKind, Rc<Kind>>,
    /// The versions that the key-value store was found to lack.
    lacking: BTreeSet<Version>,
    /// Whether the key-value store refused the last list.
    refused: bool,
}

impl Shelf {
    fn keep(&mut self, published: &Rc<PublishedVersion>) {
        if self.kept.len() >= VERSIONS_KEPT_MAX {
            self.kept.clear();
        }
        self.kept.insert((published.id().clone(), published.version), published.clone());
    }
}

/// The stores that versions come from, and the isolate's own cache.
pub struct Library<'a, D, K> {
    /// The source of truth.
    pub db: &'a D,
    /// The copies.
    pub kv: &'a K,
    /// The isolate's cache.
    pub shelf: &'a RefCell<Shelf>,
    /// The real time, which tests do not shift.
    pub now: Millis,
}

impl<D: Database, K: KeyValue> Library<'_, D, K> {
    /// Returns the live versions. Fails if neither store answers and there is no recent catalog in
    /// memory.
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
                // A key-value store that does not answer is not asked for content either.
                (Ok(current), _) => self.read(&current, listed.is_ok()).await,
                (Err(_), Ok(Some(listed))) => self.read(&listed.listing, true).await,
                (Err(error), _) => Err(error),
            },
        };
        read.or_else(|error| in_mind(CATALOG_AGE_LAST).ok_or(error))
    }

    /// Reads the live versions from the database again, and copies those that the key-value store
    /// lacks. This isolate has the new versions even if copying fails.
    pub async fn refresh(&self) -> Result<Result<(), KeyValueError>, DatabaseError> {
        let current = publish::live_versions(self.db).await?;
        let listed = self.listed().await;
        self.read(&current, listed.is_ok()).await?;
        self.copy(current, listed).await
    }

    /// Compares the copies with the database, and repairs missing or outdated ones.
    pub async fn repair(&self) -> Result<Result<(), KeyValueError>, DatabaseError> {
        let current = publish::live_versions(self.db).await?;
        let listed = self.listed().await;
        let is_kept_up = matches!(&listed, Ok(Some(listed))
            if listed.listing == current && self.now < listed.at.plus(LIST_AGE_MAX));
        if is_kept_up && self.shelf.borrow().lacking.is_empty() {
            self.shelf.borrow_mut().refused = false;
            return Ok(Ok(()));
        }
        self.copy(current, listed).await
    }

    /// Returns the list in the key-value store; `None` if there is no readable list. A list dated
    /// in the future was written with a wrong clock and is ignored.
    async fn listed(&self) -> Result<Option<Listed>, KeyValueError> {
        let text = self.kv.get(LIVE_KEY).await?;
        let listed = text.and_then(|text| serde_json::from_str::<Listed>(&text).ok());
        Ok(listed.filter(|listed| listed.at <= self.now.plus(CLOCKS_DIFFER_MAX)))
    }

    /// Reads the versions of a list and caches them.
    async fn read(
        &self,
        Listing { live: listed, unpublished, kinds }: &Listing,
        kv_answers: bool,
    ) -> Result<Rc<Catalog>, DatabaseError> {
        let (mut stored, mut missing) = (Vec::new(), Vec::new());
        for live in listed {
            match self.content(live, kv_answers).await {
                Some(published) => stored.push(Ok(published)),
                None => missing.push((live.campaign.clone(), live.version)),
            }
        }
        if !missing.is_empty() {
            stored.extend(self.in_database(missing).await?);
        }
        let statuses = listed.iter().flat_map(|live| live.journeys.iter().cloned()).collect();
        let outages = listed.iter().flat_map(|live| live.outages.iter().cloned()).collect();
        let catalog = Catalog::of_stored(stored).with_statuses(statuses).with_outages(outages);
        let catalog = catalog.with_unpublished(unpublished.clone());
        let catalog = Rc::new(catalog.with_kinds(self.kinds(kinds, kv_answers).await?));
        self.shelf.borrow_mut().latest = Some((self.now, catalog.clone()));
        Ok(catalog)
    }

    /// Returns the kinds of records: from the cache, from their copies, or from the database. One
    /// that cannot be read is left out, and nothing is decided about its records.
    async fn kinds(&self, listed: &[LiveKind], kv_answers: bool) -> Result<Kinds, DatabaseError> {
        let is_kept = |one: &&LiveKind| self.shelf.borrow().kinds.contains_key(*one);
        let mut missing: Vec<&LiveKind> = listed.iter().filter(|one| !is_kept(one)).collect();
        if kv_answers {
            let mut found = Vec::new();
            for one in &missing {
                let text = self.kv.get(&kind_key(one)).await.ok().flatten();
                found.push(text.and_then(|text| serde_json::from_str::<Kind>(&text).ok()));
            }
            for (one, kind) in missing.iter().zip(&found) {
                if let Some(kind) = kind {
                    let kind = Rc::new(kind.clone());
                    self.shelf.borrow_mut().kinds.insert((*one).clone(), kind);
                }
            }
            missing.retain(|one| !is_kept(one));
        }
        if !missing.is_empty() {
            let rows = self.db.batch(vec![kinds::live()]).await?;
            for row in all::<KindRow>(rows.first())? {
                let Ok(kind) = row.read() else { continue };
                let one = LiveKind { kind: row.kind, version: row.version };
                self.shelf.borrow_mut().kinds.insert(one, Rc::new(kind));
            }
        }
        let shelf = &mut self.shelf.borrow_mut().kinds;
        shelf.retain(|one, _| listed.contains(one));
        let unreadable = listed.iter().filter(|one| !shelf.contains_key(*one));
        let unreadable = unreadable.map(|one| one.kind.clone()).collect();
        Ok(Kinds::new(shelf.values().cloned()).without(unreadable))
    }

    /// Returns the content of a version from the cache, or from its copy.
    async fn content(&self, live: &LiveRow, kv_answers: bool) -> Option<Rc<PublishedVersion>> {
        let version = (live.campaign.clone(), live.version);
        let kept = self.shelf.borrow().kept.get(&version).cloned();
        if kept.is_some() || !kv_answers {
            return kept;
        }
        let text = self.kv.get(&content_key(&version)).await.ok()?;
        let published = text.and_then(|text| {
            PublishedVersion::read(&live.campaign, live.version, live.published_at, &text).ok()
        });
        let published = published.map(Rc::new);
        match &published {
            Some(published) => self.shelf.borrow_mut().keep(published),
            None => drop(self.shelf.borrow_mut().lacking.insert(version)),
        }
        published
    }

    /// Reads the content of these versions from the database.
    async fn in_database(
        &self,
        missing: Vec<Version>,
    ) -> Result<Vec<Result<Rc<PublishedVersion>, Unreadable>>, DatabaseError> {
        let mut stored = Vec::new();
        let mut gone: BTreeSet<Version> = missing.iter().cloned().collect();
        for row in self.rows(&missing).await? {
            gone.remove(&(row.campaign_id.clone(), row.version));
            let published = row.version().map(Rc::new);
            published.iter().for_each(|published| self.shelf.borrow_mut().keep(published));
            stored.push(published);
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

    /// Copies the content of live versions that are not listed yet, and then the list. The content
    /// is copied as stored, because newer code may have written more than this code can parse.
    async fn copy(
        &self,
        current: Listing,
        listed: Result<Option<Listed>, KeyValueError>,
    ) -> Result<Result<(), KeyValueError>, DatabaseError> {
        let copied = match listed {
            Ok(listed) => {
                let listed = listed.map(|one| one.listing).unwrap_or_default();
                let (listed_kinds, new) =
                    (listed.kinds, self.not_copied(&current.live, listed.live));
                let rows = if new.is_empty() { Vec::new() } else { self.rows(&new).await? };
                let kinds = match current.kinds.iter().all(|one| listed_kinds.contains(one)) {
                    true => Vec::new(),
                    false => all::<KindRow>(self.db.batch(vec![kinds::live()]).await?.first())?,
                };
                self.put(rows, kinds, current).await
            }
            Err(error) => Err(error),
        };
        let mut shelf = self.shelf.borrow_mut();
        shelf.refused = copied.is_err();
        if copied.is_ok() {
            // Versions that are no longer live do not matter.
            shelf.lacking.clear();
        }
        Ok(copied)
    }

    /// Returns the live versions that have no copy.
    fn not_copied(&self, current: &[LiveRow], listed: Vec<LiveRow>) -> Vec<Version> {
        let version = |live: &LiveRow| (live.campaign.clone(), live.version);
        let listed: BTreeSet<Version> = listed.iter().map(version).collect();
        let lacking = &self.shelf.borrow().lacking;
        let is_new = |one: &Version| !listed.contains(one) || lacking.contains(one);
        current.iter().map(version).filter(is_new).collect()
    }

    async fn put(
        &self,
        rows: Vec<VersionRow>,
        kinds: Vec<KindRow>,
        listing: Listing,
    ) -> Result<(), KeyValueError> {
        for row in kinds {
            let one = LiveKind { kind: row.kind, version: row.version };
            self.kv.put(&kind_key(&one), &row.definition).await?;
        }
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

fn kind_key(LiveKind { kind, version }: &LiveKind) -> String {
    format!("kind:{kind}:{version}")
}

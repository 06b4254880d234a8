//! Published versions at the edge: immutable, so an isolate keeps each one it has seen. KV says
//! which are live and holds their content; the database is the truth that KV is made from.

use super::d1::D1;
use super::kv::Kv;
use super::reply;
use crate::domain::catalog::{Catalog, Edition};
use crate::domain::primitives::{CampaignId, Millis, Span};
use crate::flows::publish;
use crate::store::campaigns::LiveRow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Under this key KV lists what is live.
const LIVE_KEY: &str = "live";

/// How many versions an isolate keeps; past that it forgets them all and reads again.
const EDITIONS_KEPT_MAX: usize = 200;

thread_local! {
    static LATEST: RefCell<Option<(Millis, Rc<Catalog>)>> = RefCell::default();
    static KEPT: RefCell<BTreeMap<(CampaignId, u32), Rc<Edition>>> = RefCell::default();
}

/// How long an isolate believes what it read last. KV itself may be a minute behind elsewhere;
/// the isolate that publishes knows at once.
const CATALOG_AGE_MAX: Span = Span::seconds(5);

/// The live versions. An isolate that has read them lately does not read again; else it is one
/// read of KV, and one more for each version that it has not seen yet. If KV knows nothing, the
/// database is asked. `now` is the real time, which no test moves.
pub async fn catalog(db: &D1, kv: &Kv, now: Millis) -> Result<Rc<Catalog>, String> {
    let latest = LATEST.with_borrow(|latest| latest.clone());
    if let Some((read_at, catalog)) = latest
        && now < read_at.plus(CATALOG_AGE_MAX)
    {
        return Ok(catalog);
    }
    let catalog = match from_kv(kv).await {
        Some(catalog) => Rc::new(catalog),
        None => return put_live(db, kv, now).await,
    };
    LATEST.set(Some((now, catalog.clone())));
    Ok(catalog)
}

/// Puts what is live in the database into KV, and into this isolate.
pub async fn put_live(db: &D1, kv: &Kv, now: Millis) -> Result<Rc<Catalog>, String> {
    let catalog = Rc::new(from_database(db, kv).await?);
    LATEST.set(Some((now, catalog.clone())));
    Ok(catalog)
}

async fn from_kv(kv: &Kv) -> Option<Catalog> {
    let listed = kv.get(LIVE_KEY).await.ok().flatten()?;
    let listed: Vec<LiveRow> = serde_json::from_str(&listed).ok()?;
    let mut editions = Vec::new();
    let mut statuses = Vec::new();
    for live in listed {
        editions.push(edition(kv, &live).await?);
        statuses.extend(live.journeys);
    }
    Some(Catalog::new(editions).with_statuses(statuses))
}

/// Compares what KV says is live with the database, and mends KV if a publish did not reach it.
pub async fn repair(db: &D1, kv: &Kv, now: Millis) -> Result<(), String> {
    let listed = kv.get(LIVE_KEY).await.ok().flatten();
    let truth = publish::live_versions(db).await.map_err(|error| error.to_string())?;
    let listed = listed.and_then(|text| serde_json::from_str::<Vec<LiveRow>>(&text).ok());
    if listed.as_ref() == Some(&truth) { Ok(()) } else { put_live(db, kv, now).await.map(drop) }
}

async fn edition(kv: &Kv, live: &LiveRow) -> Option<Rc<Edition>> {
    let key = (live.campaign.clone(), live.version);
    if let Some(kept) = KEPT.with_borrow(|kept| kept.get(&key).cloned()) {
        return Some(kept);
    }
    let text = kv.get(&content_key(live)).await.ok().flatten()?;
    let edition =
        Rc::new(Edition::new(live.version, live.published_at, serde_json::from_str(&text).ok()?));
    keep(&edition);
    Some(edition)
}

/// Reads what is live from the database, and puts it into KV. Should KV take no writes, what was
/// read still serves, and the next tick tries again.
async fn from_database(db: &D1, kv: &Kv) -> Result<Catalog, String> {
    let catalog = publish::live(db).await.map_err(|error| error.to_string())?;
    catalog.live().for_each(keep);
    if let Err(error) = copy(&catalog, kv).await {
        reply::log("editions.copy", &error);
    }
    Ok(catalog)
}

async fn copy(catalog: &Catalog, kv: &Kv) -> Result<(), String> {
    let mut listed = Vec::new();
    for edition in catalog.live() {
        let (version, published_at) = (edition.version, edition.published_at);
        let journeys = catalog.statuses(edition.id()).cloned().collect();
        let live = LiveRow { campaign: edition.id().clone(), version, published_at, journeys };
        let text = serde_json::to_string(&edition.compiled).map_err(|error| error.to_string())?;
        kv.put(&content_key(&live), &text).await.map_err(|error| error.to_string())?;
        listed.push(live);
    }
    let listed = serde_json::to_string(&listed).map_err(|error| error.to_string())?;
    kv.put(LIVE_KEY, &listed).await.map_err(|error| error.to_string())
}

fn keep(edition: &Rc<Edition>) {
    KEPT.with_borrow_mut(|kept| {
        if kept.len() >= EDITIONS_KEPT_MAX {
            kept.clear();
        }
        kept.insert((edition.id().clone(), edition.version), edition.clone());
    });
}

fn content_key(live: &LiveRow) -> String {
    format!("version:{}:{}", live.campaign, live.version)
}

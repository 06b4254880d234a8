//! Tries again to read versions that could not be read. When one becomes readable, the contacts
//! that were decided on without it are decided on again.

use crate::domain::base::primitives::{CampaignId, Millis, Span};
use crate::domain::publication::catalog::{Catalog, Unreadable};
use crate::flows::campaign::backfill::{UNAWARE_MAX, WORKER_LIFE};
use crate::flows::ports::all as all_rows;
use crate::flows::ports::{Database, DatabaseError};
use crate::store::campaigns::{self, VersionRow};
use crate::store::outages::{self, OutageRow, ReachedRow};
use crate::store::statement::Rows;

/// The maximum number of waking steps per tick.
const STEPS_PER_TICK: usize = 10;

/// How long an outage is kept after its end: a contact that is decided on within that time is
/// checked for what happened during the outage, even if nothing woke it.
const REMEMBERED: Span = Span::days(2);

/// Records the versions that this worker cannot read, tries earlier ones again, and wakes the
/// contacts that were decided on in between. Returns whether a version has become readable.
pub async fn watch<D: Database>(
    db: &D,
    catalog: &Catalog,
    now: Millis,
) -> Result<bool, DatabaseError> {
    let found = catalog.unreadable();
    if !found.is_empty() {
        db.batch(vec![outages::note(&found, now)]).await?;
    }
    let rows = db.batch(vec![outages::list()]).await?;
    let rows = rows.first().map(Rows::all::<OutageRow>).transpose();
    let rows = rows.map_err(DatabaseError::Fault)?.unwrap_or_default();
    let (out, over): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.until.is_none());
    let readable = try_again(db, &out, now).await?;
    catch_up(db, over, now).await?;
    Ok(readable)
}

/// Returns the versions that cannot be read: those recorded, and those that this worker has found.
pub async fn unreadable<D: Database>(
    db: &D,
    catalog: &Catalog,
) -> Result<Vec<Unreadable>, DatabaseError> {
    let rows = db.batch(vec![outages::list()]).await?;
    let rows = rows.first().map(Rows::all::<OutageRow>).transpose();
    Ok(all(rows.map_err(DatabaseError::Fault)?.unwrap_or_default(), &catalog.unreadable()))
}

/// Returns the rows that are not over, and those of `found` that are not among them.
pub fn all(rows: Vec<OutageRow>, found: &[Unreadable]) -> Vec<Unreadable> {
    let out = rows.into_iter().filter(|row| row.until.is_none());
    let mut all: Vec<Unreadable> = out
        .map(|row| Unreadable {
            campaign: row.campaign_id,
            version: row.version,
            reason: row.reason,
            paths: None,
        })
        .collect();
    for one in found {
        if !all.iter().any(|it| it.campaign == one.campaign && it.version == one.version) {
            all.push(one.clone());
        }
    }
    all
}

/// Ends the outages of versions that can be read again, and of those that are no longer used:
/// deleted, or replaced and without contacts. Returns whether there were any.
async fn try_again<D: Database>(
    db: &D,
    out: &[OutageRow],
    now: Millis,
) -> Result<bool, DatabaseError> {
    if out.is_empty() {
        return Ok(false);
    }
    let wanted: Vec<(CampaignId, u32)> =
        out.iter().map(|row| (row.campaign_id.clone(), row.version)).collect();
    let rows = db.batch(vec![campaigns::versions(&wanted), outages::unneeded()]).await?;
    let stored = all_rows::<VersionRow>(rows.first())?;
    let unneeded = all_rows::<OutageRow>(rows.get(1))?;
    let of = |row: &OutageRow| {
        let is_it =
            |one: &&VersionRow| one.campaign_id == row.campaign_id && one.version == row.version;
        stored.iter().find(is_it)
    };
    let is_over = |row: &&OutageRow| {
        unneeded.contains(row) || of(row).is_none_or(|stored| stored.version().is_ok())
    };
    let over = out.iter().filter(is_over);
    let ends: Vec<_> = over.map(|row| outages::end(row, now)).collect();
    let is_any = !ends.is_empty();
    if is_any {
        db.batch(ends).await?;
    }
    Ok(is_any)
}

/// Wakes the contacts that were decided on during an outage that is over: at once, and again when
/// no worker is left that could not read the version.
async fn catch_up<D: Database>(
    db: &D,
    over: Vec<OutageRow>,
    now: Millis,
) -> Result<(), DatabaseError> {
    let mut steps = STEPS_PER_TICK;
    for mut row in over {
        let Some(until) = row.until else { continue };
        if row.wave > 2 {
            if now > until.plus(REMEMBERED) {
                db.batch(vec![outages::forget(&row)]).await?;
            }
            continue;
        }
        // The second pass covers the contacts that such a worker has written since the first.
        let written_since = match row.wave {
            1 => row.since.minus(WORKER_LIFE),
            _ if now < until.plus(UNAWARE_MAX) => continue,
            _ => until.minus(WORKER_LIFE),
        };
        while steps > 0 {
            steps -= 1;
            let rows = db.batch(outages::wake_step(&row, written_since, now).to_vec()).await?;
            let reached = rows.last().map(Rows::first::<ReachedRow>).transpose();
            match reached.map_err(DatabaseError::Fault)?.flatten() {
                Some(reached) => row.after_id = reached.after_id,
                None => {
                    db.batch(vec![outages::next_wave(&row)]).await?;
                    break;
                }
            }
        }
    }
    Ok(())
}

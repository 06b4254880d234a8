//! The published versions that a commit needs and the catalog lacks.

use super::Command;
use crate::domain::base::primitives::{CampaignId, Millis};
use crate::domain::contact::Contact;
use crate::domain::engine::Input;
use crate::domain::publication::catalog::Catalog;
use crate::domain::publication::unpublished::Unpublished;
use crate::domain::record::Record;
use crate::flows::ports::{Database, DatabaseError};
use crate::store::statement::Rows;
use crate::store::{campaigns, outages};
use std::collections::BTreeSet;
use std::rc::Rc;

/// Records which live versions cannot be read, so that contacts decided on without them are decided
/// on again.
pub(super) async fn note_unreadable<D: Database>(
    db: &D,
    catalog: &Catalog,
    now: Millis,
) -> Result<(), DatabaseError> {
    let unreadable = catalog.to_be_noted(now);
    if !unreadable.is_empty() {
        db.batch(vec![outages::note(&unreadable, now)]).await?;
        catalog.set_noted(now);
    }
    Ok(())
}

/// Adds to the catalog every version that one of these records is on. Returns whether any version
/// was missing.
pub async fn load_older_versions<D: Database>(
    db: &D,
    catalog: &Catalog,
    records: impl Iterator<Item = &Record>,
    now: Millis,
) -> Result<bool, DatabaseError> {
    let active = records.flat_map(|record| &record.enrollments).filter(|e| e.is_active());
    let wanted = active.map(|e| (e.campaign.clone(), e.version));
    load_versions(db, catalog, wanted, now).await
}

/// Returns the versions of unpublished campaigns for which a late event may be a goal: it happened
/// before the campaign was unpublished, to a contact that the campaign has brought.
pub(super) fn credited_late(
    catalog: &Catalog,
    commands: &[Command],
    contacts: &[Contact],
) -> Vec<(CampaignId, u32)> {
    let inputs = || commands.iter().flat_map(|command| &command.inputs);
    let is_touched = |id: &CampaignId| {
        contacts.iter().flat_map(|one| &one.touches).any(|touch| touch.campaign == id.0)
    };
    let is_credited = |one: &&Unpublished| {
        inputs().filter_map(Input::at).any(|at| at <= one.since) && is_touched(&one.campaign)
    };
    let late = catalog.all_unpublished().filter(is_credited);
    late.filter_map(|one| Some((one.campaign.clone(), one.version?))).collect()
}

/// Adds the versions that the catalog lacks. Returns whether any were missing. Versions that cannot
/// be read are recorded so that operators learn of them.
pub async fn load_versions<D: Database>(
    db: &D,
    catalog: &Catalog,
    wanted: impl Iterator<Item = (CampaignId, u32)>,
    now: Millis,
) -> Result<bool, DatabaseError> {
    let missing: BTreeSet<(CampaignId, u32)> =
        wanted.filter(|(campaign, version)| !catalog.knows(campaign, *version)).collect();
    if missing.is_empty() {
        return Ok(false);
    }
    let missing: Vec<_> = missing.into_iter().collect();
    let rows = db.batch(vec![campaigns::versions(&missing)]).await?;
    let rows = rows.first().map(Rows::all::<campaigns::VersionRow>).transpose();
    let mut unreadable = Vec::new();
    for row in rows.map_err(DatabaseError::Fault)?.unwrap_or_default() {
        let stored = row.version().map(Rc::new);
        unreadable.extend(stored.as_ref().err().cloned());
        catalog.add_older(stored);
    }
    if !unreadable.is_empty() {
        db.batch(vec![outages::note(&unreadable, now)]).await?;
    }
    Ok(true)
}

//! The audit log: list, and enter what an act has done.

use crate::domain::access::audit::AuditEntry;
use crate::flows::ports::{Database, DatabaseError, all};
use crate::store::audit::{self, AuditFilter, AuditRow};

/// Returns the entries that match, the newest first.
pub async fn list<D: Database>(
    db: &D,
    filter: &AuditFilter,
    limit: usize,
) -> Result<Vec<AuditEntry>, DatabaseError> {
    let rows = db.batch(vec![audit::list(filter, limit)]).await?;
    Ok(all::<AuditRow>(rows.first())?.into_iter().map(AuditEntry::from).collect())
}

/// Enters something that was done.
pub async fn enter<D: Database>(db: &D, entry: &AuditEntry) -> Result<(), DatabaseError> {
    db.batch(vec![audit::enter(entry)]).await.map(drop)
}

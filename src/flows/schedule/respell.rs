//! Rewrites e-mail addresses that were stored before each had one normal form.
//!
//! Nearly always there are none. Otherwise a tick rewrites up to a hundred contacts and as many
//! suppressions.

use crate::domain::base::primitives::{Millis, RecordId};
use crate::domain::contact::address::read_email;
use crate::domain::contact::suppression::Suppression;
use crate::flows::ports::{Database, DatabaseError};
use crate::store::respelling::{self, OddContact, Respelled};
use crate::store::statement::Rows;
use std::collections::BTreeSet;

/// Rewrites the addresses. Two contacts that get the same address are not merged here: the second
/// one loses the address, with an event that names the first, and an operator may merge the two.
pub async fn respell<D: Database>(db: &D, now: Millis) -> Result<(), DatabaseError> {
    let rows = db.batch(vec![respelling::odd_contacts(), respelling::odd_suppressions()]).await?;
    let contacts = rows.first().map(Rows::all::<OddContact>).transpose();
    let contacts = contacts.map_err(DatabaseError::Fault)?.unwrap_or_default();
    let suppressions = rows.get(1).map(Rows::all::<Suppression>).transpose();
    let suppressions = suppressions.map_err(DatabaseError::Fault)?.unwrap_or_default();
    let mut statements = Vec::new();
    let odd = contacts.into_iter().map(|OddContact { id, email }| (Some(id), email));
    let respelled = each_once(odd);
    if !respelled.is_empty() {
        statements.extend(respelling::contacts(&respelled, now));
    }
    let respelled = each_once(suppressions.iter().map(|one| (None, one.address.clone())));
    if !respelled.is_empty() {
        let copies = suppressions.into_iter().filter_map(|one| {
            let address = read_email(&one.address).ok()?;
            Some(Suppression { address, ..one })
        });
        statements.extend(respelling::suppressions(&respelled, &copies.collect::<Vec<_>>()));
    }
    if !statements.is_empty() {
        db.batch(statements).await?;
    }
    Ok(())
}

/// Returns the new form of each address. Of those that become equal it returns the first; the next
/// tick handles the others.
fn each_once(odd: impl Iterator<Item = (Option<RecordId>, String)>) -> Vec<Respelled> {
    let mut taken = BTreeSet::new();
    let all = odd.map(|(id, old)| Respelled { id, new: read_email(&old).ok(), old });
    all.filter(|one| one.new.as_ref().is_none_or(|new| taken.insert(new.clone()))).collect()
}

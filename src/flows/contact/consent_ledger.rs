//! An auditor's view of consents: who consented to what, when, in which words, and with what proof.
//! Nothing is written.

use crate::domain::base::primitives::{Millis, RecordId};
use crate::domain::contact::consent::{Consent, ConsentEntry, with_proofs};
use crate::flows::contact::find;
use crate::flows::error::{FlowError, Refusal};
use crate::flows::ports::{Database, DatabaseError};
use crate::store::consents;
use serde::{Deserialize, Serialize};

/// The consents of a contact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    pub contact: RecordId,
    /// The present state of each purpose and channel.
    pub standing: Vec<Consent>,
    /// All entries, oldest first; each grant with its proof.
    pub entries: Vec<ConsentEntry>,
}

/// Returns the ledger of the contact with this id or address.
pub async fn ledger<D: Database>(db: &D, named: &str, now: Millis) -> Result<Ledger, FlowError> {
    let named = named.trim();
    let answers = db.batch(find::questions(named, &[], now).to_vec()).await?;
    let Some(contact) = find::pick(named, &answers)? else {
        return Err(FlowError::NotFound(Refusal::new(
            "No such contact",
            "Nobody has that id or address.",
            find::contact_not_found("contact"),
        )));
    };
    let rows = db.batch(vec![consents::of_contact(&contact.id)]).await?;
    let records = rows.first().map(consents::records).transpose();
    let records = records.map_err(DatabaseError::Fault)?.unwrap_or_default();
    let (contact, standing) = (contact.record.id, contact.consents);
    Ok(Ledger { contact, standing, entries: with_proofs(records) })
}

//! Decides again, by the present rules and all facts received since, which recorded opens and
//! clicks of a campaign were made by bots. It works page by page: the caller continues after the
//! last message of a page.
//!
//! Nothing is written where no classification changes.

use crate::domain::base::primitives::{CampaignId, Ids, MessageId, Millis, RecordId};
use crate::domain::engine::Input;
use crate::domain::engine::change::Change;
use crate::domain::publication::catalog::Catalog;
use crate::flows::commit::{Command, CommitError, RecordRef, commit};
use crate::flows::ports::{Database, DatabaseError};
use crate::flows::tasks::deliveries;
use crate::flows::tasks::{CONTACTS_PER_TASK_MAX, Work};
use crate::store::messages::{self, FetchedRow};
use crate::store::statement::Rows;
use std::collections::BTreeMap;

/// The number of messages of the ledger per page: at most five hundred contacts, and eleven round
/// trips.
const MESSAGES_PER_PAGE: i64 = 500;

/// The result of a page.
#[derive(Debug, Default, PartialEq)]
pub struct Page {
    /// The number of messages that were reclassified.
    pub judged: usize,
    /// The number of opens and clicks whose classification changed.
    pub changed: usize,
    /// Where to continue; `None` when all are done.
    pub after: Option<MessageId>,
    /// The work that follows.
    pub work: Vec<Work>,
}

/// Reclassifies the next page of a campaign's messages.
pub async fn reclassify<D: Database>(
    db: &D,
    catalog: &Catalog,
    campaign: &CampaignId,
    after: &str,
    now: Millis,
    ids: &mut Ids,
) -> Result<Page, CommitError> {
    let rows = db.batch(vec![messages::fetched(campaign, after, MESSAGES_PER_PAGE)]).await?;
    let rows = rows.first().map(Rows::all::<FetchedRow>).transpose();
    let rows = rows.map_err(DatabaseError::Fault)?.unwrap_or_default();
    let is_full = rows.len() as i64 == MESSAGES_PER_PAGE;
    let last = rows.last().map(|row| row.id.clone()).filter(|_| is_full);
    let mut page = Page { after: last, ..Page::default() };
    let mut by_contact: BTreeMap<RecordId, Vec<Input>> = BTreeMap::new();
    for row in rows.into_iter().filter(|row| row.is_fetched != 0) {
        page.judged += 1;
        by_contact.entry(row.contact_id).or_default().push(Input::Reclassified(row.id));
    }
    let commands = by_contact.into_iter();
    let commands =
        commands.map(|(contact, inputs)| Command { who: RecordRef::Id(contact), inputs });
    for some in commands.collect::<Vec<_>>().chunks(CONTACTS_PER_TASK_MAX) {
        let decisions = commit(db, catalog, some.to_vec(), now, ids).await?;
        let changes = decisions.iter().flat_map(|decision| &decision.changes);
        page.changed += changes
            .map(|change| match change {
                Change::Reclassify { events, .. } => events.len(),
                _ => 0,
            })
            .sum::<usize>();
        page.work.extend(deliveries(&decisions));
    }
    Ok(page)
}

//! receive: what a contact says by a link of a message. A GET shows what a POST would do.
//!
//! Each costs one round trip to read (1 statement, 2 to unsubscribe) and one to write: 5 statements
//! to unsubscribe (events, contact, message, consents, counters), 5 to confirm where that begins a
//! journey (events, contact, enrollment, message, consents).

use super::commit::{Case, CommitError, Who, commit};
use super::seams::{Database, DatabaseError};
use super::settings::Settings;
use super::submit_form::deliveries;
use super::task::Work;
use crate::domain::catalog::Catalog;
use crate::domain::decide::Happening;
use crate::domain::primitives::{CampaignId, Channel, ContactId, Ids, MessageId, Millis, Span};
use crate::domain::token::{Purpose, TokenProblem};
use crate::store::short_links::{self, ShortLink};
use crate::store::statement::Rows;

/// How long a confirmation link works.
pub const CONFIRM_AGE_MAX: Span = Span::days(14);

/// What a link of a message says about itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// Whose message it was.
    pub contact: ContactId,
    /// The campaign's, for the language of the page.
    pub campaign: CampaignId,
    /// Which message.
    pub message: MessageId,
    /// The rest: a target, a channel, or a purpose and a time.
    pub rest: String,
}

impl Link {
    /// The token of a link.
    pub fn sign(&self, settings: &Settings, purpose: Purpose) -> String {
        let Self { contact, campaign, message, rest } = self;
        settings.keys.sign(purpose, &format!("{contact}|{campaign}|{message}|{rest}"))
    }

    /// Reads a token back.
    pub fn verify(
        settings: &Settings,
        purpose: Purpose,
        token: &str,
    ) -> Result<Self, TokenProblem> {
        let payload = settings.keys.verify(purpose, token)?;
        let mut parts = payload.splitn(4, '|').map(str::to_owned);
        let mut next = || parts.next().ok_or(TokenProblem::Malformed);
        Ok(Self {
            contact: ContactId(next()?),
            campaign: CampaignId(next()?),
            message: MessageId(next()?),
            rest: next()?,
        })
    }
}

/// The link behind a short one, if it is kept: one round trip, one statement.
pub async fn short_link<D: Database>(
    db: &D,
    code: &str,
    now: Millis,
) -> Result<Option<Link>, DatabaseError> {
    let rows = db.batch(vec![short_links::find(code, now)]).await?;
    let found = rows.first().map(Rows::first::<ShortLink>).transpose();
    let found = found.map_err(DatabaseError::Fault)?.flatten();
    Ok(found.map(|link| Link {
        contact: link.contact_id,
        campaign: link.campaign_id,
        message: link.message_id,
        rest: link.target,
    }))
}

/// Takes back every consent on the channel that the link names. Twice is as good as once, and a
/// link never grows too old for it.
pub async fn unsubscribe<D: Database>(
    db: &D,
    catalog: &Catalog,
    link: Link,
    origin_hash: &str,
    now: Millis,
    ids: &mut Ids,
) -> Result<(), CommitError> {
    let channel = if link.rest == Channel::Sms.as_str() { Channel::Sms } else { Channel::Email };
    let happening = Happening::Unsubscribed {
        channel,
        message: link.message,
        origin_hash: origin_hash.to_owned(),
    };
    let case = Case { who: Who::Id(link.contact), happenings: vec![happening] };
    commit(db, catalog, vec![case], now, ids).await?;
    Ok(())
}

/// The purpose that a confirmation link is for, while it works.
pub fn confirmed_purpose(link: &Link, now: Millis) -> Option<&str> {
    let (purpose, issued) = link.rest.rsplit_once('|')?;
    let issued = Millis(issued.parse().ok()?);
    (now <= issued.plus(CONFIRM_AGE_MAX)).then_some(purpose)
}

/// The owner of the address agrees to what was asked for in its name.
pub async fn confirm<D: Database>(
    db: &D,
    catalog: &Catalog,
    contact: ContactId,
    purpose: &str,
    origin_hash: &str,
    now: Millis,
    ids: &mut Ids,
) -> Result<Vec<Work>, CommitError> {
    let happening =
        Happening::Confirmed { purpose: purpose.to_owned(), origin_hash: origin_hash.to_owned() };
    let case = Case { who: Who::Id(contact), happenings: vec![happening] };
    let decisions = commit(db, catalog, vec![case], now, ids).await?;
    Ok(deliveries(&decisions))
}

//! Handles the links by which a contact unsubscribes, confirms or undoes. A GET shows what a POST
//! would do.
//!
//! Confirming first reads what was claimed of the contact.

use crate::domain::base::primitives::{
    CampaignId, Channel, Ids, MessageId, Millis, RecordId, Span,
};
use crate::domain::base::token::{self, Purpose, TokenProblem, is_fresh};
use crate::domain::contact::Contact;
use crate::domain::contact::claim::{self, Claims};
use crate::domain::contact::consent::{Consent, ConsentRecord, ConsentState};
use crate::domain::engine::change::Change;
use crate::domain::engine::{Agreement, Input, PreferenceUpdate};
use crate::domain::publication::catalog::Catalog;
use crate::flows::commit::{Command, CommitError, RecordRef, commit};
use crate::flows::ports::{Database, DatabaseError};
use crate::flows::settings::Settings;
use crate::flows::tasks::Work;
use crate::flows::tasks::deliveries;
use crate::store::consents;
use crate::store::contacts::{self, ContactRow};
use crate::store::short_links::{self, ShortLink};
use crate::store::statement::Rows;
use crate::store::suppressions;
use std::collections::BTreeSet;

/// How long a confirmation link works.
pub const CONFIRM_AGE_MAX: Span = Span::days(14);

/// The content of a message's link.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The contact that the message was sent to.
    pub contact: RecordId,
    /// The campaign of the message, for the language of the page.
    pub campaign: CampaignId,
    pub message: MessageId,
    /// The rest: a target, a channel, or a purpose and a time.
    pub rest: String,
}

/// How long an unsubscription can be undone on its page, in case it was a mistake. Afterwards there
/// is the preference page.
pub const UNDO_AGE_MAX: Span = Span::days(1);

impl Link {
    /// Returns the channel of the message, for links whose rest begins with it.
    pub fn channel(&self) -> Channel {
        match self.rest.split('|').next() {
            Some(word) if word == Channel::Sms.as_str() => Channel::Sms,
            _ => Channel::Email,
        }
    }

    /// Returns the signed token of the link.
    pub fn sign(&self, settings: &Settings, purpose: Purpose) -> String {
        let Self { contact, campaign, message, rest } = self;
        settings.keys.sign(purpose, &format!("{contact}|{campaign}|{message}|{rest}"))
    }

    /// Verifies a token and returns its link.
    pub fn verify(
        settings: &Settings,
        purpose: Purpose,
        token: &str,
    ) -> Result<Self, TokenProblem> {
        let payload = settings.keys.verify(purpose, &token::of_link(token))?;
        let mut parts = payload.splitn(4, '|').map(str::to_owned);
        let mut next = || parts.next().ok_or(TokenProblem::Malformed);
        Ok(Self {
            contact: RecordId(next()?),
            campaign: CampaignId(next()?),
            message: MessageId(next()?),
            rest: next()?,
        })
    }
}

/// Returns the link behind a short code, if it is stored.
pub async fn short_link<D: Database>(
    db: &D,
    code: &str,
    now: Millis,
) -> Result<Option<Link>, DatabaseError> {
    let rows = db.batch(vec![short_links::find(&token::of_short_link(code), now)]).await?;
    let found = rows.first().map(Rows::first::<ShortLink>).transpose();
    let found = found.map_err(DatabaseError::Fault)?.flatten();
    Ok(found.map(|link| Link {
        contact: link.contact_id,
        campaign: link.campaign_id,
        message: link.message_id,
        rest: link.target,
    }))
}

/// Withdraws every consent on the link's channel. Repeating it has no effect, and the link never
/// expires. Returns a link that undoes it, if a consent was withdrawn. If no decision about the
/// contact can be made, its address is suppressed instead.
pub async fn unsubscribe<D: Database>(
    db: &D,
    catalog: &Catalog,
    link: Link,
    origin_hash: &str,
    now: Millis,
    ids: &mut Ids,
) -> Result<Option<Link>, CommitError> {
    let channel = link.channel();
    let input = Input::Unsubscribed {
        channel,
        message: link.message.clone(),
        origin_hash: origin_hash.to_owned(),
    };
    let command = Command { who: RecordRef::Id(link.contact.clone()), inputs: vec![input] };
    let decisions = match commit(db, catalog, vec![command], now, ids).await {
        Err(error) if error.is_contact_specific() => {
            db.batch(vec![suppressions::unsubscribe(&link.contact, channel, now)]).await?;
            return Ok(None);
        }
        decided => decided?,
    };
    let changes = decisions.iter().flat_map(|decision| &decision.changes);
    let purposes: Vec<&str> = changes
        .filter_map(|change| match change {
            Change::SkipQueued(withdrawal) => Some(withdrawal.purpose.as_str()),
            _ => None,
        })
        .collect();
    let rest = format!("{}|{}|{}", channel.as_str(), now.0, purposes.join(","));
    Ok((!purposes.is_empty()).then_some(Link { rest, ..link }))
}

/// Returns what an undo link refers to: the channel, the time of the unsubscription, and the
/// purposes.
pub fn undone(link: &Link) -> Option<(Channel, Millis, Vec<&str>)> {
    let mut parts = link.rest.splitn(3, '|').skip(1);
    let at = Millis(parts.next()?.parse().ok()?);
    Some((link.channel(), at, parts.next()?.split(',').collect()))
}

/// Undoes an unsubscription by a new consent, with the words on the page, within a day and only if
/// the contact has made no other choice since. Returns whether it had an effect.
pub async fn undo<D: Database>(
    db: &D,
    catalog: &Catalog,
    link: &Link,
    text: &str,
    origin_hash: &str,
    now: Millis,
    ids: &mut Ids,
) -> Result<bool, CommitError> {
    let Some((channel, refused_at, purposes)) = undone(link) else { return Ok(false) };
    if !is_fresh(refused_at, now, UNDO_AGE_MAX) {
        return Ok(false);
    }
    let agree = |purpose: &&str| Agreement {
        channel,
        purpose: (*purpose).to_owned(),
        text: text.to_owned(),
    };
    let choice = PreferenceUpdate {
        source: "undo link",
        message: link.message.clone(),
        proven: channel,
        agreed: purposes.iter().map(agree).collect(),
        withdrawn: Vec::new(),
        stop_all: false,
        undoes: Some(refused_at),
        do_not_track: None,
        locale: None,
        time_zone: None,
        origin_hash: origin_hash.to_owned(),
    };
    let inputs = vec![Input::Chose(Box::new(choice))];
    let command = Command { who: RecordRef::Id(link.contact.clone()), inputs };
    let decisions = commit(db, catalog, vec![command], now, ids).await?;
    Ok(decisions.iter().any(|decision| !decision.is_idle()))
}

/// Returns whether a confirmation link has not expired.
pub fn may_confirm(link: &Link, now: Millis) -> bool {
    // Links from before 0.2 contain a purpose, too.
    let issued = link.rest.rsplit_once('|').and_then(|(_, issued)| issued.parse().ok());
    issued.is_some_and(|issued| is_fresh(Millis(issued), now, CONFIRM_AGE_MAX))
}

/// What the page behind a confirmation link asks; nothing if the contact is gone.
#[derive(Default)]
pub struct ConfirmationState {
    /// The consents that wait for confirmation: the purpose, and the words agreed to.
    pub consents: Vec<(String, String)>,
    /// What was claimed of the contact and waits for its owner.
    pub claims: Claims,
    /// Whether the contact has confirmed a consent.
    pub is_answered: bool,
    /// The contact's locale.
    pub locale: Option<String>,
}

/// Returns what waits for confirmation by the owner of an address. Nothing is written.
pub async fn question<D: Database>(
    db: &D,
    link: &Link,
    now: Millis,
) -> Result<ConfirmationState, DatabaseError> {
    let history = claim::REQUIRED_HISTORY.map(str::to_owned);
    let Some((contact, ledger)) = read(db, &link.contact, &history, now).await? else {
        return Ok(ConfirmationState::default());
    };
    let pending = contact.consents.iter().filter(|consent| consent.waits_for_link());
    let mut asks: Vec<(String, String)> = pending
        .map(|consent| (consent.purpose.clone(), words_agreed_to(&ledger, consent)))
        .collect();
    // One checkbox may ask for two channels.
    let mut seen = BTreeSet::new();
    asks.retain(|ask| seen.insert(ask.clone()));
    let is_confirmed = |c: &Consent| c.state == ConsentState::Confirmed;
    Ok(ConfirmationState {
        consents: asks,
        claims: claim::open(&contact, now),
        is_answered: contact.consents.iter().any(is_confirmed),
        locale: contact.locale,
    })
}

/// Returns a contact and its consent ledger; `None` if there is no such contact.
pub async fn read_consents<D: Database>(
    db: &D,
    contact: &RecordId,
    now: Millis,
) -> Result<Option<(Contact, Vec<ConsentRecord>)>, DatabaseError> {
    read(db, contact, &[], now).await
}

/// Does the same, and reads the contact's events with these names.
async fn read<D: Database>(
    db: &D,
    contact: &RecordId,
    events: &[String],
    now: Millis,
) -> Result<Option<(Contact, Vec<ConsentRecord>)>, DatabaseError> {
    let by_id = contacts::by_ids([contact], events, &[], now);
    let statements = vec![by_id, consents::of_contact(contact)];
    let rows = db.batch(statements).await?;
    let row = rows.first().map(Rows::first::<ContactRow>).transpose();
    let Some(row) = row.map_err(DatabaseError::Fault)?.flatten() else { return Ok(None) };
    let ledger = rows.get(1).map(consents::records).transpose().map_err(DatabaseError::Fault)?;
    Ok(Some((Contact::from(row), ledger.unwrap_or_default())))
}

/// Returns the words of the newest grant for the same purpose and channel.
fn words_agreed_to(ledger: &[ConsentRecord], consent: &Consent) -> String {
    let mut grants = ledger.iter().filter(|record| {
        record.channel == consent.channel
            && record.purpose == consent.purpose
            && record.state == ConsentState::Granted
    });
    grants.next_back().map(|record| record.text.clone()).unwrap_or_default()
}

/// Returns what was claimed of a contact until `shown_at` and waits for its owner. Nothing is
/// written.
pub async fn claims<D: Database>(
    db: &D,
    link: &Link,
    shown_at: Millis,
) -> Result<Claims, DatabaseError> {
    let history = claim::REQUIRED_HISTORY.map(str::to_owned);
    let rows = db.batch(vec![contacts::by_ids([&link.contact], &history, &[], shown_at)]).await?;
    let row = rows.first().map(Rows::first::<ContactRow>).transpose();
    let contact = row.map_err(DatabaseError::Fault)?.flatten().map(Contact::from);
    Ok(contact.map(|contact| claim::open(&contact, shown_at)).unwrap_or_default())
}

/// The answer of an address's owner to a confirmation page.
pub struct Confirmation {
    pub link: Link,
    /// When the page was shown.
    pub shown_at: Millis,
    /// Whether the claims are taken over; if not, they are dropped for good.
    pub takes_details: bool,
    /// The keyed hash of the network address it came from.
    pub origin_hash: String,
}

/// Confirms, for the owner of the address, the consents that were pending when the page was shown,
/// and takes over or drops what was claimed by then.
pub async fn confirm<D: Database>(
    db: &D,
    catalog: &Catalog,
    confirmation: Confirmation,
    now: Millis,
    ids: &mut Ids,
) -> Result<Vec<Work>, CommitError> {
    let Confirmation { link, shown_at, takes_details, origin_hash } = confirmation;
    let shown_at = shown_at.min(now);
    let claims = claims(db, &link, shown_at).await?;
    let details = Some(claims).filter(|claims| !claims.is_empty());
    let input = Input::Confirmed {
        shown_at,
        details: details.map(|claims| if takes_details { claims } else { Claims::new() }),
        message: link.message,
        origin_hash,
    };
    let command = Command { who: RecordRef::Id(link.contact), inputs: vec![input] };
    let decisions = commit(db, catalog, vec![command], now, ids).await?;
    Ok(deliveries(&decisions))
}

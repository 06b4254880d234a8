//! Shows and saves the preferences of a contact, by a link of a message.
//!
//! Showing them writes nothing. Saving them is a commit.

use crate::domain::base::language::Language;
use crate::domain::base::primitives::{Ids, Millis};
use crate::domain::contact::Contact;
use crate::domain::engine::Input;
use crate::domain::form::form_data::FormData;
use crate::domain::preferences::{preferences, read};
use crate::domain::publication::catalog::Catalog;
use crate::flows::commit::{Command, CommitError, RecordRef, commit};
use crate::flows::contact::subscription_links::{Link, read_consents};
use crate::flows::ports::{Database, DatabaseError};

/// Returns the contact that the link was sent to; `None` if it is gone or was erased.
pub async fn contact<D: Database>(
    db: &D,
    link: &Link,
    now: Millis,
) -> Result<Option<Contact>, DatabaseError> {
    let found = read_consents(db, &link.contact, now).await?;
    Ok(found.map(|(contact, _)| contact).filter(|contact| contact.erased_at.is_none()))
}

/// The result of saving.
#[derive(Clone, Debug, PartialEq)]
pub enum Saved {
    /// The contact after the change.
    Yes(Box<Contact>),
    /// The same, but without the new consents: their wording has changed since it was shown.
    WordsChanged(Box<Contact>),
    /// The contact does not exist any more, so nothing was saved.
    Gone,
}

/// What a contact submitted on the preference page.
pub struct Submission<'s> {
    pub link: &'s Link,
    pub answer: &'s FormData,
    /// The language in which the page was shown.
    pub language: Language,
    /// The keyed hash of the network address it came from.
    pub origin_hash: &'s str,
}

/// Saves the choices of a submitted preference page.
pub async fn save<D: Database>(
    db: &D,
    catalog: &Catalog,
    submission: &Submission<'_>,
    now: Millis,
    ids: &mut Ids,
) -> Result<Saved, CommitError> {
    let Submission { link, answer, language, origin_hash } = *submission;
    let Some(known) = contact(db, link, now).await? else { return Ok(Saved::Gone) };
    let shown = preferences(catalog, &link.campaign, &known, language, now);
    let mut reading = read(answer, &shown, &link.message, link.channel(), language);
    reading.choice.origin_hash = origin_hash.to_owned();
    let inputs = vec![Input::Chose(Box::new(reading.choice))];
    let command = Command { who: RecordRef::Id(link.contact.clone()), inputs };
    let decisions = commit(db, catalog, vec![command], now, ids).await?;
    let done = decisions.into_iter().next();
    let contact = done.and_then(|done| done.subject.into_contact()).unwrap_or(known);
    let contact = Box::new(contact);
    Ok(if reading.is_outdated { Saved::WordsChanged(contact) } else { Saved::Yes(contact) })
}

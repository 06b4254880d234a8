//! preview: a message of a live version as somebody would get it, without sending it; and a test of
//! it, sent to our own people.
//!
//! A preview is one round trip (2 statements) if a contact is named, and none if not. A test is
//! that, and a `commit`: its row in the ledger is written before it leaves, like any message's.
//!
//! **Who may get a test.** Whoever has an API token or a session may read every contact's data, so
//! a test tells them nothing new; it could only be misused to write to strangers from the sender's
//! own address. So it goes to the campaign's owner, and to addresses of the domains that the
//! deployment and the campaign send from, which are ours; never to a phone. It is marked, its links
//! are as they were written, it is counted nowhere, and no journey and no rule takes it for the
//! message itself.

use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::{CampaignId, Ids, MessageId, Millis};
use crate::domain::campaign::Compiled;
use crate::domain::contact::Contact;
use crate::domain::contact::address::read_email;
use crate::domain::engine::{Input, TestSendRequested};
use crate::domain::pacing::domain_of;
use crate::domain::publication::catalog::{Catalog, PublishedVersion};
use crate::domain::template::TemplateSource;
use crate::flows::commit::{Command, CommitError, ContactRef, commit};
use crate::flows::contact::find;
use crate::flows::ports::{Database, DatabaseError};
use crate::flows::send::render::{Shown, show};
use crate::flows::settings::Settings;
use crate::flows::tasks::Work;
use crate::flows::tasks::deliveries;
use serde::{Deserialize, Serialize};

/// What is to be looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The message: `emails/welcome`, `sms/reminder`, or a version, `emails/welcome/zh-CN`.
    pub template: String,
    /// Whose data it shows: our id, the customer's own, an e-mail address, or a number with `+`.
    /// Without it, made-up data; for a test, the data of the contact with the address it goes to,
    /// if anything is known of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// The language to show it in (BCP 47); without it, the contact's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// Where a test goes; without it, to the campaign's owner. Previews have no such thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// Why there is nothing to see.
#[derive(Clone, Debug, PartialEq)]
pub enum NotShown {
    /// What is asked for is not there, or not allowed.
    Wrong(Problem),
    /// The database failed, or others kept writing; asking again is safe.
    Database(DatabaseError),
}

impl From<DatabaseError> for NotShown {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

/// What became of a test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tested {
    /// The message's id in the ledger.
    pub message: MessageId,
    /// Where it goes.
    pub to: String,
}

/// The messages of a campaign, each under its first name.
pub fn messages(compiled: &Compiled) -> impl Iterator<Item = &str> {
    let is_message =
        |s: &TemplateSource| matches!(s, TemplateSource::Email { .. } | TemplateSource::Sms(_));
    let named = compiled.templates.iter().filter(move |(_, source)| is_message(source));
    let is_first = |name: &&str| {
        crate::domain::template::parent_of_version(&compiled.templates, name) == *name
    };
    named.map(|(name, _)| name.as_str()).filter(is_first)
}

/// Shows a message.
pub async fn preview<D: Database>(
    db: &D,
    edition: &PublishedVersion,
    settings: &Settings,
    asked: &Asked,
    now: Millis,
) -> Result<Shown, NotShown> {
    known(edition, &asked.template)?;
    let contact = match asked.contact.as_deref().map(str::trim).filter(|told| !told.is_empty()) {
        Some(told) => Some(find(db, told, now).await?),
        None => None,
    };
    let locale = asked.locale.as_deref().filter(|locale| !locale.is_empty());
    show(edition, contact.as_ref(), &asked.template, locale, settings).map_err(|error| {
        NotShown::Wrong(Problem { line: error.line, ..Problem::new(error.template, error.message) })
    })
}

/// Writes a test down, and says what delivers it.
pub async fn send_test<D: Database>(
    db: &D,
    catalog: &Catalog,
    campaign: &CampaignId,
    settings: &Settings,
    asked: &Asked,
    now: Millis,
    ids: &mut Ids,
) -> Result<(Tested, Vec<Work>), NotShown> {
    let wrong = |problem: Problem| Err(NotShown::Wrong(problem));
    let Some(edition) = catalog.live_edition(campaign) else {
        return wrong(Problem::new("campaign", format!("`{campaign}` is not published")));
    };
    known(edition, &asked.template)?;
    if !asked.template.starts_with("emails/") {
        let problem = Problem::new("template", "an SMS is looked at, and not sent as a test");
        return wrong(problem.help("ask for its preview"));
    }
    let to = recipient(edition, settings, asked).map_err(NotShown::Wrong)?;
    let told = asked.contact.as_deref().map(str::trim).filter(|told| !told.is_empty());
    // Nobody named: the contact with the address that it goes to, which may be new.
    let who = match told {
        Some(told) => ContactRef::Id(find(db, told, now).await?.id),
        None => ContactRef::Addresses { email: Some(to.clone()), phone: None, external_id: None },
    };
    let message = MessageId(ids.uuid());
    let test = TestSendRequested {
        message: message.clone(),
        campaign: campaign.clone(),
        template: asked.template.clone(),
        to: to.clone(),
    };
    let happenings = vec![Input::TestSendRequested(test)];
    let case = Command { who, happenings };
    let decisions =
        commit(db, catalog, vec![case], now, ids).await.map_err(|error| match error {
            CommitError::Database(error) => NotShown::Database(error),
            other => NotShown::Database(DatabaseError::Fault(other.to_string())),
        })?;
    Ok((Tested { message, to }, deliveries(&decisions)))
}

fn known(edition: &PublishedVersion, template: &str) -> Result<(), NotShown> {
    let templates = &edition.compiled.templates;
    let is_message = template.starts_with("emails/") || template.starts_with("sms/");
    if is_message && templates.contains_key(template) {
        return Ok(());
    }
    let problem = Problem::new("template", format!("there is no message `{template}`"));
    Err(NotShown::Wrong(problem.suggest(template, messages(&edition.compiled))))
}

async fn find<D: Database>(db: &D, told: &str, now: Millis) -> Result<Contact, NotShown> {
    let rows = db.batch(find::questions(told, &[], now).to_vec()).await?;
    let found = find::pick(told, &rows)?.filter(|contact| contact.erased_at.is_none());
    found.ok_or_else(|| NotShown::Wrong(find::nobody("contact")))
}

/// The owner, or somebody at one of our own domains.
fn recipient(
    edition: &PublishedVersion,
    settings: &Settings,
    asked: &Asked,
) -> Result<String, Problem> {
    let campaign = &edition.compiled.campaign;
    let Some(told) = asked.to.as_deref().map(str::trim).filter(|to| !to.is_empty()) else {
        return Ok(campaign.owner.clone());
    };
    let Ok(to) = read_email(told) else {
        return Err(Problem::new("to", "this is no e-mail address"));
    };
    let senders = [Some(settings.mail_from.as_str()), campaign.from.as_deref()];
    let mut ours = senders.into_iter().flatten().map(domain_of);
    let is_ours = ours.any(|ours| ours == domain_of(&to));
    if is_ours || read_email(&campaign.owner).as_ref() == Ok(&to) {
        return Ok(to);
    }
    let help = "send it to the campaign's owner, or to an address of the domain that mail is from";
    Err(Problem::new("to", "tests go to our own people only").help(help))
}

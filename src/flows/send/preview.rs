//! Renders a message of a live version as a contact would get it, without sending it; and sends a
//! test of it to the deployment's own staff.
//!
//! A preview reads only a contact, if one is named. A test is a `commit`: its row in the ledger is
//! written before it leaves, like any message's.
//!
//! **Who may get a test.** A contact is named only by somebody who may read all of its data, which
//! the edge checks, so a test reveals nothing more. It could only be misused to write to strangers
//! from the sender's own address. So it goes only to the campaign's owner, and to addresses of the
//! domains that the deployment and the campaign send from, which are ours; never to a phone. It is
//! marked as a test, its links are as they were written, it is counted nowhere, and no journey and
//! no rule takes it for the message itself.

use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::{CampaignId, Ids, MessageId, Millis};
use crate::domain::campaign::Compiled;
use crate::domain::contact::Contact;
use crate::domain::contact::address::read_email;
use crate::domain::engine::{Input, TestSendRequested};
use crate::domain::pacing::domain_of;
use crate::domain::publication::catalog::{Catalog, PublishedVersion};
use crate::domain::template::TemplateSource;
use crate::flows::commit::{Command, RecordRef, commit};
use crate::flows::contact::find;
use crate::flows::error::{FlowError, Refusal};
use crate::flows::ports::Database;
use crate::flows::send::render::{Shown, show};
use crate::flows::settings::Settings;
use crate::flows::tasks::Work;
use crate::flows::tasks::deliveries;
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// A request for a preview or a test.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageRequest {
    /// The message: `emails/welcome`, `sms/reminder`, or a language version,
    /// `emails/welcome/zh-CN`.
    pub template: String,
    /// The contact whose data it shows: our id, the customer's own id, an e-mail address, or a
    /// number with `+`. Without it, sample data; for a test, the data of the contact with the
    /// address it goes to, if there is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// The language to show it in (BCP 47); without it, the contact's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// The address of a test; without it, the campaign's owner. Previews ignore it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// The result of a test request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tested {
    /// The message's id in the ledger.
    pub message: MessageId,
    /// The address it goes to.
    pub to: String,
}

/// Returns the messages of a campaign, each once, without its language versions.
pub fn messages(compiled: &Compiled) -> impl Iterator<Item = &str> {
    let is_message =
        |s: &TemplateSource| matches!(s, TemplateSource::Email { .. } | TemplateSource::Sms(_));
    let named = compiled.templates.iter().filter(move |(_, source)| is_message(source));
    let is_first = |name: &&str| {
        crate::domain::template::parent_of_version(&compiled.templates, name) == *name
    };
    named.map(|(name, _)| name.as_str()).filter(is_first)
}

/// Renders a message.
pub async fn preview<D: Database>(
    db: &D,
    published: &PublishedVersion,
    settings: &Settings,
    asked: &MessageRequest,
    now: Millis,
) -> Result<Shown, FlowError> {
    known(published, &asked.template)?;
    let contact = match asked.contact.as_deref().map(str::trim).filter(|named| !named.is_empty()) {
        Some(named) => Some(find(db, named, now).await?),
        None => None,
    };
    let locale = asked.locale.as_deref().filter(|locale| !locale.is_empty());
    show(published, contact.as_ref(), &asked.template, locale, settings).map_err(|error| {
        rejected(Problem { line: error.line, ..Problem::new(error.template, error.message) })
    })
}

/// Returns the version of a campaign whose messages can be looked at: the live one.
pub fn live<'c>(
    catalog: &'c Catalog,
    campaign: &CampaignId,
) -> Result<&'c Rc<PublishedVersion>, FlowError> {
    if let Some(published) = catalog.live_version(campaign) {
        return Ok(published);
    }
    if catalog.unpublished(campaign).is_some() {
        let problem = Problem::new("campaign", format!("`{campaign}` is unpublished"));
        return Err(rejected(problem.help("publish it, then look at its messages")));
    }
    Err(FlowError::unknown_campaign(campaign, catalog.campaigns().map(CampaignId::as_str)))
}

/// Queues a test, and returns the task that delivers it.
pub async fn send_test<D: Database>(
    db: &D,
    catalog: &Catalog,
    campaign: &CampaignId,
    settings: &Settings,
    asked: &MessageRequest,
    now: Millis,
    ids: &mut Ids,
) -> Result<(Tested, Vec<Work>), FlowError> {
    let published = live(catalog, campaign)?;
    known(published, &asked.template)?;
    if !asked.template.starts_with("emails/") {
        let problem = Problem::new("template", "an SMS is looked at, and not sent as a test");
        return Err(rejected(problem.help("ask for its preview")));
    }
    let to = recipient(published, settings, asked).map_err(rejected)?;
    let named = asked.contact.as_deref().map(str::trim).filter(|named| !named.is_empty());
    // Without a named contact: the contact with the test's address, which may be new.
    let who = match named {
        Some(named) => RecordRef::Id(find(db, named, now).await?.record.id),
        None => RecordRef::Addresses { email: Some(to.clone()), phone: None, external_id: None },
    };
    let message = MessageId(ids.uuid());
    let test = TestSendRequested {
        message: message.clone(),
        campaign: campaign.clone(),
        template: asked.template.clone(),
        to: to.clone(),
    };
    let command = Command { who, inputs: vec![Input::TestSendRequested(test)] };
    let decisions = commit(db, catalog, vec![command], now, ids).await?;
    Ok((Tested { message, to }, deliveries(&decisions)))
}

fn known(published: &PublishedVersion, template: &str) -> Result<(), FlowError> {
    let templates = &published.compiled.templates;
    let is_message = template.starts_with("emails/") || template.starts_with("sms/");
    if is_message && templates.contains_key(template) {
        return Ok(());
    }
    let problem = Problem::new("template", format!("there is no message `{template}`"));
    Err(rejected(problem.suggest(template, messages(&published.compiled))))
}

async fn find<D: Database>(db: &D, named: &str, now: Millis) -> Result<Contact, FlowError> {
    let rows = db.batch(find::questions(named, &[], now).to_vec()).await?;
    let found = find::pick(named, &rows)?.filter(|contact| contact.erased_at.is_none());
    found.ok_or_else(|| rejected(find::contact_not_found("contact")))
}

fn rejected(problem: Problem) -> FlowError {
    let detail = "Fix the listed problems and try again.";
    FlowError::Rejected(Refusal::new("Nothing to show", detail, problem))
}

/// Returns the owner's address, or the requested one if it is at one of our own domains.
fn recipient(
    published: &PublishedVersion,
    settings: &Settings,
    asked: &MessageRequest,
) -> Result<String, Problem> {
    let campaign = &published.compiled.campaign;
    let Some(to) = asked.to.as_deref().map(str::trim).filter(|to| !to.is_empty()) else {
        return Ok(campaign.owner.clone());
    };
    let Ok(to) = read_email(to) else {
        return Err(Problem::new("to", "this is not an e-mail address"));
    };
    let senders = [Some(settings.mail_from.as_str()), campaign.from.as_deref()];
    let mut ours = senders.into_iter().flatten().map(domain_of);
    let is_ours = ours.any(|ours| ours == domain_of(&to));
    if is_ours || read_email(&campaign.owner).as_ref() == Ok(&to) {
        return Ok(to);
    }
    let help = "send it to the campaign's owner, or to an address of the domain that mail is from";
    Err(Problem::new("to", "tests go only to your own team").help(help))
}

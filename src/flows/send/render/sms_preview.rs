//! Previews an SMS as it would leave: with signature, opt-out text and short links, and with its
//! segments and cost. The links in it do not work.

use super::{Links, Message};
use crate::domain::base::language::Language;
use crate::domain::base::primitives::{EnrollmentId, MessageId, Millis, RecordId};
use crate::domain::contact::Contact;
use crate::domain::contact::message_source::{MessageSource, StepContent, StepSource};
use crate::domain::publication::catalog::PublishedVersion;
use crate::domain::sms::settings::SmsPreview;
use crate::domain::template::TemplateError;
use crate::flows::settings::Settings;
use serde_json::Value;

/// Returns an SMS as it would leave for a contact, or for a sample contact: a template, and the
/// language version that is rendered.
pub fn leaving(
    published: &PublishedVersion,
    contact: Option<&Contact>,
    template: &str,
    version: &str,
    data: &Value,
    settings: &Settings,
) -> Result<SmsPreview, TemplateError> {
    let campaign = &published.compiled.campaign;
    let texting = &campaign.sms;
    let (message, contact) = (stand_in(published, template), or_nobody(contact));
    let links = Links::shown(published, &contact, &message, settings);
    let (text, kept) = links.sms(published.templates()?, version, data)?;
    let made_up = || {
        let language = Language::from_locale(&campaign.locale);
        language.pick("+447400123456", "+8613812345678").to_owned()
    };
    let to = contact.phone.unwrap_or_else(made_up);
    let text = texting.finish(&text, message.class(), &to);
    let links = kept.into_iter().map(|link| (link.code, link.target)).collect();
    Ok(texting.leaving(text, to, &campaign.currency, links))
}

/// Returns the URL of the preference page in an SMS, as long as a real one.
pub(super) fn preferences(
    published: &PublishedVersion,
    contact: Option<&Contact>,
    template: &str,
    settings: &Settings,
) -> String {
    let (message, contact) = (stand_in(published, template), or_nobody(contact));
    Links::shown(published, &contact, &message, settings).preferences()
}

/// Returns a message that is never sent. Its ids are as long as real ones.
fn stand_in(published: &PublishedVersion, template: &str) -> Message {
    let campaign = published.compiled.campaign.id.clone();
    let id = MessageId(format!("{}.1", "0".repeat(36)));
    let source = MessageSource::Step(StepSource {
        enrollment: EnrollmentId("0".repeat(36)),
        journey: String::new(),
        step: String::new(),
        purpose: String::new(),
        content: StepContent::Template(template.to_owned()),
    });
    Message::queue(id, RecordId("0".repeat(36)), campaign, 0, source, Millis(0))
}

fn or_nobody(contact: Option<&Contact>) -> Contact {
    let nobody = || Contact::unknown(RecordId("0".repeat(36)), Millis(0));
    contact.cloned().unwrap_or_else(nobody)
}

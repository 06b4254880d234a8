//! Composing: a ledger row, its contact and its version become the message that leaves.
//! Pure; the work of `deliver` between its reading and its call.

mod leaving;

pub use leaving::leaving;

use super::receive::Link;
use super::settings::Settings;
use crate::domain::broadcast::subject_name;
use crate::domain::campaign::{Campaign, Compiled};
use crate::domain::catalog::Edition;
use crate::domain::contact::Contact;
use crate::domain::language::Language;
use crate::domain::message::{Class, Message, house};
use crate::domain::primitives::Channel;
use crate::domain::template::{
    Manner, RenderedEmail, TemplateError, Templates, best_version, format_data, language_of,
    languages, parent_of_version, sample_data,
};
use crate::domain::texting::{Leaving, Spent};
use crate::domain::token::Purpose;
use crate::domain::tracking;
use crate::providers::{Content, Outgoing};
use crate::store::short_links::ShortLink;
use crate::views::form::field_label;
use crate::views::mail;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A message as it leaves, and what goes with it.
pub struct Composed {
    /// The message.
    pub outgoing: Outgoing,
    /// What it takes, for a text message.
    pub spent: Option<Spent>,
    /// The short links in it: they must be kept before it leaves.
    pub short_links: Vec<ShortLink>,
}

/// Renders a message to an address. An error is the template's, or says that the text is too long.
pub fn compose(
    edition: &Edition,
    contact: &Contact,
    message: &Message,
    to: String,
    settings: &Settings,
) -> Result<Composed, String> {
    let (mut spent, mut short_links) = (None, Vec::new());
    let content = match (message.channel, message.template.as_str()) {
        (_, house::CONFIRM) => confirmation(edition, contact, message, settings),
        (_, house::STOP | house::HELP) => answer(edition, contact, message, settings),
        (_, house::NOTIFY) => notice(edition, contact, message, settings),
        (Channel::Email, template) if message.is_test() => {
            let shown = show(edition, Some(contact), template, None, settings);
            let shown = shown.map_err(|error| error.to_string())?;
            let Shown { subject, html, text, .. } = shown;
            let subject = format!("[Test] {subject}");
            email(edition, settings, RenderedEmail { subject, html, text }, Vec::new())
        }
        (Channel::Email, template) => {
            let links = Links::of(edition, contact, message, settings);
            let version = Version::of(edition, contact.locale.as_deref(), template);
            let mut data = data(edition, contact, &version, settings, &links.unsubscribe());
            data["preferences_url"] = links.preferences().into();
            let rendered = templates(edition)?.render_email(&version.name, &data);
            let mut rendered = rendered.map_err(|error| error.to_string())?;
            if let Some(name) = own_subject(edition, message) {
                let subject = templates(edition)?.render_subject(&name, &data);
                rendered.subject = subject.map_err(|error| error.to_string())?;
            }
            let html = links.in_html(&rendered.html);
            email(edition, settings, RenderedEmail { html, ..rendered }, links.headers())
        }
        (Channel::Sms, template) => {
            let links = Links::of(edition, contact, message, settings);
            let version = Version::of(edition, contact.locale.as_deref(), template);
            let mut data = data(edition, contact, &version, settings, "");
            data["preferences_url"] = links.preferences().into();
            let text = templates(edition)?.render_sms(&version.name, &data);
            let text = text.map_err(|error| error.to_string())?;
            let texting = &edition.compiled.campaign.sms;
            let (text, kept) = links.in_text(&text, !texting.long_links);
            let text = texting.finish(&text, message.class, &to);
            spent = Some(texting.spend(&text, &to)?);
            short_links = kept;
            Content::Sms { text }
        }
        (Channel::Webhook, _) => Content::Webhook { body: document(contact, message).to_string() },
    };
    let outgoing = Outgoing { id: message.id.clone(), class: message.class, to, content };
    Ok(Composed { outgoing, spent, short_links })
}

fn templates(edition: &Edition) -> Result<&Templates, String> {
    edition.templates().map_err(|error| error.to_string())
}

/// A message as somebody would get it, to be looked at: links of a mail lead where they were
/// written to, those of an SMS are as short as they would be, and nothing of it is counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// The version that was chosen: `emails/welcome/zh-CN`.
    pub template: String,
    /// The message's languages beside its first one.
    pub languages: Vec<String>,
    /// Empty for SMS.
    pub subject: String,
    /// What mailboxes show after the subject.
    pub preheader: String,
    /// Empty for SMS.
    pub html: String,
    /// The plain text, or the SMS as it would leave.
    pub text: String,
    /// What an SMS takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sms: Option<Leaving>,
}

/// Renders a message to be looked at, with a contact's data or with made-up data, in the contact's
/// language or in another.
pub fn show(
    edition: &Edition,
    contact: Option<&Contact>,
    template: &str,
    locale: Option<&str>,
    settings: &Settings,
) -> Result<Shown, TemplateError> {
    let reader = locale.or(contact.and_then(|contact| contact.locale.as_deref()));
    let version = Version::of(edition, reader, template);
    // Whoever follows it is told that the link is no good.
    let unsubscribe_url = format!("{}/u/test", settings.base_url);
    let mut data = match contact {
        Some(contact) => data(edition, contact, &version, settings, &unsubscribe_url),
        None => {
            let mut data = sample_data(&edition.compiled);
            data["base_url"] = settings.base_url.as_str().into();
            data["unsubscribe_url"] = unsubscribe_url.into();
            if let Value::Object(data) = &mut data {
                data.extend([version.manner(&edition.compiled.campaign, None)]);
            }
            data
        }
    };
    let is_sms = template.starts_with("sms/");
    data["preferences_url"] = match is_sms {
        true => leaving::preferences(edition, contact, template, settings).into(),
        false => format!("{}/preferences/test", settings.base_url).into(),
    };
    let (templates, name) = (edition.templates()?, version.name.as_str());
    let first = parent_of_version(&edition.compiled.templates, template);
    let languages = languages(&edition.compiled.templates, first).map(str::to_owned).collect();
    let shown = |subject, preheader, html, text| Shown {
        template: name.to_owned(),
        languages,
        subject,
        preheader,
        html,
        text,
        sms: None,
    };
    if is_sms {
        let text = templates.render_sms(name, &data)?;
        let sms = leaving(edition, contact, template, &text, settings);
        let shown = shown(String::new(), String::new(), String::new(), sms.text.clone());
        return Ok(Shown { sms: Some(sms), ..shown });
    }
    let RenderedEmail { subject, html, text } = templates.render_email(name, &data)?;
    Ok(shown(subject, templates.render_preheader(name, &data)?, html, text))
}

/// The subject that a broadcast's variant has in place of its template's.
fn own_subject(edition: &Edition, message: &Message) -> Option<String> {
    let name = message.broadcast.as_ref()?;
    let broadcast = edition.compiled.campaign.broadcasts.get(name)?;
    broadcast.variant(&message.step)?.subject.as_ref()?;
    Some(subject_name(name, &message.step))
}

/// The version of a message that a contact reads.
struct Version {
    /// Its name: `emails/welcome/zh-CN`.
    name: String,
    /// How numbers and dates are written in it.
    locale: String,
}

impl Version {
    fn of(edition: &Edition, reader: Option<&str>, template: &str) -> Self {
        let Compiled { campaign, templates } = &edition.compiled;
        let reader = reader.unwrap_or(&campaign.locale);
        let first = parent_of_version(templates, template);
        // A version may be asked for by its own name.
        let language = match template.strip_prefix(first).and_then(|l| l.strip_prefix('/')) {
            None => best_version(templates, template, reader, &campaign.locale),
            asked => asked,
        };
        let name = language.map_or_else(|| template.to_owned(), |l| format!("{first}/{l}"));
        // A date in German would be strange in an English mail.
        let written_in = language.unwrap_or(&campaign.locale);
        let is_readers = language_of(reader) == language_of(written_in);
        Self { name, locale: if is_readers { reader } else { written_in }.to_owned() }
    }

    /// How helpers write in it.
    fn manner(&self, campaign: &Campaign, zone: Option<&str>) -> (String, Value) {
        let zone = zone.unwrap_or(&campaign.time_zone);
        format_data(&Manner { locale: &self.locale, zone, currency: &campaign.currency })
    }
}

/// What a template may name: the contact's attributes, and a few words of the house.
fn data(
    edition: &Edition,
    contact: &Contact,
    version: &Version,
    settings: &Settings,
    unsubscribe_url: &str,
) -> Value {
    let campaign = &edition.compiled.campaign;
    let mut data: Map<String, Value> =
        contact.attributes.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    for name in ["email", "phone", "external_id", "locale", "time_zone", "score"] {
        data.extend(contact.attribute(name).map(|value| (name.to_owned(), value)));
    }
    data.insert("base_url".into(), settings.base_url.as_str().into());
    data.insert("unsubscribe_url".into(), unsubscribe_url.into());
    data.insert(
        "campaign".into(),
        json!({ "name": campaign.name, "postal_address": campaign.postal_address }),
    );
    data.extend([version.manner(campaign, contact.time_zone.as_deref())]);
    Value::Object(data)
}

/// What a webhook tells: which step of whose journey, and the contact.
fn document(contact: &Contact, message: &Message) -> Value {
    let Contact { id, email, phone, external_id, locale, time_zone, .. } = contact;
    json!({
        "type": "journey.webhook",
        "timestamp": message.queued_at.rfc3339(),
        "data": {
            "campaign": message.campaign, "journey": message.journey, "step": message.step,
            "enrollment": message.enrollment,
            "contact": {
                "id": id, "email": email, "phone": phone, "external_id": external_id,
                "locale": locale, "time_zone": time_zone, "score": contact.score,
                "tags": contact.tags, "attributes": contact.attributes,
            },
        },
    })
}

fn email(
    edition: &Edition,
    settings: &Settings,
    rendered: RenderedEmail,
    headers: Vec<(&'static str, String)>,
) -> Content {
    let RenderedEmail { subject, html, text } = rendered;
    let from = edition.compiled.campaign.from.clone();
    let from = from.unwrap_or_else(|| settings.mail_from.clone());
    Content::Email { from, subject, html, text, headers }
}

fn confirmation(
    edition: &Edition,
    contact: &Contact,
    message: &Message,
    settings: &Settings,
) -> Content {
    let campaign = &edition.compiled.campaign;
    // Dated by the decision, so that every attempt has the same bytes under the same key.
    let rest = format!("|{}", message.queued_at.0);
    let token = link(message, rest).sign(settings, Purpose::Confirm);
    let url = format!("{}/confirm/{token}", settings.base_url);
    let language = Language::from_locale(contact.locale.as_ref().unwrap_or(&campaign.locale));
    let rendered = mail::confirmation(&campaign.name, &url, &campaign.postal_address, language);
    email(edition, settings, rendered, Vec::new())
}

/// The answer to somebody who has texted STOP or HELP.
fn answer(edition: &Edition, contact: &Contact, message: &Message, settings: &Settings) -> Content {
    let campaign = &edition.compiled.campaign;
    let language = Language::from_locale(contact.locale.as_ref().unwrap_or(&campaign.locale));
    let from = campaign.from.as_ref().unwrap_or(&settings.mail_from);
    let name = from.split('<').next().unwrap_or_default().trim().trim_matches('"');
    let name = if name.is_empty() { campaign.name.as_str() } else { name };
    let text = match message.template.as_str() {
        house::STOP => mail::stopped(name, language),
        _ => mail::help(name, &settings.base_url, language),
    };
    Content::Sms { text }
}

fn notice(edition: &Edition, contact: &Contact, message: &Message, settings: &Settings) -> Content {
    let campaign = &edition.compiled.campaign;
    let address = contact.email.as_ref().or(contact.phone.as_ref()).unwrap_or(&contact.id.0);
    let language = Language::from_locale(&campaign.locale);
    let mut facts = vec![(
        language.pick("Journey", "旅程").to_owned(),
        format!("{}/{}", message.journey, message.step),
    )];
    for (name, label) in [
        ("email", language.pick("E-mail", "邮箱")),
        ("phone", language.pick("Phone", "电话")),
        ("score", language.pick("Score", "评分")),
    ] {
        facts.extend(contact.attribute(name).map(|value| (label.to_owned(), text_of(&value))));
    }
    let fields = || campaign.forms.values().flat_map(|form| &form.fields);
    for (name, value) in &contact.attributes {
        let field = fields().find(|field| field.name == *name);
        let label = field.map_or_else(|| name.clone(), |field| field_label(field, language));
        facts.push((label, text_of(value)));
    }
    let url = format!("{}/admin/campaigns/{}", settings.base_url, campaign.id);
    let rendered = mail::notice(address, &message.note, &facts, &url, language);
    email(edition, settings, rendered, Vec::new())
}

/// A value as people write it.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text_of).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn link(message: &Message, rest: String) -> Link {
    Link {
        contact: message.contact_id.clone(),
        campaign: message.campaign.clone(),
        message: message.id.clone(),
        rest,
    }
}

/// The pages of the house that a reader's own decisions lead to: nobody is followed there.
const HOUSE_PATHS: [&str; 4] = ["/u/", "/preferences", "/confirm/", "/s/"];

/// The links of one message.
struct Links<'a> {
    edition: &'a Edition,
    message: &'a Message,
    settings: &'a Settings,
    /// Whether they lead through us.
    are_followed: bool,
    /// Whether they are only looked at: their tokens are as long as real ones, and no good.
    are_shown: bool,
}

impl<'a> Links<'a> {
    fn of(
        edition: &'a Edition,
        contact: &Contact,
        message: &'a Message,
        settings: &'a Settings,
    ) -> Self {
        let tracking = &edition.compiled.campaign.tracking;
        let journey = edition.journey(&message.journey);
        let mut steps = journey.into_iter().flat_map(|journey| &journey.steps);
        let is_off = steps.any(|step| step.id == message.step && step.untracked);
        let are_followed = !is_off && tracking.follows(contact, &settings.tracking_off_in);
        Self { edition, message, settings, are_followed, are_shown: false }
    }

    /// The links of a message that is only looked at.
    fn shown(
        edition: &'a Edition,
        contact: &Contact,
        message: &'a Message,
        settings: &'a Settings,
    ) -> Self {
        Self { are_shown: true, ..Self::of(edition, contact, message, settings) }
    }

    /// An HTML mail with its links tagged and, if they are followed, led through us.
    fn in_html(&self, html: &str) -> String {
        let html = tracking::rewrite_links(html, |url| {
            let target = self.target(url)?;
            let through = || self.url("c", Purpose::Click, &target);
            Some(if self.are_followed { through() } else { target })
        });
        if self.are_followed { tracking::add_pixel(&html, &self.open()) } else { html }
    }

    /// A text with its links tagged and, if they are followed, made short.
    fn in_text(&self, text: &str, shorten: bool) -> (String, Vec<ShortLink>) {
        let mut kept = Vec::new();
        let text = tracking::rewrite_addresses(text, |url| {
            let target = self.target(url)?;
            if !self.are_followed {
                return Some(target);
            }
            if !shorten {
                return Some(self.url("c", Purpose::Click, &target));
            }
            let Message { id, .. } = self.message;
            let code = self.settings.keys.short_code(&format!("{id}|{}|{target}", kept.len()));
            let short = format!("{}/s/{code}", self.settings.base_url);
            kept.push(ShortLink {
                code,
                contact_id: self.message.contact_id.clone(),
                campaign_id: self.message.campaign.clone(),
                message_id: id.clone(),
                target,
            });
            Some(short)
        });
        (text, kept)
    }

    /// Where a link leads, with the campaign's tags; `None` for what is ours for other purposes:
    /// the pages by which a reader unsubscribes, chooses, or confirms.
    fn target(&self, url: &str) -> Option<String> {
        let ours = url.strip_prefix(&self.settings.base_url);
        let is_house = |path: &str| HOUSE_PATHS.iter().any(|house| path.starts_with(house));
        if ours.is_some_and(is_house) {
            return None;
        }
        let campaign = &self.edition.compiled.campaign;
        let Some(utm) = &campaign.tracking.utm else { return Some(url.to_owned()) };
        let Message { channel, step, template, .. } = self.message;
        let name = template.split_once('/').map_or(template.as_str(), |(_, name)| name);
        let content = if step.is_empty() { name } else { step };
        let say = |said: &'a Option<String>, otherwise| said.as_deref().unwrap_or(otherwise);
        let tags = [
            ("utm_source", say(&utm.source, channel.as_str())),
            ("utm_medium", say(&utm.medium, channel.as_str())),
            ("utm_campaign", say(&utm.campaign, campaign.id.as_str())),
            ("utm_content", say(&utm.content, content)),
        ];
        Some(tracking::add_tags(url, &tags))
    }

    fn url(&self, path: &str, purpose: Purpose, rest: &str) -> String {
        let token = link(self.message, rest.to_owned()).sign(self.settings, purpose);
        let token = if self.are_shown { "x".repeat(token.len()) } else { token };
        format!("{}/{path}/{token}", self.settings.base_url)
    }

    fn unsubscribe(&self) -> String {
        self.url("u", Purpose::Unsubscribe, self.message.channel.as_str())
    }

    fn preferences(&self) -> String {
        self.url("preferences", Purpose::Preferences, self.message.channel.as_str())
    }

    fn open(&self) -> String {
        self.url("o", Purpose::Open, "")
    }

    /// One-click unsubscription (RFC 8058 section 3.1), for what may be refused.
    fn headers(&self) -> Vec<(&'static str, String)> {
        if self.message.class != Class::Marketing {
            return Vec::new();
        }
        vec![
            ("List-Unsubscribe", format!("<{}>", self.unsubscribe())),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()),
        ]
    }
}

//! Composes messages: turns a ledger row, its contact and its version into the message that leaves.
//! Pure; `deliver` calls it between its read and its call.

mod sms_preview;

pub use sms_preview::leaving;

use crate::domain::base::language::Language;
use crate::domain::base::primitives::Channel;
use crate::domain::base::token::Purpose;
use crate::domain::base::web_address;
use crate::domain::campaign::broadcast::subject_name;
use crate::domain::campaign::journey::Action;
use crate::domain::campaign::tracking;
use crate::domain::campaign::{Campaign, Compiled};
use crate::domain::contact::Contact;
use crate::domain::contact::address::read_sender;
use crate::domain::contact::claim::Claims;
use crate::domain::contact::message::{Class, Message, SmsCost};
use crate::domain::contact::message_source::{
    MessageSource, SourceColumns, StepContent, StepSource,
};
use crate::domain::form::form_data::FORM_BODY_BYTES_MAX;
use crate::domain::form::visitor_text;
use crate::domain::publication::catalog::PublishedVersion;
use crate::domain::publication::lint::sample_data;
use crate::domain::sms::settings::SmsPreview;
use crate::domain::template::{
    FormatOptions, RenderedEmail, TemplateError, Templates, best_version, format_data, language_of,
    languages, parent_of_version,
};
use crate::flows::contact::subscription_links::Link;
use crate::flows::settings::Settings;
use crate::providers::{Content, Outgoing};
use crate::store::short_links::ShortLink;
use crate::views::form::field_label;
use crate::views::mail;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A composed message, and what goes with it.
pub struct Composed {
    pub outgoing: Outgoing,
    /// The segments and cost of an SMS.
    pub spent: Option<SmsCost>,
    /// Its short links, which must be stored before it leaves.
    pub short_links: Vec<ShortLink>,
}

/// Renders a message to an address. An error is the template's, or reports that the text is too
/// long.
pub fn compose(
    published: &PublishedVersion,
    contact: &Contact,
    message: &Message,
    to: String,
    settings: &Settings,
) -> Result<Composed, String> {
    let (mut spent, mut short_links) = (None, Vec::new());
    let content = match &message.source {
        MessageSource::Confirmation { .. } => confirmation(published, contact, message, settings),
        MessageSource::StopReply | MessageSource::HelpReply => {
            answer(published, contact, message, settings)
        }
        MessageSource::Test { template, .. } => test(published, contact, template, settings)?,
        MessageSource::Step(step @ StepSource { content: StepContent::Notice { note }, .. }) => {
            notice(published, contact, step, note, settings)
        }
        MessageSource::Step(step @ StepSource { content: StepContent::Webhook { .. }, .. }) => {
            Content::Webhook { body: document(contact, message, step).to_string() }
        }
        MessageSource::Step(StepSource { content: StepContent::Template(template), .. })
        | MessageSource::Broadcast { template, .. } => {
            let links = Links::of(published, contact, message, settings);
            let version = Version::of(published, contact.locale.as_deref(), template);
            if message.channel() == Channel::Sms {
                let mut data = data(published, contact, Channel::Sms, &version, settings, "");
                data["preferences_url"] = links.preferences().into();
                let text = links.sms(templates(published)?, &version.name, &data);
                let (text, kept) = text.map_err(|error| error.to_string())?;
                let texting = &published.compiled.campaign.sms;
                let text = texting.finish(&text, message.class(), &to);
                spent = Some(texting.spend(&text, &to)?);
                short_links = kept;
                Content::Sms { text }
            } else {
                campaign_email(published, contact, &links, &version)?
            }
        }
    };
    let outgoing = Outgoing { id: message.id.clone(), class: message.class(), to, content };
    Ok(Composed { outgoing, spent, short_links })
}

/// Composes an e-mail of a journey or a broadcast.
fn campaign_email(
    published: &PublishedVersion,
    contact: &Contact,
    links: &Links<'_>,
    version: &Version,
) -> Result<Content, String> {
    let (message, settings) = (links.message, links.settings);
    let unsubscribe_url = links.unsubscribe();
    let mut data = data(published, contact, Channel::Email, version, settings, &unsubscribe_url);
    data["preferences_url"] = links.preferences().into();
    let rendered = links.email(templates(published)?, &version.name, &data);
    let mut rendered = rendered.map_err(|error| error.to_string())?;
    if let Some(name) = own_subject(published, message) {
        let subject = templates(published)?.render_subject(&name, &data);
        rendered.subject = subject.map_err(|error| error.to_string())?;
    }
    Ok(email(published, settings, rendered, links.headers()))
}

/// Composes a test: the message as it would be shown, with a mark in its subject.
fn test(
    published: &PublishedVersion,
    contact: &Contact,
    template: &str,
    settings: &Settings,
) -> Result<Content, String> {
    let known = Some(contact).filter(|contact| !contact.is_blank());
    let shown = show(published, known, template, None, settings);
    let Shown { subject, html, text, .. } = shown.map_err(|error| error.to_string())?;
    let language = Language::from_locale(&published.compiled.campaign.locale);
    let subject = format!("{}{subject}", language.pick("[Test] ", "【测试】"));
    Ok(email(published, settings, RenderedEmail { subject, html, text }, Vec::new()))
}

fn templates(published: &PublishedVersion) -> Result<&Templates, String> {
    published.templates().map_err(|error| error.to_string())
}

/// A rendered message, for viewing only. Links of an e-mail lead to their original targets, those
/// of an SMS are as short as they would be, and nothing is counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// The language version that was chosen: `emails/welcome/zh-CN`.
    pub template: String,
    /// The message's other languages.
    pub languages: Vec<String>,
    /// Empty for SMS.
    pub subject: String,
    /// The text that mail programs show after the subject.
    pub preheader: String,
    /// Empty for SMS.
    pub html: String,
    /// The plain text, or the SMS as it would leave.
    pub text: String,
    /// The segments and cost of an SMS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sms: Option<SmsPreview>,
}

/// Renders a message for viewing, with a contact's data or with sample data, in the contact's
/// language or in another.
pub fn show(
    published: &PublishedVersion,
    contact: Option<&Contact>,
    template: &str,
    locale: Option<&str>,
    settings: &Settings,
) -> Result<Shown, TemplateError> {
    let reader = locale.or(contact.and_then(|contact| contact.locale.as_deref()));
    let version = Version::of(published, reader, template);
    // This link leads to a page that says it is invalid.
    let unsubscribe_url = format!("{}/u/test", settings.base_url);
    let is_sms = template.starts_with("sms/");
    let channel = if is_sms { Channel::Sms } else { Channel::Email };
    let mut data = match contact {
        Some(contact) => data(published, contact, channel, &version, settings, &unsubscribe_url),
        None => {
            let mut data = sample_data(&published.compiled);
            data["base_url"] = settings.base_url.as_str().into();
            data["unsubscribe_url"] = unsubscribe_url.into();
            if let Value::Object(data) = &mut data {
                data.extend([version.manner(&published.compiled.campaign, None)]);
            }
            data
        }
    };
    data["preferences_url"] = match is_sms {
        true => sms_preview::preferences(published, contact, template, settings).into(),
        false => format!("{}/preferences/test", settings.base_url).into(),
    };
    let (templates, name) = (published.templates()?, version.name.as_str());
    let first = parent_of_version(&published.compiled.templates, template);
    let languages = languages(&published.compiled.templates, first).map(str::to_owned).collect();
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
        let sms = leaving(published, contact, template, name, &data, settings)?;
        let shown = shown(String::new(), String::new(), String::new(), sms.text.clone());
        return Ok(Shown { sms: Some(sms), ..shown });
    }
    let RenderedEmail { subject, html, text } = templates.render_email(name, &data)?;
    Ok(shown(subject, templates.render_preheader(name, &data)?, html, text))
}

/// Returns the subject that a broadcast's variant has instead of its template's.
fn own_subject(published: &PublishedVersion, message: &Message) -> Option<String> {
    let MessageSource::Broadcast { name, variant, .. } = &message.source else { return None };
    let broadcast = published.compiled.campaign.broadcasts.get(name)?;
    broadcast.variant(variant)?.subject.as_ref()?;
    Some(subject_name(name, variant))
}

/// The language version of a message that a contact gets.
struct Version {
    /// Its name: `emails/welcome/zh-CN`.
    name: String,
    /// The locale for numbers and dates.
    locale: String,
}

impl Version {
    fn of(published: &PublishedVersion, reader: Option<&str>, template: &str) -> Self {
        let Compiled { campaign, templates } = &published.compiled;
        let reader = reader.unwrap_or(&campaign.locale);
        let first = parent_of_version(templates, template);
        // A language version may be requested by its own name.
        let language = match template.strip_prefix(first).and_then(|l| l.strip_prefix('/')) {
            None => best_version(templates, template, reader, &campaign.locale),
            asked => asked,
        };
        let name = language.map_or_else(|| template.to_owned(), |l| format!("{first}/{l}"));
        // A German date would look wrong in an English e-mail.
        let written_in = language.unwrap_or(&campaign.locale);
        let is_readers = language_of(reader) == language_of(written_in);
        Self { name, locale: if is_readers { reader } else { written_in }.to_owned() }
    }

    /// Returns the format options for template helpers.
    fn manner(&self, campaign: &Campaign, zone: Option<&str>) -> (String, Value) {
        let zone = zone.unwrap_or(&campaign.time_zone);
        format_data(&FormatOptions { locale: &self.locale, zone, currency: &campaign.currency })
    }
}

/// Returns the data for a template: the contact's attributes, and a few built-in values.
fn data(
    published: &PublishedVersion,
    contact: &Contact,
    channel: Channel,
    version: &Version,
    settings: &Settings,
    unsubscribe_url: &str,
) -> Value {
    let campaign = &published.compiled.campaign;
    let is_proved = contact.is_proved(channel);
    let attributes = contact.attributes.iter().filter_map(|(name, value)| {
        let is_ours = is_proved || is_of_campaign(campaign, name, value);
        let value = if is_ours { Some(value.clone()) } else { bounded_value(value) };
        Some((name.clone(), value?))
    });
    let mut data: Map<String, Value> = attributes.collect();
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

/// Returns whether an attribute's value is defined by the campaign, so that no visitor can have
/// typed it: one of the options of a field, or a value that a journey step sets.
fn is_of_campaign(campaign: &Campaign, name: &str, value: &Value) -> bool {
    let fields = campaign.forms.values().flat_map(|form| &form.fields);
    let mut fields = fields.filter(|field| field.name == name).peekable();
    let is_asked = fields.peek().is_some();
    let is_set = |action: &Action| match action {
        Action::Update { set, .. } => {
            set.iter().any(|(own, constant)| own == name && constant.equals(value))
        }
        _ => false,
    };
    let mut steps = campaign.journeys.values().flat_map(|journey| &journey.steps);
    is_asked && !fields.any(|field| field.kind.is_typed()) || steps.any(|step| is_set(&step.action))
}

/// Returns a value as it may appear in a message to an unproved address: see
/// `domain/form/visitor_text.rs`. Returns `None` if nothing of it may appear.
fn bounded_value(value: &Value) -> Option<Value> {
    match value {
        // Longer than any form accepts, so no visitor has typed it.
        Value::String(text) if text.len() > FORM_BODY_BYTES_MAX => Some(value.clone()),
        Value::String(text) => {
            let bounded = visitor_text::bounded(text);
            (!bounded.is_empty() || text.is_empty()).then(|| bounded.into())
        }
        Value::Array(items) => Some(items.iter().filter_map(bounded_value).collect()),
        other => Some(other.clone()),
    }
}

/// Returns the body of an outgoing webhook: the journey step, and the contact.
fn document(contact: &Contact, message: &Message, step: &StepSource) -> Value {
    let Contact { email, phone, external_id, locale, time_zone, .. } = contact;
    json!({
        "type": "journey.webhook",
        "timestamp": message.queued_at.rfc3339(),
        "data": {
            "campaign": message.campaign, "journey": step.journey, "step": step.step,
            "enrollment": step.enrollment,
            "contact": {
                "id": contact.id, "email": email, "phone": phone, "external_id": external_id,
                "locale": locale, "time_zone": time_zone, "score": contact.score,
                "tags": contact.tags, "attributes": contact.attributes,
            },
        },
    })
}

fn email(
    published: &PublishedVersion,
    settings: &Settings,
    rendered: RenderedEmail,
    headers: Vec<(&'static str, String)>,
) -> Content {
    let RenderedEmail { subject, html, text } = rendered;
    let from = published.compiled.campaign.from.clone();
    let from = from.unwrap_or_else(|| settings.mail_from.clone());
    let from = read_sender(&from).unwrap_or(from);
    Content::Email { from, subject, html, text, headers }
}

fn confirmation(
    published: &PublishedVersion,
    contact: &Contact,
    message: &Message,
    settings: &Settings,
) -> Content {
    let campaign = &published.compiled.campaign;
    // Dated by the decision, so that every attempt has the same bytes under the same key.
    let rest = format!("|{}", message.queued_at.0);
    let token = link(message, rest).sign(settings, Purpose::Confirm);
    let url = format!("{}/confirm/{token}", settings.base_url);
    let language = Language::from_locale(contact.locale.as_ref().unwrap_or(&campaign.locale));
    let name = settings.sender_name(Some(campaign));
    let rendered = mail::confirmation(&name, &url, &campaign.postal_address, language);
    email(published, settings, rendered, Vec::new())
}

/// Composes the reply to STOP or HELP.
fn answer(
    published: &PublishedVersion,
    contact: &Contact,
    message: &Message,
    settings: &Settings,
) -> Content {
    let campaign = &published.compiled.campaign;
    let language = Language::from_locale(contact.locale.as_ref().unwrap_or(&campaign.locale));
    let name = settings.sender_name(Some(campaign));
    let text = match message.source {
        MessageSource::StopReply => mail::stopped(&name, language),
        _ => mail::help(&name, &settings.base_url, language),
    };
    Content::Sms { text }
}

fn notice(
    published: &PublishedVersion,
    contact: &Contact,
    step: &StepSource,
    note: &str,
    settings: &Settings,
) -> Content {
    let campaign = &published.compiled.campaign;
    let address = contact.email.as_ref().or(contact.phone.as_ref()).unwrap_or(&contact.id.0);
    let language = Language::from_locale(&campaign.locale);
    let mut facts = vec![(
        language.pick("Journey", "旅程").to_owned(),
        format!("{}/{}", step.journey, step.step),
    )];
    for (name, label) in [
        ("email", language.pick("E-mail", "邮箱")),
        ("phone", language.pick("Phone", "电话")),
        ("score", language.pick("Score", "评分")),
    ] {
        facts.extend(contact.attribute(name).map(|value| (label.to_owned(), text_of(&value))));
    }
    for (name, value) in &contact.attributes {
        facts.push((label(campaign, name, language), text_of(value)));
    }
    let url = format!("{}/admin/campaigns/{}", settings.base_url, campaign.id);
    let rendered = mail::notice(address, note, &facts, &url, language);
    email(published, settings, rendered, Vec::new())
}

/// Returns what was claimed of a contact, for display to its owner: labels, and values bounded like
/// all visitor text.
pub fn claims_shown(
    published: &PublishedVersion,
    claims: &Claims,
    language: Language,
) -> Vec<(String, String)> {
    let campaign = &published.compiled.campaign;
    let shown = claims.iter().map(|(name, value)| {
        let value = bounded_value(value).map(|value| text_of(&value)).unwrap_or_default();
        (label(campaign, name, language), value)
    });
    shown.collect()
}

/// Returns the label that the campaign's forms give an attribute.
fn label(campaign: &Campaign, name: &str, language: Language) -> String {
    let mut fields = campaign.forms.values().flat_map(|form| &form.fields);
    let field = fields.find(|field| field.name == name);
    field.map_or_else(|| name.to_owned(), |field| field_label(field, language))
}

/// Returns a value as readable text.
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

/// The built-in pages for a reader's own choices: links to them are not tracked.
const BUILT_IN_PATHS: [&str; 4] = ["/u/", "/preferences", "/confirm/", "/s/"];

/// The links of one message.
struct Links<'a> {
    published: &'a PublishedVersion,
    message: &'a Message,
    settings: &'a Settings,
    /// Whether clicks are tracked, by links that lead through our own domain.
    are_followed: bool,
    /// Whether the message is for viewing only: its tokens are as long as real ones, but invalid.
    are_shown: bool,
}

impl<'a> Links<'a> {
    fn of(
        published: &'a PublishedVersion,
        contact: &Contact,
        message: &'a Message,
        settings: &'a Settings,
    ) -> Self {
        let tracking = &published.compiled.campaign.tracking;
        let source = message.source.step();
        let step = source.and_then(|source| published.journey(&source.journey)?.step(&source.step));
        let is_off = step.is_some_and(|step| step.untracked);
        let are_followed = !is_off && tracking.follows(contact, &settings.tracking_off_in);
        Self { published, message, settings, are_followed, are_shown: false }
    }

    /// Creates the links of a message that is for viewing only.
    fn shown(
        published: &'a PublishedVersion,
        contact: &Contact,
        message: &'a Message,
        settings: &'a Settings,
    ) -> Self {
        Self { are_shown: true, ..Self::of(published, contact, message, settings) }
    }

    /// Renders an e-mail with tagged links that, if tracked, lead through our own domain.
    fn email(
        &self,
        templates: &Templates,
        name: &str,
        data: &Value,
    ) -> Result<RenderedEmail, TemplateError> {
        let mut rendered = templates.render_email_through(name, data, &mut |url| {
            let target = self.target(templates, url)?;
            let through = || self.url("c", Purpose::Click, &target);
            Some(if self.are_followed { through() } else { target })
        })?;
        if self.are_followed {
            rendered.html = tracking::add_pixel(&rendered.html, &self.open());
        }
        Ok(rendered)
    }

    /// Renders an SMS with tagged links that, if tracked, are short links.
    fn sms(
        &self,
        templates: &Templates,
        name: &str,
        data: &Value,
    ) -> Result<(String, Vec<ShortLink>), TemplateError> {
        let mut kept = Vec::new();
        let text = templates.render_sms_through(name, data, &mut |url| {
            let target = self.target(templates, url)?;
            if !self.are_followed {
                return Some(target);
            }
            if self.published.compiled.campaign.sms.long_links {
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
        })?;
        Ok((text, kept))
    }

    /// Returns the target of a link with the campaign's UTM tags. Returns `None` for links that
    /// must not be signed: those whose site comes from a value instead of the author, and our own
    /// pages for unsubscribing, preferences and confirmation.
    fn target(&self, templates: &Templates, url: &str) -> Option<String> {
        let url = web_address::location(url)?;
        let base_url = &self.settings.base_url;
        let is_house =
            |path: &str| BUILT_IN_PATHS.iter().any(|deployment| path.starts_with(deployment));
        if url.strip_prefix(base_url).is_some_and(is_house) {
            return None;
        }
        let is_ours = || web_address::origin(&url) == web_address::origin(base_url);
        if !templates.leads_to(&url) && !is_ours() {
            return None;
        }
        let campaign = &self.published.compiled.campaign;
        let Some(utm) = &campaign.tracking.utm else { return Some(url) };
        let channel = self.message.channel();
        let SourceColumns { step, template, .. } = self.message.source.columns();
        let name = template.split_once('/').map_or(template, |(_, name)| name);
        let content = if step.is_empty() { name } else { step };
        let say = |said: &'a Option<String>, otherwise| said.as_deref().unwrap_or(otherwise);
        let tags = [
            ("utm_source", say(&utm.source, channel.as_str())),
            ("utm_medium", say(&utm.medium, channel.as_str())),
            ("utm_campaign", say(&utm.campaign, campaign.id.as_str())),
            ("utm_content", say(&utm.content, content)),
        ];
        Some(web_address::add_tags(&url, &tags))
    }

    fn url(&self, path: &str, purpose: Purpose, rest: &str) -> String {
        let token = link(self.message, rest.to_owned()).sign(self.settings, purpose);
        let token = if self.are_shown { "x".repeat(token.len()) } else { token };
        format!("{}/{path}/{token}", self.settings.base_url)
    }

    fn unsubscribe(&self) -> String {
        self.url("u", Purpose::Unsubscribe, self.message.channel().as_str())
    }

    fn preferences(&self) -> String {
        self.url("preferences", Purpose::Preferences, self.message.channel().as_str())
    }

    fn open(&self) -> String {
        self.url("o", Purpose::Open, "")
    }

    /// Returns the headers for one-click unsubscription (RFC 8058 section 3.1), for marketing
    /// messages.
    fn headers(&self) -> Vec<(&'static str, String)> {
        if self.message.class() != Class::Marketing {
            return Vec::new();
        }
        vec![
            ("List-Unsubscribe", format!("<{}>", self.unsubscribe())),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()),
        ]
    }
}

//! The linter: finds what may be published but would arrive badly. Each finding has a code, texts
//! in both languages, a place and a remedy; `docs/templates.md` lists them all.

mod client_support;
mod codes;
mod links;
mod own_links;
mod pages;
mod sms;

use crate::domain::base::language::Language;
use crate::domain::campaign::{Campaign, Compiled};
use crate::domain::form::{Field, FieldKind};
use crate::domain::template::foreign;
use crate::domain::template::helpers::format_data;
use crate::domain::template::locale_format::FormatOptions;
use crate::domain::template::markup::{Token, tokens};
use crate::domain::template::mjml::{fetched_fonts, stray_texts};
use crate::domain::template::{RenderedEmail, TemplateSource, Templates, part_name};
use serde_json::{Map, Value, json};

/// The most bytes of HTML that Gmail shows; it hides the rest, including the unsubscribe link.
pub const HTML_BYTES_MAX: usize = 102_000;
/// The most columns of a subject that common desktop mailboxes show; phones show about half. A
/// Chinese character takes two columns.
pub const SUBJECT_COLUMNS_MAX: usize = 60;
/// A mail with images and fewer letters than this counts as an image-only mail.
const LETTERS_MIN: usize = 80;
/// The bytes that a link's token adds to its URL: the ids of contact, campaign and message, and a
/// signature.
const TOKEN_BYTES: usize = 190;
/// The length of a short link's code.
const SHORT_CODE_CHARS: usize = 11;

/// The kind of a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LintCode {
    NoPostalAddress,
    NoUnsubscribeInText,
    InsecureLink,
    RelativeLink,
    BrokenLink,
    EmptyLink,
    ShortenedLink,
    MisleadingLink,
    UnencodedValue,
    ImageWithoutAlt,
    DataImage,
    ImageOnly,
    TooLarge,
    NoPreheader,
    LongSubject,
    ShoutingSubject,
    ManyExclamations,
    FalseReply,
    UnsupportedCss,
    UnsupportedElement,
    NoColorScheme,
    TextWithoutBackground,
    HiddenText,
    DeadPage,
    NoOptOut,
    NoSignature,
    LongText,
    DearCharacters,
    EmptySubject,
    ForeignTag,
    ScriptOnPage,
    BlockedOnPage,
    UnusedTemplate,
    UnknownAttribute,
    UnknownOption,
    UnknownPurpose,
    UnnamedPurpose,
    WebFont,
    StrayText,
}

/// One warning.
#[derive(Clone, Debug, PartialEq)]
pub struct Lint {
    pub code: LintCode,
    /// The template, and its part if it has several: `emails/welcome/html`.
    pub key: String,
    /// The line in it, from 1, if known.
    pub line: Option<usize>,
    /// What the warning is about in particular: a URL, a property, a number.
    pub detail: String,
}

impl Lint {
    /// Describes the problem.
    pub fn message(&self) -> String {
        let (message, _) = codes::texts(self.code);
        message.replace("{}", &self.detail)
    }

    /// Describes the remedy.
    pub fn remedy(&self) -> &'static str {
        let (_, remedy) = codes::texts(self.code);
        remedy
    }
}

impl LintCode {
    /// Returns the code as text: `image-without-alt`.
    pub fn as_str(self) -> &'static str {
        codes::name(self)
    }
}

/// Checks one template, or one version of it: as written, with its layout, and, for a message, as
/// rendered for a made-up contact. Expects a template that passed validation; for any other it may
/// find nothing.
pub fn lint(
    name: &str,
    written: &TemplateSource,
    templates: &Templates,
    compiled: &Compiled,
) -> Vec<Lint> {
    let mut found = Findings { name, found: Vec::new() };
    match written {
        TemplateSource::Email { .. } => found.email(written, templates, compiled),
        TemplateSource::Sms(text) => {
            links::in_text(&mut found, text);
            let short = format!("{SAMPLE_URL}/s/{}", "x".repeat(SHORT_CODE_CHARS));
            let is_short = !compiled.campaign.sms.long_links;
            let through = &mut |_: &str| is_short.then(|| short.clone());
            let data = sample_data(compiled);
            if let Ok(rendered) = templates.render_sms_through(name, &data, through) {
                sms::check(&mut found, &rendered, &compiled.campaign);
            }
        }
        TemplateSource::Page(text) => pages::check(&mut found, text),
        TemplateSource::Partial(_) | TemplateSource::Subject(_) => {}
    }
    found.foreign(written);
    own_links::check(&mut found, written, &compiled.campaign);
    found.found
}

/// The warnings, in the order found.
struct Findings<'f> {
    name: &'f str,
    found: Vec<Lint>,
}

impl Findings<'_> {
    fn add(&mut self, part: &str, line: Option<usize>, code: LintCode, detail: impl Into<String>) {
        let lint = Lint { code, key: part_name(self.name, part), line, detail: detail.into() };
        if !self.found.contains(&lint) {
            self.found.push(lint);
        }
    }

    /// Checks an e-mail, except for its links to our own pages.
    fn email(&mut self, written: &TemplateSource, templates: &Templates, compiled: &Compiled) {
        let TemplateSource::Email { preheader, html, text, .. } = written else { return };
        // How many bytes the tracked links add.
        let mut longer = 0;
        let through = &mut |url: &str| {
            longer += SAMPLE_URL.len() + "/c/".len() + token_bytes(url) - url.len();
            None
        };
        let data = sample_data(compiled);
        let Ok(rendered) = templates.render_email_through(self.name, &data, through) else {
            return;
        };
        self.subject(&rendered.subject);
        // For a contact without any data.
        let bare = templates.render_email(self.name, &bare_data(compiled));
        if bare.is_ok_and(|bare| bare.subject.is_empty()) {
            self.add("subject", None, LintCode::EmptySubject, "");
        }
        let tokens = tokens(html);
        links::check(self, html, &tokens);
        client_support::written(self, html, &tokens);
        client_support::rendered(self, &rendered.html);
        for (line, text) in stray_texts(html) {
            self.add("html", Some(line), LintCode::StrayText, text);
        }
        for address in fetched_fonts(&rendered.html) {
            let host = address.split("//").nth(1).and_then(|rest| rest.split('/').next());
            self.add("html", None, LintCode::WebFont, host.unwrap_or(&address));
        }
        if preheader.is_empty() && !html.contains("<mj-preview") {
            self.add("html", None, LintCode::NoPreheader, "");
        }
        if !text.is_empty() && !rendered.text.contains(SAMPLE_UNSUBSCRIBE) {
            self.add("text", None, LintCode::NoUnsubscribeInText, "");
        }
        self.whole(&rendered, longer, &compiled.campaign);
    }

    /// Warns of placeholders in the syntax of other systems, which would arrive unchanged.
    fn foreign(&mut self, written: &TemplateSource) {
        for (part, text, _) in written.parts() {
            for foreign in foreign::in_text(text) {
                let line = 1 + text[..foreign.at].matches('\n').count();
                let ours = foreign.ours.map(|ours| format!(" → {ours}")).unwrap_or_default();
                let detail = format!("{}{ours}", foreign.tag);
                self.add(part, Some(line), LintCode::ForeignTag, detail);
            }
        }
    }

    /// Checks the subject as rendered for the made-up contact.
    fn subject(&mut self, subject: &str) {
        let columns: usize = subject.chars().map(|c| if c >= '\u{2e80}' { 2 } else { 1 }).sum();
        if columns > SUBJECT_COLUMNS_MAX {
            self.add("subject", None, LintCode::LongSubject, columns.to_string());
        }
        let letters = || subject.chars().filter(|c| c.is_lowercase() || c.is_uppercase());
        let large = letters().filter(|c| c.is_uppercase()).count();
        if large >= 8 && large * 10 >= letters().count() * 8 {
            self.add("subject", None, LintCode::ShoutingSubject, "");
        }
        if subject.chars().filter(|c| matches!(c, '!' | '！')).count() > 1 {
            self.add("subject", None, LintCode::ManyExclamations, "");
        }
        let start = subject.trim_start().to_lowercase();
        if ["re:", "fw:", "fwd:", "回复：", "回复:", "转发：", "转发:"]
            .iter()
            .any(|prefix| start.starts_with(prefix))
        {
            self.add("subject", None, LintCode::FalseReply, "");
        }
    }

    /// Checks the mail as a whole: its size, its footer, and whether it contains text.
    fn whole(&mut self, rendered: &RenderedEmail, longer: usize, campaign: &Campaign) {
        let size = rendered.html.len() + longer;
        if size > HTML_BYTES_MAX {
            self.add("html", None, LintCode::TooLarge, size.div_ceil(1000).to_string());
        }
        let text = crate::domain::template::plain_text(&rendered.html);
        let squeezed = |text: &str| text.split_whitespace().collect::<String>();
        if !squeezed(&text).contains(&squeezed(&campaign.postal_address)) {
            self.add("html", None, LintCode::NoPostalAddress, "");
        }
        if text.contains("!!!") || text.contains("！！！") {
            self.add("html", None, LintCode::ManyExclamations, "");
        }
        // The footer is in every mail, so it does not count as text.
        let foot = squeezed(&campaign.postal_address).chars().count();
        let letters = text.chars().filter(|c| c.is_alphanumeric()).count().saturating_sub(foot);
        let is_image = |token: &Token| matches!(token, Token::Open(e) if e.name == "img");
        if letters < LETTERS_MIN && tokens(&rendered.html).iter().any(is_image) {
            self.add("html", None, LintCode::ImageOnly, "");
        }
    }
}

/// Returns the length of the token of a link to this URL.
fn token_bytes(url: &str) -> usize {
    // Base64 turns three bytes into four.
    TOKEN_BYTES + url.len().div_ceil(3) * 4
}

const SAMPLE_URL: &str = "https://go.example.com";
const SAMPLE_UNSUBSCRIBE: &str = "https://go.example.com/u/sample";

/// Returns the data of a made-up contact of a campaign: a value for each field and attribute, so
/// that a preview of a message has no gaps.
pub fn sample_data(compiled: &Compiled) -> Value {
    let campaign = &compiled.campaign;
    let language = Language::from_locale(&campaign.locale);
    let mut data = Map::new();
    for name in &campaign.attributes {
        data.insert(name.clone(), sample_attribute(name, compiled));
    }
    for field in campaign.forms.values().flat_map(|form| &form.fields) {
        data.insert(field.name.clone(), sample_answer(field, language));
    }
    let known = [
        ("first_name", language.pick("Robin", "晓雯").into()),
        ("last_name", language.pick("Taylor", "林").into()),
        ("full_name", language.pick("Robin Taylor", "林晓雯").into()),
        ("email", "robin@example.com".into()),
        ("phone", language.pick("+447400123456", "+8613812345678").into()),
        ("external_id", "1001".into()),
        ("locale", campaign.locale.as_str().into()),
        ("time_zone", campaign.time_zone.as_str().into()),
        ("score", Value::from(42)),
        ("base_url", SAMPLE_URL.into()),
        ("unsubscribe_url", SAMPLE_UNSUBSCRIBE.into()),
        ("preferences_url", "https://go.example.com/preferences/sample".into()),
        ("campaign", json!({ "name": campaign.name, "postal_address": campaign.postal_address })),
    ];
    let (locale, zone) = (&*campaign.locale, &*campaign.time_zone);
    let manner = FormatOptions { locale, zone, currency: &campaign.currency };
    data.extend(known.map(|(name, value)| (name.to_owned(), value)));
    data.extend([format_data(&manner)]);
    Value::Object(data)
}

/// Returns the data of a contact of whom only the address is known.
fn bare_data(compiled: &Compiled) -> Value {
    let mut data = sample_data(compiled);
    if let Value::Object(data) = &mut data {
        let Campaign { attributes, forms, .. } = &compiled.campaign;
        let fields = forms.values().flat_map(|form| &form.fields).map(|field| &field.name);
        let names = attributes.iter().chain(fields).map(String::as_str);
        let names = names.filter(|name| *name != "email");
        for name in names.chain(["first_name", "last_name", "full_name", "phone", "external_id"]) {
            data.remove(name);
        }
    }
    data
}

/// Returns a sample value of an attribute. Attributes have no declared type; it is inferred from
/// the helpers that use them.
fn sample_attribute(name: &str, compiled: &Compiled) -> Value {
    let is_given_to = |helpers: &[&str]| {
        compiled.templates.values().flat_map(TemplateSource::parts).any(|(_, text, _)| {
            helpers.iter().any(|helper| text.contains(&format!("{helper} {name}")))
        })
    };
    if is_given_to(&["date", "time"]) {
        json!("2026-03-02T09:30:00Z")
    } else if is_given_to(&["money", "number", "plural", "gt", "gte", "lt", "lte"]) {
        json!(12)
    } else if is_given_to(&["percent"]) {
        json!(0.12)
    } else {
        json!(format!("[{name}]"))
    }
}

fn sample_answer(field: &Field, language: Language) -> Value {
    match &field.kind {
        FieldKind::Number { .. } => json!(12),
        FieldKind::Url => json!("https://www.example.com/"),
        FieldKind::Date => json!("2026-03-02"),
        FieldKind::Select(options) | FieldKind::Radio(options) => {
            options.first().map(|option| option.value.clone()).into()
        }
        FieldKind::MultiSelect(options) => {
            options.iter().take(2).map(|option| option.value.clone()).collect()
        }
        FieldKind::Checkbox => json!(true),
        FieldKind::Country => json!(language.pick("GB", "CN")),
        _ => json!(language.pick("A few words", "一段文字")),
    }
}

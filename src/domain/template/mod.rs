//! Templates: Handlebars sources for pages, e-mails and SMS, checked at publish, rendered at send.

pub(in crate::domain) mod syntax;
pub(in crate::domain) mod dialect;
pub(in crate::domain) mod locale_format;
pub(in crate::domain) mod helpers;
pub(in crate::domain) mod html_context;
pub(in crate::domain) mod foreign;
pub(in crate::domain) mod translations;
mod layout;
pub(in crate::domain) mod mjml;
pub(in crate::domain) mod markup;
mod plain_text;
mod preheader;
mod links;
#[cfg(test)]
mod tests;

pub use helpers::format_data;
pub use layout::{Expanded, expand};
pub use links::{link_problems, mark_links};
pub use locale_format::{FormatOptions, language_of};
pub use mjml::{MjmlError, compile_mjml};
pub use plain_text::plain_text;
pub use preheader::with_preheader;
pub use translations::{best as best_version, first as parent_of_version, is_language, languages};

use handlebars::{Context, Handlebars};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;

/// The largest template: ten times a long page.
pub const TEMPLATE_BYTES_MAX: usize = 256 * 1024;
/// Templates of one campaign: fifty pages with variants and journeys with many messages.
pub const TEMPLATES_MAX: usize = 1_000;
/// The largest rendered page, subject, body or message; mail clients cut long before.
pub const OUTPUT_BYTES_MAX: usize = 512 * 1024;

/// A compiled template: MJML has become HTML, Handlebars tags are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplateSource {
    /// A whole HTML document for a landing page.
    Page(String),
    /// A fragment that other templates include with `{{> name}}`.
    Partial(String),
    /// The parts of an e-mail.
    Email {
        /// The subject line; plain text.
        subject: String,
        /// What mailboxes show after the subject; plain text, which stands in the HTML too.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        preheader: String,
        /// HTML made from MJML.
        html: String,
        /// The plain-text alternative.
        text: String,
    },
    /// The text of a short message.
    Sms(String),
    /// A subject line that takes the place of an e-mail's; it stands in the campaign itself.
    Subject(String),
}

impl TemplateSource {
    /// The parts by name (`""` for a template of one part), and whether each is HTML.
    pub fn parts(&self) -> Vec<(&'static str, &str, Markup)> {
        match self {
            Self::Page(page) => vec![("", page, Markup::Html)],
            Self::Partial(partial) => vec![("", partial, Markup::Html)],
            Self::Email { subject, preheader, html, text } => {
                let mut parts = vec![("subject", subject.as_str(), Markup::Plain)];
                if !preheader.is_empty() {
                    parts.push(("preheader", preheader, Markup::Plain));
                }
                parts
                    .extend([("html", html.as_str(), Markup::Html), ("text", text, Markup::Plain)]);
                parts
            }
            Self::Sms(text) | Self::Subject(text) => vec![("", text, Markup::Plain)],
        }
    }
}

/// What a template's output is, and so what values must be guarded against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Markup {
    /// Values are escaped.
    Html,
    /// Values stand as they are.
    Plain,
}

/// An e-mail ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedEmail {
    /// One line, without line breaks.
    pub subject: String,
    /// The HTML body.
    pub html: String,
    /// The plain-text body.
    pub text: String,
}

/// Why a template could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// The template, and its part if it has several: `emails/welcome/text`.
    pub template: String,
    /// Where in it, if that is known; from 1.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.template, self.message),
            None => write!(f, "{}: {}", self.template, self.message),
        }
    }
}

impl std::error::Error for TemplateError {}

/// Templates ready to be rendered. Those it holds parse, and none includes itself or does more
/// work than its limit; so rendering ends, and fails with a value if it fails.
pub struct Templates {
    html: Handlebars<'static>,
    plain: Handlebars<'static>,
    /// The sites that links of their authors lead to.
    origins: BTreeSet<String>,
}

impl Templates {
    /// Parses every template. Partials are known to the others by their name without the folder.
    pub fn new(sources: &BTreeMap<String, TemplateSource>) -> Result<Self, TemplateError> {
        let (mut html, mut plain) = (engine(Markup::Html), engine(Markup::Plain));
        let mut parsed = BTreeMap::new();
        let sources = links::prepared(sources);
        for (name, source) in sources.iter() {
            for (part, text, markup) in source.parts() {
                let full = part_name(name, part);
                let template = syntax::parse(&full, &links::with_marks(text))?;
                let mut ready = template.clone();
                dialect::shown(&mut ready);
                match source {
                    TemplateSource::Partial(_) => {
                        let short = partial_name(name);
                        html.register_template(short, ready.clone());
                        plain.register_template(short, ready);
                        parsed.insert(short.to_owned(), template);
                        continue;
                    }
                    _ if markup == Markup::Html => html.register_template(&full, ready),
                    _ => plain.register_template(&full, ready),
                }
                parsed.insert(full, template);
            }
        }
        for name in parsed.keys() {
            syntax::bound(name, &parsed)?;
        }
        Ok(Self { html, plain, origins: links::origins(&sources) })
    }

    /// Renders a landing page: `pages/webinar`.
    pub fn render_page(&self, name: &str, data: &Value) -> Result<String, TemplateError> {
        let rendered = render(&self.html, name, &context(data))?;
        Ok(links::without_marks(&rendered))
    }

    /// Renders an e-mail, or a version of it: `emails/welcome`, `emails/welcome/zh-CN`.
    pub fn render_email(&self, name: &str, data: &Value) -> Result<RenderedEmail, TemplateError> {
        self.render_email_through(name, data, &mut |_| None)
    }

    /// The same, each link that an author wrote into the HTML as `through` makes it; `None` leaves
    /// it as it is.
    pub fn render_email_through(
        &self,
        name: &str,
        data: &Value,
        through: &mut dyn FnMut(&str) -> Option<String>,
    ) -> Result<RenderedEmail, TemplateError> {
        let data = context(data);
        let subject = render(&self.plain, &part_name(name, "subject"), &data)?;
        let html = render(&self.html, &part_name(name, "html"), &data)?;
        let text = render(&self.plain, &part_name(name, "text"), &data)?;
        Ok(RenderedEmail {
            subject: one_line(&subject),
            html: links::through_html(&html, through),
            text: links::without_marks(&text),
        })
    }

    /// Renders a subject that takes the place of an e-mail's: `subjects/news/b`.
    pub fn render_subject(&self, name: &str, data: &Value) -> Result<String, TemplateError> {
        Ok(one_line(&render(&self.plain, name, &context(data))?))
    }

    /// Renders what mailboxes show after the subject; nothing if the e-mail has no such part.
    pub fn render_preheader(&self, name: &str, data: &Value) -> Result<String, TemplateError> {
        let part = part_name(name, "preheader");
        if !self.plain.has_template(&part) {
            return Ok(String::new());
        }
        Ok(one_line(&render(&self.plain, &part, &context(data))?))
    }

    /// Renders a short message, or a version of it: `sms/reminder`, `sms/reminder/zh-CN`.
    pub fn render_sms(&self, name: &str, data: &Value) -> Result<String, TemplateError> {
        self.render_sms_through(name, data, &mut |_| None)
    }

    /// The same, each address that an author wrote as `through` makes it.
    pub fn render_sms_through(
        &self,
        name: &str,
        data: &Value,
        through: &mut dyn FnMut(&str) -> Option<String>,
    ) -> Result<String, TemplateError> {
        let rendered = render(&self.plain, name, &context(data))?;
        Ok(links::through_text(&rendered, through).trim().to_owned())
    }
}

/// Data as the engine takes it.
fn context(data: &Value) -> Context {
    Context::from(links::unmarked(data))
}

/// `emails/welcome/text`; a template of one part has its own name.
pub fn part_name(template: &str, part: &str) -> String {
    if part.is_empty() { template.to_owned() } else { format!("{template}/{part}") }
}

/// The name by which other templates include `partials/<name>`.
pub(super) fn partial_name(template: &str) -> &str {
    template.strip_prefix("partials/").unwrap_or(template)
}

/// A header must never contain a line break, whatever a contact's attributes contain.
fn one_line(text: &str) -> String {
    // The last two end lines for some readers of Unicode.
    let ends = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    links::without_marks(text)
        .split(ends)
        .map(str::trim)
        .filter(|p| !p.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn engine(markup: Markup) -> Handlebars<'static> {
    let mut engine = Handlebars::new();
    helpers::register(&mut engine);
    match markup {
        Markup::Html => engine.register_escape_fn(handlebars::html_escape),
        Markup::Plain => engine.register_escape_fn(handlebars::no_escape),
    }
    engine
}

fn render(engine: &Handlebars<'_>, name: &str, data: &Context) -> Result<String, TemplateError> {
    let mut output = Bounded(Vec::new());
    let refusal = |line, message| TemplateError { template: name.to_owned(), line, message };
    engine.render_with_context_to_write(name, data, &mut output).map_err(|error| {
        if output.0.len() >= OUTPUT_BYTES_MAX {
            return refusal(None, format!("renders to more than {OUTPUT_BYTES_MAX} bytes"));
        }
        refusal(error.line_no, error.reason().to_string())
    })?;
    String::from_utf8(output.0).map_err(|error| refusal(None, error.to_string()))
}

/// Bytes that refuse to grow beyond the limit.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = OUTPUT_BYTES_MAX - self.0.len();
        self.0.extend(&bytes[..bytes.len().min(room)]);
        if bytes.len() > room {
            return Err(io::Error::other("too long"));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

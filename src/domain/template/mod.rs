//! Templates: Handlebars sources for pages, e-mails and SMS, validated when publishing, rendered
//! when sending. Not here: whether the templates of a campaign may be published, and the linter
//! (`publication`).

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

pub use dialect::NEVER_CLOSED;
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
/// The most templates of one campaign: fifty pages with variants and journeys with many messages.
pub const TEMPLATES_MAX: usize = 1_000;
/// The largest rendered page, subject, body or message; mail clients cut off far earlier.
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
        /// The text that mailboxes show after the subject; plain text, also contained in the HTML.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        preheader: String,
        /// HTML compiled from MJML.
        html: String,
        /// The plain-text alternative.
        text: String,
    },
    /// The text of an SMS.
    Sms(String),
    /// A subject line that replaces that of an e-mail; it is defined in the campaign itself.
    Subject(String),
}

impl TemplateSource {
    /// Returns the parts by name (`""` for a template of one part), each with its markup.
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

/// The format of a template's output, which determines how values are escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Markup {
    /// Values are escaped.
    Html,
    /// Values are inserted as they are.
    Plain,
}

/// An e-mail ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedEmail {
    /// A single line, without line breaks.
    pub subject: String,
    pub html: String,
    pub text: String,
}

/// The reason why a template could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// The template, and its part if it has several: `emails/welcome/text`.
    pub template: String,
    /// The line, from 1, if known.
    pub line: Option<usize>,
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

/// Templates ready to be rendered. All of them parse, and none includes itself or exceeds its limit
/// of work. So rendering terminates, and reports any failure as an error.
pub struct Templates {
    html: Handlebars<'static>,
    plain: Handlebars<'static>,
    /// The origins that the authors' links lead to.
    origins: BTreeSet<String>,
}

impl Templates {
    /// Parses every template. Others refer to a partial by its name without the folder.
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

    /// Renders an e-mail and replaces each link that an author wrote into the HTML by the result of
    /// `through`; `None` leaves it unchanged.
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

    /// Renders a subject that replaces that of an e-mail: `subjects/news/b`.
    pub fn render_subject(&self, name: &str, data: &Value) -> Result<String, TemplateError> {
        Ok(one_line(&render(&self.plain, name, &context(data))?))
    }

    /// Renders the text that mailboxes show after the subject; empty if the e-mail has no such
    /// part.
    pub fn render_preheader(&self, name: &str, data: &Value) -> Result<String, TemplateError> {
        let part = part_name(name, "preheader");
        if !self.plain.has_template(&part) {
            return Ok(String::new());
        }
        Ok(one_line(&render(&self.plain, &part, &context(data))?))
    }

    /// Renders an SMS, or a version of it: `sms/reminder`, `sms/reminder/zh-CN`.
    pub fn render_sms(&self, name: &str, data: &Value) -> Result<String, TemplateError> {
        self.render_sms_through(name, data, &mut |_| None)
    }

    /// Renders an SMS and replaces each URL that an author wrote by the result of `through`.
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

/// Converts data for the engine.
fn context(data: &Value) -> Context {
    Context::from(links::unmarked(data))
}

/// Returns the full name of a part, `emails/welcome/text`; a template of one part keeps its own
/// name.
pub fn part_name(template: &str, part: &str) -> String {
    if part.is_empty() { template.to_owned() } else { format!("{template}/{part}") }
}

/// Returns the name by which other templates include `partials/<name>`.
pub(super) fn partial_name(template: &str) -> &str {
    template.strip_prefix("partials/").unwrap_or(template)
}

/// Makes a text a single line: a header must never contain a line break, whatever a contact's
/// attributes contain.
fn one_line(text: &str) -> String {
    // These two are line separators of Unicode.
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

/// A buffer that refuses to grow beyond the limit.
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

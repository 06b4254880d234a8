//! Templates: Handlebars sources for pages, e-mails and SMS, checked at publish, rendered at send.

mod check;
mod helpers;
mod mjml;
mod syntax;
#[cfg(test)]
mod tests;

pub use check::{check_templates, partials_of, references};
pub use mjml::{MjmlError, compile_mjml};

use handlebars::Handlebars;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
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
    /// The three parts of an e-mail.
    Email {
        /// The subject line; plain text.
        subject: String,
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
            Self::Email { subject, html, text } => vec![
                ("subject", subject, Markup::Plain),
                ("html", html, Markup::Html),
                ("text", text, Markup::Plain),
            ],
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
}

impl Templates {
    /// Parses every template. Partials are known to the others by their name without the folder.
    pub fn new(sources: &BTreeMap<String, TemplateSource>) -> Result<Self, TemplateError> {
        let (mut html, mut plain) = (engine(Markup::Html), engine(Markup::Plain));
        let mut parsed = BTreeMap::new();
        for (name, source) in sources {
            for (part, text, markup) in source.parts() {
                let full = part_name(name, part);
                let template = syntax::parse(&full, text)?;
                match source {
                    TemplateSource::Partial(_) => {
                        let short = partial_name(name);
                        html.register_template(short, template.clone());
                        plain.register_template(short, template.clone());
                        parsed.insert(short.to_owned(), template);
                        continue;
                    }
                    _ if markup == Markup::Html => html.register_template(&full, template.clone()),
                    _ => plain.register_template(&full, template.clone()),
                }
                parsed.insert(full, template);
            }
        }
        for name in parsed.keys() {
            syntax::bound(name, &parsed)?;
        }
        Ok(Self { html, plain })
    }

    /// Renders a landing page: `pages/webinar`.
    pub fn render_page(&self, name: &str, data: &Value) -> Result<String, TemplateError> {
        render(&self.html, name, data)
    }

    /// Renders the three parts of an e-mail: `emails/welcome`.
    pub fn render_email(&self, name: &str, data: &Value) -> Result<RenderedEmail, TemplateError> {
        let subject = render(&self.plain, &part_name(name, "subject"), data)?;
        Ok(RenderedEmail {
            subject: one_line(&subject),
            html: render(&self.html, &part_name(name, "html"), data)?,
            text: render(&self.plain, &part_name(name, "text"), data)?,
        })
    }

    /// Renders a subject that takes the place of an e-mail's: `subjects/news/b`.
    pub fn render_subject(&self, name: &str, data: &Value) -> Result<String, TemplateError> {
        Ok(one_line(&render(&self.plain, name, data)?))
    }

    /// Renders a short message: `sms/reminder`.
    pub fn render_sms(&self, name: &str, data: &Value) -> Result<String, TemplateError> {
        Ok(render(&self.plain, name, data)?.trim().to_owned())
    }
}

/// `emails/welcome/text`; a template of one part has its own name.
pub(super) fn part_name(template: &str, part: &str) -> String {
    if part.is_empty() { template.to_owned() } else { format!("{template}/{part}") }
}

/// The name by which other templates include `partials/<name>`.
pub(super) fn partial_name(template: &str) -> &str {
    template.strip_prefix("partials/").unwrap_or(template)
}

/// A header must never contain a line break, whatever a contact's attributes contain.
fn one_line(text: &str) -> String {
    text.split(['\r', '\n', '\0'])
        .map(str::trim)
        .filter(|p| !p.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The engine's helpers that the house does not offer: they would shadow attributes of that name.
const WITHDRAWN: &[&str] =
    &["with", "lookup", "raw", "log", "ne", "gt", "gte", "lt", "lte", "and", "or", "not", "len"];

fn engine(markup: Markup) -> Handlebars<'static> {
    let mut engine = Handlebars::new();
    for name in WITHDRAWN {
        engine.unregister_helper(name);
    }
    engine.register_helper("default", Box::new(helpers::default));
    engine.register_helper("upper", Box::new(helpers::upper));
    engine.register_helper("lower", Box::new(helpers::lower));
    engine.register_helper("eq", Box::new(helpers::eq));
    engine.set_prevent_indent(true);
    match markup {
        Markup::Html => engine.register_escape_fn(handlebars::html_escape),
        Markup::Plain => engine.register_escape_fn(handlebars::no_escape),
    }
    engine
}

fn render(engine: &Handlebars<'_>, name: &str, data: &Value) -> Result<String, TemplateError> {
    let mut output = Bounded(Vec::new());
    let refusal = |line, message| TemplateError { template: name.to_owned(), line, message };
    engine.render_to_write(name, data, &mut output).map_err(|error| {
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

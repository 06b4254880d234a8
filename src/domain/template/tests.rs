//! Which templates are accepted, what they render, and that none of them can do harm.

mod check;
mod dialect;
mod harm;
mod lint;
mod links;
mod mjml;
mod render;
mod values;

use super::helpers::{HELPERS, WITHDRAWN};
use super::*;
use crate::domain::base::diagnostic::Problem;
use crate::domain::campaign::{Campaign, Compiled};
use crate::domain::campaign_file::{read, tests::SAMPLE};
use crate::domain::publication::lint::{Lint, LintCode};
use crate::domain::publication::validate::check_templates;
use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::json;
use std::sync::LazyLock;

const BODY: &str = "<a href=\"{{unsubscribe_url}}\">退订</a>";

fn campaign() -> Campaign {
    static READ: LazyLock<Campaign> = LazyLock::new(|| {
        let interests = "[[form.download.fields]]\nname = 'interests'\ntype = 'multi-select'\n\
                         options = ['甲', '乙']\n[form.download.consent]";
        let text = SAMPLE.replace("[form.download.consent]", interests);
        read("white-paper.toml", &text).unwrap()
    });
    READ.clone()
}

fn page(text: &str) -> TemplateSource {
    TemplateSource::Page(text.to_owned())
}

fn email(subject: &str, html: &str, text: &str) -> TemplateSource {
    let [subject, html, text] = [subject, html, text].map(str::to_owned);
    TemplateSource::Email { subject, preheader: String::new(), html, text }
}

/// Compiles the sample with valid templates and these changes.
fn compiled(changes: Vec<(&str, TemplateSource)>) -> Compiled {
    let mut templates = BTreeMap::new();
    for name in ["pages/white-paper", "pages/white-paper-b", "pages/thanks"] {
        templates.insert(name.to_owned(), page("<title>{{title}}</title>{{{form}}}"));
    }
    templates.insert("emails/welcome".to_owned(), email("你好", BODY, "{{first_name}}"));
    templates
        .insert("sms/nudge".to_owned(), TemplateSource::Sms("{{first_name}}，您好".to_owned()));
    templates.extend(changes.into_iter().map(|(name, source)| (name.to_owned(), source)));
    Compiled { campaign: campaign(), templates }
}

/// Returns the problems of templates: place, problem and remedy.
fn errors_in(changes: Vec<(&str, TemplateSource)>) -> String {
    let tell = |problem: &Problem| {
        let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
        let help = problem.help.iter().map(|help| format!("   → {help}\n")).collect::<String>();
        format!("{}{line}\n     {}\n{help}", problem.key, problem.message)
    };
    match check_templates(&compiled(changes)) {
        problems if problems.is_empty() => "all good".to_owned(),
        problems => problems.iter().map(tell).collect(),
    }
}

fn errors_of_page(text: &str) -> String {
    errors_in(vec![("pages/thanks", page(text))])
}

fn errors_of_text(text: &str) -> String {
    errors_in(vec![("emails/welcome", email("你好", BODY, text))])
}

fn errors_of_html(html: &str) -> String {
    errors_in(vec![("emails/welcome", email("你好", &format!("{BODY}{html}"), "好"))])
}

fn partial(text: &str) -> (&'static str, TemplateSource) {
    ("partials/footer", TemplateSource::Partial(text.to_owned()))
}

/// Returns the templates of the sample with these changes, ready to render.
fn templates(changes: Vec<(&str, TemplateSource)>) -> Templates {
    Templates::new(&compiled(changes).templates).unwrap()
}

/// Renders a text.
fn text(source: &str, data: Value) -> String {
    let templates = templates(vec![("sms/nudge", TemplateSource::Sms(source.to_owned()))]);
    templates.render_sms("sms/nudge", &data).unwrap()
}

//! A message to be looked at: as a desktop and a phone show it, as plain text, as an SMS. The HTML
//! stands in sandboxed frames without scripts, for templates are trusted only so far.

use super::page::{Frame, Page};
use super::render;
use crate::domain::base::language::Language;
use crate::domain::sms::settings::SmsPreview;
use askama::Template;

/// The list of a campaign's messages.
pub struct MessagesView<'a> {
    /// The web app around it.
    pub frame: Frame,
    /// The campaign's id.
    pub campaign: &'a str,
    /// Its name.
    pub name: &'a str,
    /// The names of the messages, `emails/welcome`, each with its languages beside the first.
    pub messages: &'a [(String, Vec<String>)],
}

/// One message, and for whom.
pub struct PreviewView<'a> {
    /// The web app around it.
    pub frame: Frame,
    /// The campaign's id.
    pub campaign: &'a str,
    /// The message, as it is asked for.
    pub template: &'a str,
    /// As it was chosen and rendered; or why not.
    pub shown: Result<Sheet<'a>, String>,
    /// The languages beside the first.
    pub languages: &'a [String],
    /// The campaign's language.
    pub first: &'a str,
    /// The contact that was named; empty for made-up data.
    pub contact: &'a str,
    /// The language that was chosen; empty for the contact's.
    pub locale: &'a str,
    /// Where a test goes; empty for an SMS, which is not sent as one.
    pub owner: &'a str,
    /// Whether a test is on its way.
    pub is_sent: bool,
}

/// What a message looks like.
#[derive(Clone, Copy, Debug)]
pub struct Sheet<'a> {
    /// The version: `emails/welcome/zh-CN`.
    pub template: &'a str,
    /// Empty for SMS.
    pub subject: &'a str,
    /// What mailboxes show after the subject.
    pub preheader: &'a str,
    /// Empty for SMS.
    pub html: &'a str,
    /// The plain text, or the SMS.
    pub text: &'a str,
    /// What an SMS takes.
    pub sms: Option<&'a SmsPreview>,
}

/// Renders the list.
pub fn messages(view: &MessagesView) -> String {
    let language = view.frame.language;
    let href = |name: &str| {
        view.frame.href(&format!("/admin/campaigns/{}/messages/{name}", view.campaign))
    };
    let rows = view.messages.iter().map(|(name, languages)| MessageLine {
        href: href(name),
        kind: if name.starts_with("sms/") {
            language.pick("SMS", "短信")
        } else {
            language.pick("E-mail", "邮件")
        },
        name: name.split_once('/').map_or(name.as_str(), |(_, short)| short),
        languages: languages.join(", "),
    });
    render(&MessagesTemplate {
        page: Page::new(language, language.pick("Messages", "消息")),
        frame: view.frame,
        back: view.frame.href(&format!("/admin/campaigns/{}", view.campaign)),
        name: view.name,
        rows: rows.collect(),
    })
}

/// Renders one message. Serve it with `PREVIEW_POLICY`.
pub fn preview(view: &PreviewView) -> String {
    let language = view.frame.language;
    let action = format!("/admin/campaigns/{}/messages/{}", view.campaign, view.template);
    let (sheet, problem) = match &view.shown {
        Ok(sheet) => (Some(*sheet), ""),
        Err(problem) => (None, problem.as_str()),
    };
    render(&PreviewTemplate {
        page: Page::new(language, view.template),
        frame: view.frame,
        back: view.frame.href(&format!("/admin/campaigns/{}/messages", view.campaign)),
        action: view.frame.href(&action),
        sheet,
        problem,
        languages: view.languages,
        first: view.first,
        contact: view.contact,
        locale: view.locale,
        owner: view.owner,
        is_sent: view.is_sent,
    })
}

/// Renders a message by itself, as a file to be opened in a browser.
pub fn preview_file(sheet: Sheet, language: Language) -> String {
    render(&PreviewFileTemplate { page: Page::new(language, sheet.template), sheet })
}

struct MessageLine<'a> {
    href: String,
    kind: &'static str,
    name: &'a str,
    languages: String,
}

#[derive(Template)]
#[template(path = "messages.html")]
struct MessagesTemplate<'a> {
    page: Page,
    frame: Frame,
    back: String,
    name: &'a str,
    rows: Vec<MessageLine<'a>>,
}

#[derive(Template)]
#[template(path = "preview.html")]
struct PreviewTemplate<'a> {
    page: Page,
    frame: Frame,
    back: String,
    action: String,
    sheet: Option<Sheet<'a>>,
    problem: &'a str,
    languages: &'a [String],
    first: &'a str,
    contact: &'a str,
    locale: &'a str,
    owner: &'a str,
    is_sent: bool,
}

#[derive(Template)]
#[template(path = "preview_file.html")]
struct PreviewFileTemplate<'a> {
    page: Page,
    sheet: Sheet<'a>,
}

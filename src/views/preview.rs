//! Previews of a message: as a desktop and a phone show it, as plain text, as an SMS. The HTML is
//! in sandboxed frames without scripts, because templates are not fully trusted.

use super::page::{Frame, Page};
use super::render;
use crate::domain::base::language::Language;
use crate::domain::sms::settings::SmsPreview;
use askama::Template;

/// The data of the list of a campaign's messages.
pub struct MessagesView<'a> {
    /// The surrounding web app.
    pub frame: Frame,
    /// The campaign's id.
    pub campaign: &'a str,
    /// The campaign's name.
    pub name: &'a str,
    /// The names of the messages, such as `emails/welcome`, each with its additional languages.
    pub messages: &'a [(String, Vec<String>)],
}

/// The data of one message's preview.
pub struct PreviewView<'a> {
    /// The surrounding web app.
    pub frame: Frame,
    /// The campaign's id.
    pub campaign: &'a str,
    /// The requested message.
    pub template: &'a str,
    /// The selected version as rendered, or why it could not be rendered.
    pub shown: Result<Sheet<'a>, String>,
    /// The additional languages.
    pub languages: &'a [String],
    /// The campaign's language.
    pub first: &'a str,
    /// The selected contact; empty for sample data.
    pub contact: &'a str,
    /// The selected language; empty for the contact's.
    pub locale: &'a str,
    /// The recipient of a test message; empty for an SMS, which cannot be sent as a test.
    pub owner: &'a str,
    /// Whether a test message is being sent.
    pub is_sent: bool,
}

/// A rendered message.
#[derive(Clone, Copy, Debug)]
pub struct Sheet<'a> {
    /// The version: `emails/welcome/zh-CN`.
    pub template: &'a str,
    /// Empty for SMS.
    pub subject: &'a str,
    /// The text that mailboxes show after the subject.
    pub preheader: &'a str,
    /// Empty for SMS.
    pub html: &'a str,
    /// The plain text, or the SMS.
    pub text: &'a str,
    /// The size of an SMS.
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

/// Renders a message alone, as a file to open in a browser.
pub fn preview_file(sheet: Sheet, language: Language) -> String {
    render(&PreviewFileTemplate { page: Page::new(language, sheet.template), sheet })
}

/// Returns the name of a language that a person picks; the tag itself if it has none here.
fn name_of_language(tag: &str) -> &str {
    match tag {
        "en" => "English",
        "en-GB" => "English (UK)",
        "en-US" => "English (US)",
        "zh-CN" => "简体中文",
        tag => tag,
    }
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

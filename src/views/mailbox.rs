//! The local mailbox: messages that a deployment without a provider would have sent. The HTML of a
//! mail is shown in a sandboxed frame without scripts, which contains even a hostile mail.

use super::page::{Frame, Page};
use super::render;
use crate::domain::base::language::Language;
use crate::domain::base::primitives::Channel;
use crate::domain::sms::encoding::Sms;
use askama::Template;

/// One message, as it would have been sent.
#[derive(Clone, Debug, PartialEq)]
pub struct MailboxMessage {
    /// The id; the page is at `/dev/mailbox/<id>`.
    pub id: String,
    pub channel: Channel,
    /// The address or number.
    pub to: String,
    /// The subject; empty for an SMS.
    pub subject: String,
    /// The time, as text.
    pub at: String,
    /// The HTML part of an e-mail.
    pub html: Option<String>,
    /// The plain text.
    pub text: String,
}

/// The data of the list.
pub struct MailboxView<'a> {
    /// The surrounding web app.
    pub frame: Frame,
    /// Newest first.
    pub messages: &'a [MailboxMessage],
}

/// The data of one message's page. Serve it with `MAILBOX_POLICY`.
pub struct MailboxMessageView<'a> {
    /// The surrounding web app.
    pub frame: Frame,
    pub message: &'a MailboxMessage,
}

/// The most characters of a text shown in place of a missing subject.
const PREVIEW_CHARS_MAX: usize = 80;

/// Renders the list of messages.
pub fn mailbox(view: &MailboxView) -> String {
    let language = view.frame.language;
    let row = |message: &MailboxMessage| ListRow {
        href: view.frame.href(&format!("/dev/mailbox/{}", message.id)),
        channel: channel_name(message.channel, language),
        subject: headline(message),
        to: message.to.clone(),
        at: message.at.clone(),
    };
    render(&MailboxTemplate {
        page: Page::new(language, language.pick("Mailbox", "测试邮箱")),
        frame: view.frame,
        rows: view.messages.iter().map(row).collect(),
    })
}

/// Renders one message.
pub fn mailbox_message(view: &MailboxMessageView) -> String {
    let language = view.frame.language;
    let message = view.message;
    let title = match message.channel {
        Channel::Email => headline(message),
        Channel::Sms => language.pick("SMS to ", "短信：").to_owned() + &message.to,
        Channel::Webhook => message.to.clone(),
    };
    render(&MailboxMessageTemplate {
        page: Page::new(language, title),
        frame: view.frame,
        message,
        channel: channel_name(message.channel, language),
        html: message.html.as_deref().map(with_links_in_new_tabs),
        pieces: pieces(&message.text),
        units: (message.channel == Channel::Sms).then(|| units(&message.text, language)),
    })
}

#[derive(Template)]
#[template(path = "mailbox.html")]
struct MailboxTemplate {
    page: Page,
    frame: Frame,
    rows: Vec<ListRow>,
}

struct ListRow {
    href: String,
    channel: &'static str,
    subject: String,
    to: String,
    at: String,
}

#[derive(Template)]
#[template(path = "mailbox_message.html")]
struct MailboxMessageTemplate<'a> {
    page: Page,
    frame: Frame,
    message: &'a MailboxMessage,
    channel: &'static str,
    html: Option<String>,
    pieces: Vec<Piece<'a>>,
    /// The size of an SMS.
    units: Option<String>,
}

/// A piece of text, or a URL in it.
#[derive(Debug, PartialEq)]
struct Piece<'a> {
    text: &'a str,
    is_link: bool,
}

/// Describes the size of an SMS: segments, units, encoding.
fn units(text: &str, language: Language) -> String {
    let Sms { encoding, units, segments, .. } = Sms::of(text);
    let words = language.pick("units", "个单位");
    format!("{} ({units} {words}, {})", segments.len(), encoding.as_str())
}

fn channel_name(channel: Channel, language: Language) -> &'static str {
    match channel {
        Channel::Email => language.pick("E-mail", "邮件"),
        Channel::Sms => language.pick("SMS", "短信"),
        Channel::Webhook => "Webhook",
    }
}

/// Returns the subject, or the beginning of the text.
fn headline(message: &MailboxMessage) -> String {
    if !message.subject.is_empty() {
        return message.subject.clone();
    }
    let mut preview: String = message.text.chars().take(PREVIEW_CHARS_MAX).collect();
    if preview.len() < message.text.len() {
        preview.push('…');
    }
    preview
}

/// Makes links open in new tabs: the frame allows new tabs but no navigation of its own. The tag
/// goes into the head, because the document would otherwise fall into quirks mode.
fn with_links_in_new_tabs(html: &str) -> String {
    const BASE: &str = "<base target=\"_blank\">";
    let lower = html.to_ascii_lowercase();
    let after_head =
        lower.find("<head").and_then(|at| lower[at..].find('>').map(|end| at + end + 1));
    match after_head {
        Some(at) => format!("{}{BASE}{}", &html[..at], &html[at..]),
        None => format!("{BASE}{html}"),
    }
}

/// Splits a text at the ends of its http and https URLs.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = next_address(rest) {
        let after = &rest[start..];
        let is_end = |c: char| c.is_whitespace() || !c.is_ascii() || matches!(c, '<' | '>' | '"');
        let end = after.find(is_end).unwrap_or(after.len());
        let link = after[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '\'']);
        pieces.push(Piece { text: &rest[..start], is_link: false });
        pieces.push(Piece { text: link, is_link: true });
        rest = &after[link.len()..];
    }
    pieces.push(Piece { text: rest, is_link: false });
    pieces.retain(|piece| !piece.text.is_empty());
    pieces
}

fn next_address(text: &str) -> Option<usize> {
    [text.find("https://"), text.find("http://")].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_in_plain_text_are_found() {
        let found = |text| {
            let links = pieces(text).into_iter().filter(|piece| piece.is_link);
            links.map(|piece| piece.text).collect::<Vec<_>>()
        };
        assert_eq!(found("See http://a.example/c/x.y-z. Bye"), ["http://a.example/c/x.y-z"]);
        assert_eq!(found("点击https://a.example/1，回复T退订"), ["https://a.example/1"]);
        assert_eq!(
            found("(https://a.example) \"http://b.example\""),
            ["https://a.example", "http://b.example"]
        );
        assert_eq!(found("javascript:alert(1)"), [""; 0]);
        let text = "a http://b c";
        assert_eq!(pieces(text).iter().map(|piece| piece.text).collect::<String>(), text);
    }

    #[test]
    fn links_in_mails_open_in_new_tabs() {
        let html = with_links_in_new_tabs("<!doctype html><html><HEAD lang=x><title>");
        assert_eq!(html, "<!doctype html><html><HEAD lang=x><base target=\"_blank\"><title>");
        assert_eq!(with_links_in_new_tabs("<p>"), "<base target=\"_blank\"><p>");
    }
}

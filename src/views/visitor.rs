//! Pages for visitors besides the landing pages: errors, thanks, unsubscribe, confirm. Each conveys
//! one message and what to do next. A GET of them changes nothing.

use super::page::Page;
use super::render;
use crate::domain::base::language::Language;
use askama::Template;

/// The data of an error page.
pub struct MessageView<'a> {
    /// The reader's language.
    pub language: Language,
    pub kind: MessageKind,
    /// A sentence about this particular case.
    pub detail: Option<&'a str>,
    /// A link to continue with: its URL and its label.
    pub link: Option<(&'a str, &'a str)>,
}

/// The errors that visitors can meet, each with its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// 400: the request cannot be understood.
    BadRequest,
    /// 403: the request came from another site.
    Forbidden,
    /// 404: nothing exists at this URL.
    NotFound,
    /// 405: this URL takes another method.
    MethodNotAllowed,
    /// 410: something was here and no longer is.
    Gone,
    /// 413: the request is too large.
    TooLarge,
    /// 415: the content type is not supported.
    UnsupportedType,
    /// 429: too many requests.
    TooManyRequests,
    /// 500: our fault.
    Fault,
    /// 503: not available at present.
    Unavailable,
}

/// The data of a form's default thank-you page.
pub struct ThanksView<'a> {
    /// The campaign's language.
    pub language: Language,
    pub sender_name: &'a str,
    /// Whether the visitor gets an e-mail to confirm the address.
    pub is_to_be_confirmed: bool,
    /// The path of the landing page to go back to.
    pub back: Option<&'a str>,
}

/// The data of an unsubscribe page.
pub struct UnsubscribeView<'a> {
    /// The contact's language.
    pub language: Language,
    pub state: UnsubscribeState,
    /// Whether the link is about text messages, not e-mails.
    pub is_sms: bool,
    /// The token in the page's URL.
    pub token: &'a str,
    /// After unsubscribing: the token that undoes it, and the names of what it would restore.
    pub undo: Option<(&'a str, &'a [String])>,
    /// The token of the preference page; empty if the unsubscribe token is invalid.
    pub preferences: &'a str,
    pub sender_name: &'a str,
    /// The sender's postal address; empty if the token identifies none.
    pub postal_address: &'a str,
}

/// The states of an unsubscribe page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnsubscribeState {
    /// Asks, with a button that posts to `/u/<token>`.
    Ask,
    /// The contact is unsubscribed.
    Done,
    /// The unsubscription was undone.
    Undone,
    /// The unsubscription can no longer be undone.
    TooLate,
    /// The contact no longer exists, and with it everything to unsubscribe from.
    Gone,
    /// The link is broken.
    Invalid,
}

/// The name and value that a button of the confirmation page sends: it confirms the consents, but
/// leaves the reader's details unchanged.
pub const KEEP_DETAILS: (&str, &str) = ("details", "keep");

/// The data of a confirmation page.
pub struct ConfirmView<'a> {
    /// The contact's language.
    pub language: Language,
    pub state: ConfirmState,
    /// The token in the page's URL.
    pub token: &'a str,
    pub sender_name: &'a str,
    /// The consents that wait for confirmation: the purpose and the text agreed to.
    pub asked: &'a [(String, String)],
    /// Details that somebody entered about the reader and that would change stored ones: label and
    /// value.
    pub details: &'a [(String, String)],
    /// When these data were read, in milliseconds: the reader's answer applies to them and not to
    /// newer data.
    pub shown_at: i64,
    /// The sender's postal address; empty if unknown.
    pub postal_address: &'a str,
}

/// The states of a confirmation page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfirmState {
    /// Asks, with a button that posts to `/confirm/<token>`.
    Ask,
    /// The consents are confirmed.
    Done,
    /// The link is too old, or was never ours.
    Expired,
}

/// Renders an error page.
pub fn message_page(view: &MessageView) -> String {
    let (title, explanation, remedy) = view.kind.words(view.language);
    let detail = view.detail.map(str::to_owned);
    render(&NoteTemplate {
        page: Page::new(view.language, title),
        note: Note {
            over: Some(view.kind.status().to_string()),
            paragraphs: detail
                .or(Some(explanation.to_owned()))
                .into_iter()
                .chain([remedy.to_owned()])
                .collect(),
            link: view.link.map(|(href, label)| Link { href: href.into(), label: label.into() }),
            ..Note::default()
        },
    })
}

/// Renders the thank-you page of a form without one of its own.
pub fn thanks(view: &ThanksView) -> String {
    let language = view.language;
    let next = match view.is_to_be_confirmed {
        true => language.pick(
            "One more step: open the e-mail that we sent you, and confirm your address.",
            "还差一步：请打开我们发送给您的邮件，确认您的邮箱地址。",
        ),
        false => language.pick(
            "We have received your answers and will be in touch.",
            "我们已收到您提交的信息，会尽快与您联系。",
        ),
    };
    render(&NoteTemplate {
        page: Page::new(language, language.pick("Thank you", "感谢您的提交")),
        note: Note {
            over: Some(view.sender_name.to_owned()),
            paragraphs: vec![next.to_owned()],
            link: view.back.map(|path| Link {
                href: path.to_owned(),
                label: language.pick("Back to the page", "返回页面").to_owned(),
            }),
            ..Note::default()
        },
    })
}

/// Renders the page behind an unsubscribe link.
pub fn unsubscribe(view: &UnsubscribeView) -> String {
    let language = view.language;
    let (title, text) = view.state.words(view.is_sms, language);
    let post = match view.state {
        UnsubscribeState::Ask => Some(Post {
            action: format!("/u/{}?lang={}", view.token, language.tag()),
            label: language.pick("Unsubscribe", "确认退订").to_owned(),
            hidden: None,
            is_quiet: false,
            other: None,
        }),
        UnsubscribeState::Done => view.undo.map(|(undo, names)| Post {
            action: format!("/u/{undo}/undo?lang={}", language.tag()),
            label: resubscription(names, language),
            hidden: None,
            is_quiet: true,
            other: None,
        }),
        _ => None,
    };
    let link = (!view.preferences.is_empty()).then(|| Link {
        href: format!("/preferences/{}?lang={}", view.preferences, language.tag()),
        label: match (view.state, view.undo) {
            (UnsubscribeState::Done, None) => language
                .pick("Subscribe again, or change your preferences", "重新订阅或管理订阅偏好"),
            _ => language.pick("Change your preferences", "管理订阅偏好"),
        }
        .to_owned(),
    });
    render(&NoteTemplate {
        page: Page::new(language, title),
        note: Note {
            over: filled(view.sender_name),
            paragraphs: vec![text.to_owned()],
            post,
            link,
            footer: filled(view.postal_address).into_iter().collect(),
        },
    })
}

/// Returns the text of the button that undoes an unsubscription; it is stored as a consent record.
pub fn resubscription(names: &[String], language: Language) -> String {
    let names = names.join(language.pick(", ", "、"));
    language
        .pick(format!("A mistake? Subscribe again: {names}"), format!("误操作？重新订阅：{names}"))
}

impl UnsubscribeState {
    /// Returns the page's title and its text.
    fn words(self, is_sms: bool, language: Language) -> (&'static str, &'static str) {
        match (self, is_sms) {
        (Self::Ask, false) => language.pick(
            (
                "Stop these messages?",
                "One click ends all our e-mails. You still get replies to your own requests.",
            ),
            (
                "确定退订吗？",
                "点击下方按钮后，您将不再收到我们的任何订阅邮件；您主动请求的回复除外。",
            ),
        ),
        (Self::Ask, true) => language.pick(
            (
                "Stop these messages?",
                "One click ends all our text messages. You still get replies to your own requests.",
            ),
            (
                "确定退订吗？",
                "点击下方按钮后，您将不再收到我们的任何订阅短信；您主动请求的回复除外。",
            ),
        ),
        (Self::Done, false) => language.pick(
            (
                "You are unsubscribed",
                "You will get no more e-mails from us. Text messages, if any, continue.",
            ),
            ("您已退订", "您不会再收到我们的订阅邮件。如果您还订阅了短信，短信不受影响。"),
        ),
        (Self::Done, true) => language.pick(
            (
                "You are unsubscribed",
                "You will get no more text messages from us. E-mails, if any, continue.",
            ),
            ("您已退订", "您不会再收到我们的订阅短信。如果您还订阅了邮件，邮件不受影响。"),
        ),
        (Self::Undone, _) => language.pick(
            ("You are subscribed again", "We will write to you as before."),
            ("已恢复订阅", "我们会像之前一样向您发送消息。"),
        ),
        (Self::TooLate, _) => language.pick(
            (
                "This cannot be undone here any more",
                "Choose what you want to get on your preference page.",
            ),
            ("已无法在此恢复", "请在订阅偏好页面选择您希望接收的内容。"),
        ),
        (Self::Gone, _) => language.pick(
            ("You get nothing from us", "We store nothing about you, and send you no messages."),
            ("您不会收到任何消息", "我们没有存储您的信息，也不会向您发送消息。"),
        ),
        (Self::Invalid, _) => language.pick(
            (
                "This link does not work",
                "It seems to be cut off. Open it again from the message, or answer the message \
                 with the word “unsubscribe”.",
            ),
            ("链接无效", "链接可能不完整。请从消息中重新打开，或直接回复“退订”。"),
        ),
    }
    }
}

/// Renders the page behind a double-opt-in link.
pub fn confirm(view: &ConfirmView) -> String {
    let language = view.language;
    let (title, text) = match view.state {
        ConfirmState::Ask => language.pick(
            ("Confirm your address", "Press the button to subscribe. You agreed to this:"),
            ("确认您的邮箱", "点击下方按钮即可完成订阅。您同意的内容："),
        ),
        ConfirmState::Done => language.pick(
            (
                "Your address is confirmed",
                "Thank you. You can unsubscribe at any time by the link in each message.",
            ),
            ("邮箱已确认", "感谢您的订阅。您可随时通过消息中的链接退订。"),
        ),
        ConfirmState::Expired => language.pick(
            (
                "This link is no longer valid",
                "It has expired or is incomplete. Fill in the form again for a new one.",
            ),
            ("链接已失效", "链接已过期或不完整。请重新填写表单，我们会再次发送确认邮件。"),
        ),
    };
    let is_ask = view.state == ConfirmState::Ask;
    let colon = language.pick(": ", "：");
    let mut paragraphs = Vec::new();
    if !is_ask || !view.asked.is_empty() {
        paragraphs.push(text.to_owned());
    }
    if is_ask {
        paragraphs.extend(view.asked.iter().map(|(name, words)| match words.as_str() {
            "" => name.clone(),
            words => format!("{name}{colon}“{words}”"),
        }));
    }
    let changes = is_ask && !view.details.is_empty();
    if changes {
        let lead = language.pick(
            "Somebody, probably you, entered this with your address. It will replace:",
            "有人（很可能是您本人）填写您的邮箱时输入了以下信息，确认后将替换原有资料：",
        );
        paragraphs.push(lead.to_owned());
        let details = view.details.iter();
        paragraphs.extend(details.map(|(label, value)| format!("{label}{colon}{value}")));
    }
    render(&NoteTemplate {
        page: Page::new(language, title),
        note: Note {
            over: filled(view.sender_name),
            paragraphs,
            post: is_ask.then(|| Post {
                action: format!("/confirm/{}?lang={}", view.token, language.tag()),
                label: language.pick("Confirm", "确认订阅").to_owned(),
                hidden: Some(("shown", view.shown_at.to_string())),
                is_quiet: false,
                other: changes.then(|| Other {
                    name: KEEP_DETAILS.0,
                    value: KEEP_DETAILS.1,
                    label: language.pick("Keep my details as they are", "不修改我的资料"),
                }),
            }),
            footer: filled(view.postal_address).into_iter().collect(),
            ..Note::default()
        },
    })
}

impl MessageKind {
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Gone => 410,
            Self::TooLarge => 413,
            Self::UnsupportedType => 415,
            Self::TooManyRequests => 429,
            Self::Fault => 500,
            Self::Unavailable => 503,
        }
    }

    /// Returns what happened, why, and what to do, in the reader's language.
    pub fn words(self, language: Language) -> (&'static str, &'static str, &'static str) {
        language.pick(self.english(), self.chinese())
    }

    fn english(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::BadRequest => (
                "We could not read this request",
                "Part of it is invalid.",
                "Go back, reload the page and try again.",
            ),
            Self::Forbidden => (
                "This was not sent from our page",
                "To protect you, we accept this only from our own site.",
                "Open the page here and try again.",
            ),
            Self::NotFound => (
                "Page not found",
                "The page has moved, or the address is wrong.",
                "Check the address, or ask the person who gave it to you.",
            ),
            Self::MethodNotAllowed => (
                "This address does not support that",
                "It is for forms and programs, and cannot be opened as a page.",
                "Go back to the page you came from.",
            ),
            Self::Gone => (
                "This is no longer available",
                "Its owner has taken it down.",
                "Look on the sender's site for what is on now. You can still unsubscribe by the \
                 link in any of its mails.",
            ),
            Self::TooLarge => (
                "That was too large",
                "What you sent is larger than we accept.",
                "Go back, shorten the longest answers and send the form again.",
            ),
            Self::UnsupportedType => (
                "We cannot read this kind of content",
                "We accept only plain forms and JSON, no files.",
                "Go back and send the form from its own page.",
            ),
            Self::TooManyRequests => (
                "Too many requests",
                "You have sent more requests than we allow.",
                "Wait a minute, then try again. What you sent before is not lost.",
            ),
            Self::Fault => (
                "Something went wrong on our side",
                "It is not your fault, and it has been logged.",
                "Try again in a minute.",
            ),
            Self::Unavailable => (
                "The service is unavailable right now",
                "It is busy, or a part of it is down for a moment.",
                "Wait a minute, then try again.",
            ),
        }
    }

    fn chinese(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::BadRequest => {
                ("请求无法识别", "提交的内容有误。", "请返回并刷新页面，然后重试。")
            }
            Self::Forbidden => (
                "请求来源不正确",
                "为保护您的安全，我们只接受本站页面提交的内容。",
                "请在本站打开页面后重试。",
            ),
            Self::NotFound => {
                ("页面不存在", "页面可能已移动，或地址有误。", "请检查地址，或向提供地址的人确认。")
            }
            Self::MethodNotAllowed => {
                ("此地址不支持该操作", "它供表单和程序使用，不能直接打开。", "请返回之前的页面。")
            }
            Self::Gone => (
                "此内容已下线",
                "发布者已将其下线。",
                "请前往主办方网站查看最新内容。您仍可通过邮件中的链接退订。",
            ),
            Self::TooLarge => {
                ("提交的内容过大", "超出了可接收的大小。", "请返回，精简较长的内容后重新提交。")
            }
            Self::UnsupportedType => (
                "不支持此类内容",
                "仅支持普通表单和 JSON，不支持文件。",
                "请返回表单页面重新提交。",
            ),
            Self::TooManyRequests => (
                "操作过于频繁",
                "短时间内请求过多，请稍作等待。",
                "请一分钟后重试，之前提交的内容不会丢失。",
            ),
            Self::Fault => ("服务出现故障", "这不是您的问题，故障已被记录。", "请稍后重试。"),
            Self::Unavailable => {
                ("暂时无法处理", "服务繁忙，或部分功能短暂不可用。", "请一分钟后重试。")
            }
        }
    }
}

#[derive(Template)]
#[template(path = "note.html")]
struct NoteTemplate {
    page: Page,
    note: Note,
}

/// One message in the middle of a page.
#[derive(Default)]
struct Note {
    over: Option<String>,
    paragraphs: Vec<String>,
    post: Option<Post>,
    link: Option<Link>,
    footer: Vec<String>,
}

/// A button that posts.
struct Post {
    action: String,
    label: String,
    /// A hidden field: its name and value.
    hidden: Option<(&'static str, String)>,
    is_quiet: bool,
    /// A second button of the same form.
    other: Option<Other>,
}

/// A second button: what it sends, and its label.
struct Other {
    name: &'static str,
    value: &'static str,
    label: &'static str,
}

struct Link {
    href: String,
    label: String,
}

fn filled(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

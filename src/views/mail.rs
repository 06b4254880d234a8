//! Built-in mails and SMS replies: the confirmation of an address, the notice to a campaign's
//! owner, and the replies to STOP and HELP.

use super::form::colon;
use super::render;
use crate::domain::base::language::Language;
use crate::domain::base::primitives::Span;
use crate::domain::template::RenderedEmail;
use askama::Template;

/// Renders the mail that asks the owner of an address to confirm consents given in its name.
pub fn confirmation(
    sender: &str,
    url: &str,
    postal_address: &str,
    language: Language,
) -> RenderedEmail {
    let subject = language.pick(
        format!("Please confirm your e-mail address – {sender}"),
        format!("请确认您的邮箱地址 – {sender}"),
    );
    let lead = language.pick(
        format!("Somebody, probably you, asked “{sender}” to write to this address."),
        format!("有人（很可能是您本人）请“{sender}”向此邮箱发送邮件。"),
    );
    let ask = language.pick(
        "If it was you, confirm it. If it was not, do nothing: we will not write again.",
        "如果是您本人，请点击确认；如果不是，请忽略此邮件，我们不会再发送。",
    );
    mail(subject, lead, ask.into(), language.pick("Confirm", "确认"), url, postal_address, language)
}

/// Returns the SMS that confirms an opt-out.
pub fn stopped(name: &str, language: Language) -> String {
    language.pick(
        format!("{name}: you have unsubscribed. You will get no more texts from us."),
        format!("【{name}】您已退订，不会再收到我们的短信。"),
    )
}

/// Returns the SMS that says who the sender is and how to opt out.
pub fn help(name: &str, url: &str, language: Language) -> String {
    language.pick(
        format!("{name}: news by text. More at {url}. Msg & data rates may apply. STOP to end."),
        format!("【{name}】这是我们的资讯短信，详情 {url} 。回复 TD 退订。"),
    )
}

/// Renders the mail that notifies a campaign's owner that a contact reached a step.
pub fn notice(
    contact: &str,
    note: &str,
    facts: &[(String, String)],
    url: &str,
    language: Language,
) -> RenderedEmail {
    let subject = language.pick(format!("Worth a look: {contact}"), format!("值得跟进：{contact}"));
    let line = |(name, value): &(String, String)| format!("{name}{}{value}", colon(name, language));
    let lines: Vec<String> = facts.iter().map(line).collect();
    let lead = if note.is_empty() {
        language
            .pick(
                "A contact reached this step of your journey.",
                "有联系人到达了您旅程中的这一步。",
            )
            .to_owned()
    } else {
        note.to_owned()
    };
    let open = language.pick("Open the report", "查看报告");
    mail(subject, lead, lines.join("\n"), open, url, "", language)
}

/// Renders the mail with a member's sign-in link to the deployment at `host`. It is in both
/// languages, because the language of a member is not known.
pub fn sign_in_link(url: &str, host: &str, works: Span) -> RenderedEmail {
    let minutes = works.0 / Span::minutes(1).0;
    let subject = format!("Sign in to dripline · 登录 dripline ({host})");
    let body = format!(
        "Press the button within {minutes} minutes. The link works once. If you did not ask for \
         it, do nothing.\n请在 {minutes} 分钟内点击按钮，链接只能使用一次。如非本人操作，请忽略此邮件。"
    );
    let lead = format!("Your link to {host} · 您的登录链接");
    mail(subject, lead, body, "Sign in · 登录", url, "", Language::English)
}

fn mail(
    subject: String,
    lead: String,
    body: String,
    button: &str,
    url: &str,
    footer: &str,
    language: Language,
) -> RenderedEmail {
    let lines: Vec<&str> = body.lines().collect();
    let html = render(&MailTemplate {
        lang: language.tag(),
        subject: &subject,
        lead: &lead,
        lines,
        button,
        url,
        footer,
    });
    let text = format!("{lead}\n\n{body}\n\n{button}: {url}\n\n{footer}\n");
    // The subject contains a contact's name, and a header must be one line.
    let subject = subject.replace(['\r', '\n'], " ");
    RenderedEmail { subject, html, text }
}

#[derive(Template)]
#[template(path = "mail.html")]
struct MailTemplate<'a> {
    lang: &'a str,
    subject: &'a str,
    lead: &'a str,
    lines: Vec<&'a str>,
    button: &'a str,
    url: &'a str,
    footer: &'a str,
}

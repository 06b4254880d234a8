//! The local mailbox. It does not exist where messages really leave.

use super::page::frame;
use crate::domain::base::language::Language;
use crate::domain::base::primitives::Channel;
use crate::domain::contact::message::CapturedMessage;
use crate::edge::app::App;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::ports::{Database, DatabaseError, all};
use crate::store;
use crate::store::statement::Statement;
use crate::views::format;
use crate::views::mailbox::{
    MailboxMessage, MailboxMessageView, MailboxView, mailbox as mailbox_page,
    mailbox_message as message_page,
};
use crate::views::page::{MAILBOX_POLICY, Section};
use crate::views::visitor::MessageKind;

/// The number of messages that the mailbox lists.
const MESSAGES_MAX: usize = 200;

/// Lists the newest messages.
pub async fn list(app: App, inbound: Inbound) -> Reply {
    let captured = match captured(&app, store::mailbox::newest(MESSAGES_MAX)).await {
        Ok(captured) => captured,
        Err(error) => return response::failed(&inbound, "mailbox", &error),
    };
    if inbound.wants_json() {
        return Reply::json(200, &captured);
    }
    let language = inbound.language();
    let messages: Vec<MailboxMessage> =
        captured.into_iter().map(|message| row(message, language)).collect();
    let frame = frame(&app, &inbound, Section::Mailbox);
    Reply::page(200, mailbox_page(&MailboxView { frame, messages: &messages }))
}

/// Shows one message.
pub async fn show(app: App, inbound: Inbound, id: &str) -> Reply {
    let captured = match captured(&app, store::mailbox::one(id)).await {
        Ok(captured) => captured.into_iter().next(),
        Err(error) => return response::failed(&inbound, "mailbox", &error),
    };
    let Some(captured) = captured else {
        return response::message(&inbound, MessageKind::NotFound);
    };
    if inbound.wants_json() {
        return Reply::json(200, &captured);
    }
    let message = row(captured, inbound.language());
    let frame = frame(&app, &inbound, Section::Mailbox);
    let view = MailboxMessageView { frame, message: &message };
    Reply::html(200, message_page(&view), MAILBOX_POLICY)
}

async fn captured(app: &App, statement: Statement) -> Result<Vec<CapturedMessage>, DatabaseError> {
    all(app.db.batch(vec![statement]).await?.first())
}

fn row(captured: CapturedMessage, language: Language) -> MailboxMessage {
    let channels = [Channel::Sms, Channel::Webhook];
    let channel = channels.into_iter().find(|channel| channel.as_str() == captured.channel);
    MailboxMessage {
        id: captured.id,
        channel: channel.unwrap_or(Channel::Email),
        to: captured.address,
        subject: captured.subject,
        at: format::moment(captured.at, "UTC", language),
        html: Some(captured.html).filter(|html| !html.is_empty()),
        text: captured.text,
    }
}

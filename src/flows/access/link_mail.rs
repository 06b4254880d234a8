//! Mails a one-time sign-in link to a member.
//!
//! It leaves directly, not through the ledger of messages: it concerns no contact, and a link that
//! is late is worth nothing, so it is not retried. Whether an address is a member's is not revealed
//! to who asks.

use crate::domain::access::member::Member;
use crate::domain::access::session::{LINK_AGE_MAX, Session, SessionPurpose};
use crate::domain::base::primitives::{Ids, MessageId, Millis, Span};
use crate::domain::base::token::sha256_hex;
use crate::domain::contact::address::read_email;
use crate::domain::contact::message::Class;
use crate::flows::access::sign_in::Link;
use crate::flows::ports::{Database, DatabaseError, Http, all};
use crate::flows::settings::Settings;
use crate::providers::{BatchResult, Call, Content, Outgoing, SendResult};
use crate::store::members::{self, MemberRow};
use crate::store::sessions;
use crate::views::mail;

/// The most links that are mailed to one address in an hour.
pub const LINK_MAILS_MAX: usize = 5;

/// The time within which they are counted.
pub const LINK_MAILS_WITHIN: Span = Span::hours(1);

/// The result of a request for a link.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkMail {
    /// A provider has accepted the mail.
    Sent(Link),
    /// No active member has the address, or too many links were mailed to it within the hour.
    NotSent,
    /// No provider has accepted the mail; the reason of the last one.
    Failed(Link, String),
}

/// Makes a link for the member with this address, and mails it. `random` is 32 bytes in base64url.
pub async fn mail_link<D: Database, H: Http>(
    db: &D,
    http: &H,
    settings: &Settings,
    address: &str,
    random: &str,
    now: Millis,
    ids: &mut Ids,
) -> Result<LinkMail, DatabaseError> {
    let Ok(email) = read_email(address) else { return Ok(LinkMail::NotSent) };
    let note = members::note_link_mail(&email, LINK_MAILS_MAX, LINK_MAILS_WITHIN, now);
    let rows = db.batch(vec![note]).await?;
    let found = all::<MemberRow>(rows.first())?.into_iter().next();
    let Some(member) = found.map(Member::from) else { return Ok(LinkMail::NotSent) };
    let purpose = SessionPurpose::Link;
    let session = Session::of_member(purpose, &member.id, &member.name, now);
    let secret = purpose.secret(random);
    let keep = sessions::keep(&sha256_hex(&secret), &session);
    db.batch(vec![sessions::forget(now), keep, sessions::bound(&session)]).await?;
    let link = Link { secret, expires_at: session.expires_at };
    let outgoing = outgoing(settings, &member, &link, MessageId(ids.uuid()));
    match send(http, settings, &outgoing, now).await {
        Ok(()) => Ok(LinkMail::Sent(link)),
        Err(reason) => Ok(LinkMail::Failed(link, reason)),
    }
}

fn outgoing(settings: &Settings, member: &Member, link: &Link, id: MessageId) -> Outgoing {
    let url = format!("{}/admin/sign-in#{}", settings.base_url, link.secret);
    let rendered = mail::sign_in_link(&url, settings.host(), LINK_AGE_MAX);
    Outgoing {
        id,
        class: Class::Transactional,
        to: member.email.clone(),
        content: Content::Email {
            from: settings.mail_from.clone(),
            subject: rendered.subject,
            html: rendered.html,
            text: rendered.text,
            headers: Vec::new(),
        },
    }
}

/// Tries the providers in order. The mail of one whose answer is lost may have left; then the next
/// one sends it again, and the same link arrives twice.
async fn send<H: Http>(
    http: &H,
    settings: &Settings,
    outgoing: &Outgoing,
    now: Millis,
) -> Result<(), String> {
    let mut failure = "no provider is configured for e-mail (SENDER_EMAIL)".to_owned();
    for provider in settings.providers.for_staff() {
        let call = Call { batch: None, first: outgoing, others: &[], at: now };
        let Some(request) = provider.request(call) else { continue };
        let result = match provider.batch_result(call, http.send(request).await) {
            BatchResult::All(result) => Some(result),
            BatchResult::Each(results) => results.into_iter().next(),
        };
        failure = match result {
            Some(SendResult::Accepted { .. }) => return Ok(()),
            Some(
                SendResult::Retry { reason, .. }
                | SendResult::Busy { reason, .. }
                | SendResult::Stop(reason)
                | SendResult::Refused(reason)
                | SendResult::Lost(reason)
                | SendResult::Unclear(reason),
            ) => format!("{}: {reason}", provider.name()),
            None => format!("{}: no answer", provider.name()),
        };
    }
    Err(failure)
}

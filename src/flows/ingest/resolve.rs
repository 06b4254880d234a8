//! Finds the messages and contacts that delivery reports and inbound SMS from the intake queue are
//! about. What follows is decided in `domain/engine/delivery_report.rs` and
//! `domain/engine/inbound_sms.rs`.
//!
//! A message is found by our id, or by the provider's if the provider did not return ours. STOP
//! also suppresses the number, in a write of its own. The results go through `commit` with the
//! rest.

use crate::domain::base::primitives::{MessageId, Millis, RecordId, Span};
use crate::domain::contact::suppression::Suppression;
use crate::domain::engine::Input;
use crate::domain::inbound::delivery_report::DeliveryReport;
use crate::domain::inbound::keyword::Keyword;
use crate::domain::inbound::sms::InboundSms;
use crate::flows::commit::RecordRef;
use crate::flows::ports::{Database, DatabaseError};
use crate::providers::webhooks::ONCE;
use crate::store::hook_tokens::{self, Token};
use crate::store::messages::{self, OwnerRow};
use crate::store::statement::{Rows, Statement};
use crate::store::write;

/// How long a signature's token is kept: longer than the signature is valid.
const TOKEN_KEPT: Span = Span::days(1);

/// How long the id of an SMS is kept: nothing in it says when it was signed.
const TEXT_KEPT: Span = Span::days(400);

/// A delivery report, and our id of its message if the provider returned it.
pub type Reported = (Option<MessageId>, DeliveryReport);

/// Drops reports and SMS that were already counted, where they may count only once. Each report
/// returns with the key for its event.
pub async fn once<D: Database>(
    db: &D,
    mut reports: Vec<Reported>,
    mut texts: Vec<InboundSms>,
    now: Millis,
) -> Result<(Vec<Reported>, Vec<InboundSms>), DatabaseError> {
    let of_report = |report: &DeliveryReport| {
        let (token, mark) = report.key.as_deref()?.split_once(ONCE)?;
        let [token, mark] = [token, mark].map(str::to_owned);
        Some(Token { token, mark, until: now.plus(TOKEN_KEPT) })
    };
    let of_text = |sms: &InboundSms| {
        let mark = sms.at.0.to_string();
        Token { token: sms.key(), mark, until: now.plus(TEXT_KEPT) }
    };
    let mut tokens: Vec<Token> =
        reports.iter().filter_map(|(_, report)| of_report(report)).collect();
    tokens.extend(texts.iter().map(of_text));
    if tokens.is_empty() {
        return Ok((reports, texts));
    }
    let rows = db.batch(hook_tokens::spend(&tokens, now).to_vec()).await?;
    let spent: Vec<Token> = match rows.get(1) {
        Some(rows) => rows.all().map_err(DatabaseError::Fault)?,
        None => Vec::new(),
    };
    let counts = |asked: &Token| {
        spent.iter().any(|first| first.token == asked.token && first.mark == asked.mark)
    };
    reports.retain(|(_, report)| of_report(report).is_none_or(|token| counts(&token)));
    texts.retain(|sms| counts(&of_text(sms)));
    for (_, report) in &mut reports {
        if let Some(token) = of_report(report) {
            report.key = Some(token.token);
        }
    }
    Ok((reports, texts))
}

/// Returns the contact and the input of each report, in order. A report about an unknown message is
/// left out: it belongs to another system that shares the provider's account, or to a deleted
/// contact.
pub async fn resolve_messages<D: Database>(
    db: &D,
    reports: Vec<Reported>,
) -> Result<Vec<(RecordId, Input)>, DatabaseError> {
    if reports.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&MessageId> = reports.iter().filter_map(|(message, _)| message.as_ref()).collect();
    let strangers = reports.iter().filter(|(message, _)| message.is_none());
    let strangers: Vec<[Option<&String>; 2]> = strangers
        .map(|(_, report)| [report.provider_id.as_ref(), report.address.as_ref()])
        .collect();
    let mut statements = vec![messages::owners(&ids)];
    if !strangers.is_empty() {
        statements.push(messages::owners_of_texts(&strangers));
    }
    let rows = db.batch(statements).await?;
    let owners = rows.iter().map(Rows::all::<OwnerRow>).collect::<Result<Vec<_>, _>>();
    let owners: Vec<OwnerRow> =
        owners.map_err(DatabaseError::Fault)?.into_iter().flatten().collect();
    let owner = |message: &Option<MessageId>, report: &DeliveryReport| {
        owners.iter().find(|row| match message {
            Some(id) => row.id == *id,
            None => {
                row.provider_id == report.provider_id
                    && (report.address.is_none() || row.phone == report.address)
            }
        })
    };
    let found = reports.into_iter().filter_map(|(message, report)| {
        let row = owner(&message, &report)?;
        let input = Input::DeliveryReport(row.id.clone(), report);
        Some((row.contact_id.clone(), input))
    });
    Ok(found.collect())
}

/// Returns the inputs for inbound SMS, and a statement that suppresses the numbers that sent STOP,
/// whether or not a contact has them. A new contact is created for an unknown number only if it has
/// to be answered.
pub fn texts(texts: Vec<InboundSms>, now: Millis) -> (Vec<(RecordRef, Input)>, Option<Statement>) {
    let mut stopped = Vec::new();
    let mut found = Vec::new();
    for sms in texts {
        let (keyword, phone) = (sms.keyword(), sms.from.clone());
        if keyword == Some(Keyword::Stop) {
            stopped.push(Suppression::by_text(&phone, now));
        }
        let who = match keyword {
            Some(Keyword::Help) if sms.answers => {
                RecordRef::Addresses { email: None, phone: Some(phone), external_id: None }
            }
            _ => RecordRef::Phone(phone),
        };
        found.push((who, Input::InboundSms(sms)));
    }
    (found, write::suppressions(&stopped))
}

//! The short links in SMS.

use super::statement::{Statement, Value};
use crate::domain::base::primitives::{CampaignId, MessageId, Millis, RecordId, Span};
use serde::{Deserialize, Serialize};

/// How long a short link works after its message was sent. Links in an SMS from last year are
/// hardly followed, and each one is a row.
pub const LINK_AGE_MAX: Span = Span::days(400);

/// The number of expired rows that one tick removes: 30 million a month, in steps of a few
/// milliseconds.
const FORGOTTEN_PER_TICK_MAX: i64 = 700;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShortLink {
    /// The part of the URL after `/s/`.
    pub code: String,
    /// The contact that the message was sent to.
    pub contact_id: RecordId,
    /// The campaign of the message.
    pub campaign_id: CampaignId,
    pub message_id: MessageId,
    /// The URL that it leads to.
    pub target: String,
}

/// Stores links; existing ones are kept.
pub fn keep(links: &[ShortLink], now: Millis) -> Statement {
    Statement::new(
        "INSERT INTO short_links (code, contact_id, campaign_id, message_id, target, expires_at)
         SELECT value ->> 'code', value ->> 'contact_id', value ->> 'campaign_id',
                value ->> 'message_id', value ->> 'target', ?2
           FROM json_each(?1) WHERE true
             ON CONFLICT (code) DO NOTHING",
        vec![Value::json(links), Value::Int(now.plus(LINK_AGE_MAX).0)],
    )
}

/// Selects the link with a code, if it is stored and has not expired: one row, `ShortLink`, or
/// none.
pub fn find(code: &str, now: Millis) -> Statement {
    Statement::new(
        "SELECT code, contact_id, campaign_id, message_id, target FROM short_links
          WHERE code = ?1 AND expires_at > ?2",
        vec![Value::text(code), Value::Int(now.0)],
    )
}

/// Deletes some of the expired links.
pub fn forget(now: Millis) -> Statement {
    Statement::new(
        "DELETE FROM short_links WHERE code IN
            (SELECT code FROM short_links WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
        vec![Value::Int(now.0), Value::Int(FORGOTTEN_PER_TICK_MAX)],
    )
}

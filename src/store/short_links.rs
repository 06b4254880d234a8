//! The short links of text messages.

use super::statement::{Statement, Value};
use crate::domain::base::primitives::{CampaignId, ContactId, MessageId, Millis, Span};
use serde::{Deserialize, Serialize};

/// How long a short link works after its message was sent: nobody follows one in a text message of
/// the year before, and each is a row.
pub const LINK_AGE_MAX: Span = Span::days(400);

/// How many rows that have expired one tick removes: 30 million a month, in steps of some
/// milliseconds.
const FORGOTTEN_PER_TICK_MAX: i64 = 700;

/// A short link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShortLink {
    /// What stands in the address after `/s/`.
    pub code: String,
    /// Whose message it is in.
    pub contact_id: ContactId,
    /// The campaign's.
    pub campaign_id: CampaignId,
    /// Which message.
    pub message_id: MessageId,
    /// Where it leads.
    pub target: String,
}

/// Keeps links; what is kept already stays.
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

/// The link with a code, if it is kept and has not expired. One row, `ShortLink`, or none.
pub fn find(code: &str, now: Millis) -> Statement {
    Statement::new(
        "SELECT code, contact_id, campaign_id, message_id, target FROM short_links
          WHERE code = ?1 AND expires_at > ?2",
        vec![Value::text(code), Value::Int(now.0)],
    )
}

/// Removes some of those that have expired.
pub fn forget(now: Millis) -> Statement {
    Statement::new(
        "DELETE FROM short_links WHERE code IN
            (SELECT code FROM short_links WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
        vec![Value::Int(now.0), Value::Int(FORGOTTEN_PER_TICK_MAX)],
    )
}

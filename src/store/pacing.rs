//! Reservations under frequency caps, rate limits and warm-up limits, taken atomically. Each
//! statement takes reservations for a whole wave, and returns what it granted.

use super::statement::{Statement, Value};
use crate::domain::base::primitives::{CampaignId, Channel, MessageId, Millis, RecordId, Span};
use crate::domain::contact::message::Class;
use crate::domain::pacing::WITHIN_MAX;
use crate::domain::sending::frequency_cap::SentMessage;
use serde::{Deserialize, Serialize};

/// A message that needs a reservation under the caps that count it.
#[derive(Serialize)]
pub struct CapAsk<'a> {
    pub contact: &'a RecordId,
    /// The message; one that has a reservation already keeps it.
    pub message: &'a MessageId,
    pub campaign: &'a CampaignId,
    pub channel: Channel,
    /// Its class, as the database has it.
    pub class: Class,
    pub caps: Vec<CapAsked<'a>>,
}

/// A cap that counts the message.
#[derive(Serialize)]
pub struct CapAsked<'a> {
    /// The limit.
    pub most: u32,
    /// Only reservations after this time count.
    pub since: Millis,
    /// Only those of this channel; `None` for all.
    pub channel: Option<Channel>,
    /// Only those of this campaign; `None` for all.
    pub campaign: Option<&'a CampaignId>,
    /// Only those of these classes.
    pub classes: &'static [&'static str],
    /// The number of earlier messages in the same statement that the cap counts for the same
    /// contact: the statement does not see the rows that it writes.
    pub ahead: usize,
}

/// Takes reservations dated `at`, and returns the ids of the messages that got one.
pub fn take_caps(asks: &[CapAsk<'_>], at: Millis) -> Statement {
    Statement::new(
        "INSERT INTO cap_places (contact_id, message_id, campaign_id, channel, class, at)
         SELECT a.value ->> 'contact', a.value ->> 'message', a.value ->> 'campaign',
                a.value ->> 'channel', a.value ->> 'class', ?2
           FROM json_each(?1) AS a
          WHERE NOT EXISTS (
                SELECT 1 FROM json_each(a.value, '$.caps') AS c
                 WHERE (SELECT count(*) FROM cap_places p
                         WHERE p.contact_id = a.value ->> 'contact'
                           AND p.message_id <> a.value ->> 'message'
                           AND p.at > c.value ->> 'since'
                           AND p.channel = coalesce(c.value ->> 'channel', p.channel)
                           AND p.campaign_id = coalesce(c.value ->> 'campaign', p.campaign_id)
                           AND p.class IN (SELECT value FROM json_each(c.value, '$.classes')))
                       + (c.value ->> 'ahead') >= c.value ->> 'most')
             ON CONFLICT (contact_id, message_id) DO UPDATE SET at = excluded.at
      RETURNING message_id AS id",
        vec![Value::json(asks), Value::Int(at.0)],
    )
}

/// Selects the reservations of these contacts' messages; rows are `Taken`.
pub fn cap_places(contacts: &[&RecordId]) -> Statement {
    Statement::new(
        "SELECT contact_id, message_id, campaign_id, channel, class, at FROM cap_places
          WHERE contact_id IN (SELECT value FROM json_each(?1))",
        vec![Value::json(contacts)],
    )
}

/// A row of `cap_places`.
#[derive(Deserialize)]
pub struct Taken {
    pub contact_id: RecordId,
    #[serde(flatten)]
    pub place: SentMessage,
}

/// Releases the unused reservations of these messages, each given with its contact. A reservation
/// that another delivery has dated again since is kept.
pub fn give_back_caps(back: &[(&RecordId, &MessageId)], dated: Millis) -> Statement {
    Statement::new(
        "DELETE FROM cap_places
          WHERE (contact_id, message_id) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))
            AND at = ?2",
        vec![Value::json(back), Value::Int(dated.0)],
    )
}

/// Deletes the reservations of these contacts that no cap can count any more.
pub fn forget_places(contacts: &[&RecordId], now: Millis) -> Statement {
    Statement::new(
        "DELETE FROM cap_places
          WHERE contact_id IN (SELECT value FROM json_each(?1)) AND at <= ?2",
        vec![Value::json(contacts), Value::Int(now.minus(WITHIN_MAX).0)],
    )
}

/// The demand of a wave for a provider with a rate limit, in calls.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RateAsk {
    /// The provider.
    pub provider: &'static str,
    /// The time from one call to the next.
    pub gap: Span,
    /// Calls with messages that a person waits for.
    pub urgent: usize,
    /// Calls with messages that have already waited in the line.
    pub waited: usize,
    /// The others: they join the line, if there is one.
    pub fresh: usize,
}

/// How far ahead calls are scheduled, and so the longest wait of a wave. A provider that takes less
/// than one call in this time still gets one scheduled.
pub const HORIZON: Span = Span::seconds(30);

/// How far ahead urgent calls are scheduled: further, so that marketing leaves room for them.
const HORIZON_URGENT: Span = Span::seconds(45);

/// Takes reservations under rate limits. Rows are `RateGiven`.
pub fn take_rates(asks: &[RateAsk], now: Millis) -> Statement {
    Statement::new(
        "WITH asked AS (
           SELECT value ->> 'provider' AS sender, value ->> 'gap' AS gap, ?2 AS now,
                  value ->> 'urgent' AS urgent, value ->> 'waited' AS waited,
                  value ->> 'fresh' AS fresh
             FROM json_each(?1)),
         found AS (
           SELECT a.*, max(coalesce(r.free_at, 0), now) AS free_at,
                  coalesce(r.line_at, 0) AS line_at
             FROM asked a LEFT JOIN sender_rates r ON r.sender = a.sender),
         -- So many turns begin by then.
         room AS (
           SELECT *, iif(free_at > now + ?3, 0, CAST((now + ?3 - free_at) / gap AS INTEGER) + 1)
                     AS room,
                  iif(free_at > now + ?4, 0, CAST((now + ?4 - free_at) / gap AS INTEGER) + 1)
                     AS urgent_room
             FROM found),
         one AS (SELECT *, min(urgent, urgent_room) AS urgently FROM room),
         two AS (SELECT *, min(waited, max(0, room - urgently)) AS at_last FROM one),
         three AS (
           SELECT *, iif(line_at > now, 0, min(fresh, max(0, room - urgently - at_last)))
                  AS at_once
             FROM two)
         INSERT INTO sender_rates (sender, free_at, line_at, urgent, waited, fresh)
         SELECT sender, free_at + (urgently + at_last + at_once) * gap,
                iif(fresh > at_once, max(line_at, now + ?3) + (fresh - at_once) * gap, line_at),
                urgently, at_last, at_once
           FROM three WHERE true
             ON CONFLICT (sender) DO UPDATE SET
                free_at = excluded.free_at, line_at = excluded.line_at, urgent = excluded.urgent,
                waited = excluded.waited, fresh = excluded.fresh
      RETURNING sender AS provider, free_at, line_at, urgent, waited, fresh",
        vec![
            Value::json(asks),
            Value::Int(now.0),
            Value::Int(HORIZON.0),
            Value::Int(HORIZON_URGENT.0),
        ],
    )
}

/// A row of `take_rates`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RateGiven {
    /// The provider.
    pub provider: String,
    /// When the last of the granted calls is over, and the next one might be made.
    pub free_at: Millis,
    /// The time of the last call in the line.
    pub line_at: Millis,
    /// The number of urgent calls granted.
    pub urgent: usize,
    /// The number of waited calls granted.
    pub waited: usize,
    /// The number of other calls granted.
    pub fresh: usize,
}

/// The demand of a wave for the day of a new domain, in messages.
#[derive(Clone, Debug, Serialize)]
pub struct WarmUpAsk {
    pub domain: String,
    /// Messages that leave in any case, and count.
    pub urgent: usize,
    /// The others.
    pub others: usize,
    /// The number of messages that may leave on the day.
    pub limit: u32,
}

/// Takes reservations on a UTC day, `YYYY-MM-DD`. Rows are `WarmUpGiven`.
pub fn take_days(asks: &[WarmUpAsk], day: &str) -> Statement {
    Statement::new(
        "INSERT INTO warm_up_days (domain, day, taken, granted)
         SELECT a.value ->> 'domain', ?2,
                coalesce(d.taken, 0) + (a.value ->> 'urgent')
                  + max(0, min(a.value ->> 'others',
                               (a.value ->> 'limit') - coalesce(d.taken, 0)
                                 - (a.value ->> 'urgent'))),
                max(0, min(a.value ->> 'others',
                           (a.value ->> 'limit') - coalesce(d.taken, 0)
                             - (a.value ->> 'urgent')))
           FROM json_each(?1) AS a
           LEFT JOIN warm_up_days d ON d.domain = a.value ->> 'domain' AND d.day = ?2
          WHERE true
             ON CONFLICT (domain, day) DO UPDATE SET
                taken = excluded.taken, granted = excluded.granted
      RETURNING domain, granted",
        vec![Value::json(asks), Value::text(day)],
    )
}

/// A row of `take_days`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct WarmUpGiven {
    pub domain: String,
    /// The number of the others that may leave.
    pub granted: usize,
}

/// Releases the unused reservations of a day. `back` has a number for each domain.
pub fn give_back_days(back: &[(String, usize)], day: &str) -> Statement {
    Statement::new(
        "UPDATE warm_up_days SET taken = max(0, taken - (b.value ->> 1))
           FROM json_each(?1) AS b
          WHERE warm_up_days.domain = b.value ->> 0 AND warm_up_days.day = ?2",
        vec![Value::json(back), Value::text(day)],
    )
}

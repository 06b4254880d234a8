//! Invariants of the database, written as queries that select violations. For simulations and
//! tests: they read whole tables, so not for the edge.

use super::contacts::json_text;
use super::statement::{Statement, Value};
use crate::domain::base::primitives::{CampaignId, MessageId, Millis, QualifiedId};
use crate::domain::contact::message::Class;
use crate::domain::record::enrollment::EnrollmentState;
use serde::Deserialize;

/// The invariants that always hold: a name, and a query whose rows are violations.
pub const ALWAYS: [(&str, &str); 24] = [
    (
        "a contact's events are numbered 1 to n without a gap",
        "SELECT contact_id, count(*), min(seq), max(seq) FROM events GROUP BY contact_id
         HAVING min(seq) <> 1 OR max(seq) <> count(*)",
    ),
    (
        "a contact's number is that of its newest event",
        "SELECT c.id, c.seq FROM contacts c
          WHERE c.seq <> (SELECT max(seq) FROM events WHERE contact_id = c.id)",
    ),
    (
        "every event is of a contact",
        "SELECT contact_id FROM events WHERE contact_id NOT IN (SELECT id FROM contacts)",
    ),
    (
        "a step taken once queues one message",
        "SELECT enrollment_id, count(*), count(DISTINCT id) FROM messages
          WHERE enrollment_id IS NOT NULL GROUP BY enrollment_id, step
         HAVING count(*) > (SELECT max(1, count(*)) FROM events e
                             WHERE e.contact_id IN (
                                   SELECT id FROM contacts WHERE id = messages.contact_id
                                       OR merged_into = messages.contact_id)
                               AND e.name = 'journey.moved'
                               AND e.properties ->> 'enrollment' = messages.enrollment_id)",
    ),
    (
        "a message is sent once at most, and ends once",
        "SELECT properties ->> 'message' AS message, count(*) FROM events
          WHERE name IN ('message.sent', 'message.skipped', 'message.failed')
            AND properties ->> 'copied' IS NULL
          GROUP BY 1 HAVING count(*) > 1",
    ),
    (
        "a message that was sent says so in the ledger",
        "SELECT m.id, m.state FROM messages m JOIN events e
             ON e.contact_id = m.contact_id AND e.name = 'message.sent'
            AND e.properties ->> 'message' = m.id
          WHERE m.state NOT IN ('sent', 'delivered', 'bounced', 'complained')",
    ),
    (
        "nobody is in a journey twice at once, but once for each value",
        "SELECT contact_id, journey FROM enrollments WHERE state = 'active'
          GROUP BY contact_id, campaign_id, journey,
                   iif(entry_key LIKE '=%', entry_key, '') HAVING count(*) > 1",
    ),
    (
        "an active enrollment has a due time, and an ended one has none",
        "SELECT id, state, due_at FROM enrollments WHERE (state = 'active') = (due_at IS NULL)",
    ),
    (
        "a contact wakes no later than its earliest step, or than five minutes' claim",
        "SELECT c.id, c.wake_at, min(e.due_at) FROM contacts c
           JOIN enrollments e ON e.contact_id = c.id AND e.state = 'active'
          GROUP BY c.id HAVING c.wake_at IS NULL OR c.wake_at > max(min(e.due_at), ?1) + 300000",
    ),
    (
        "segments are entered and left in turn, and who entered last is a member",
        "SELECT e.contact_id, e.properties ->> 'segment' AS segment,
                sum(iif(e.name = 'segment.entered', 1, -1)) AS balance
           FROM events e WHERE e.name IN ('segment.entered', 'segment.left')
          GROUP BY e.contact_id, segment
         HAVING balance <> EXISTS (SELECT 1 FROM segment_members m
                                    WHERE m.contact_id = e.contact_id AND m.segment_id = segment)",
    ),
    (
        // Deleting a list leaves no event.
        "the log of a member says that it joined",
        "SELECT m.record_id, m.list FROM list_members m
          WHERE (SELECT e.name FROM events e
                  WHERE e.contact_id = m.record_id AND e.properties ->> 'list' = m.list
                    AND e.name IN ('list.joined', 'list.left')
                  ORDER BY e.seq DESC LIMIT 1) IS NOT 'list.joined'",
    ),
    (
        "a list has as many members as it says, and every member's list exists",
        "SELECT coalesce(l.id, m.list) AS list, members, count FROM lists l
           FULL JOIN (SELECT list, count(*) AS count FROM list_members GROUP BY list) m
             ON m.list = l.id
          WHERE l.deleted_at IS NULL AND l.members IS NOT coalesce(m.count, 0)",
    ),
    (
        "nobody who was erased or merged is on a list",
        "SELECT m.record_id, m.list FROM list_members m
          WHERE NOT EXISTS (SELECT 1 FROM contacts c
                             WHERE c.id = m.record_id AND c.erased_at IS NULL
                               AND c.merged_into IS NULL)",
    ),
    (
        // A form that is submitted again is recorded, and weakens no consent.
        "the contact's consent is what the ledger says since it was last taken back",
        "WITH ledger AS (
           SELECT contact_id, channel, purpose, max(seq) AS newest,
                  max(iif(state = 'withdrawn', seq, 0)) AS withdrawn,
                  max(iif(state = 'confirmed', seq, 0)) AS confirmed
             FROM consents GROUP BY 1, 2, 3)
         SELECT c.id, k.value FROM contacts c, json_each(c.consents) k
          WHERE k.value ->> 'state' IS NOT (
                SELECT CASE WHEN withdrawn = newest THEN 'withdrawn'
                            WHEN confirmed > withdrawn THEN 'confirmed' ELSE 'granted' END
                  FROM ledger WHERE contact_id = c.id AND channel = k.value ->> 'channel'
                   AND purpose = k.value ->> 'purpose')",
    ),
    (
        // A consent given by a link has a message; START and confirmations are `confirmed`.
        "a withdrawn consent is valid again only by a proof",
        "SELECT c.id, k.value FROM contacts c, json_each(c.consents) k
          WHERE k.value ->> 'state' = 'granted' AND NOT k.value ->> 'double_opt_in'
            AND EXISTS (
                SELECT 1 FROM consents w
                 WHERE w.contact_id = c.id AND w.channel = k.value ->> 'channel'
                   AND w.purpose = k.value ->> 'purpose' AND w.state = 'withdrawn'
                   AND NOT EXISTS (
                       SELECT 1 FROM consents p
                        WHERE p.contact_id = c.id AND p.channel = w.channel
                          AND p.purpose = w.purpose AND p.seq > w.seq
                          AND (p.message_id IS NOT NULL OR p.state = 'confirmed')))",
    ),
    (
        "every conversion is a goal in the log",
        "SELECT * FROM conversions v WHERE NOT EXISTS (
            SELECT 1 FROM events e WHERE e.contact_id = v.contact_id AND e.seq = v.seq
               AND e.name = 'goal.reached')",
    ),
    (
        "each kind of delivery report about a message is recorded once",
        "SELECT properties ->> 'message' AS message, name, count(*) FROM events
          WHERE name IN ('message.delivered', 'message.bounced', 'message.complained',
                         'message.unsubscribed') AND properties ->> 'copied' IS NULL
          GROUP BY 1, 2 HAVING count(*) > 1",
    ),
    (
        "nobody has two turns in a broadcast",
        "SELECT contact_id, campaign_id, properties ->> 'broadcast' AS broadcast, count(*)
           FROM events WHERE name IN ('broadcast.queued', 'broadcast.skipped')
            AND properties ->> 'copied' IS NULL
          GROUP BY 1, 2, 3 HAVING count(*) > 1",
    ),
    (
        "a broadcast has a message for each contact it was queued to, and for no other",
        "SELECT contact_id, message FROM (
             SELECT coalesce(c.merged_into, c.id) AS contact_id,
                     properties ->> 'message' AS message
                FROM events e JOIN contacts c ON c.id = e.contact_id
               WHERE name = 'broadcast.queued' AND properties ->> 'copied' IS NULL
             UNION ALL SELECT contact_id, id FROM messages WHERE broadcast IS NOT NULL)
          GROUP BY 1, 2 HAVING count(*) <> 2",
    ),
    (
        "the words by which records are found are those of each record",
        "SELECT kind, part, word, record_id, count(*) FROM (
             SELECT kind, part, word, record_id FROM words
             UNION ALL SELECT r.kind, part.key, word.value, r.record_id
                         FROM record_words r, json_each(r.words) AS part,
                              json_each(part.value) AS word)
          GROUP BY 1, 2, 3, 4 HAVING count(*) <> 2",
    ),
    (
        "nobody is found who was erased or merged",
        "SELECT r.record_id FROM record_words r JOIN contacts c ON c.id = r.record_id
          WHERE c.erased_at IS NOT NULL OR c.merged_into IS NOT NULL",
    ),
    (
        "a contact has one main position at most, and none at what is no company any more",
        "SELECT contact_id, count(*) FROM positions
          GROUP BY contact_id HAVING sum(is_main) > 1 OR count(*) > 20
         UNION ALL
         SELECT p.contact_id, p.company_id FROM positions p
           LEFT JOIN contacts c ON c.id = p.contact_id AND c.kind = 'contact'
                               AND c.erased_at IS NULL AND c.merged_into IS NULL
           LEFT JOIN contacts k ON k.id = p.company_id AND k.kind = 'company'
                               AND k.erased_at IS NULL AND k.merged_into IS NULL
          WHERE c.id IS NULL OR k.id IS NULL",
    ),
    (
        "companies are joined and left in turn, and who joined last has a position",
        "SELECT e.contact_id, e.properties ->> 'company' AS company,
                sum(iif(e.name = 'company.joined', 1, -1)) AS balance
           FROM events e
           JOIN contacts c ON c.id = e.contact_id AND c.erased_at IS NULL AND c.merged_into IS NULL
           JOIN contacts k ON k.id = e.properties ->> 'company' AND k.erased_at IS NULL
                          AND k.merged_into IS NULL
          WHERE e.name IN ('company.joined', 'company.left')
            AND NOT EXISTS (SELECT 1 FROM contacts WHERE merged_into = k.id)
          GROUP BY 1, 2
         HAVING balance <> EXISTS (SELECT 1 FROM positions p
                                    WHERE p.contact_id = e.contact_id AND p.company_id = company)",
    ),
    ("counters are what the rows say", COUNTERS_THAT_DIFFER),
];

/// The invariants that hold when no work is due.
pub const AT_REST: [(&str, &str); 2] = [
    (
        "nothing waits that could have gone",
        "SELECT id, state, reason, attempts FROM messages
          WHERE state IN ('queued', 'sending') AND send_at <= ?1",
    ),
    (
        "nobody stands at a step that was due",
        "SELECT id, step, due_at FROM enrollments WHERE due_at <= ?1",
    ),
];

/// Recomputes each counter from its rows and selects the differences. Days are summed: an event's
/// date is when it happened, a counter's is when it was written. Events that a merge copied from
/// one log to another count once. D1 joins at most five SELECTs by UNION, so there are two halves.
pub const COUNTERS_THAT_DIFFER: &str = "
WITH about AS (
  SELECT e.*, m.campaign_id AS campaign, m.channel, m.class,
         coalesce('broadcast:' || m.broadcast || '/' || m.step, m.template) AS template
    FROM events e JOIN messages m ON m.id = e.properties ->> 'message'
   WHERE e.name LIKE 'message.%' AND e.properties ->> 'copied' IS NULL
), leads AS (
  SELECT campaign_id AS campaign, properties ->> 'channel' AS channel,
         (properties ->> 'page') || '/' || (properties ->> 'variant') AS part,
         properties ->> 'lead' AS lead, properties ->> 'new' AS new
    FROM events WHERE name = 'form.submitted' AND properties ->> 'copied' IS NULL
), turns AS (
  SELECT campaign_id AS campaign, name, properties ->> 'channel' AS channel,
         'broadcast:' || (properties ->> 'broadcast') || '/'
           || coalesce(properties ->> 'variant', properties ->> 'reason') AS part,
         properties ->> 'first' AS first, properties ->> 'earned_minor' AS earned
    FROM events WHERE name LIKE 'broadcast.%' AND properties ->> 'copied' IS NULL
), reported (campaign, metric, channel, part, value) AS (
  SELECT campaign_id, 'visitors', channel, part, count(*) FROM visits GROUP BY 1, 3, 4
  UNION ALL SELECT campaign, 'leads', channel, part, sum(lead) FROM leads GROUP BY 1, 3, 4
  UNION ALL SELECT campaign, 'contacts', channel, part, sum(new) FROM leads GROUP BY 1, 3, 4
  UNION ALL SELECT campaign, count.key, channel, template, sum(coalesce(count.value, 0))
              FROM about, json_each(json_object(
                'sent', name = 'message.sent' AND class = 'marketing',
                'segments', iif(name IN ('message.sent', 'message.charged'),
                                properties ->> 'sms_segments', 0),
                'message_cost', iif(name IN ('message.sent', 'message.charged'),
                                    properties ->> 'cost_micros', 0),
                'delivered', name = 'message.delivered' AND class = 'marketing',
                'bounced', name = 'message.bounced' AND class = 'marketing',
                'hard_bounced', name = 'message.bounced' AND class = 'marketing'
                                AND properties ->> 'kind' = 'hard',
                'blocked', name = 'message.bounced' AND class = 'marketing'
                           AND properties ->> 'kind' = 'block',
                'complained', name = 'message.complained' AND class = 'marketing',
                'unsubscribed', name = 'message.unsubscribed' AND class = 'marketing',
                'opened', name = 'message.opened' AND properties ->> 'first'
                          OR name = 'message.clicked' AND properties ->> 'opened',
                'clicked', name = 'message.clicked' AND properties ->> 'first',
                'machine_opens', name = 'message.opened' AND properties ->> 'machine',
                'machine_clicks', name = 'message.clicked' AND properties ->> 'machine'
              )) AS count GROUP BY 1, 2, 3, 4
), earned (campaign, metric, channel, part, value) AS (
  SELECT campaign_id, 'conversions', channel, part, count(*) FROM conversions GROUP BY 1, 3, 4
  UNION ALL SELECT v.campaign_id, 'revenue', v.channel, v.part, sum(v.value)
              FROM conversions v JOIN campaign_versions p ON p.campaign_id = v.campaign_id
               AND p.version = (SELECT max(version) FROM campaign_versions
                                 WHERE campaign_id = v.campaign_id)
             WHERE v.currency = p.compiled ->> '$.campaign.currency' GROUP BY 1, 3, 4
  UNION ALL SELECT campaign, iif(name = 'broadcast.queued', 'recipients', 'excluded'),
                   channel, part, count(*) FROM turns
             WHERE name IN ('broadcast.queued', 'broadcast.skipped') GROUP BY 1, 2, 3, 4
  UNION ALL SELECT campaign, 'converted', channel, part, sum(first) FROM turns
             WHERE name = 'broadcast.converted' GROUP BY 1, 3, 4
  UNION ALL SELECT campaign, 'earned', channel, part, sum(earned) FROM turns
             WHERE name = 'broadcast.converted' GROUP BY 1, 3, 4
), rebuilt AS (
  SELECT * FROM reported UNION ALL SELECT * FROM earned
), kept (campaign, metric, channel, part, value) AS (
  SELECT campaign_id, metric, channel, part, sum(value) FROM counters GROUP BY 1, 2, 3, 4
  HAVING sum(value) <> 0
)
SELECT 'rebuilt' AS which, * FROM (SELECT * FROM rebuilt WHERE value <> 0 EXCEPT SELECT * FROM kept)
UNION ALL
SELECT 'kept' AS which, * FROM (SELECT * FROM kept EXCEPT SELECT * FROM rebuilt WHERE value <> 0)";

/// Makes dead letters readable, as newer code would, for the simulator.
pub fn read_by_newer_code() -> Statement {
    Statement::new("UPDATE dead_letters SET body = replace(body, '_v2\"', '_v1\"')", Vec::new())
}

/// Returns the query for violations of an invariant; `now` is the time of the query.
pub fn contradictions(invariant: &'static str, now: Millis) -> Statement {
    let params = if invariant.contains("?1") { vec![Value::Int(now.0)] } else { Vec::new() };
    Statement::new(invariant, params)
}

/// Selects these messages from the ledger, with whether anything bars them from being sent.
pub fn ledger(ids: &[MessageId]) -> Statement {
    Statement::new(
        "SELECT m.id, m.channel, m.sender, m.call, c.phone,
                iif(m.class = 'marketing', coalesce(c.time_zone, 'Europe/London'), NULL) AS clock,
                c.erased_at IS NOT NULL OR m.class <> 'internal' AND (
                  EXISTS (SELECT 1 FROM suppressions s
                           WHERE s.channel = m.channel AND s.until IS NULL
                             AND s.address = iif(m.channel = 'sms', c.phone, c.email)
                             AND s.reason IN ('bounced', 'complained')) OR
                  EXISTS (SELECT 1 FROM enrollments e WHERE e.contact_id = m.contact_id
                             AND e.id = m.enrollment_id AND e.state = 'exited')
                  OR m.class = 'marketing' AND NOT EXISTS (
                    SELECT 1 FROM json_each(c.consents) k
                     WHERE k.value ->> 'channel' = m.channel
                       AND k.value ->> 'purpose' = m.purpose
                       AND (k.value ->> 'state' = 'confirmed'
                            OR k.value ->> 'state' = 'granted'
                               AND NOT coalesce(k.value ->> 'double_opt_in', 0)))) AS barred
           FROM messages m JOIN contacts c ON c.id = m.contact_id
          WHERE m.id IN (SELECT value FROM json_each(?1))",
        vec![Value::json(ids)],
    )
}

/// A row of `ledger`.
#[derive(Deserialize)]
pub struct LedgerRow {
    /// The message.
    pub id: String,
    pub channel: String,
    /// The provider; empty or null if no call has begun.
    pub sender: Option<String>,
    /// The key of the call, if it carries several messages.
    pub call: Option<String>,
    /// The contact's number.
    pub phone: Option<String>,
    /// The time zone of a marketing message's send window.
    pub clock: Option<String>,
    /// 1 if consent is missing, or its enrollment has ended early.
    pub barred: i64,
}

/// Selects the names of all tables: one row, `name`, for each.
pub fn tables() -> Statement {
    Statement::new("SELECT name FROM sqlite_schema WHERE type = 'table'", Vec::new())
}

/// Selects everything in a table; `name` is one that `tables` returned.
pub fn all_of(name: &str) -> Statement {
    let name = name.replace('"', "");
    Statement { sql: format!("SELECT * FROM \"{name}\"").into(), params: Vec::new() }
}

/// Selects the ids of contacts that others were merged into: one row, `id`, for each.
pub fn survivors() -> Statement {
    let sql = "SELECT DISTINCT merged_into AS id FROM contacts WHERE merged_into IS NOT NULL";
    Statement::new(sql, Vec::new())
}

/// Selects the contacts in a segment: one row, `id`, for each.
pub fn members(segment: &QualifiedId) -> Statement {
    Statement::new(
        "SELECT contact_id AS id FROM segment_members WHERE segment_id = ?1 ORDER BY id",
        vec![Value::text(segment.as_str())],
    )
}

/// Selects the messages that were sent, or may have been.
pub fn left() -> Statement {
    Statement::new(
        "SELECT id, channel, template, class, contact_id FROM messages
          WHERE state IN ('sent', 'delivered', 'bounced', 'complained', 'unknown')",
        Vec::new(),
    )
}

/// A row of `left`.
#[derive(Deserialize)]
pub struct LeftRow {
    /// The message.
    pub id: String,
    pub channel: String,
    pub template: String,
    pub class: Class,
    /// The recipient.
    pub contact_id: String,
}

/// Selects the messages that may or may not have been sent, except those of erased people, for whom
/// nothing more is recorded: one row, `id`, for each.
pub fn unsettled() -> Statement {
    Statement::new(
        "SELECT m.id FROM messages m JOIN contacts c ON c.id = m.contact_id
          WHERE m.state IN ('queued', 'sending', 'unknown') AND c.erased_at IS NULL",
        Vec::new(),
    )
}

/// Selects the contacts that had consented to e-mail when a broadcast began, still do, and were not
/// decided on in it: one row, `id`, for each. A form whose task was late counts from when it was
/// written, not from when it was submitted.
pub fn without_broadcast() -> Statement {
    Statement::new(
        "SELECT c.id FROM broadcasts b, contacts c, json_each(c.consents) k
          WHERE b.state = 'done' AND c.created_at < b.started_at
            AND c.merged_into IS NULL AND c.erased_at IS NULL AND c.email IS NOT NULL
            AND k.value ->> 'channel' = 'email' AND k.value ->> 'at' < b.started_at
            AND (k.value ->> 'state' = 'confirmed'
                 OR k.value ->> 'state' = 'granted'
                    AND NOT coalesce(k.value ->> 'double_opt_in', 0))
            AND EXISTS (SELECT 1 FROM events e
                         WHERE e.contact_id = c.id AND e.at < b.started_at
                           AND (e.name = 'consent.confirmed'
                                OR e.name = 'consent.granted'
                                   AND e.properties ->> 'form' IS k.value ->> 'form'))
            AND NOT EXISTS (SELECT 1 FROM events e
                             WHERE e.contact_id = c.id AND e.campaign_id = b.campaign_id
                               AND e.name IN ('broadcast.queued', 'broadcast.skipped'))",
        Vec::new(),
    )
}

/// Selects the e-mail addresses that are permanently suppressed: one row, `id`, for each.
pub fn suppressed_for_good() -> Statement {
    Statement::new(
        "SELECT address AS id FROM suppressions
          WHERE channel = 'email' AND until IS NULL AND reason IN ('bounced', 'complained')",
        Vec::new(),
    )
}

/// Selects the enrollments, each with its events in order as a JSON array.
pub fn enrollments() -> Statement {
    Statement::new(
        "SELECT e.contact_id, e.id, e.campaign_id, e.version, e.journey, e.state, e.steps_taken,
                (SELECT json_group_array(json_array(at, name, \"from\", \"to\"))
                   FROM (SELECT at, name, properties ->> 'from' AS \"from\",
                                properties ->> 'to' AS \"to\"
                           FROM events WHERE contact_id IN (
                            SELECT id FROM contacts
                             WHERE id = e.contact_id OR merged_into = e.contact_id)
                            AND name IN ('journey.entered', 'journey.moved')
                            AND properties ->> 'enrollment' = e.id
                          ORDER BY contact_id = e.contact_id,
                                   (SELECT updated_at FROM contacts WHERE id = contact_id),
                                   min(at) OVER (PARTITION BY contact_id), seq)
                ) AS events
           FROM enrollments e",
        Vec::new(),
    )
}

/// A row of `enrollments`.
#[derive(Deserialize)]
pub struct EnrollmentRow {
    pub contact_id: String,
    /// The enrollment.
    pub id: String,
    pub campaign_id: CampaignId,
    pub version: u32,
    pub journey: String,
    pub state: EnrollmentState,
    /// The number of steps taken.
    pub steps_taken: u64,
    /// Time, event name, step left and step reached, for each entry and each move.
    #[serde(deserialize_with = "json_text")]
    pub events: Vec<(Millis, String, Option<String>, Option<String>)>,
}

/// Selects the idempotency keys in the log: one row, `key`, for each event that has one.
pub fn keys() -> Statement {
    Statement::new("SELECT key FROM events WHERE key IS NOT NULL ORDER BY key", Vec::new())
}

/// Selects enrollments whose message is missing, and contacts that submitted a form that begins a
/// journey of its campaign but never entered it: one row, `id`, for each. A form `x.f` begins
/// `x.j`, a form `x.g` begins `x.loop`: those of the simulator's campaigns.
pub fn without_journey() -> Statement {
    Statement::new(
        "SELECT e.id || '.' || s.value AS id FROM enrollments e, json_each(e.sent) s
          WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = e.id || '.' || s.value)
         UNION
         SELECT v.contact_id FROM events v
          WHERE v.name = 'form.submitted' AND NOT coalesce(v.properties ->> 'pending', 0)
            AND v.properties ->> 'copied' IS NULL
            AND NOT EXISTS (
                SELECT 1 FROM enrollments e
                 WHERE e.contact_id = (SELECT coalesce(merged_into, id) FROM contacts
                                        WHERE id = v.contact_id)
                   AND e.campaign_id = v.campaign_id
                   AND e.journey = iif(v.properties ->> 'form' LIKE '%.f', 'j', 'loop'))",
        Vec::new(),
    )
}

/// Replaces the content of a published version, as damage or older code might.
pub fn overwrite_version(campaign: &CampaignId, version: u32, text: &str) -> Statement {
    Statement::new(
        "UPDATE campaign_versions SET compiled = ?3 WHERE campaign_id = ?1 AND version = ?2",
        vec![Value::text(campaign.as_str()), Value::Int(version.into()), Value::text(text)],
    )
}

/// Selects every edit of a field, in the order of each log; rows are `EditRow`.
pub fn edits(field: &str) -> Statement {
    Statement::new(
        "SELECT contact_id AS record_id, seq, properties -> ?1 -> 0 AS before,
                properties -> ?1 -> 1 AS after,
                row_number() OVER (PARTITION BY contact_id ORDER BY seq) AS place
           FROM events WHERE name IN ('record.created', 'record.edited')
            AND properties -> ?1 IS NOT NULL ORDER BY contact_id, seq",
        vec![Value::Text(format!("$.fields.{field}"))],
    )
}

/// A row of `edits`.
#[derive(Deserialize)]
pub struct EditRow {
    pub record_id: String,
    pub seq: i64,
    /// The value before it.
    #[serde(deserialize_with = "json_text")]
    pub before: serde_json::Value,
    /// The value after it.
    #[serde(deserialize_with = "json_text")]
    pub after: serde_json::Value,
    /// How many edits of the record there are up to this one.
    pub place: i64,
}

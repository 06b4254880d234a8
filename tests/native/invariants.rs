//! What holds of the database whatever happened, written as queries that find what is wrong.

use super::support::rows;
use dripline::domain::primitives::Millis;
use dripline::native::sqlite::Sqlite;

/// What must always hold: a name, and a query whose rows contradict it.
const ALWAYS: [(&str, &str); 13] = [
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
                             WHERE e.contact_id = messages.contact_id
                               AND e.name = 'journey.moved'
                               AND e.properties ->> 'enrollment' = messages.enrollment_id)",
    ),
    (
        "a message is sent once at most, and ends once",
        "SELECT properties ->> 'message' AS message, count(*) FROM events
          WHERE name IN ('message.sent', 'message.skipped', 'message.failed')
          GROUP BY 1 HAVING count(*) > 1",
    ),
    (
        "a message that was sent says so in the ledger",
        "SELECT m.id, m.state FROM messages m JOIN events e
             ON e.contact_id = m.contact_id AND e.name = 'message.sent'
            AND e.properties ->> 'message' = m.id
          WHERE m.state NOT IN ('sent', 'delivered')",
    ),
    (
        "nobody is in a journey twice at once, but once for each value",
        "SELECT contact_id, journey FROM enrollments WHERE state = 'active'
          GROUP BY contact_id, campaign_id, journey,
                   iif(entry_key LIKE '=%', entry_key, '') HAVING count(*) > 1",
    ),
    (
        "who stands at a step has a time at which it is due, and whoever has ended has none",
        "SELECT id, state, due_at FROM enrollments WHERE (state = 'active') = (due_at IS NULL)",
    ),
    (
        "a contact wakes no later than its earliest step, or than five minutes' claim",
        "SELECT c.id, c.wake_at, min(e.due_at) FROM contacts c
           JOIN enrollments e ON e.contact_id = c.id AND e.state = 'active'
          GROUP BY c.id HAVING c.wake_at IS NULL OR c.wake_at > min(e.due_at) + 300000 + ?now",
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
        "the contact's consent is the last entry of the ledger",
        "SELECT c.id, k.value FROM contacts c, json_each(c.consents) k
          WHERE k.value ->> 'state' IS NOT (
                SELECT l.state FROM consents l
                 WHERE l.contact_id = c.id AND l.channel = k.value ->> 'channel'
                   AND l.purpose = k.value ->> 'purpose' ORDER BY l.seq DESC LIMIT 1)",
    ),
    (
        "every conversion is a goal in the log",
        "SELECT * FROM conversions v WHERE NOT EXISTS (
            SELECT 1 FROM events e WHERE e.contact_id = v.contact_id AND e.seq = v.seq
               AND e.name = 'goal.reached')",
    ),
    ("counters are what the rows say", COUNTERS_THAT_DIFFER),
];

/// What must hold when everything due was done.
const AT_REST: [(&str, &str); 2] = [
    (
        "nothing waits that could have gone",
        "SELECT id, state, reason, attempts FROM messages
          WHERE state IN ('queued', 'sending') AND send_at <= ?now",
    ),
    (
        "nobody stands at a step that was due",
        "SELECT id, step, due_at FROM enrollments WHERE due_at <= ?now",
    ),
];

/// Each counter's rows, counted again; what differs from the counter is returned. Days are added
/// up: an event's date is when it happened, a counter's is when it was written down.
pub const COUNTERS_THAT_DIFFER: &str = "
WITH told AS (
  SELECT e.*, properties ->> 'message' AS message FROM events e WHERE name LIKE 'message.%'
), about AS (
  SELECT told.*, m.campaign_id AS campaign, m.channel, m.template, m.class
    FROM told JOIN messages m ON m.id = told.message
), leads AS (
  SELECT campaign_id AS campaign, properties ->> 'channel' AS channel,
         (properties ->> 'page') || '/' || (properties ->> 'variant') AS part,
         properties ->> 'lead' AS lead, properties ->> 'new' AS new
    FROM events WHERE name = 'form.submitted'
), rebuilt (campaign, metric, channel, part, value) AS (
  SELECT campaign_id, 'visitors', channel, part, count(*) FROM visits GROUP BY 1, 3, 4
  UNION ALL SELECT campaign, 'leads', channel, part, sum(lead) FROM leads GROUP BY 1, 3, 4
  UNION ALL SELECT campaign, 'contacts', channel, part, sum(new) FROM leads GROUP BY 1, 3, 4
  UNION ALL SELECT campaign, 'sent', channel, template, count(*) FROM about
             WHERE name = 'message.sent' AND class = 'marketing' GROUP BY 1, 3, 4
  UNION ALL SELECT campaign, 'delivered', channel, template, count(*) FROM about
             WHERE name = 'message.delivered' AND class = 'marketing' GROUP BY 1, 3, 4
  UNION ALL SELECT campaign, 'opened', channel, template, count(*) FROM about
             WHERE name = 'message.opened' AND properties ->> 'first'
                OR name = 'message.clicked' AND properties ->> 'opened' GROUP BY 1, 3, 4
  UNION ALL SELECT campaign, 'clicked', channel, template, count(*) FROM about
             WHERE name = 'message.clicked' AND properties ->> 'first' GROUP BY 1, 3, 4
  UNION ALL SELECT campaign_id, 'conversions', channel, part, count(*) FROM conversions
             GROUP BY 1, 3, 4
  UNION ALL SELECT v.campaign_id, 'revenue', v.channel, v.part, sum(v.value)
              FROM conversions v JOIN campaigns c ON c.id = v.campaign_id
              JOIN campaign_versions p ON p.campaign_id = c.id AND p.version = c.live_version
             WHERE v.currency = p.compiled ->> '$.campaign.currency' GROUP BY 1, 3, 4
), kept (campaign, metric, channel, part, value) AS (
  SELECT campaign_id, metric, channel, part, sum(value) FROM counters GROUP BY 1, 2, 3, 4
)
SELECT 'rebuilt' AS which, * FROM (SELECT * FROM rebuilt WHERE value <> 0 EXCEPT SELECT * FROM kept)
UNION ALL
SELECT 'kept' AS which, * FROM (SELECT * FROM kept EXCEPT SELECT * FROM rebuilt WHERE value <> 0)";

/// What is wrong with the database; `now` is told where it is at rest.
pub fn broken(db: &Sqlite, at_rest: Option<Millis>) -> Vec<String> {
    let now = at_rest.map_or(0, |now| now.0).to_string();
    let wanted = ALWAYS.iter().chain(AT_REST.iter().filter(|_| at_rest.is_some()));
    let found = wanted.flat_map(|(name, sql)| {
        let rows = rows(db, &sql.replace("?now", &now));
        rows.into_iter().map(move |row| format!("{name}: {row}"))
    });
    found.collect()
}

/// Fails, naming what is wrong.
pub fn assert_sound(db: &Sqlite, at_rest: Option<Millis>) {
    let broken = broken(db, at_rest);
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

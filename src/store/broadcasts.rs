//! Broadcasts: their progress, their next recipients, and the size of their audience.

use super::segments::{IS_SOMEBODY, contacts_end};
use super::statement::{Statement, Value};
use crate::domain::base::primitives::KindId;
use crate::domain::base::primitives::{CampaignId, Channel, Millis, QualifiedId, RecordId};
use crate::domain::campaign::ab_test::Finding;
use crate::domain::campaign::broadcast::{Audience, BroadcastState, Phase};
use crate::domain::segment::Rule;
use crate::store::rule_sql::{RuleSql, at_once, compact};
use serde::{Deserialize, Deserializer, Serialize};

/// The number of contacts that one read scans: about a tenth of a second of D1's one thread, as a
/// step of a segment backfill takes.
pub const CONTACTS_PER_READING: usize = 5_000;

/// The number of contacts that one read returns at most: their ids are 40 kB.
pub const RECIPIENTS_PER_PAGE: usize = 1_000;

const COLUMNS: &str =
    "campaign_id, broadcast, version, state, phase, due_at, started_at, decide_at,
       after_id, failures, rounds, winner, finding, ended_at";

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BroadcastRow {
    pub campaign_id: CampaignId,
    /// The broadcast's name.
    pub broadcast: String,
    /// The published version that it is sent from.
    pub version: u32,
    pub state: BroadcastState,
    pub phase: Phase,
    /// When a tick is to continue it.
    pub due_at: Option<Millis>,
    pub started_at: Option<Millis>,
    /// When its test is decided.
    pub decide_at: Option<Millis>,
    /// Contacts up to this id were decided on.
    pub after_id: String,
    /// The contacts of this round whose decision failed.
    pub failures: i64,
    /// The rounds that left contacts undecided.
    pub rounds: i64,
    /// The variant that the rest gets.
    pub winner: Option<String>,
    /// The result of the test.
    #[serde(deserialize_with = "maybe_json")]
    pub finding: Option<Finding>,
    /// When all contacts had been decided on, or it was cancelled.
    pub ended_at: Option<Millis>,
}

impl BroadcastRow {
    /// Returns the broadcast, `<campaign>.<name>`.
    pub fn id(&self) -> QualifiedId {
        QualifiedId::new(&self.campaign_id, &self.broadcast)
    }
}

fn maybe_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Finding>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| serde_json::from_str(&text).map_err(serde::de::Error::custom)).transpose()
}

/// Selects all broadcasts of a campaign that have a row.
pub fn of_campaign(campaign: &CampaignId) -> Statement {
    let sql = format!("SELECT {COLUMNS} FROM broadcasts WHERE campaign_id = ?1 ORDER BY broadcast");
    Statement { sql: sql.into(), params: vec![Value::text(campaign.as_str())] }
}

/// Selects the progress of each broadcast; rows are `explain_broadcasts::BroadcastStatus`.
pub fn statuses() -> Statement {
    Statement::new(
        "SELECT campaign_id, broadcast, state, phase, started_at FROM broadcasts",
        Vec::new(),
    )
}

/// Selects one broadcast.
pub fn one(campaign: &CampaignId, name: &str) -> Statement {
    let sql = format!("SELECT {COLUMNS} FROM broadcasts WHERE campaign_id = ?1 AND broadcast = ?2");
    Statement { sql: sql.into(), params: key(campaign, name) }
}

/// Selects all broadcasts whose messages may not leave: one row for each, `HaltedRow`.
pub fn halted() -> Statement {
    Statement::new(
        "SELECT campaign_id, broadcast, state FROM broadcasts
          WHERE state IN ('paused', 'cancelled')",
        Vec::new(),
    )
}

/// A row of `halted`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct HaltedRow {
    pub campaign_id: CampaignId,
    /// The broadcast's name.
    pub broadcast: String,
    /// Paused or cancelled.
    pub state: BroadcastState,
}

fn key(campaign: &CampaignId, name: &str) -> Vec<Value> {
    vec![Value::text(campaign.as_str()), Value::text(name)]
}

/// Claims the due broadcasts by postponing their due time: if a worker crashes, a later tick
/// continues its broadcast. Rows are `DueRow`.
pub fn claim(now: Millis, until: Millis) -> Statement {
    Statement::new(
        "UPDATE broadcasts SET due_at = ?2
          WHERE due_at <= ?1 AND state IN ('scheduled', 'running')
      RETURNING campaign_id, broadcast",
        vec![Value::Int(now.0), Value::Int(until.0)],
    )
}

/// A row of `claim`.
#[derive(Debug, Deserialize)]
pub struct DueRow {
    pub campaign_id: CampaignId,
    /// The broadcast's name.
    pub broadcast: String,
}

/// Releases the claims that end at `until`, because their tasks were not enqueued.
pub fn release(broadcasts: &[&QualifiedId], until: Millis, now: Millis) -> Statement {
    Statement::new(
        "UPDATE broadcasts SET due_at = ?3
          WHERE campaign_id || '.' || broadcast IN (SELECT value FROM json_each(?1))
            AND due_at = ?2",
        vec![Value::json(broadcasts), Value::Int(until.0), Value::Int(now.0)],
    )
}

/// A time at which a broadcast starts by itself.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The broadcast's name.
    pub broadcast: String,
    pub at: Millis,
}

/// Sets the start times of a campaign's broadcasts to those of its live version. Broadcasts that
/// have started are not changed.
pub fn plan(campaign: &CampaignId, plans: &[Plan]) -> [Statement; 2] {
    let params = || vec![Value::text(campaign.as_str()), Value::json(plans)];
    [
        Statement::new(
            "DELETE FROM broadcasts
              WHERE campaign_id = ?1 AND state = 'scheduled'
                AND broadcast NOT IN (SELECT value ->> 'broadcast' FROM json_each(?2))",
            params(),
        ),
        Statement::new(
            "INSERT INTO broadcasts (campaign_id, broadcast, version, state, phase, due_at,
                                     after_id, failures, rounds)
             SELECT ?1, p.value ->> 'broadcast', c.live_version, 'scheduled', 'rest',
                    p.value ->> 'at', '', 0, 0
               FROM json_each(?2) p JOIN campaigns c ON c.id = ?1 WHERE true
                 ON CONFLICT (campaign_id, broadcast) DO UPDATE SET
                    version = excluded.version, due_at = excluded.due_at
                  WHERE state = 'scheduled'",
            params(),
        ),
    ]
}

/// Starts a broadcast of the campaign's live version by hand, ahead of its time if it has one.
/// Changes nothing if it has started already or was cancelled.
pub fn start(campaign: &CampaignId, name: &str, phase: Phase, now: Millis) -> Statement {
    let mut params = key(campaign, name);
    params.extend([phase_name(phase), Value::Int(now.0)]);
    Statement::new(
        "INSERT INTO broadcasts (campaign_id, broadcast, version, state, phase, due_at, started_at,
                                 after_id, failures, rounds)
         SELECT ?1, ?2, live_version, 'running', ?3, ?4, ?4, '', 0, 0
           FROM campaigns WHERE id = ?1
             ON CONFLICT (campaign_id, broadcast) DO UPDATE SET
                version = excluded.version, state = 'running', phase = excluded.phase,
                due_at = excluded.due_at, started_at = excluded.started_at
              WHERE state = 'scheduled'",
        params,
    )
}

/// Cancels a broadcast. One that has not begun will not begin.
pub fn cancel(campaign: &CampaignId, name: &str, now: Millis) -> Statement {
    let mut params = key(campaign, name);
    params.push(Value::Int(now.0));
    Statement::new(
        "INSERT INTO broadcasts (campaign_id, broadcast, version, state, phase, after_id, failures,
                                 rounds, ended_at)
         SELECT ?1, ?2, live_version, 'cancelled', 'rest', '', 0, 0, ?3
           FROM campaigns WHERE id = ?1
             ON CONFLICT (campaign_id, broadcast) DO UPDATE SET
                state = 'cancelled', due_at = NULL, ended_at = excluded.ended_at
              WHERE state <> 'cancelled'",
        params,
    )
}

/// Cancels every broadcast of a campaign that has begun and is not over.
pub fn cancel_all(campaign: &CampaignId, now: Millis) -> Statement {
    Statement::new(
        "UPDATE broadcasts SET state = 'cancelled', due_at = NULL, ended_at = ?2
          WHERE campaign_id = ?1 AND state IN ('running', 'paused')",
        vec![Value::text(campaign.as_str()), Value::Int(now.0)],
    )
}

/// Pauses a broadcast that runs, or whose messages may still be waiting to be sent.
pub fn pause(campaign: &CampaignId, name: &str) -> Statement {
    Statement::new(
        "UPDATE broadcasts SET state = 'paused'
          WHERE campaign_id = ?1 AND broadcast = ?2 AND state IN ('running', 'done')",
        key(campaign, name),
    )
}

/// Resumes a paused broadcast where it stopped. A test still waits for its time.
pub fn resume(campaign: &CampaignId, name: &str, now: Millis) -> Statement {
    let mut params = key(campaign, name);
    params.push(Value::Int(now.0));
    Statement::new(
        "UPDATE broadcasts SET state = 'running',
                due_at = iif(phase = 'wait', max(coalesce(decide_at, ?3), ?3), ?3)
          WHERE campaign_id = ?1 AND broadcast = ?2 AND state = 'paused'",
        params,
    )
}

/// Makes the messages of a broadcast due that a pause held back; the gate decides on them again. It
/// scans the messages that wait to be sent.
pub fn wake_held(campaign: &CampaignId, name: &str, reason: &str, now: Millis) -> Statement {
    let mut params = key(campaign, name);
    params.extend([Value::text(reason), Value::Int(now.0)]);
    Statement::new(
        "UPDATE messages SET send_at = ?4, reason = ''
          WHERE state IN ('queued', 'sending') AND state = 'queued' AND send_at > ?4
            AND campaign_id = ?1 AND broadcast = ?2 AND reason = ?3",
        params,
    )
}

/// Postpones a broadcast that failed until its next attempt.
pub fn put_off(campaign: &CampaignId, name: &str) -> Statement {
    let mut params = key(campaign, name);
    params.push(Value::text(QualifiedId::new(campaign, name).as_str()));
    Statement::new(
        "UPDATE broadcasts SET due_at = (SELECT retry_at FROM failing_work
                                          WHERE kind = 'broadcast' AND id = ?3)
          WHERE campaign_id = ?1 AND broadcast = ?2 AND state IN ('scheduled', 'running')",
        params,
    )
}

/// Begins the first phase of a scheduled broadcast, unless another worker has begun it.
pub fn begin(row: &BroadcastRow, phase: Phase, now: Millis, until: Millis) -> Statement {
    let sql = format!(
        "UPDATE broadcasts SET state = 'running', phase = ?3, started_at = ?4, due_at = ?5
          WHERE campaign_id = ?1 AND broadcast = ?2 AND state = 'scheduled'
      RETURNING {COLUMNS}"
    );
    let mut params = key(&row.campaign_id, &row.broadcast);
    params.extend([phase_name(phase), Value::Int(now.0), Value::Int(until.0)]);
    Statement { sql: sql.into(), params }
}

/// The new state of a broadcast.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub phase: Phase,
    /// Contacts up to this id were decided on.
    pub after_id: String,
    /// The contacts of this round whose decision failed.
    pub failures: i64,
    /// The rounds that left contacts undecided.
    pub rounds: i64,
    /// When it is to be continued; `None` if all contacts have been decided on.
    pub due_at: Option<Millis>,
    /// When its test is decided; `None` leaves the time unchanged.
    pub decide_at: Option<Millis>,
    /// The result of the test, and the variant that the rest gets.
    pub found: Option<(Finding, String)>,
}

/// Advances a broadcast from the state in `row`, and returns the new row; no row if another worker
/// has advanced it in between. A pause does not prevent this, because the decisions were already
/// made.
pub fn advance(row: &BroadcastRow, step: &Step, now: Millis) -> Statement {
    let sql = format!(
        "UPDATE broadcasts SET
                phase = ?5, after_id = ?6, failures = ?7, rounds = ?8, due_at = ?9,
                decide_at = coalesce(?14, decide_at),
                winner = coalesce(?10, winner), finding = coalesce(?11, finding),
                state = iif(?9 IS NULL, 'done', state), ended_at = iif(?9 IS NULL, ?12, ended_at)
          WHERE campaign_id = ?1 AND broadcast = ?2 AND state IN ('running', 'paused')
            AND phase = ?3 AND after_id = ?4 AND rounds = ?13
      RETURNING {COLUMNS}"
    );
    let found = step.found.as_ref();
    let mut params = key(&row.campaign_id, &row.broadcast);
    params.extend([
        phase_name(row.phase),
        Value::text(&row.after_id),
        phase_name(step.phase),
        Value::text(&step.after_id),
        Value::Int(step.failures),
        Value::Int(step.rounds),
        step.due_at.map_or(Value::Null, |at| Value::Int(at.0)),
        found.map_or(Value::Null, |(_, winner)| Value::text(winner)),
        found.map_or(Value::Null, |(finding, _)| Value::json(finding)),
        Value::Int(now.0),
        Value::Int(row.rounds),
        step.decide_at.map_or(Value::Null, |at| Value::Int(at.0)),
    ]);
    Statement { sql: sql.into(), params }
}

fn phase_name(phase: Phase) -> Value {
    Value::text(match phase {
        Phase::Test => "test",
        Phase::Wait => "wait",
        Phase::Rest => "rest",
    })
}

/// Selects the next candidate recipients: the rule holds for them, they existed when the broadcast
/// started, and they were not decided on yet. The key in the log determines the latter, so that no
/// contact is lost or decided on twice, regardless of the stored position. Scans
/// `CONTACTS_PER_READING` contacts. Rows are `TurnRow`; one of them, without a contact, has the
/// position reached.
pub fn turns(row: &BroadcastRow, rule: &Rule, now: Millis) -> Statement {
    let mut sql = RuleSql::new(&KindId::contact(), now);
    let holds = sql.holds(rule);
    // No CTE for the end: recent SQLite versions refuse a reference to one behind a hundred others.
    let Scanned { contacts, are_next, end: looked } = Scanned::of(&mut sql, rule);
    let text = format!(
        "WITH turn(id) AS (
             SELECT c.id FROM {contacts}
              WHERE {are_next} AND c.created_at <= ?4
                AND {IS_SOMEBODY} AND {holds}
                AND NOT EXISTS (SELECT 1 FROM events e
                                 WHERE e.key = 'broadcast:' || ?5 || ':' || c.id)
                AND NOT EXISTS (SELECT 1 FROM contacts was JOIN events e
                                    ON e.key = 'broadcast:' || ?5 || ':' || was.id
                                 WHERE was.merged_into = c.id)
              ORDER BY c.id LIMIT ?6)
         SELECT id, NULL AS looked FROM turn
         UNION ALL SELECT NULL, id FROM (SELECT ({looked}) AS id)
                    WHERE id IS NOT NULL AND ?1 IS NOT NULL"
    );
    let started = row.started_at.unwrap_or(now);
    let params = vec![
        sql.constants(),
        Value::text(&row.after_id),
        Value::Int(at_once(rule, CONTACTS_PER_READING)),
        Value::Int(started.0),
        Value::text(row.id().as_str()),
        Value::Int(RECIPIENTS_PER_PAGE as i64),
    ];
    Statement { sql: compact(&text).into(), params }
}

/// The contacts that one read scans: the next `?3` after the id `?2`.
struct Scanned {
    /// The FROM clause.
    contacts: String,
    /// The condition that they are the next ones.
    are_next: String,
    /// A query for the id of the last of them.
    end: String,
}

impl Scanned {
    /// Scans the members of a list if the rule is that, and else all contacts. Call it after the
    /// expressions have been written.
    fn of(sql: &mut RuleSql, rule: &Rule) -> Self {
        let contacts = sql.records();
        let Rule::List(list) = rule else {
            let end = contacts_end(2);
            return Self { contacts, are_next: format!("c.id > ?2 AND c.id <= ({end})"), end };
        };
        let list = sql.constant(list.as_str());
        let end = format!(
            "SELECT max(record_id) FROM (
                 SELECT record_id FROM list_members WHERE list = {list} AND record_id > ?2
                  ORDER BY record_id LIMIT ?3)"
        );
        let are_next = format!(
            "m.list = {list} AND m.record_id > ?2 AND m.record_id <= ({end}) AND c.id = m.record_id"
        );
        Self { contacts: format!("list_members m CROSS JOIN {contacts}"), are_next, end }
    }
}

/// A row of `turns`.
#[derive(Debug, Deserialize)]
pub struct TurnRow {
    /// The candidate.
    pub id: Option<RecordId>,
    /// The last contact scanned.
    pub looked: Option<String>,
}

/// Counts the messages of a broadcast that wait to be sent: one row, `count`. It scans all messages
/// that wait.
pub fn waiting(campaign: &CampaignId, name: &str) -> Statement {
    Statement::new(
        "SELECT count(*) AS count FROM messages
          WHERE state IN ('queued', 'sending') AND campaign_id = ?1 AND broadcast = ?2",
        key(campaign, name),
    )
}

/// A row with one number.
#[derive(Deserialize)]
pub struct CountRow {
    pub count: i64,
}

/// Selects the counters of one broadcast, summed over all days; rows are `reports::CounterRow`.
pub fn counters(campaign: &CampaignId, prefix: &str) -> Statement {
    Statement::new(
        "SELECT metric, channel, part, sum(value) AS value FROM counters
          WHERE campaign_id = ?1 AND substr(part, 1, length(?2)) = ?2
          GROUP BY metric, channel, part",
        vec![Value::text(campaign.as_str()), Value::text(prefix)],
    )
}

/// Counts the segments of a rule that are still being backfilled: one row, `count`. Only the first
/// pass matters: only an unusually slow worker leaves anything to the second.
pub fn unfilled(segments: &[&QualifiedId]) -> Statement {
    Statement::new(
        "SELECT count(*) AS count FROM segment_fills
          WHERE wave = 1 AND segment_id IN (SELECT value FROM json_each(?1))",
        vec![Value::json(segments)],
    )
}

/// Counts who would get a message of this purpose on this channel, among the next
/// `PREVIEWED_PER_READING` contacts for whom the rule holds: one row, `AudienceRow`. A contact with
/// two reasons for exclusion counts for the first, in the order of `eligibility`.
pub fn audience(
    rule: &Rule,
    channel: Channel,
    purpose: &str,
    id: &QualifiedId,
    after_id: &str,
    now: Millis,
) -> Statement {
    let mut sql = RuleSql::new(&KindId::contact(), now);
    let holds = sql.holds(rule);
    let agrees = sql.holds(&Rule::Consent { purpose: purpose.to_owned(), channel });
    let Scanned { contacts, are_next, end: looked } = Scanned::of(&mut sql, rule);
    let address = if channel == Channel::Sms { "c.phone" } else { "c.email" };
    let text = format!(
        "WITH member(address, agrees, suppressed, decided) AS (
             SELECT {address}, {agrees},
                    EXISTS (SELECT 1 FROM suppressions s
                             WHERE s.channel = ?4 AND s.address = {address}
                               AND (s.until IS NULL OR s.until > ?6)),
                    EXISTS (SELECT 1 FROM events e
                             WHERE e.key = 'broadcast:' || ?5 || ':' || c.id)
               FROM {contacts}
              WHERE {are_next} AND {IS_SOMEBODY} AND {holds})
         SELECT ({looked}) AS looked, count(*) AS members,
                coalesce(sum(address IS NULL), 0) AS no_address,
                coalesce(sum(address IS NOT NULL AND suppressed), 0) AS suppressed,
                coalesce(sum(address IS NOT NULL AND NOT suppressed AND NOT agrees), 0)
                    AS no_consent,
                coalesce(sum(decided), 0) AS decided
           FROM member WHERE ?1 IS NOT NULL"
    );
    let params = vec![
        sql.constants(),
        Value::text(after_id),
        Value::Int(at_once(rule, PREVIEWED_PER_READING)),
        Value::text(channel.as_str()),
        Value::text(id.as_str()),
        Value::Int(now.0),
    ];
    Statement { sql: compact(&text).into(), params }
}

/// The number of contacts that a preview scans in one statement: about a second of D1's one thread.
const PREVIEWED_PER_READING: usize = 50_000;

/// A row of `audience`.
#[derive(Debug, Deserialize)]
pub struct AudienceRow {
    /// The last contact scanned; `None` at the end.
    pub looked: Option<String>,
    #[serde(flatten)]
    pub audience: Audience,
}

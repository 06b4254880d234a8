//! Broadcasts: how far each has come, whose turn is next, and how many would get it.

use super::segments::{IS_SOMEBODY, chunk_end};
use super::statement::{Statement, Value};
use crate::domain::base::primitives::{CampaignId, Channel, ContactId, Millis, QualifiedId};
use crate::domain::campaign::ab_test::Finding;
use crate::domain::campaign::broadcast::{Audience, BroadcastState, Phase};
use crate::domain::segment::Rule;
use crate::store::rule_sql::{RuleSql, at_once, compact};
use serde::{Deserialize, Deserializer, Serialize};

/// How many contacts one reading looks at: about a tenth of a second of D1's one thread, as the
/// filling of segments takes.
pub const CONTACTS_PER_READING: usize = 5_000;

/// How many of them it returns at the most: their ids are 40 kB.
pub const TURNS_PER_READING: usize = 1_000;

const COLUMNS: &str =
    "campaign_id, broadcast, version, state, phase, due_at, started_at, decide_at,
       after_id, failures, rounds, winner, finding, ended_at";

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BroadcastRow {
    /// The campaign.
    pub campaign_id: CampaignId,
    /// The broadcast's name.
    pub broadcast: String,
    /// The published version that it is sent from.
    pub version: u32,
    /// How far it has come.
    pub state: BroadcastState,
    /// Which part of the way it is on.
    pub phase: Phase,
    /// When a tick is to look at it.
    pub due_at: Option<Millis>,
    /// When it started.
    pub started_at: Option<Millis>,
    /// When its test is decided.
    pub decide_at: Option<Millis>,
    /// Contacts up to this id have had their turn.
    pub after_id: String,
    /// Contacts of this round whose decision failed.
    pub failures: i64,
    /// Rounds that left somebody undecided.
    pub rounds: i64,
    /// The variant that the rest gets.
    pub winner: Option<String>,
    /// What the test found.
    #[serde(deserialize_with = "maybe_json")]
    pub finding: Option<Finding>,
    /// When everybody had been decided on, or it was called off.
    pub ended_at: Option<Millis>,
}

impl BroadcastRow {
    /// The broadcast, `<campaign>.<name>`.
    pub fn id(&self) -> QualifiedId {
        QualifiedId::new(&self.campaign_id, &self.broadcast)
    }
}

fn maybe_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Finding>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| serde_json::from_str(&text).map_err(serde::de::Error::custom)).transpose()
}

/// All broadcasts of a campaign that have a row.
pub fn of_campaign(campaign: &CampaignId) -> Statement {
    let sql = format!("SELECT {COLUMNS} FROM broadcasts WHERE campaign_id = ?1 ORDER BY broadcast");
    Statement { sql: sql.into(), params: vec![Value::text(campaign.as_str())] }
}

/// How far each broadcast has come; rows are `explain_broadcasts::BroadcastStatus`.
pub fn statuses() -> Statement {
    Statement::new(
        "SELECT campaign_id, broadcast, state, phase, started_at FROM broadcasts",
        Vec::new(),
    )
}

/// One broadcast.
pub fn one(campaign: &CampaignId, name: &str) -> Statement {
    let sql = format!("SELECT {COLUMNS} FROM broadcasts WHERE campaign_id = ?1 AND broadcast = ?2");
    Statement { sql: sql.into(), params: key(campaign, name) }
}

/// All broadcasts whose messages may not leave: one row for each, `HaltedRow`.
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
    /// The campaign.
    pub campaign_id: CampaignId,
    /// The broadcast's name.
    pub broadcast: String,
    /// Paused or cancelled.
    pub state: BroadcastState,
}

fn key(campaign: &CampaignId, name: &str) -> Vec<Value> {
    vec![Value::text(campaign.as_str()), Value::text(name)]
}

/// Claims the broadcasts that are due by putting the time to look at them off: a worker who dies
/// is repaired by a later tick. Rows are `DueRow`.
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
    /// The campaign.
    pub campaign_id: CampaignId,
    /// The broadcast's name.
    pub broadcast: String,
}

/// Gives claims back that ended then: nobody was told of them.
pub fn give_back(broadcasts: &[&QualifiedId], until: Millis, now: Millis) -> Statement {
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
    /// When.
    pub at: Millis,
}

/// Makes the times of a campaign's live version those at which its broadcasts start. What has
/// started is past planning.
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
/// Nothing, if it has started already or was called off.
pub fn start(campaign: &CampaignId, name: &str, phase: Phase, now: Millis) -> Statement {
    let mut params = key(campaign, name);
    params.extend([word(phase), Value::Int(now.0)]);
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

/// Calls a broadcast off, even one that has not begun: it does not begin then.
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

/// Calls off every broadcast of a campaign that has begun and is not over.
pub fn cancel_all(campaign: &CampaignId, now: Millis) -> Statement {
    Statement::new(
        "UPDATE broadcasts SET state = 'cancelled', due_at = NULL, ended_at = ?2
          WHERE campaign_id = ?1 AND state IN ('running', 'paused')",
        vec![Value::text(campaign.as_str()), Value::Int(now.0)],
    )
}

/// Halts one that runs, or whose messages may still be on their way.
pub fn pause(campaign: &CampaignId, name: &str) -> Statement {
    Statement::new(
        "UPDATE broadcasts SET state = 'paused'
          WHERE campaign_id = ?1 AND broadcast = ?2 AND state IN ('running', 'done')",
        key(campaign, name),
    )
}

/// Lets a halted one run on, from where it stands. A test is waited for until its time.
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

/// Makes the messages of a broadcast that a halt held back due, whatever becomes of them: it scans
/// what waits to be sent.
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

/// Puts one that failed off until it is to be tried again.
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

/// Moves a broadcast from its time into its first phase. Only if nobody else has.
pub fn begin(row: &BroadcastRow, phase: Phase, now: Millis, until: Millis) -> Statement {
    let sql = format!(
        "UPDATE broadcasts SET state = 'running', phase = ?3, started_at = ?4, due_at = ?5
          WHERE campaign_id = ?1 AND broadcast = ?2 AND state = 'scheduled'
      RETURNING {COLUMNS}"
    );
    let mut params = key(&row.campaign_id, &row.broadcast);
    params.extend([word(phase), Value::Int(now.0), Value::Int(until.0)]);
    Statement { sql: sql.into(), params }
}

/// Where a broadcast moves to.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its phase.
    pub phase: Phase,
    /// Contacts up to this id have had their turn.
    pub after_id: String,
    /// Contacts of this round whose decision failed.
    pub failures: i64,
    /// Rounds that left somebody undecided.
    pub rounds: i64,
    /// When it is to be looked at next; `None` if everybody has been decided on.
    pub due_at: Option<Millis>,
    /// When its test is decided; `None` leaves that.
    pub decide_at: Option<Millis>,
    /// What the test found, and the variant that the rest gets.
    pub found: Option<(Finding, String)>,
}

/// Moves a broadcast on from where `row` found it, and returns where it stands; nothing, if
/// somebody else has moved it meanwhile. Whether it is halted is no matter: what was decided stays
/// decided.
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
        word(row.phase),
        Value::text(&row.after_id),
        word(step.phase),
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

fn word(phase: Phase) -> Value {
    Value::text(match phase {
        Phase::Test => "test",
        Phase::Wait => "wait",
        Phase::Rest => "rest",
    })
}

/// The next contacts whose turn it may be: the rule holds, they were there when it started, and
/// have not had their turn. The key in the log decides that, so that nobody is lost or has two,
/// wherever the broadcast believes to stand. It looks at `CONTACTS_PER_READING` contacts; rows are
/// `TurnRow`, and one of them, without a contact, says how far it has looked.
pub fn turns(row: &BroadcastRow, rule: &Rule, now: Millis) -> Statement {
    let mut sql = RuleSql::new(now);
    let holds = sql.holds(rule);
    let contacts = sql.contacts();
    // No table of its own: SQLite of late refuses one that is spoken of behind a hundred others.
    let looked = chunk_end(2);
    let text = format!(
        "WITH turn(id) AS (
             SELECT c.id FROM {contacts}
              WHERE c.id > ?2 AND c.id <= ({looked}) AND c.created_at <= ?4
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
        Value::Int(TURNS_PER_READING as i64),
    ];
    Statement { sql: compact(&text).into(), params }
}

/// A row of `turns`.
#[derive(Debug, Deserialize)]
pub struct TurnRow {
    /// Whose turn it may be.
    pub id: Option<ContactId>,
    /// The last contact looked at.
    pub looked: Option<String>,
}

/// Messages of a broadcast that wait to be sent: one row, `count`. It scans what waits.
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
    /// It.
    pub count: i64,
}

/// The counters of one broadcast, all days added up; rows are `reports::CounterRow`.
pub fn counters(campaign: &CampaignId, prefix: &str) -> Statement {
    Statement::new(
        "SELECT metric, channel, part, sum(value) AS value FROM counters
          WHERE campaign_id = ?1 AND substr(part, 1, length(?2)) = ?2
          GROUP BY metric, channel, part",
        vec![Value::text(campaign.as_str()), Value::text(prefix)],
    )
}

/// How many of the segments that a rule asks about are still being filled: one row, `count`. Only
/// a worker that was slow beyond measure leaves anything to the second wave.
pub fn unfilled(segments: &[&QualifiedId]) -> Statement {
    Statement::new(
        "SELECT count(*) AS count FROM segment_fills
          WHERE wave = 1 AND segment_id IN (SELECT value FROM json_each(?1))",
        vec![Value::json(segments)],
    )
}

/// Who would get a message of this purpose on this channel, of the next `PREVIEWED_PER_READING`
/// contacts of whom the rule holds: one row, `AudienceRow`. Somebody for whom two reasons hold is
/// counted by the first, in the order in which the fence asks.
pub fn audience(
    rule: &Rule,
    (channel, purpose): (Channel, &str),
    (id, after_id): (&QualifiedId, &str),
    now: Millis,
) -> Statement {
    let mut sql = RuleSql::new(now);
    let holds = sql.holds(rule);
    let agrees = sql.holds(&Rule::Consent { purpose: purpose.to_owned(), channel });
    let contacts = sql.contacts();
    let looked = chunk_end(2);
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
              WHERE c.id > ?2 AND c.id <= ({looked}) AND {IS_SOMEBODY}
                AND {holds})
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

/// How many contacts a preview looks at in one statement: a second or so of D1's one thread.
const PREVIEWED_PER_READING: usize = 50_000;

/// A row of `audience`.
#[derive(Debug, Deserialize)]
pub struct AudienceRow {
    /// The last contact looked at; `None` at the end.
    pub looked: Option<String>,
    /// The sums.
    #[serde(flatten)]
    pub audience: Audience,
}

//! What is shown of a company: its people, and one log of its own events and theirs. Positions as
//! decisions read and write them are in `positions`.

use super::contacts::json_text;
use super::statement::{Statement, Value};
use crate::domain::base::primitives::{CampaignId, Millis, RecordId};
use crate::domain::contact::position::Stance;
use crate::domain::record::HISTORY_EVENTS_MAX;
use crate::domain::record::event::Properties;
use serde::{Deserialize, Serialize};

/// Lists the people of a company after this one; rows are `PersonRow`.
pub fn people(company: &RecordId, after: &str, limit: usize) -> Statement {
    Statement::new(
        "SELECT contact_id AS id, role, stance, is_main AS main, source, since FROM positions
          WHERE company_id = ?1 AND contact_id > ?2 ORDER BY contact_id LIMIT ?3",
        vec![Value::text(company.as_str()), Value::text(after), Value::Int(limit as i64)],
    )
}

/// A row of `people`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct PersonRow {
    /// The contact.
    pub id: RecordId,
    pub role: Option<String>,
    pub stance: Option<Stance>,
    /// 1 if it is the contact's main position.
    pub main: i64,
    pub source: String,
    pub since: Millis,
}

/// The number of people of a company whose events its log shows: those who came last.
pub const PEOPLE_IN_LOG: usize = 1_000;

/// The number of each person's newest events that the log of the company shows.
pub const EVENTS_PER_PERSON: i64 = 50;

/// A place in the log of a company: that of the event with these columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    pub at: Millis,
    pub record: RecordId,
    pub seq: i64,
}

impl Place {
    /// Reads what `Display` writes.
    pub fn read(text: &str) -> Option<Self> {
        let (at, rest) = text.split_once('.')?;
        let (seq, record) = rest.split_once('.')?;
        let (at, seq) = (Millis(at.parse().ok()?), seq.parse().ok()?);
        Some(Self { at, record: RecordId::from(record), seq })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.at.0, self.seq, self.record)
    }
}

/// Lists the events of a company, of those that were merged into it, and of its people since they
/// came, newest first, before this place; rows are `LogRow`. It looks at no more than
/// `HISTORY_EVENTS_MAX` own events and `EVENTS_PER_PERSON` of each of `PEOPLE_IN_LOG` people.
pub fn log(company: &RecordId, before: Option<&Place>, limit: usize) -> Statement {
    let end = Place { at: Millis(i64::from(u32::MAX) * 1_000_000), record: "~".into(), seq: 0 };
    let before = before.unwrap_or(&end);
    Statement::new(
        "WITH own(id, since, newest) AS (
             SELECT id, 0, seq - ?5 FROM contacts WHERE id = ?1 OR merged_into = ?1
              UNION ALL
             SELECT p.contact_id, p.since, c.seq - ?6
               FROM (SELECT contact_id, since FROM positions WHERE company_id = ?1
                      ORDER BY contact_id DESC LIMIT ?7) p
               JOIN contacts c ON c.id = p.contact_id)
         SELECT e.contact_id AS record, e.seq, e.at, e.name, e.campaign_id AS campaign, e.properties
           FROM own JOIN events e ON e.contact_id = own.id AND e.seq > own.newest
          WHERE e.at >= own.since AND e.properties ->> 'copied' IS NULL
            AND (e.at, e.contact_id, e.seq) < (?2, ?3, ?4)
          ORDER BY e.at DESC, e.contact_id DESC, e.seq DESC LIMIT ?8",
        vec![
            Value::text(company.as_str()),
            Value::Int(before.at.0),
            Value::text(before.record.as_str()),
            Value::Int(before.seq),
            Value::Int(HISTORY_EVENTS_MAX),
            Value::Int(EVENTS_PER_PERSON),
            Value::Int(PEOPLE_IN_LOG as i64),
            Value::Int(limit as i64),
        ],
    )
}

/// A row of `log`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct LogRow {
    /// The company, or the contact, that the event is of.
    pub record: RecordId,
    pub seq: i64,
    pub at: Millis,
    pub name: String,
    pub campaign: Option<CampaignId>,
    #[serde(deserialize_with = "json_text")]
    pub properties: Properties,
}

impl LogRow {
    pub fn place(&self) -> Place {
        Place { at: self.at, record: self.record.clone(), seq: self.seq }
    }
}

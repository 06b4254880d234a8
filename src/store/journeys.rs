//! The hours of journeys that only so many people begin in an hour.

use super::statement::{Statement, Value};
use crate::domain::journey::BusyHour;
use crate::domain::primitives::{Millis, QualifiedId};
use serde::Deserialize;

/// The newest hour of each of these journeys in which somebody begins it, none before the present
/// one.
pub fn busy_hours(journeys: &[QualifiedId], now: Millis) -> Statement {
    Statement::new(
        // Beside max(), SQLite takes the other columns from the same row.
        "SELECT journey_id, max(hour) AS hour, taken FROM journey_hours
          WHERE journey_id IN (SELECT value FROM json_each(?1)) AND hour >= ?2
          GROUP BY journey_id",
        vec![Value::json(journeys), Value::Int(now.0.div_euclid(3_600_000))],
    )
}

/// A row of `busy_hours`.
#[derive(Deserialize)]
pub struct BusyHourRow {
    /// The journey.
    pub journey_id: QualifiedId,
    /// The hour and what is taken of it.
    #[serde(flatten)]
    pub hour: BusyHour,
}

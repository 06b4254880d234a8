//! Conditions on dates as SQL: fixed ones, relative ones, and anniversaries on the record's clock.

use super::{DAY, RuleSql, Sql};
use crate::domain::segment::{DateTest, Moment, Relative};
use crate::domain::time::calendar;

impl RuleSql {
    pub(super) fn date(&mut self, test: &DateTest) -> Sql {
        // A date without an offset of its own is compared by its local time.
        let mut compare = |operator: &str, bound: Option<Moment>| {
            let Some(bound) = bound else { return "false".to_owned() };
            let written = self.constant(bound.written - bound.offset.unwrap_or(0));
            match bound.offset {
                None => format!("written {operator} {written}"),
                Some(ahead) => {
                    let ahead = self.constant(ahead);
                    format!("written - coalesce(ahead, {ahead}) {operator} {written}")
                }
            }
        };
        match test {
            DateTest::Before(bound) => compare("<", Moment::read(bound)),
            DateTest::After(bound) => compare(">", Moment::read(bound).map(Moment::last)),
            DateTest::Between(from, to) => {
                let from = compare(">=", Moment::read(from));
                let to = compare("<=", Moment::read(to).map(Moment::last));
                format!("{from} AND {to}")
            }
        }
    }

    /// Returns how far the contact's clock is ahead of UTC now.
    fn ahead(&mut self, zone: &str) -> Sql {
        self.needs_clock = true;
        let own = calendar::offset(self.now, &calendar::zone(&[Some(zone)]));
        format!("coalesce(c.ahead, {})", self.constant(own.0))
    }

    pub(super) fn relative(&mut self, values: &str, relative: Relative, zone: &str) -> Sql {
        let ahead = self.ahead(zone);
        let now = self.constant(self.now.0);
        let (after, until) = match relative {
            Relative::InLast(span) => (self.constant(self.now.minus(span).0), now),
            Relative::InNext(span) => (now, self.constant(self.now.plus(span).0)),
            Relative::Anniversary(days) => {
                let clock = format!("({now} + {ahead})");
                let today = format!("({clock} - {clock} % {DAY})");
                let days = self.constant(i64::from(days) * DAY);
                let near = anniversaries(values, &clock);
                return format!(
                    "EXISTS (SELECT 1 FROM {near}
                              WHERE written BETWEEN {today} AND {today} + {days})"
                );
            }
        };
        format!(
            "EXISTS (SELECT 1 FROM {}
                      WHERE written - coalesce(ahead, {ahead}) BETWEEN {after} + 1 AND {until})",
            dates(values)
        )
    }

    /// Returns the time one day before the next boundary of the test, because the clock may change
    /// until then; now, if the boundary is less than a day away.
    pub(super) fn relative_wake(&mut self, attribute: &str, relative: Relative, zone: &str) -> Sql {
        let values = self.values(attribute);
        let ahead = self.ahead(zone);
        let now = self.constant(self.now.0);
        let (from, edges) = match relative {
            Relative::InLast(span) => (dates(&values), [0, span.0]),
            Relative::InNext(span) => (dates(&values), [-span.0, 0]),
            Relative::Anniversary(days) => {
                let near = anniversaries(&values, &format!("({now} + {ahead})"));
                (near, [-i64::from(days) * DAY, DAY])
            }
        };
        let [first, second] = edges.map(|edge| self.constant(edge));
        // LIMIT keeps SQLite from computing `at` again wherever it is used.
        format!(
            "(SELECT min(CASE WHEN at + {first} > {now} - {DAY}
                              THEN max(at + {first} - {DAY}, {now})
                              WHEN at + {second} > {now} - {DAY}
                              THEN max(at + {second} - {DAY}, {now}) END)
               FROM (SELECT written - coalesce(ahead, {ahead}) AS at FROM {from} LIMIT -1))"
        )
    }
}

/// Returns a table of the dates among some values, read as `Moment::read` does: the local time in
/// milliseconds, the offset from UTC, and the text. Each pattern is within D1's 50 bytes.
pub(super) fn dates(values: &str) -> Sql {
    format!(
        "(SELECT unixepoch(substr(value, 1, 19)) * 1000 AS written, value,
                 CASE zone WHEN '' THEN NULL WHEN 'Z' THEN 0
                      ELSE iif(zone < '-', 60000, -60000)
                           * (substr(zone, 2, 2) * 60 + substr(zone, 5, 2)) END AS ahead
            FROM (SELECT value, ltrim(substr(value, 20), '.0123456789') AS zone FROM {values}
                   WHERE type = 'text'
                     AND value GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'
                     AND (substr(value, 9, 2) < '29'
                          OR date(substr(value, 1, 10), '+0 days') = substr(value, 1, 10))
                     AND (length(value) = 10 OR substr(value, 12, 2) < '24' AND
                          substr(value, 11, 9) GLOB '[T ][0-9][0-9]:[0-5][0-9]:[0-5][0-9]'))
           WHERE zone IN ('', 'Z') OR zone GLOB '[+-][0-9][0-9]:[0-9][0-9]')"
    )
}

/// Returns a table of the anniversaries of the dates among some values, last year's, this year's
/// and the next, as days of the contact's clock.
fn anniversaries(values: &str, clock: &str) -> Sql {
    let year = format!("printf('%04d', strftime('%Y', {clock} / 1000, 'unixepoch') + y.value)");
    format!(
        "(SELECT NULL AS ahead, 1000 * unixepoch(
                     iif(substr(d.value, 6, 5) = '02-29', date({year} || '-03-01', '-1 day'),
                         {year} || substr(d.value, 5, 6))) AS written
            FROM {} AS d, json_each('[-1,0,1]') AS y)",
        dates(values)
    )
}

//! Time on local clocks: time zones, dates, hours of the day, recurrences. Not here: when a message
//! may leave (`sending`), and instants and spans themselves (`base`).

pub mod calendar;
pub mod hours;
pub mod recurrence;
pub mod time_zones;

//! SQL, as SQL: functions that return a `Statement`. Nothing here touches a database.

pub mod brakes;
pub mod broadcasts;
pub mod campaigns;
pub mod consents;
pub mod contacts;
pub mod due;
pub mod erasures;
pub mod invariants;
pub mod journeys;
pub mod mailbox;
pub mod merging;
pub mod messages;
pub mod pacing;
pub mod parked;
pub mod reports;
mod rules;
pub mod senders;
pub mod segments;
pub mod short_links;
pub mod statement;
pub mod suppressions;
pub mod totals;
pub mod write;

//! SQL, as SQL: functions that return a `Statement`. Nothing here touches a database.

pub mod campaigns;
pub mod contacts;
pub mod due;
pub mod invariants;
pub mod mailbox;
pub mod messages;
pub mod reports;
pub mod segments;
pub mod statement;
pub mod totals;
pub mod write;

//! SQL, as SQL: functions that return a `Statement`. Nothing here touches a database.

pub mod statement;

//! Broadcasts: starting, pausing and cancelling them (`control`), and sending them page by page
//! (`run`). Not here: how a single message leaves (`send`).

pub mod control;
pub mod run;

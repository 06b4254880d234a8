//! Broadcasts: started, paused and cancelled (`control`), and moved on, page by page (`run`).

pub mod control;
pub mod run;

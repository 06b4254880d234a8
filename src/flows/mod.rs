//! VERBS. One file an entry: read → decide → write. Generic over the two seams.

pub mod seams;
pub mod settings;
pub mod task;
pub mod commit;
pub mod preferences;
pub mod publish;
pub mod steer_journey;
pub mod steer_broadcast;
pub mod serve_page;
pub mod submit_form;
pub mod accept_events;
pub mod record_touches;
pub mod run_due;
pub mod run_broadcast;
pub mod park;
pub mod compose;
pub mod deliver;
pub mod brake;
pub mod receive;
pub mod hear;
pub mod report;
pub mod erase;
pub mod explain;
pub mod health;
pub mod merge;
pub mod named;

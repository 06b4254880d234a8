//! The JSON of the tasks in the queues. Tasks that an older deployment wrote may still be in a
//! queue, so their JSON never changes.

use dripline::flows::tasks::{Intake, Work};
use serde::Serialize;
use serde::de::DeserializeOwned;

const TASKS: &str = include_str!("../fixtures/queue_tasks.jsonl");

/// Returns the task as this code writes it; `None` if it cannot read it.
fn rewritten<T: Serialize + DeserializeOwned>(json: &str) -> Option<String> {
    let task: T = serde_json::from_str(json).ok()?;
    serde_json::to_string(&task).ok()
}

#[test]
fn queue_tasks_keep_their_json() {
    for json in TASKS.lines() {
        let found = rewritten::<Intake>(json).or_else(|| rewritten::<Work>(json));
        assert_eq!(found.as_deref(), Some(json));
    }
}

#[test]
fn an_engagement_without_facts_is_read() {
    let old =
        r#"{"type":"engagement_v1","contact":"c","message":"e.1","url":null,"at":2,"key":"k"}"#;
    assert!(rewritten::<Intake>(old).is_some());
}

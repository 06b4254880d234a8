//! The key-value store and the work queue in memory. They can fail like the platform's.

use crate::flows::ports::{KeyValue, KeyValueError, QueueError, WorkQueue};
use crate::flows::tasks::Work;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

#[derive(Default)]
pub struct Memory {
    pub texts: RefCell<BTreeMap<String, String>>,
    /// Whether it refuses writes, as Cloudflare's KV does after 1,000 in a day.
    pub refuses_writes: Cell<bool>,
    /// Whether every call fails.
    pub is_away: Cell<bool>,
}

impl KeyValue for Memory {
    async fn get(&self, key: &str) -> Result<Option<String>, KeyValueError> {
        match self.is_away.get() {
            true => Err(KeyValueError("503 Service Unavailable".to_owned())),
            false => Ok(self.texts.borrow().get(key).cloned()),
        }
    }

    async fn put(&self, key: &str, text: &str) -> Result<(), KeyValueError> {
        if self.is_away.get() || self.refuses_writes.get() {
            return Err(KeyValueError("429 Too Many Requests".to_owned()));
        }
        self.texts.borrow_mut().insert(key.to_owned(), text.to_owned());
        Ok(())
    }
}

/// A work queue that keeps its tasks in memory.
#[derive(Default)]
pub struct Tray {
    tasks: RefCell<Vec<Work>>,
    /// The number of tasks it accepts before it refuses; `None` accepts all.
    pub room: Cell<Option<usize>>,
}

impl Tray {
    /// Takes the tasks that were added since the last call.
    pub fn take(&self) -> Vec<Work> {
        self.tasks.take()
    }
}

impl WorkQueue for Tray {
    async fn hand_out(&self, work: &[Work]) -> Result<(), QueueError> {
        let handed_out = self.room.get().unwrap_or(work.len()).min(work.len());
        self.tasks.borrow_mut().extend_from_slice(&work[..handed_out]);
        let reason = "Too Many Requests".to_owned();
        let is_all = handed_out == work.len();
        if is_all { Ok(()) } else { Err(QueueError { handed_out, reason }) }
    }
}

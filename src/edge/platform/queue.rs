//! The queues that the worker writes to. A body is JSON as text: it crosses the JavaScript boundary
//! as one string in both directions.

use super::{Env, answer, binding, message};
use crate::flows::ports::{QueueError, WorkQueue};
use crate::flows::tasks::Work;
use js_sys::Promise;
use serde::Serialize;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

#[wasm_bindgen(module = "/src/edge/platform/calls.js")]
extern "C" {
    fn send(queue: &JsValue, bodies: Vec<String>) -> Promise;
    #[wasm_bindgen(js_name = putOff)]
    fn put_off(message: &Message, seconds: u32);
}

#[wasm_bindgen]
extern "C" {
    /// The messages of one queue that a worker gets at once.
    pub type Batch;
    #[wasm_bindgen(method, getter)]
    pub fn queue(this: &Batch) -> String;
    #[wasm_bindgen(method, getter)]
    pub fn messages(this: &Batch) -> Vec<Message>;

    pub type Message;
    #[wasm_bindgen(method, getter)]
    pub fn id(this: &Message) -> String;
    #[wasm_bindgen(method, getter)]
    fn body(this: &Message) -> JsValue;
    #[wasm_bindgen(method)]
    pub fn ack(this: &Message);
    #[wasm_bindgen(method)]
    pub fn retry(this: &Message);
}

impl Message {
    /// Returns the body that `Queue::send` wrote, or an empty string if it is not text.
    pub fn text(&self) -> String {
        self.body().as_string().unwrap_or_default()
    }

    /// Has it come again after this time.
    pub fn retry_after(&self, seconds: u32) {
        put_off(self, seconds);
    }
}

/// The most messages in one call: the limit of Cloudflare Queues.
const MESSAGES_PER_CALL_MAX: usize = 100;

/// The most bytes of bodies in one call: Queues' limit of 256 KB, less the envelopes.
const BODY_BYTES_PER_CALL_MAX: usize = 200_000;

/// A queue that the worker can write to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Queue {
    /// Facts that are not in the database yet: views, clicks, and submissions that the database
    /// could not take.
    Intake,
    /// Hints about what to do next. The database is the source of truth: the tick finds the work of
    /// a lost hint.
    Work,
}

impl Queue {
    fn binding(self) -> &'static str {
        match self {
            Self::Intake => "INTAKE",
            Self::Work => "WORK",
        }
    }

    /// Fails, naming it, if the worker is configured without it.
    pub fn check(self, env: &Env) -> Result<(), String> {
        binding(env, self.binding()).map(drop)
    }

    /// Sends each task as one message, in as few calls as the platform's limits allow. After an
    /// error, the tasks of earlier calls have been sent.
    pub async fn send<T: Serialize>(self, env: &Env, tasks: &[T]) -> Result<(), QueueError> {
        let mut handed_out = 0;
        let failed = |handed_out, reason| QueueError { handed_out, reason };
        let queue = binding(env, self.binding()).map_err(|reason| failed(0, reason))?;
        let bodies = tasks.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>();
        let bodies = bodies.map_err(|error| failed(0, error.to_string()))?;
        for bodies in calls(&bodies) {
            let sent = answer(send(&queue, bodies.to_vec())).await;
            sent.map_err(|thrown| failed(handed_out, message(&thrown)))?;
            handed_out += bodies.len();
        }
        Ok(())
    }
}

/// The work queue behind the `WorkQueue` port.
pub struct WorkTray<'a>(pub &'a Env);

impl WorkQueue for WorkTray<'_> {
    async fn hand_out(&self, work: &[Work]) -> Result<(), QueueError> {
        Queue::Work.send(self.0, work).await
    }
}

/// Splits the bodies into runs that fit one call each. A body over the limit goes alone.
fn calls(bodies: &[String]) -> Vec<&[String]> {
    let mut calls = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (end, body) in bodies.iter().enumerate() {
        let full = end - start == MESSAGES_PER_CALL_MAX;
        if end > start && (full || bytes + body.len() > BODY_BYTES_PER_CALL_MAX) {
            calls.push(&bodies[start..end]);
            (start, bytes) = (end, 0);
        }
        bytes += body.len();
    }
    if start < bodies.len() {
        calls.push(&bodies[start..]);
    }
    calls
}

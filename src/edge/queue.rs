//! The two queues. A body is JSON as text: it crosses the boundary as one string, both ways.

use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::JsValue;
use worker::{BatchMessageBuilder, Env, Error, QueueContentType, RawMessage, RawMessageBuilder};

/// The most messages that one call may carry: Queues' own limit.
const MESSAGES_PER_CALL_MAX: usize = 100;

/// The most bytes of bodies that one call may carry: Queues' limit of 256 KB, less its envelopes.
const BODY_BYTES_PER_CALL_MAX: usize = 200_000;

/// A queue that the worker can write to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Queue {
    /// What is not in the database yet: views, clicks, submissions that found no room there.
    Intake,
    /// Hints about what to do next. The database is the truth: the tick finds a lost hint's work.
    Work,
}

impl Queue {
    fn binding(self) -> &'static str {
        match self {
            Self::Intake => "INTAKE",
            Self::Work => "WORK",
        }
    }

    /// Sends each task as one message, in as few calls as the platform's limits allow. After an
    /// error the tasks of earlier calls may have been sent.
    pub async fn send<T: Serialize>(self, env: &Env, tasks: &[T]) -> worker::Result<()> {
        let queue = env.queue(self.binding())?;
        let bodies = tasks.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
        for bodies in calls(&bodies) {
            let messages = bodies.iter().map(|body| {
                RawMessageBuilder::new(JsValue::from_str(body))
                    .build_with_content_type(QueueContentType::Text)
            });
            queue.send_raw_batch(BatchMessageBuilder::new().messages(messages).build()).await?;
        }
        Ok(())
    }
}

/// Reads back what `Queue::send` wrote.
pub fn read<T: DeserializeOwned>(message: &RawMessage) -> worker::Result<T> {
    let text = message.body().as_string().ok_or(Error::BadEncoding)?;
    Ok(serde_json::from_str(&text)?)
}

/// Cuts the bodies into runs that one call can carry; a body over the limit goes alone.
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

//! Workers KV behind the `KeyValue` port: text by key, with fast reads and eventually consistent
//! writes. Every call has a timeout, because KV holds only copies.

use crate::flows::ports::{KeyValue, KeyValueError};
use futures_util::future::{Either, select};
use std::fmt::Display;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use worker::{Delay, Env, kv::KvStore};

/// A read takes a few milliseconds, and some hundred for a key that was not read for long.
const READ_TIME_MAX: Duration = Duration::from_secs(2);

/// A write takes some hundred milliseconds.
const WRITE_TIME_MAX: Duration = Duration::from_secs(5);

/// The KV namespace bound as `KV`. Most requests do not use it, and opening it takes seven calls of
/// JavaScript, so it is opened when it is used.
pub struct Kv(Env);

impl Kv {
    pub fn new(env: &Env) -> Self {
        Self(env.clone())
    }

    /// Opens the binding. Fails only if the worker is configured without it.
    pub fn open(env: &Env) -> Result<KvStore, KeyValueError> {
        env.kv("KV").map_err(failed)
    }
}

impl KeyValue for Kv {
    async fn get(&self, key: &str) -> Result<Option<String>, KeyValueError> {
        within(READ_TIME_MAX, Self::open(&self.0)?.get(key).text()).await
    }

    /// Other locations may read the old text for a minute.
    async fn put(&self, key: &str, text: &str) -> Result<(), KeyValueError> {
        let put = Self::open(&self.0)?.put(key, text).map_err(failed)?;
        within(WRITE_TIME_MAX, put.execute()).await
    }
}

async fn within<T, E: Display>(
    most: Duration,
    asked: impl Future<Output = Result<T, E>>,
) -> Result<T, KeyValueError> {
    match select(pin!(asked), pin!(Delay::from(most))).await {
        Either::Left((answer, _)) => answer.map_err(failed),
        Either::Right(_) => Err(KeyValueError(format!("no answer within {} s", most.as_secs()))),
    }
}

fn failed(error: impl Display) -> KeyValueError {
    KeyValueError(error.to_string())
}

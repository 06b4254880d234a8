//! Workers KV: text under a key, read at once and written eventually.

use worker::{Env, KvError, kv::KvStore};

/// The namespace that the worker is bound to as `KV`.
pub struct Kv(KvStore);

impl Kv {
    /// Looks the binding up. Fails only if the worker is configured without it.
    pub fn new(env: &Env) -> worker::Result<Self> {
        env.kv("KV").map(Self)
    }

    /// The text under the key, if there is any.
    pub async fn get(&self, key: &str) -> Result<Option<String>, KvError> {
        self.0.get(key).text().await
    }

    /// Puts the text under the key. Other places may see the former one for a minute.
    pub async fn put(&self, key: &str, text: &str) -> Result<(), KvError> {
        self.0.put(key, text)?.execute().await
    }
}

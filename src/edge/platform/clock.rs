//! The one place at the edge that reads the time and randomness.

use crate::domain::base::primitives::Millis;
use crate::edge::platform::kv::Kv;
use crate::flows::ports::KeyValue;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use worker::{Date, Env};

/// Where tests keep how far their clock is ahead, in milliseconds.
const TEST_OFFSET_KEY: &str = "test:clock_offset_ms";

/// The present instant. In the test configuration (`TEST_CLOCK` set, on a machine that nobody else
/// reaches) it is ahead of the real one by what the tests wrote to KV; nowhere else does anything
/// move the clock.
pub async fn now(env: &Env, is_local: bool) -> Millis {
    let real = real();
    if !is_local || env.var("TEST_CLOCK").is_err() {
        return real;
    }
    let offset = match Kv::new(env) {
        Ok(kv) => kv.get(TEST_OFFSET_KEY).await.ok().flatten(),
        Err(_) => None,
    };
    Millis(real.0 + offset.and_then(|text| text.parse::<i64>().ok()).unwrap_or(0))
}

/// The real instant, whatever a test says.
pub fn real() -> Millis {
    Millis(Date::now().as_millis() as i64)
}

/// 32 random bytes fit for a secret, in base64url.
pub fn secret() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// 64 random bits, from which a flow derives its ids.
pub fn seed() -> Result<u64, getrandom::Error> {
    getrandom::u64()
}

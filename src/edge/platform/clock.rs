//! The only place at the edge that reads the time and random bytes.

use super::kv::Kv;
use super::{Env, variable};
use crate::domain::base::primitives::Millis;
use crate::flows::ports::KeyValue;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The key under which tests store how far their clock is ahead, in milliseconds.
const TEST_OFFSET_KEY: &str = "test:clock_offset_ms";

/// Returns the present instant. In the test configuration (`TEST_CLOCK` is set and the deployment
/// is local) it is ahead of the real time by the offset in KV. Nothing else moves the clock.
pub async fn now(env: &Env, is_local: bool) -> Millis {
    let real = real();
    if !is_local || variable(env, "TEST_CLOCK").is_none() {
        return real;
    }
    let Ok(kv) = Kv::new(env) else { return real };
    let offset = kv.get(TEST_OFFSET_KEY).await.ok().flatten();
    Millis(real.0 + offset.and_then(|text| text.parse::<i64>().ok()).unwrap_or(0))
}

/// Returns the real time, without the offset of a test.
pub fn real() -> Millis {
    Millis(js_sys::Date::now() as i64)
}

/// Returns 32 random bytes for a secret, in base64url.
pub fn secret() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Returns 64 random bits, from which a flow derives its ids.
pub fn seed() -> Result<u64, getrandom::Error> {
    getrandom::u64()
}

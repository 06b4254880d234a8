//! Sealed values: encrypted with AES-256-GCM under a key from the environment. A database alone,
//! or its backup, does not give them away.
//!
//! Kept is `{"key", "nonce", "sealed", "last"}`: the id of the key, so that keys can be replaced;
//! the nonce and the ciphertext with its tag, in base64url; and the last characters of a text that
//! is long enough, which is all that people see. The ciphertext is bound to its place (`about`,
//! `<kind>/<field>`): moved to another field, it does not open. The record is no part of the place,
//! because merging moves values.

use super::reason::FieldReason;
use super::text;
use aes_gcm::aead::{Aead, KeyInit, Nonce, Payload};
use aes_gcm::{Aes256Gcm, Key};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// The bytes of a nonce of AES-GCM (NIST SP 800-38D section 5.2.1.1).
const NONCE_BYTES: usize = 12;

/// The bytes of a key.
const KEY_BYTES: usize = 32;

/// The characters at the end of a text that people see.
const LAST_CHARS: usize = 4;

/// The shortest text of which the end is shown: most of it stays hidden.
const LAST_SHOWN_FROM_CHARS: usize = 12;

/// What people see in place of hidden characters.
const MASK: &str = "••••";

/// A key with its id.
#[derive(Clone)]
pub struct SealKey {
    id: String,
    key: [u8; KEY_BYTES],
}

impl std::fmt::Debug for SealKey {
    /// Writes the id only.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What the reading of one value needs in order to seal it.
#[derive(Clone, Copy, Debug)]
pub struct Sealing<'a> {
    /// The newest key.
    pub key: &'a SealKey,
    /// What no other write has, such as a new id. The nonce is a hash of it and of `about`, so that
    /// two fields of one write never share it.
    pub unique: &'a str,
    /// The place of the value, `<kind>/<field>`.
    pub about: &'a str,
}

/// Why a sealed value cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenProblem {
    /// Not a sealed value.
    Malformed,
    /// Its key is not among the keys given.
    UnknownKey,
    /// It was altered, moved from another place, or sealed with another key of the same id.
    Forged,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    key: String,
    nonce: String,
    sealed: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    last: String,
}

impl SealKey {
    /// Creates a key. Its id is a name without secrets, such as `2026-11`.
    pub fn new(id: &str, key: [u8; KEY_BYTES]) -> Self {
        Self { id: id.to_owned(), key }
    }

    /// Reads keys as the environment has them, the newest first: lines of `<id>:<64 hex digits>`.
    pub fn parse_all(written: &str) -> Option<Vec<Self>> {
        let lines = written.lines().map(str::trim).filter(|line| !line.is_empty());
        let keys: Vec<Self> = lines.map(Self::parse).collect::<Option<_>>()?;
        let ids: BTreeSet<&str> = keys.iter().map(|key| key.id.as_str()).collect();
        (ids.len() == keys.len()).then_some(keys)
    }

    fn parse(written: &str) -> Option<Self> {
        let (id, digits) = written.split_once(':')?;
        if id.is_empty() || digits.len() != 2 * KEY_BYTES || !digits.is_ascii() {
            return None;
        }
        let mut key = [0; KEY_BYTES];
        for (byte, at) in key.iter_mut().zip((0..digits.len()).step_by(2)) {
            *byte = u8::from_str_radix(&digits[at..at + 2], 16).ok()?;
        }
        Some(Self { id: id.to_owned(), key })
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(&Key::<Aes256Gcm>::from(self.key))
    }
}

/// Seals one line of text. `NoKey` if it cannot be encrypted.
pub fn seal(typed: &str, sealing: &Sealing<'_>) -> Result<Value, FieldReason> {
    let plain = text::line(typed)?;
    let digest = Sha256::new().chain_update(sealing.unique);
    let digest = digest.chain_update("/").chain_update(sealing.about).finalize();
    let mut nonce = [0; NONCE_BYTES];
    nonce.copy_from_slice(&digest[..NONCE_BYTES]);
    let payload = Payload { msg: plain.as_bytes(), aad: sealing.about.as_bytes() };
    let sealed = sealing.key.cipher().encrypt(&Nonce::<Aes256Gcm>::from(nonce), payload);
    let envelope = Envelope {
        key: sealing.key.id.clone(),
        nonce: URL_SAFE_NO_PAD.encode(nonce),
        sealed: URL_SAFE_NO_PAD.encode(sealed.map_err(|_| FieldReason::NoKey)?),
        last: last(&plain),
    };
    serde_json::to_value(envelope).map_err(|_| FieldReason::NoKey)
}

/// Opens a kept value with the key of its id.
pub fn open(kept: &Value, keys: &[SealKey], about: &str) -> Result<String, OpenProblem> {
    let envelope = Envelope::deserialize(kept).map_err(|_| OpenProblem::Malformed)?;
    let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| OpenProblem::Malformed);
    let nonce: [u8; NONCE_BYTES] =
        decoded(&envelope.nonce)?.try_into().map_err(|_| OpenProblem::Malformed)?;
    let key = keys.iter().find(|key| key.id == envelope.key).ok_or(OpenProblem::UnknownKey)?;
    let sealed = decoded(&envelope.sealed)?;
    let payload = Payload { msg: &sealed, aad: about.as_bytes() };
    let plain = key.cipher().decrypt(&Nonce::<Aes256Gcm>::from(nonce), payload);
    String::from_utf8(plain.map_err(|_| OpenProblem::Forged)?).map_err(|_| OpenProblem::Forged)
}

/// Returns what people see of a kept value.
pub fn masked(kept: &Value) -> String {
    format!("{MASK}{}", kept.get("last").and_then(Value::as_str).unwrap_or_default())
}

/// Returns whether a text has the mask in it, so that it is no secret that somebody typed.
pub fn is_masked(typed: &str) -> bool {
    typed.contains('•')
}

/// Returns whether a value is one that `seal` returns.
pub fn is_sealed(kept: &Value) -> bool {
    kept.is_object() && Envelope::deserialize(kept).is_ok()
}

fn last(plain: &str) -> String {
    let chars: Vec<char> = plain.chars().collect();
    match chars.len() >= LAST_SHOWN_FROM_CHARS {
        true => chars[chars.len() - LAST_CHARS..].iter().collect(),
        false => String::new(),
    }
}

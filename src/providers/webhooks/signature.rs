//! The building blocks of signatures.

use super::Hook;
use crate::domain::base::token::equal_secrets;
pub(in crate::providers) use crate::domain::base::token::hex;
pub(in crate::providers) use crate::providers::sign::hmac_sha256;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Computes HMAC-SHA1, which Twilio signs with.
pub(in crate::providers) fn hmac_sha1(key: &[u8], pieces: &[&[u8]]) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key) else { return Vec::new() };
    pieces.iter().for_each(|piece| mac.update(piece));
    mac.finalize().into_bytes().to_vec()
}

/// Computes SHA-256 in lower-case hexadecimal.
pub(in crate::providers) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Returns whether two MACs are equal, in constant time.
pub(in crate::providers) fn equal(one: &[u8], other: &[u8]) -> bool {
    !one.is_empty() && bool::from(one.ct_eq(other))
}

/// Decodes base64; empty if the text is not base64.
pub(in crate::providers) fn base64(text: &str) -> Vec<u8> {
    STANDARD.decode(text.trim()).unwrap_or_default()
}

/// Returns whether the webhook presents one of these secrets: as the password of basic
/// authentication (`https://hook:<secret>@…`), as a bearer token, or as the last part of the path.
pub(in crate::providers) fn shows_secret(hook: &Hook<'_>, secrets: &[&str]) -> bool {
    let header = (hook.header)("authorization");
    let shown = match header.split_once(' ') {
        Some((scheme, credentials)) if scheme.eq_ignore_ascii_case("basic") => {
            let pair = String::from_utf8(base64(credentials)).unwrap_or_default();
            pair.split_once(':').map(|(_, password)| password.to_owned()).unwrap_or_default()
        }
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim().to_owned(),
        _ => hook.path_secret.to_owned(),
    };
    // No early exit, so that the time taken does not reveal which secret matched.
    secrets.iter().fold(false, |found, secret| found | equal_secrets(secret, &shown))
}

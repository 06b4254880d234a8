//! Verification of the certificate that SNS signs with (X.509, RFC 5280).
//!
//! SNS serves its own certificate without the issuers' certificates. The issuers are Amazon's
//! intermediates, which chain to Amazon Root CA 1 and are bundled in `amazon.pem`. Operators can
//! add others with the setting `SNS_ISSUERS` if Amazon changes them. So the chain is complete
//! without a network call.

use crate::domain::base::primitives::Millis;
use crate::providers::webhooks::date;
use crate::providers::webhooks::signature::base64;
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::signature::Verifier;
use rsa::{BoxedUint, PublicKey};
use sha2::Sha256;

/// Amazon RSA 2048 M01 to M04, valid until August 2030 (amazontrust.com/repository).
const AMAZON: &str = include_str!("amazon.pem");

/// The accepted key sizes, in bits.
const KEY_BITS: std::ops::RangeInclusive<u32> = 2_048..=4_096;

/// The largest certificate that is parsed, in bytes of PEM.
const PEM_BYTES_MAX: usize = 16 * 1024;

/// The most issuers that the setting may contain.
const ISSUERS_MAX: usize = 16;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Returns the key of an SNS certificate. `None` unless the certificate is SNS's own, belongs to
/// the region of the host that serves it, is valid at this time, and is signed by a known issuer.
pub(in crate::providers) fn key_of_sns(
    pem: &str,
    host: &str,
    issuers: &str,
    now: Millis,
) -> Option<PublicKey> {
    let der = only(pem)?;
    let certificate = Certificate::read(&der)?;
    let is_of_sns = certificate.names().iter().any(|name| is_name_of_sns(name, host));
    if certificate.is_authority() || !is_of_sns || !certificate.is_good_at(now) {
        return None;
    }
    let known = all(AMAZON).into_iter().chain(all(issuers));
    let mut issuers = known.filter(|der| {
        Certificate::read(der).is_some_and(|issuer| {
            issuer.is_authority() && issuer.is_good_at(now) && certificate.is_signed_by(&issuer)
        })
    });
    issuers.next()?;
    certificate.key()
}

/// Checks issuers that an operator configures: PEM, one after the other.
pub(in crate::providers) fn check_issuers(pem: &str) -> Result<(), String> {
    let found = all(pem);
    let are_good = found.iter().all(|der| {
        Certificate::read(der).is_some_and(|issuer| issuer.is_authority() && issuer.key().is_some())
    });
    match found.len() {
        0 => Err("SNS_ISSUERS holds no certificate: give certificates of issuers in PEM".into()),
        count if count > ISSUERS_MAX || !are_good || pem.matches(BEGIN).count() != count => {
            Err(format!("SNS_ISSUERS: give at most {ISSUERS_MAX} issuers' RSA certificates in PEM"))
        }
        _ => Ok(()),
    }
}

/// Returns whether a name is one that SNS certificates have: the global name, or the name of the
/// region of the host. Each AWS partition has its own (AWS SDK for Java, `SnsHostProvider`).
fn is_name_of_sns(name: &str, host: &str) -> bool {
    let Some(region) = host.strip_prefix("sns.") else { return false };
    let (region, suffix) = match region.split_once('.') {
        Some(parts) => parts,
        None => return false,
    };
    name.eq_ignore_ascii_case("sns.amazonaws.com") && suffix == "amazonaws.com"
        || ["sns.", "sns-signing.", "sns-"]
            .iter()
            .any(|prefix| name.eq_ignore_ascii_case(&format!("{prefix}{region}.{suffix}")))
        || name.eq_ignore_ascii_case("sns-us-gov-west-1.amazonaws.com")
            && region.starts_with("us-gov-")
}

/// Decodes a text that is exactly one certificate, with nothing before, inside or after it.
fn only(pem: &str) -> Option<Vec<u8>> {
    let body = pem.trim().strip_prefix(BEGIN)?.strip_suffix(END)?;
    (pem.len() <= PEM_BYTES_MAX && !body.contains('-')).then(|| decoded(body))
}

/// Decodes all certificates in a text.
fn all(pem: &str) -> Vec<Vec<u8>> {
    let bodies = pem.split(BEGIN).skip(1).filter_map(|rest| Some(rest.split_once(END)?.0));
    bodies.map(decoded).collect()
}

fn decoded(body: &str) -> Vec<u8> {
    base64(&body.split_whitespace().collect::<String>())
}

/// The parts of a certificate that are checked, in DER.
struct Certificate<'d> {
    /// The signed part.
    signed: &'d [u8],
    issuer: &'d [u8],
    validity: Der<'d>,
    subject: &'d [u8],
    key: Der<'d>,
    extensions: Vec<(&'d [u8], &'d [u8])>,
    algorithm: &'d [u8],
    signature: &'d [u8],
}

impl<'d> Certificate<'d> {
    fn read(der: &'d [u8]) -> Option<Self> {
        let mut whole = Der(der);
        let mut certificate = whole.enter(SEQUENCE)?;
        let (signed, contents) = certificate.whole(SEQUENCE)?;
        let algorithm = certificate.enter(SEQUENCE)?.next(OBJECT)?;
        let signature = certificate.next(BIT_STRING)?.strip_prefix(&[0])?;
        if !whole.0.is_empty() || !certificate.0.is_empty() {
            return None;
        }
        let mut fields = Der(contents);
        fields.optional(VERSION);
        fields.next(INTEGER)?;
        if fields.enter(SEQUENCE)?.next(OBJECT)? != algorithm {
            return None;
        }
        let issuer = fields.next(SEQUENCE)?;
        let validity = fields.enter(SEQUENCE)?;
        let subject = fields.next(SEQUENCE)?;
        let key = fields.enter(SEQUENCE)?;
        let extensions = extensions(&mut fields)?;
        Some(Self { signed, issuer, validity, subject, key, extensions, algorithm, signature })
    }

    /// Returns the RSA key.
    fn key(&self) -> Option<PublicKey> {
        let mut key = Der(self.key.0);
        if key.enter(SEQUENCE)?.next(OBJECT)? != RSA {
            return None;
        }
        let mut numbers = Der(key.next(BIT_STRING)?.strip_prefix(&[0])?).enter(SEQUENCE)?;
        let [modulus, exponent] = [numbers.next(INTEGER)?, numbers.next(INTEGER)?];
        let number = |bytes: &[u8]| BoxedUint::from_be_slice_vartime(bytes);
        let modulus = number(modulus);
        if !KEY_BITS.contains(&modulus.bit_width_vartime()) {
            return None;
        }
        PublicKey::new(modulus, number(exponent)).ok()
    }

    fn is_signed_by(&self, issuer: &Self) -> bool {
        let verified = || {
            let signature = Signature::try_from(self.signature).ok()?;
            let key = VerifyingKey::<Sha256>::new(issuer.key()?);
            key.verify(self.signed, &signature).ok()
        };
        self.issuer == issuer.subject && self.algorithm == RSA_SHA256 && verified().is_some()
    }

    fn is_good_at(&self, now: Millis) -> bool {
        let mut validity = Der(self.validity.0);
        let [begin, end] = [validity.time(), validity.time()];
        matches!((begin, end), (Some(begin), Some(end)) if begin <= now && now <= end)
    }

    fn extension(&self, id: &[u8]) -> Option<Der<'d>> {
        self.extensions.iter().find(|(known, _)| *known == id).map(|(_, value)| Der(value))
    }

    /// Returns whether it may sign other certificates.
    fn is_authority(&self) -> bool {
        let constraints = self.extension(BASIC_CONSTRAINTS);
        let mut inside = constraints.and_then(|mut value| value.enter(SEQUENCE));
        inside.as_mut().and_then(|value| value.next(BOOLEAN)).is_some_and(|value| value != [0])
    }

    /// Returns its DNS names; the subject's own names do not count (RFC 6125).
    fn names(&self) -> Vec<&'d str> {
        let names = self.extension(ALTERNATIVE_NAMES).and_then(|mut value| value.enter(SEQUENCE));
        let mut names = names.unwrap_or(Der(&[]));
        let mut found = Vec::new();
        while let Some((tag, contents)) = names.any() {
            if tag == DNS_NAME {
                found.extend(std::str::from_utf8(contents));
            }
        }
        found
    }
}

/// Reads the ids and values of the extensions; `None` if any of them cannot be read.
fn extensions<'d>(fields: &mut Der<'d>) -> Option<Vec<(&'d [u8], &'d [u8])>> {
    fields.optional(ISSUER_ID);
    fields.optional(SUBJECT_ID);
    let Some(all) = fields.optional(EXTENSIONS) else { return Some(Vec::new()) };
    let mut all = Der(all).enter(SEQUENCE)?;
    let mut found = Vec::new();
    while !all.0.is_empty() {
        let mut extension = all.enter(SEQUENCE)?;
        let id = extension.next(OBJECT)?;
        extension.optional(BOOLEAN);
        found.push((id, extension.next(OCTETS)?));
    }
    Some(found)
}

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTETS: u8 = 0x04;
const OBJECT: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const ISSUER_ID: u8 = 0x81;
const SUBJECT_ID: u8 = 0x82;
const EXTENSIONS: u8 = 0xa3;
const DNS_NAME: u8 = 0x82;

/// 1.2.840.113549.1.1.1
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// 1.2.840.113549.1.1.11
const RSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
/// 2.5.29.17
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
/// 2.5.29.19
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];

/// The unread rest of a DER encoding (X.690).
#[derive(Clone, Copy)]
struct Der<'d>(&'d [u8]);

impl<'d> Der<'d> {
    /// Reads the tag and the contents of the next element.
    fn any(&mut self) -> Option<(u8, &'d [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=127 => (usize::from(first), rest),
            0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
                (bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (contents, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, contents))
    }

    /// Reads the contents of the next element, which must have this tag.
    fn next(&mut self, tag: u8) -> Option<&'d [u8]> {
        self.any().filter(|(found, _)| *found == tag).map(|(_, contents)| contents)
    }

    /// Reads the next element like `next`, and also returns it whole.
    fn whole(&mut self, tag: u8) -> Option<(&'d [u8], &'d [u8])> {
        let before = self.0;
        let contents = self.next(tag)?;
        Some((&before[..before.len() - self.0.len()], contents))
    }

    /// Reads the contents of the next element if it has this tag; otherwise reads nothing.
    fn optional(&mut self, tag: u8) -> Option<&'d [u8]> {
        let is_next = self.0.first() == Some(&tag);
        is_next.then(|| self.next(tag)).flatten()
    }

    /// Returns the inside of the next element.
    fn enter(&mut self, tag: u8) -> Option<Self> {
        self.next(tag).map(Der)
    }

    /// Reads a time: `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ` (RFC 5280 section 4.1.2.5).
    fn time(&mut self) -> Option<Millis> {
        let (tag, text) = self.any()?;
        let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
        let text = match tag {
            UTC_TIME if text >= "50" => format!("19{text}"),
            UTC_TIME => format!("20{text}"),
            TIME => text.to_owned(),
            _ => return None,
        };
        if text.len() != 14 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let part = |from: usize| &text[from..from + 2];
        let [month, day, hour, minute, second] = [4, 6, 8, 10, 12].map(part);
        date(&format!("{}-{month}-{day}T{hour}:{minute}:{second}Z", &text[..4]))
    }
}

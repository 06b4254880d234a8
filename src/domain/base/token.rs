//! Tokens: signed data in links and forms that only we can have made.
//!
//! `1<purpose><key>.<payload>.<mac>`: version 1, one letter for the purpose, two letters that name
//! the key, the payload in base64url, and the first 128 bits of HMAC-SHA256 (RFC 2104) over
//! everything before the last dot. The MAC covers the purpose, so no token serves another purpose.

use super::primitives::{Millis, Span};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The longest token that is read: there is room for a click token with a target of 2,000
/// characters.
pub const TOKEN_BYTES_MAX: usize = 4_096;

/// How far the clock of another machine of ours may be ahead.
pub const CLOCK_SKEW_MAX: Span = Span::minutes(1);

const MAC_BYTES: usize = 16;
/// The block of SHA-256, to which HMAC pads a shorter key with zeros.
const HMAC_BLOCK_BYTES: usize = 64;
/// The length in base64url.
const MAC_CHARS: usize = (MAC_BYTES * 8).div_ceil(6);
/// The length of a short link's code: 62^11 > 2^64.
const SHORT_CODE_CHARS: usize = 11;

/// The purpose of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Submitting a form that we rendered.
    Form,
    /// Following a link of a message.
    Click,
    /// Recording that a message was opened.
    Open,
    /// Unsubscribing from further messages.
    Unsubscribe,
    /// Undoing an unsubscribe.
    Undo,
    /// Choosing purposes and channels on the preference page.
    Preferences,
    /// Proving the ownership of an address.
    Confirm,
}

impl Purpose {
    fn letter(self) -> char {
        match self {
            Self::Form => 'f',
            Self::Click => 'c',
            Self::Open => 'o',
            Self::Unsubscribe => 'u',
            Self::Undo => 'n',
            Self::Preferences => 'p',
            // `i` and `s` were sign-in links and sessions, which are in the database now.
            Self::Confirm => 'k',
        }
    }

    /// Returns whether a token stays valid after its signing secret was replaced. A secret is
    /// replaced because it may have leaked, so this depends on what a stranger could do with such a
    /// token.
    pub fn outlives_its_key(self) -> bool {
        match self {
            // E-mails are kept for years. These tokens unsubscribe, choose among purposes, or
            // redirect to a link's target; and a stranger would need the ids of a contact and its
            // message.
            Self::Unsubscribe | Self::Preferences | Self::Click | Self::Open => true,
            // Anybody can get one by loading the form, and a visitor may be filling in the form
            // right now.
            Self::Form => true,
            // These prove that somebody reads an address, and thereby give consent.
            Self::Confirm | Self::Undo => false,
        }
    }

    fn from_letter(letter: char) -> Option<Self> {
        let all = [
            Self::Form,
            Self::Click,
            Self::Open,
            Self::Unsubscribe,
            Self::Undo,
            Self::Preferences,
            Self::Confirm,
        ];
        all.into_iter().find(|purpose| purpose.letter() == letter)
    }
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenProblem {
    /// Truncated, garbled, or not a token at all.
    Malformed,
    /// A valid token for another purpose.
    WrongPurpose,
    /// Not made by us, or signed with a key that we no longer have or no longer accept for this
    /// purpose.
    Forged,
}

/// The secret that signs tokens, and the previous ones, which still verify the purposes that
/// `Purpose::outlives_its_key` allows.
#[derive(Clone)]
pub struct Keyring {
    keys: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    name: String,
    /// HMAC with the derived key, ready for a text: half of the work is done once.
    hmac: Hmac<Sha256>,
    /// The key that receivers of webhooks hold; it signs nothing else.
    webhook: [u8; 32],
}

impl Keyring {
    /// Signs with `secret`. Links of old e-mail are also verified with the `previous` secrets, one
    /// a line: people must be able to unsubscribe for years, however often the secret was changed.
    pub fn new(secret: &str, previous: Option<&str>) -> Self {
        let previous = previous.unwrap_or_default().lines().map(str::trim);
        let keys = [secret].into_iter().chain(previous.filter(|key| !key.is_empty()));
        Self { keys: keys.map(Key::new).collect() }
    }

    /// Makes a token with `payload`, which anybody who has the token can read.
    pub fn sign(&self, purpose: Purpose, payload: &str) -> String {
        let key = &self.keys[0];
        let encoded = URL_SAFE_NO_PAD.encode(payload);
        let signed = format!("1{}{}.{encoded}", purpose.letter(), key.name);
        let mac = URL_SAFE_NO_PAD.encode(key.mac(&signed));
        format!("{signed}.{mac}")
    }

    /// Returns the payload of a token that we made for this purpose.
    pub fn verify(&self, purpose: Purpose, token: &str) -> Result<String, TokenProblem> {
        let parts = Parts::read(token)?;
        let taken = if purpose.outlives_its_key() { self.keys.len() } else { 1 };
        // Key names are short, so several keys may share one.
        let mut named = self.keys.iter().take(taken).filter(|key| key.name == parts.key);
        if !named.any(|key| bool::from(key.mac(parts.signed).ct_eq(&parts.mac))) {
            return Err(TokenProblem::Forged);
        }
        if parts.purpose == Some(purpose) {
            Ok(parts.payload)
        } else {
            Err(TokenProblem::WrongPurpose)
        }
    }

    /// Returns the Standard Webhooks signatures of a text, one for each key, so that receivers can
    /// change to a new secret at any time.
    pub fn webhook_signatures(&self, signed: &str) -> String {
        let signature = |key: &Key| {
            let mac = Hmac::<Sha256>::new_from_slice(&key.webhook).ok().map(|mut hmac| {
                hmac.update(signed.as_bytes());
                STANDARD.encode(hmac.finalize().into_bytes())
            });
            format!("v1,{}", mac.unwrap_or_default())
        };
        self.keys.iter().map(signature).collect::<Vec<_>>().join(" ")
    }

    /// Returns a short code for a text, with 64 bits that nobody else can guess. It has only
    /// letters and digits, so that phones recognize a URL that ends with it.
    pub fn short_code(&self, text: &str) -> String {
        const SIGNS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mac = self.keys[0].mac(&format!("short:{text}"));
        let mut rest = mac.iter().take(8).fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        let mut code = String::with_capacity(SHORT_CODE_CHARS);
        for _ in 0..SHORT_CODE_CHARS {
            code.push(char::from(SIGNS[(rest % 62) as usize]));
            rest /= 62;
        }
        code
    }

    /// Returns whether a key has this name.
    pub fn has_key(&self, name: &str) -> bool {
        self.keys.iter().any(|key| key.name == name)
    }

    /// Returns a keyed hash: equal values have equal hashes, and a hash reveals nothing else.
    pub fn pseudonym(&self, kind: &str, value: &str) -> String {
        self.pseudonyms(kind, value).swap_remove(0)
    }

    /// Returns the hash by each key, the current one first, so that values hashed before a change
    /// of secrets are still recognized during it.
    pub fn pseudonyms(&self, kind: &str, value: &str) -> Vec<String> {
        let hash = |key: &Key| URL_SAFE_NO_PAD.encode(key.mac(&format!("{kind}:{value}")));
        self.keys.iter().map(hash).collect()
    }
}

/// The parts of a token before its signature is verified.
pub struct Parts<'t> {
    /// The purpose, if it is one we know.
    pub purpose: Option<Purpose>,
    /// The name of the signing key.
    pub key: String,
    pub payload: String,
    /// The text that the MAC covers.
    signed: &'t str,
    mac: Vec<u8>,
}

impl<'t> Parts<'t> {
    /// Splits a token into its parts.
    pub fn read(token: &'t str) -> Result<Self, TokenProblem> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenProblem::Malformed);
        }
        let (signed, mac) = token.rsplit_once('.').ok_or(TokenProblem::Malformed)?;
        let (head, encoded) = signed.split_once('.').ok_or(TokenProblem::Malformed)?;
        let mac = URL_SAFE_NO_PAD.decode(mac).map_err(|_| TokenProblem::Malformed)?;
        let payload = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| TokenProblem::Malformed)?;
        let payload = String::from_utf8(payload).map_err(|_| TokenProblem::Malformed)?;
        let mut letters = head.chars();
        if letters.next() != Some('1') {
            return Err(TokenProblem::Malformed);
        }
        let purpose = letters.next().and_then(Purpose::from_letter);
        Ok(Self { purpose, key: letters.collect(), payload, signed, mac })
    }
}

impl Key {
    fn new(secret: &str) -> Self {
        let name = Sha256::digest(format!("dripline key name: {secret}"));
        let name = URL_SAFE_NO_PAD.encode(&name[..3])[..2].replace(['-', '_'], "0");
        let derive = |what: &str| Sha256::digest(format!("dripline {what}: {secret}")).into();
        let key: [u8; 32] = derive("key");
        let mut block = [0; HMAC_BLOCK_BYTES];
        block[..key.len()].copy_from_slice(&key);
        Self { name, hmac: Hmac::new(&block.into()), webhook: derive("webhook") }
    }

    fn mac(&self, signed: &str) -> [u8; MAC_BYTES] {
        let hmac = self.hmac.clone().chain_update(signed);
        let mut mac = [0; MAC_BYTES];
        mac.copy_from_slice(&hmac.finalize().into_bytes()[..MAC_BYTES]);
        mac
    }
}

/// Returns the token of a link as it comes back from mail programs and linkifiers. They break it
/// with the `=` of quoted-printable and add characters of the surrounding text to its end. Nothing
/// after the MAC belongs to it.
pub fn of_link(written: &str) -> String {
    let (mut token, mut dots) = (String::new(), 0);
    for c in unbroken(written) {
        let mac = token.len() - token.rfind('.').map_or(0, |dot| dot + 1);
        let is_whole = dots == 2 && mac == MAC_CHARS;
        if is_whole || !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
            break;
        }
        dots += usize::from(c == '.');
        token.push(c);
    }
    token
}

/// Does the same for the code of a short link.
pub fn of_short_link(written: &str) -> String {
    let code = unbroken(written).take_while(char::is_ascii_alphanumeric);
    code.take(SHORT_CODE_CHARS).collect()
}

/// Returns the characters of a link's end, decoded, without line breaks and stray characters before
/// them.
fn unbroken(written: &str) -> impl Iterator<Item = char> {
    let mut bytes = Vec::with_capacity(written.len());
    let mut rest = written.as_bytes().iter().copied();
    while let Some(byte) = rest.next() {
        let mut after = rest.clone();
        let mut digit = || char::from(after.next()?).to_digit(16);
        match (byte == b'%').then(|| Some(digit()? << 4 | digit()?)).flatten() {
            Some(code) => {
                bytes.push(code as u8);
                rest = after;
            }
            None => bytes.push(byte),
        }
    }
    let chars: Vec<char> = String::from_utf8_lossy(&bytes).chars().collect();
    let is_stray = |c: &char| matches!(c, '=' | '<' | '"' | '\'') || c.is_whitespace();
    let kept = move |c: &char| !(*c == '=' || c.is_whitespace());
    chars.into_iter().skip_while(is_stray).filter(kept)
}

/// Returns whether something issued at `issued` is valid now: neither too old nor from the future,
/// which would make it valid forever.
pub fn is_fresh(issued: Millis, now: Millis, age_max: Span) -> bool {
    issued <= now.plus(CLOCK_SKEW_MAX) && now <= issued.plus(age_max)
}

/// Returns the SHA-256 in lower-case hexadecimal, which identifies API tokens and contents of
/// versions.
pub fn sha256_hex(text: &str) -> String {
    hex(&Sha256::digest(text))
}

/// Encodes bytes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Returns a UUID for a text, always the same one: version 8, which leaves its bits to the
/// application (RFC 9562 section 5.8).
pub fn uuid_of(text: &str) -> String {
    let hex = sha256_hex(text);
    format!("{}-{}-8{}-8{}-{}", &hex[..8], &hex[8..12], &hex[12..15], &hex[15..18], &hex[18..30])
}

/// Compares two secrets in constant time.
pub fn equal_secrets(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_valid_for_its_purpose_only() {
        let keys = Keyring::new("one", None);
        let token = keys.sign(Purpose::Click, "c|m|https://example.com/?q=1&x=中文");
        assert_eq!(
            keys.verify(Purpose::Click, &token).unwrap(),
            "c|m|https://example.com/?q=1&x=中文"
        );
        assert_eq!(keys.verify(Purpose::Unsubscribe, &token), Err(TokenProblem::WrongPurpose));
    }

    #[test]
    fn altered_token_is_refused() {
        let keys = Keyring::new("one", None);
        let token = keys.sign(Purpose::Open, "contact|message");
        for (index, byte) in token.bytes().enumerate() {
            let mut changed = token.clone().into_bytes();
            changed[index] = if byte == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            // The last letter of base64 has unused bits; decoding is strict about them.
            assert!(keys.verify(Purpose::Open, &changed).is_err(), "{changed}");
        }
        for end in 0..token.len() {
            assert!(keys.verify(Purpose::Open, &token[..end]).is_err());
        }
        assert_eq!(keys.verify(Purpose::Open, &"x".repeat(5_000)), Err(TokenProblem::Malformed));
    }

    const ALL: [Purpose; 7] = [
        Purpose::Form,
        Purpose::Click,
        Purpose::Open,
        Purpose::Unsubscribe,
        Purpose::Undo,
        Purpose::Preferences,
        Purpose::Confirm,
    ];

    #[test]
    fn links_survive_changes_by_mail_clients() {
        let keys = Keyring::new("one", None);
        for payload in ["c|m|x", "contact|campaign|message|https://a.example/?q=1", "", "中"] {
            let token = keys.sign(Purpose::Click, payload);
            let code = keys.short_code(payload);
            for end in [
                "", ".", ">", "=", ")", ",", "\"", "'", ";", "]", "!", "*", "%3D", "=3D", "%3E",
                "&amp;", "&", "&gt;", "%22", "%20", "。", "%E3%80%82", "）", ".)", "\u{200b}",
                "%0D%0A", "…", "\\", "|", "=20",
            ] {
                assert_eq!(of_link(&format!("{token}{end}")), token, "{end}");
                assert_eq!(of_short_link(&format!("{code}{end}")), code, "{end}");
                assert_eq!(of_link(&format!("%3C{token}{end}")), token, "{end}");
            }
            for broken in ["=", "=%0D%0A", "=\r\n", "%3D%0A", "%20", "\n"] {
                for at in [1, 3, token.len() / 2, token.len() - 1] {
                    let (start, rest) = token.split_at(at);
                    assert_eq!(of_link(&format!("{start}{broken}{rest}.")), token, "{broken:?}");
                }
                let (start, rest) = code.split_at(5);
                assert_eq!(of_short_link(&format!("{start}{broken}{rest}")), code);
            }
            for end in 0..token.len() {
                assert!(keys.verify(Purpose::Click, &of_link(&token[..end])).is_err());
            }
        }
        for odd in ["", "%", "%4", "%zz", "....", "%FF%FE", "=", "1c", "1c.."] {
            assert!(keys.verify(Purpose::Click, &of_link(odd)).is_err());
            of_short_link(odd);
        }
    }

    #[test]
    fn previous_secrets_verify_links_of_old_mail() {
        let token = Keyring::new("old", None).sign(Purpose::Unsubscribe, "c");
        assert_eq!(
            Keyring::new("new", Some("old")).verify(Purpose::Unsubscribe, &token).unwrap(),
            "c"
        );
        let newest = Keyring::new("newest", Some("new\n old \n"));
        assert_eq!(newest.verify(Purpose::Unsubscribe, &token).unwrap(), "c", "changed twice");
        assert_eq!(
            Keyring::new("new", None).verify(Purpose::Unsubscribe, &token),
            Err(TokenProblem::Forged)
        );
    }

    #[test]
    fn previous_secrets_verify_harmless_purposes_only() {
        let (old, now) = (Keyring::new("old", None), Keyring::new("new", Some("other\nold")));
        let good: Vec<Purpose> = ALL
            .into_iter()
            .filter(|purpose| now.verify(*purpose, &old.sign(*purpose, "c")).is_ok())
            .collect();
        use Purpose::*;
        assert_eq!(good, [Form, Click, Open, Unsubscribe, Preferences]);
        for purpose in ALL {
            assert!(now.verify(purpose, &now.sign(purpose, "c")).is_ok(), "{purpose:?}");
        }
        // No token opens the web app, whatever key signed it.
        for letter in ["i", "s"] {
            assert_eq!(Parts::read(&format!("1{letter}ab.YQ.YQ")).unwrap().purpose, None);
        }
    }

    #[test]
    fn future_timestamps_are_not_fresh() {
        let (now, day) = (Millis(1_000_000_000), Span::days(1));
        assert!(is_fresh(now, now, day) && is_fresh(now.minus(day), now, day));
        assert!(is_fresh(now.plus(CLOCK_SKEW_MAX), now, day));
        for wrong in [now.minus(Span(day.0 + 1)), now.plus(Span::minutes(2)), Millis(i64::MAX)] {
            assert!(!is_fresh(wrong, now, day), "{wrong:?}");
        }
    }
}

//! Tokens: what a link or a form carries so that only we can have made it.
//!
//! `1<purpose><key>.<payload>.<mac>`: version 1, one letter of purpose, two letters that name the
//! key, the payload in base64url, and the first 128 bits of HMAC-SHA256 (RFC 2104) over all that
//! stands before the last dot. The purpose is under the MAC, so no token serves another purpose.

use super::primitives::{Millis, Span};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The longest token read: a click token with a target of 2,000 characters has room.
pub const TOKEN_BYTES_MAX: usize = 4_096;

/// How far ahead of ours the clock of another machine of ours may be.
pub const CLOCK_SKEW_MAX: Span = Span::minutes(1);

const MAC_BYTES: usize = 16;
/// In base64url.
const MAC_CHARS: usize = (MAC_BYTES * 8).div_ceil(6);
/// How long the code of a short link is: 62^11 > 2^64.
const SHORT_CODE_CHARS: usize = 11;

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Sending a form that we rendered.
    Form,
    /// Following a link of a message.
    Click,
    /// Telling that a message was opened.
    Open,
    /// Refusing further messages.
    Unsubscribe,
    /// Taking a refusal back.
    Undo,
    /// Choosing what one gets.
    Preferences,
    /// Proving that an address is one's own.
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
            // `i` and `s` were sign-in links and sessions, which the database keeps today.
            Self::Confirm => 'k',
        }
    }

    /// Whether a token is still good after the secret that signed it was replaced. A secret is
    /// replaced because it may have leaked, so what a stranger could make with it decides.
    pub fn outlives_its_key(self) -> bool {
        match self {
            // Mails are kept for years. These refuse messages, choose among purposes, or lead to
            // where a link led; and a stranger would need the ids of a contact and its message.
            Self::Unsubscribe | Self::Preferences | Self::Click | Self::Open => true,
            // Anybody is given one for the asking, and a visitor may be filling the form in.
            Self::Form => true,
            // These prove that somebody reads an address, and give consent by it.
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
    /// Cut short, garbled, or not a token at all.
    Malformed,
    /// A good token, for something else.
    WrongPurpose,
    /// Not made by us, or with a key that we no longer have or no longer take for this purpose.
    Forged,
}

/// The secret that tokens are signed with, and those before it, which still verify what
/// `Purpose::outlives_its_key` says.
#[derive(Clone)]
pub struct Keyring {
    keys: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    name: String,
    secret: [u8; 32],
    /// Receivers of webhooks hold this one; nothing else can be signed with it.
    webhook: [u8; 32],
}

impl Keyring {
    /// Signs with `secret`; verifies links of old mail with the `previous` ones too, one a line:
    /// people must be able to unsubscribe for years, however often the secret was changed.
    pub fn new(secret: &str, previous: Option<&str>) -> Self {
        let previous = previous.unwrap_or_default().lines().map(str::trim);
        let keys = [secret].into_iter().chain(previous.filter(|key| !key.is_empty()));
        Self { keys: keys.map(Key::new).collect() }
    }

    /// Makes a token that carries `payload`, readable by whoever holds it.
    pub fn sign(&self, purpose: Purpose, payload: &str) -> String {
        let key = &self.keys[0];
        let encoded = URL_SAFE_NO_PAD.encode(payload);
        let signed = format!("1{}{}.{encoded}", purpose.letter(), key.name);
        let mac = URL_SAFE_NO_PAD.encode(key.mac(&signed));
        format!("{signed}.{mac}")
    }

    /// The payload of a token made by us for this purpose.
    pub fn verify(&self, purpose: Purpose, token: &str) -> Result<String, TokenProblem> {
        let parts = Parts::read(token)?;
        let taken = if purpose.outlives_its_key() { self.keys.len() } else { 1 };
        // A name is short, so two of many keys may share one.
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

    /// The signatures of a text by Standard Webhooks, one a key, so that receivers may change to a
    /// new secret in their own time.
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

    /// A short code for a text, of 64 bits that nobody else can guess: letters and digits only, so
    /// that telephones take an address that ends with it for one.
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

    /// Whether a key goes by this name here.
    pub fn has_key(&self, name: &str) -> bool {
        self.keys.iter().any(|key| key.name == name)
    }

    /// A keyed hash, by which equal values are known as equal and nothing else about them is.
    pub fn pseudonym(&self, kind: &str, value: &str) -> String {
        self.pseudonyms(kind, value).swap_remove(0)
    }

    /// The same by each key, the present one's first: what was hashed before a change of secrets
    /// is still known during it.
    pub fn pseudonyms(&self, kind: &str, value: &str) -> Vec<String> {
        let hash = |key: &Key| URL_SAFE_NO_PAD.encode(key.mac(&format!("{kind}:{value}")));
        self.keys.iter().map(hash).collect()
    }
}

/// What a token says about itself, before anything is known about who made it.
pub struct Parts<'t> {
    /// What it is for, if it is for anything we know.
    pub purpose: Option<Purpose>,
    /// The name of the key that it is signed with.
    pub key: String,
    /// What it carries.
    pub payload: String,
    /// What the MAC is over.
    signed: &'t str,
    mac: Vec<u8>,
}

impl<'t> Parts<'t> {
    /// Takes a token apart.
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
        Self { name, secret: derive("key"), webhook: derive("webhook") }
    }

    fn mac(&self, signed: &str) -> [u8; MAC_BYTES] {
        // HMAC takes keys of any length, so this cannot fail; a zero MAC would match nothing made.
        let Ok(mut hmac) = Hmac::<Sha256>::new_from_slice(&self.secret) else {
            return [0; MAC_BYTES];
        };
        hmac.update(signed.as_bytes());
        let mut mac = [0; MAC_BYTES];
        mac.copy_from_slice(&hmac.finalize().into_bytes()[..MAC_BYTES]);
        mac
    }
}

/// The token of a link as it comes back from mail programs and linkifiers, which break it by the
/// `=` of quoted-printable and end it with signs of the text around. Nothing after the MAC belongs
/// to it.
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

/// The same of a short link's code.
pub fn of_short_link(written: &str) -> String {
    let code = unbroken(written).take_while(char::is_ascii_alphanumeric);
    code.take(SHORT_CODE_CHARS).collect()
}

/// The characters of a link's end, decoded, without line breaks and the sign before them.
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

/// Whether what was issued then is good now: not too old, and not from the future, which would
/// never end.
pub fn is_fresh(issued: Millis, now: Millis, age_max: Span) -> bool {
    issued <= now.plus(CLOCK_SKEW_MAX) && now <= issued.plus(age_max)
}

/// SHA-256 in lower-case hexadecimal: how API tokens and versions' contents are known.
pub fn sha256_hex(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A UUID that stands for a text, always the same one: version 8, which leaves its bits to us
/// (RFC 9562 section 5.8).
pub fn uuid_of(text: &str) -> String {
    let hex = sha256_hex(text);
    format!("{}-{}-8{}-8{}-{}", &hex[..8], &hex[8..12], &hex[12..15], &hex[15..18], &hex[18..30])
}

/// Whether two secrets are equal, in a time that tells nothing.
pub fn equal_secrets(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_purpose_only() {
        let keys = Keyring::new("one", None);
        let token = keys.sign(Purpose::Click, "c|m|https://example.com/?q=1&x=中文");
        assert_eq!(
            keys.verify(Purpose::Click, &token).unwrap(),
            "c|m|https://example.com/?q=1&x=中文"
        );
        assert_eq!(keys.verify(Purpose::Unsubscribe, &token), Err(TokenProblem::WrongPurpose));
    }

    #[test]
    fn any_change_is_found() {
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
    fn a_link_comes_back_as_mail_programs_write_it() {
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
    fn a_changed_secret_still_reads_the_links_of_old_mail() {
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
    fn a_replaced_secret_gives_nothing_that_a_stranger_could_use() {
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
        // No token opens the web app, whoever signed it.
        for letter in ["i", "s"] {
            assert_eq!(Parts::read(&format!("1{letter}ab.YQ.YQ")).unwrap().purpose, None);
        }
    }

    #[test]
    fn what_is_from_the_future_is_not_fresh() {
        let (now, day) = (Millis(1_000_000_000), Span::days(1));
        assert!(is_fresh(now, now, day) && is_fresh(now.minus(day), now, day));
        assert!(is_fresh(now.plus(CLOCK_SKEW_MAX), now, day));
        for wrong in [now.minus(Span(day.0 + 1)), now.plus(Span::minutes(2)), Millis(i64::MAX)] {
            assert!(!is_fresh(wrong, now, day), "{wrong:?}");
        }
    }
}

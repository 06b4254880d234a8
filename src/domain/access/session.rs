//! Sign-in to the web app: a session, and the link that begins one.
//!
//! Both are a secret of 256 random bits, of which the database stores only the hash. No signature
//! opens the web app, so a leaked signing secret opens nothing. What is stored can be revoked.

use crate::domain::base::primitives::{MemberId, Millis, Span};
use crate::domain::base::token::{CLOCK_SKEW_MAX, is_fresh};
use serde::{Deserialize, Serialize};

/// How long a sign-in link works. It is used at once, and stays in the terminal's history
/// afterwards.
pub const LINK_AGE_MAX: Span = Span::minutes(15);

/// How long a session lasts, even if it is used.
pub const SESSION_AGE_MAX: Span = Span::days(7);

/// How long an unused session lasts: a user who comes back the next day is still signed in.
pub const SESSION_IDLE_MAX: Span = Span::days(2);

/// How often the use of a session is recorded. Writing a row for each page would cost more than the
/// exact minute is worth.
pub const USE_NOTED_AFTER: Span = Span::minutes(10);

/// The most sessions, and the most links, of one API token or member; the oldest are deleted first.
pub const HELD_MAX: usize = 50;

/// The prefix of a link's secret, so that people and scanners for leaked secrets recognize it.
const LINK_PREFIX: &str = "dls_";

/// The length of a secret without its prefix: 32 bytes in base64url.
const SECRET_CHARS: usize = 43;

/// The purpose of a stored secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionPurpose {
    /// Beginning a session, once.
    Link,
    /// Being signed in.
    Session,
}

/// A session or a link, as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    pub purpose: SessionPurpose,
    /// The name of the API token that it was made with, or of the member.
    pub subject: String,
    /// The hash of that token's entry in the configuration; `member:<id>` for a member.
    pub credential: String,
    /// The member, unless it was made with a configured token.
    #[serde(default)]
    pub member: Option<MemberId>,
    pub created_at: Millis,
    /// When it was last used, accurate to `USE_NOTED_AFTER`.
    pub used_at: Millis,
    pub expires_at: Millis,
}

impl SessionPurpose {
    /// Returns the name used in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Session => "session",
        }
    }

    /// Returns how long it is valid.
    pub fn age_max(self) -> Span {
        match self {
            Self::Link => LINK_AGE_MAX,
            Self::Session => SESSION_AGE_MAX,
        }
    }

    /// Returns the secret made of these random characters.
    pub fn secret(self, random: &str) -> String {
        match self {
            Self::Link => format!("{LINK_PREFIX}{random}"),
            Self::Session => random.to_owned(),
        }
    }

    /// Returns whether a text can be such a secret. If not, no database query is needed.
    pub fn may_be(self, text: &str) -> bool {
        let random = match self {
            Self::Link => text.strip_prefix(LINK_PREFIX),
            Self::Session => Some(text),
        };
        let is_letter = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        random.is_some_and(|text| text.len() == SECRET_CHARS && text.bytes().all(is_letter))
    }
}

impl Session {
    pub fn new(purpose: SessionPurpose, subject: &str, credential: &str, now: Millis) -> Self {
        Self {
            purpose,
            subject: subject.to_owned(),
            credential: credential.to_owned(),
            member: None,
            created_at: now,
            used_at: now,
            expires_at: now.plus(purpose.age_max()),
        }
    }

    /// Returns a session or link of a member.
    pub fn of_member(purpose: SessionPurpose, id: &MemberId, name: &str, now: Millis) -> Self {
        Self { member: Some(id.clone()), ..Self::new(purpose, name, &member_credential(id), now) }
    }

    /// Returns whether it is valid now. `credentials` are those in the current configuration, and
    /// of the members who have not ended: a session ends with the entry of the token that made it,
    /// with any change of that entry, and with its member.
    pub fn is_good(&self, purpose: SessionPurpose, credentials: &[String], now: Millis) -> bool {
        let idle_max = match purpose {
            SessionPurpose::Link => LINK_AGE_MAX,
            SessionPurpose::Session => SESSION_IDLE_MAX,
        };
        self.purpose == purpose
            && is_fresh(self.created_at, now, purpose.age_max())
            && is_fresh(self.used_at, now, idle_max)
            && now < self.expires_at
            && self.expires_at <= now.plus(purpose.age_max()).plus(CLOCK_SKEW_MAX)
            && credentials.contains(&self.credential)
    }

    /// Returns whether its use should be recorded.
    pub fn wants_noting(&self, now: Millis) -> bool {
        now > self.used_at.plus(USE_NOTED_AFTER)
    }
}

/// Returns what stands for a member among the credentials. No hash has a colon.
pub fn member_credential(id: &MemberId) -> String {
    format!("member:{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_800_000_000_000);

    #[test]
    fn session_is_valid_for_its_time_purpose_and_token() {
        let known = ["a".to_owned()];
        let made = Session::new(SessionPurpose::Session, "ci", "a", NOW);
        let good = |session: &Session, now| session.is_good(SessionPurpose::Session, &known, now);
        assert!(good(&made, NOW) && good(&made, NOW.plus(SESSION_IDLE_MAX)));
        assert!(!good(&made, NOW.plus(Span(SESSION_IDLE_MAX.0 + 1))), "not used");
        let last = NOW.plus(Span(SESSION_AGE_MAX.0 - 1));
        let used = Session { used_at: last, ..made.clone() };
        assert!(good(&used, last));
        assert!(!good(&used, last.plus(Span(1))), "its age has a bound");
        // A clock that was ahead, or a forged row.
        for ahead in [Span::minutes(2), Span::days(3_650)] {
            let future = Session { created_at: NOW.plus(ahead), ..made.clone() };
            assert!(!good(&future, NOW), "from the future by {ahead}");
            let used = Session { used_at: NOW.plus(ahead), ..made.clone() };
            assert!(!good(&used, NOW), "used in the future by {ahead}");
        }
        let endless = Session { expires_at: Millis(i64::MAX), ..made.clone() };
        assert!(!good(&endless, NOW));
        assert!(!made.is_good(SessionPurpose::Link, &known, NOW));
        assert!(!made.is_good(SessionPurpose::Session, &[], NOW));
        assert!(!made.is_good(SessionPurpose::Session, &["b".to_owned()], NOW));
    }

    #[test]
    fn malformed_secrets_are_rejected_by_shape() {
        let random = "x".repeat(SECRET_CHARS);
        let (link, session) = (SessionPurpose::Link, SessionPurpose::Session);
        assert!(link.may_be(&link.secret(&random)) && session.may_be(&session.secret(&random)));
        assert!(!link.may_be(&random) && !session.may_be(&link.secret(&random)));
        for text in
            ["", "x", &random[1..], &format!("{random}x"), &random.replace('x', "."), "登录"]
        {
            assert!(!session.may_be(text) && !link.may_be(text), "{text}");
        }
    }
}

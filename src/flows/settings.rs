//! What a deployment is configured with.

use super::senders::{self, Senders};
use crate::domain::pacing::House;
use crate::domain::problem::nearest;
use crate::domain::token::{Keyring, equal_secrets, sha256_hex};
use crate::domain::tracking::is_region;
use crate::providers::{Sender, hooks};

/// The part of the configuration that flows need. Secrets in it reach no template and no log.
#[derive(Clone)]
pub struct Settings {
    /// Where the public reaches us, without a slash at the end: `https://go.example.com`.
    pub base_url: String,
    /// What tokens are signed with.
    pub keys: Keyring,
    /// The sender of campaigns that name none, `Name <address>`.
    pub mail_from: String,
    /// How messages leave.
    pub senders: Senders,
    /// What webhooks of providers are verified with.
    pub hooks: hooks::Secrets,
    /// How fast they leave, and when not, all campaigns together.
    pub pacing: House,
    /// Where nobody is followed, whatever a campaign says (`domain::tracking::is_in`).
    pub tracking_off_in: Vec<String>,
}

impl Settings {
    /// The host of `base_url`.
    pub fn host(&self) -> &str {
        let rest = self.base_url.split_once("://").map_or(self.base_url.as_str(), |(_, rest)| rest);
        rest.split(['/', ':']).next().unwrap_or_default()
    }
}

impl Settings {
    /// Reads the configuration by name; an error names what is missing and what it is for.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let need = |name: &str, what: &str| {
            get(name).filter(|value| !value.is_empty()).ok_or_else(|| format!("set {name}: {what}"))
        };
        let secret = need("SIGNING_SECRET", "the secret that links and forms are signed with")?;
        if secret.len() < 32 {
            return Err("SIGNING_SECRET is too short: use 32 characters or more".to_owned());
        }
        let off_in = get("TRACKING_OFF_IN").unwrap_or_default();
        let tracking_off_in: Vec<String> =
            off_in.split([',', ' ']).filter(|r| !r.is_empty()).map(str::to_owned).collect();
        if let Some(wrong) = tracking_off_in.iter().find(|region| !is_region(region)) {
            let advice = "use countries such as DE, and time zones such as Europe/";
            return Err(format!("TRACKING_OFF_IN has `{wrong}`: {advice}"));
        }
        let base_url = need("BASE_URL", "the public address, such as https://go.example.com")?;
        let keys = Keyring::new(&secret, get("SIGNING_SECRET_PREVIOUS").as_deref());
        let base_url = base_url.trim_end_matches('/').to_owned();
        Ok(Self {
            senders: Senders::read(&get, &keys, &base_url)?,
            base_url,
            hooks: hooks::Secrets::read(&get)?,
            keys,
            mail_from: need("MAIL_FROM", "the sender of mail, `Name <address>`")?,
            pacing: pacing(&get).map_err(|wrong| format!("PACING: {wrong}"))?,
            tracking_off_in,
        })
    }

    /// Whether this is a machine that nobody else reaches: its name is one of those that RFC 6761
    /// keeps for that.
    pub fn is_local(&self) -> bool {
        let host = self.host();
        host == "127.0.0.1" || host == "localhost" || host.ends_with(".test")
    }

    /// Whether messages of some channel are kept in the local mailbox, which is then shown.
    pub fn has_mailbox(&self) -> bool {
        self.senders.all().any(|sender| matches!(sender, Sender::Mailbox))
    }
}

/// The house's pacing. A rate for a sender that there is not would limit nobody.
fn pacing(get: &dyn Fn(&str) -> Option<String>) -> Result<House, String> {
    let json = get("PACING").filter(|json| !json.is_empty());
    let house = json.map_or(Ok(House::default()), |json| House::read(&json))?;
    let unknown = house.rates.keys().find(|name| !senders::names().any(|known| known == *name));
    let Some(name) = unknown else { return Ok(house) };
    let advice = match nearest(name, senders::names()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("use {}", senders::names().collect::<Vec<_>>().join(", ")),
    };
    Err(format!("rates.{name}: there is no such sender; {advice}"))
}

/// Whether a token is one of those configured: `API_TOKENS` holds `name:sha256` pairs, separated
/// by spaces, and never a token itself.
pub fn is_api_token(configured: &str, token: &str) -> bool {
    api_token_name(configured, token).is_some()
}

/// The name under which a token is configured.
pub fn api_token_name<'c>(configured: &'c str, token: &str) -> Option<&'c str> {
    let hash = sha256_hex(token);
    let pairs = configured.split_whitespace().filter_map(|pair| pair.split_once(':'));
    // No early end, so that the time taken tells nothing about which one matched.
    pairs.fold(
        None,
        |found, (name, known)| {
            if equal_secrets(known, &hash) { Some(name) } else { found }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    /// What is said about these values of `PACING`, the rest being in order.
    fn said(values: &[&str]) -> String {
        let about = |json: &&str| {
            let read = Settings::read(|name| match name {
                "SIGNING_SECRET" => Some("s".repeat(32)),
                "BASE_URL" => Some("https://go.example.com".to_owned()),
                "MAIL_FROM" => Some("a@example.com".to_owned()),
                "PACING" => Some((*json).to_owned()),
                _ => None,
            });
            let said = read.err().unwrap_or_else(|| "all good".to_owned());
            said.replace(" expected one of ", "\n  expected one of ")
                .replace(": write", ":\n  write")
                + "\n"
        };
        values.iter().map(about).collect()
    }

    #[test]
    fn pacing_that_cannot_be_kept_is_refused_with_its_place_and_a_remedy() {
        assert_snapshot!(said(&[
            "",
            r#"{ "rates": { "ses": { "calls": 14, "per": "1s" } } }"#,
            "quiet = 1",
            r#"{ "rates": [] }"#,
            r#"{ "quiet": { "fax": { "from": "21:00", "to": "08:00" } } }"#,
            r#"{ "quiet": { "sms": { "from": "9", "to": "08:00" } } }"#,
            r#"{ "quiet": { "sms": { "from": "08:00", "to": "08:00" } } }"#,
            r#"{ "caps": [{ "messages": 1, "within": "1d" }, { "messages": 0, "within": "1d" }] }"#,
            r#"{ "caps": [{ "messages": 1, "within": "90d" }] }"#,
            r#"{ "caps": [{ "messages": 1 }] }"#,
            r#"{ "caps": [{ "messages": 1, "within": "soon" }] }"#,
            r#"{ "rates": { "resnd": { "calls": 2, "per": "1s" } } }"#,
            r#"{ "rates": { "ses": { "calls": 0, "per": "1s" } } }"#,
            r#"{ "rates": { "ses": { "calls": 1, "per": "2d" } } }"#,
            r#"{ "warm_up": { "x.example": { "start": "March", "days": [50] } } }"#,
            r#"{ "warm_up": { "x.example": { "start": "2026-03-01", "days": [50, 0] } } }"#,
            r#"{ "brake": { "complaints": 0 } }"#,
            r#"{ "brake": { "complaints_warn": 1, "complaints": 0.3 } }"#,
        ]), @r#"
        all good
        all good
        PACING: is not JSON, expected value at line 1 column 1:
          write it as { "caps": [{ "messages": 4, "within": "7d" }] }
        PACING: invalid type: sequence, expected a map at line 1 column 11
        PACING: unknown variant `fax`,
          expected one of `email`, `sms`, `webhook` at line 1 column 18
        PACING: `9` is no time of day such as "21:00" at line 1 column 33
        PACING: quiet.sms never ends: give `from` and `to` two different times of day
        PACING: caps[2].messages: with none nothing is ever sent: give 1 or more, or no cap
        PACING: caps[1].within: give a span between 1m and 31d
        PACING: missing field `within` at line 1 column 28
        PACING: `soon` is no span such as "12h" or "7d" at line 1 column 46
        PACING: rates.resnd: there is no such sender; did you mean `resend`?
        PACING: rates.ses: with no calls at all nothing is ever sent: give 1 or more
        PACING: rates.ses: give `per` as a span between 1s and 1d
        PACING: warm_up.x.example.start: give a day such as 2026-03-01
        PACING: warm_up.x.example.days: a day without any message warms nothing up: give 1 or more
        PACING: brake: give shares in percent, above 0 and at most 100
        PACING: brake: `complaints_warn` is above `complaints`: nobody would be warned
        "#);
    }
}

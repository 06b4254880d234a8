//! The configuration of a deployment. Not here: what a campaign configures (`domain/campaign`).

pub mod providers;

use self::providers::Providers;
use crate::domain::base::diagnostic::nearest;
use crate::domain::base::token::{Keyring, equal_secrets, sha256_hex};
use crate::domain::campaign::Campaign;
use crate::domain::campaign::tracking::is_region;
use crate::domain::contact::address::sender_name;
use crate::domain::field::sealed::SealKey;
use crate::domain::pacing::DeploymentPacing;
use crate::providers::{Provider, webhooks};

/// The part of the configuration that flows need. Its secrets reach no template and no log.
#[derive(Clone)]
pub struct Settings {
    /// The public base address, without a trailing slash: `https://go.example.com`.
    pub base_url: String,
    /// The keys that sign tokens.
    pub keys: Keyring,
    /// The keys that encrypt sealed fields, the newest first. Without one, such values are refused.
    pub seal_keys: Vec<SealKey>,
    /// The default sender for campaigns that name none, `Name <address>`.
    pub mail_from: String,
    /// The providers, by channel and class.
    pub providers: Providers,
    /// The secrets that verify provider webhooks.
    pub hooks: webhooks::Secrets,
    /// The deployment-wide pacing: how fast messages leave and when they do not, for all campaigns
    /// together.
    pub pacing: DeploymentPacing,
    /// The regions in which nobody is tracked, whatever a campaign says
    /// (`domain::campaign::tracking::is_in`).
    pub tracking_off_in: Vec<String>,
}

const SEALING_KEYS_LIKE: &str =
    "SEALING_KEYS: write each key on a line of its own, as a name, a colon and 64 hex digits";

impl Settings {
    /// Returns the host of `base_url`.
    pub fn host(&self) -> &str {
        let rest = self.base_url.split_once("://").map_or(self.base_url.as_str(), |(_, rest)| rest);
        rest.split(['/', ':']).next().unwrap_or_default()
    }
}

impl Settings {
    /// Reads the configuration by name. An error names what is missing and what it is for.
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
        let seal_keys = SealKey::parse_all(&get("SEALING_KEYS").unwrap_or_default());
        let seal_keys = seal_keys.ok_or(SEALING_KEYS_LIKE)?;
        let base_url = base_url.trim_end_matches('/').to_owned();
        // Access control depends on whether the scheme is https, so it must be explicit.
        if !["http://", "https://"].iter().any(|scheme| base_url.starts_with(scheme)) {
            let advice = "write it as https://go.example.com";
            return Err(format!("BASE_URL is `{base_url}`: {advice}"));
        }
        Ok(Self {
            providers: Providers::read(&get, &keys, &base_url)?,
            base_url,
            hooks: webhooks::Secrets::read(&get)?,
            keys,
            seal_keys,
            mail_from: need("MAIL_FROM", "the sender of mail, `Name <address>`")?,
            pacing: pacing(&get).map_err(|wrong| format!("PACING: {wrong}"))?,
            tracking_off_in,
        })
    }

    /// Returns the display name of the sender of a campaign's messages.
    pub fn sender_name(&self, campaign: Option<&Campaign>) -> String {
        let from = campaign.and_then(|campaign| campaign.from.as_ref());
        sender_name(from.unwrap_or(&self.mail_from))
    }

    /// Returns whether this is a local machine that nobody else can reach.
    pub fn is_local(&self) -> bool {
        is_local_host(self.host())
    }

    /// Returns whether the public address uses https. If so, sign-in and API tokens are accepted
    /// only over https.
    pub fn is_https(&self) -> bool {
        self.base_url.starts_with("https://")
    }

    /// Returns whether messages of some channel go to the local mailbox, which is then shown.
    pub fn has_mailbox(&self) -> bool {
        self.providers.all().any(|one| matches!(one, Provider::Mailbox))
    }
}

/// Returns whether a host, with or without its port, is local: its name is one of those that RFC
/// 6761 reserves.
pub fn is_local_host(host: &str) -> bool {
    let is_port = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) => name,
        _ => host,
    };
    let is_under = |top: &str| name == top || name.ends_with(&format!(".{top}"));
    ["127.0.0.1", "[::1]"].contains(&name) || is_under("localhost") || is_under("test")
}

/// Reads the deployment-wide pacing. A rate limit for an unknown provider is an error, because it
/// would limit nothing.
fn pacing(get: &dyn Fn(&str) -> Option<String>) -> Result<DeploymentPacing, String> {
    let json = get("PACING").filter(|json| !json.is_empty());
    let deployment =
        json.map_or(Ok(DeploymentPacing::default()), |json| DeploymentPacing::read(&json))?;
    let unknown =
        deployment.rates.keys().find(|name| !providers::names().any(|known| known == *name));
    let Some(name) = unknown else { return Ok(deployment) };
    let advice = match nearest(name, providers::names()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("use {}", providers::names().collect::<Vec<_>>().join(", ")),
    };
    Err(format!("rates.{name}: there is no such provider; {advice}"))
}

/// The longest API token accepted, in bytes; `dripline token new` makes tokens of 46.
pub const API_TOKEN_BYTES_MAX: usize = 512;

/// An API token as it is configured: `API_TOKENS` holds entries `name:sha256`, separated by spaces,
/// and never a token itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken<'c> {
    pub name: &'c str,
    /// The hash of its whole entry: any change to the entry invalidates what was made with it.
    pub credential: String,
}

/// Returns the configured entry of a token.
pub fn api_token<'c>(configured: &'c str, token: &str) -> Option<ApiToken<'c>> {
    if token.is_empty() || token.len() > API_TOKEN_BYTES_MAX {
        return None;
    }
    let hash = sha256_hex(token);
    // No early exit, so that the time taken does not reveal which entry matched.
    configured.split_whitespace().fold(None, |found, entry| match entry.split_once(':') {
        Some((name, known)) if equal_secrets(known, &hash) => {
            Some(ApiToken { name, credential: sha256_hex(entry) })
        }
        _ => found,
    })
}

/// Returns the hash of each configured entry. Sessions are checked against them.
pub fn credentials(configured: &str) -> Vec<String> {
    configured.split_whitespace().map(sha256_hex).collect()
}

/// Returns the configured name of a token.
pub fn api_token_name<'c>(configured: &'c str, token: &str) -> Option<&'c str> {
    api_token(configured, token).map(|token| token.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn api_token_matches_its_whole_entry() {
        let hash = sha256_hex("t-1");
        let configured = format!("ci:00 crm:{hash}  x");
        let token = api_token(&configured, "t-1").unwrap();
        assert_eq!(token.name, "crm");
        assert!(credentials(&configured).contains(&token.credential));
        let renamed = credentials(&format!("crm2:{hash} crm:{hash}:reader"));
        assert!(!renamed.contains(&token.credential), "another name, another role");
        let long = "x".repeat(API_TOKEN_BYTES_MAX + 1);
        for wrong in ["", "t", "t-1 ", " t-1", &hash, &long] {
            assert_eq!(api_token(&configured, wrong), None, "{wrong}");
        }
        assert_eq!(api_token(&format!("a:{}", sha256_hex(&long)), &long), None);
        assert_eq!(api_token(&format!("a:{}", sha256_hex("")), ""), None);
    }

    #[test]
    fn local_hosts_are_recognized() {
        for host in [
            "localhost", "localhost:8787", "127.0.0.1:80", "[::1]:8787", "[::1]", "x.test",
            "a.localhost",
        ] {
            assert!(is_local_host(host), "{host}");
        }
        for host in [
            "", "example.com", "evil-localhost", "localhost.example.com", "xtest",
            "127.0.0.1.nip.io", "192.168.1.2", "localhost:80:x",
        ] {
            assert!(!is_local_host(host), "{host}");
        }
    }

    #[test]
    fn base_url_without_scheme_is_refused() {
        let read = |base_url: &str| {
            Settings::read(|name| match name {
                "SIGNING_SECRET" => Some("s".repeat(32)),
                "BASE_URL" => Some(base_url.to_owned()),
                "MAIL_FROM" => Some("a@example.com".to_owned()),
                _ => None,
            })
        };
        assert!(read("https://go.example.com/").unwrap().is_https());
        assert!(!read("http://localhost:8787").unwrap().is_https());
        for wrong in ["go.example.com", "//go.example.com", "ftp://go.example.com", "HTTPS://x"] {
            let said = read(wrong).err().unwrap();
            assert!(said.contains(wrong) && said.contains("https://go.example.com"), "{said}");
        }
    }

    /// Returns the error message for each value of `PACING`, the rest of the configuration being
    /// valid.
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
    fn invalid_pacing_is_refused_with_remedy() {
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
        PACING: `9` is not a time of day such as "21:00" at line 1 column 33
        PACING: quiet.sms never ends: give `from` and `to` two different times of day
        PACING: caps[2].messages: with none nothing is ever sent: give 1 or more, or no cap
        PACING: caps[1].within: give a span between 1m and 31d
        PACING: missing field `within` at line 1 column 28
        PACING: `soon` is not a duration such as "12h" or "7d" at line 1 column 46
        PACING: rates.resnd: there is no such provider; did you mean `resend`?
        PACING: rates.ses: with no calls at all nothing is ever sent: give 1 or more
        PACING: rates.ses: give `per` as a span between 1s and 1d
        PACING: warm_up.x.example.start: give a day such as 2026-03-01
        PACING: warm_up.x.example.days: a day without any message warms nothing up: give 1 or more
        PACING: brake: give shares in percent, above 0 and at most 100
        PACING: brake: `complaints_warn` is above `complaints`: nobody would be warned
        "#);
    }
}

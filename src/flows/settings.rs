//! What a deployment is configured with.

use super::senders::Senders;
use crate::domain::pacing::House;
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
            pacing: match get("PACING").as_deref() {
                None | Some("") => House::default(),
                Some(json) => House::read(json).map_err(|wrong| format!("PACING: {wrong}"))?,
            },
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

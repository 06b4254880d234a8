//! What a deployment is configured with.

use crate::domain::token::{Keyring, equal_secrets, sha256_hex};
use crate::providers::{Sender, resend, twilio};

/// The part of the configuration that flows need. Secrets in it reach no template and no log.
#[derive(Clone)]
pub struct Settings {
    /// Where the public reaches us, without a slash at the end: `https://go.example.com`.
    pub base_url: String,
    /// What tokens are signed with.
    pub keys: Keyring,
    /// The sender of campaigns that name none, `Name <address>`.
    pub mail_from: String,
    /// How e-mail leaves.
    pub email: Sender,
    /// How SMS leaves.
    pub sms: Sender,
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
        let email = match get("SENDER_EMAIL").as_deref() {
            None | Some("") => Sender::Nowhere,
            Some("mailbox") => Sender::Mailbox,
            Some("resend") => {
                Sender::Resend(resend::Account { api_key: need("RESEND_API_KEY", "Resend's key")? })
            }
            Some(other) => return Err(format!("SENDER_EMAIL is `{other}`: use mailbox or resend")),
        };
        let sms = match get("SENDER_SMS").as_deref() {
            None | Some("") => Sender::Nowhere,
            Some("mailbox") => Sender::Mailbox,
            Some("twilio") => Sender::Twilio(twilio::Account {
                account_sid: need("TWILIO_ACCOUNT_SID", "Twilio's account id")?,
                auth_token: need("TWILIO_AUTH_TOKEN", "Twilio's secret")?,
                from: need("TWILIO_FROM", "the number or messaging service to send from")?,
            }),
            Some(other) => return Err(format!("SENDER_SMS is `{other}`: use mailbox or twilio")),
        };
        let base_url = need("BASE_URL", "the public address, such as https://go.example.com")?;
        Ok(Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            keys: Keyring::new(&secret, get("SIGNING_SECRET_PREVIOUS").as_deref()),
            mail_from: need("MAIL_FROM", "the sender of mail, `Name <address>`")?,
            email,
            sms,
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
        matches!(self.email, Sender::Mailbox) || matches!(self.sms, Sender::Mailbox)
    }
}

/// Whether a token is one of those configured: `API_TOKENS` holds `name:sha256` pairs, separated
/// by spaces, and never a token itself.
pub fn is_api_token(configured: &str, token: &str) -> bool {
    let hash = sha256_hex(token);
    let hashes = configured.split_whitespace().filter_map(|pair| Some(pair.split_once(':')?.1));
    // No early end, so that the time taken tells nothing about which one matched.
    hashes.fold(false, |found, known| found | equal_secrets(known, &hash))
}

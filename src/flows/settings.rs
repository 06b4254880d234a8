//! What a deployment is configured with.

use crate::domain::message::Message;
use crate::domain::pacing::House;
use crate::domain::primitives::Channel;
use crate::domain::token::{Keyring, equal_secrets, sha256_hex};
use crate::domain::tracking::is_region;
use crate::providers::{Sender, hooks, resend, twilio};

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

/// How messages leave, by channel and class: in each list the first is asked, and the next stands
/// in for it while it is out of order. Where a list is empty, messages wait.
#[derive(Clone)]
pub struct Senders {
    /// E-mail.
    pub email: Vec<Sender>,
    /// SMS.
    pub sms: Vec<Sender>,
    /// Calls of other programs.
    pub webhook: Vec<Sender>,
    /// How many messages go along in one call at the most, where the provider takes more. With 1,
    /// each has its own idempotency key, which still holds when the database is restored to an
    /// earlier time; a batch that is put together otherwise then has another key, and leaves again.
    pub batch_max: usize,
}

impl Senders {
    /// None but that of webhooks, which are signed with these keys.
    pub fn none(keys: &Keyring) -> Self {
        let webhook = vec![Sender::Webhook(keys.clone())];
        Self { email: vec![], sms: vec![], webhook, batch_max: usize::MAX }
    }

    /// Those that a message may leave by.
    pub fn of(&self, message: &Message) -> &[Sender] {
        match message.channel {
            Channel::Email => &self.email,
            Channel::Sms => &self.sms,
            // Where mail is only kept, nobody is called either.
            Channel::Webhook if matches!(self.email[..], [Sender::Mailbox]) => &self.email,
            Channel::Webhook => &self.webhook,
        }
    }
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
            None | Some("") => vec![],
            Some("mailbox") => vec![Sender::Mailbox],
            Some("resend") => {
                let api_key = need("RESEND_API_KEY", "Resend's key")?;
                vec![Sender::Resend(resend::Account { api_key })]
            }
            Some(other) => return Err(format!("SENDER_EMAIL is `{other}`: use mailbox or resend")),
        };
        let sms = match get("SENDER_SMS").as_deref() {
            None | Some("") => vec![],
            Some("mailbox") => vec![Sender::Mailbox],
            Some("twilio") => vec![Sender::Twilio(twilio::Account {
                account_sid: need("TWILIO_ACCOUNT_SID", "Twilio's account id")?,
                auth_token: need("TWILIO_AUTH_TOKEN", "Twilio's secret")?,
                from: need("TWILIO_FROM", "the number or messaging service to send from")?,
            })],
            Some(other) => return Err(format!("SENDER_SMS is `{other}`: use mailbox or twilio")),
        };
        let batch_max = match get("SEND_BATCH_MAX").filter(|text| !text.is_empty()) {
            None => usize::MAX,
            Some(text) => text
                .parse()
                .ok()
                .filter(|max| *max > 0)
                .ok_or_else(|| format!("SEND_BATCH_MAX is `{text}`: use a number from 1"))?,
        };
        let off_in = get("TRACKING_OFF_IN").unwrap_or_default();
        let tracking_off_in: Vec<String> =
            off_in.split([',', ' ']).filter(|r| !r.is_empty()).map(str::to_owned).collect();
        if let Some(wrong) = tracking_off_in.iter().find(|region| !is_region(region)) {
            let advice = "use countries such as DE, and time zones such as Europe/";
            return Err(format!("TRACKING_OFF_IN has `{wrong}`: {advice}"));
        }
        let base_url = need("BASE_URL", "the public address, such as https://go.example.com")?;
        let keys = Keyring::new(&secret, get("SIGNING_SECRET_PREVIOUS").as_deref());
        Ok(Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            senders: Senders { email, sms, batch_max, ..Senders::none(&keys) },
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
        let Senders { email, sms, .. } = &self.senders;
        email.iter().chain(sms).any(|sender| matches!(sender, Sender::Mailbox))
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

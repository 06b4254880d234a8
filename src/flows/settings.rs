//! What a deployment is configured with.

use crate::domain::token::Keyring;
use crate::providers::Sender;

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

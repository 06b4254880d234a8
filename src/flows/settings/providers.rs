//! The providers of a deployment, and which of them a message leaves by.

use crate::domain::base::primitives::Channel;
use crate::domain::base::token::Keyring;
use crate::domain::contact::message::{Class, Message};
use crate::providers::{
    Provider, aliyun, brevo, chat_webhooks, mailgun, postmark, resend, sendgrid, ses, tencent,
    twilio, vonage,
};

/// The providers by channel and class. In each list the first is preferred, and the next one takes
/// over while it is out of order. Where a list is empty, messages wait.
#[derive(Clone)]
pub struct Providers {
    pub email: Vec<Provider>,
    /// Providers for non-marketing e-mail. If empty, it leaves like all other e-mail.
    pub email_transactional: Vec<Provider>,
    pub sms: Vec<Provider>,
    /// Providers for non-marketing SMS. If empty, it leaves like all other SMS.
    pub sms_transactional: Vec<Provider>,
    /// Providers for notices to the deployment's own staff. If empty, they leave as non-marketing
    /// e-mail.
    pub internal: Vec<Provider>,
    /// Providers for outgoing webhooks.
    pub webhook: Vec<Provider>,
    /// The most messages in one call, for providers that take several. With 1, each message has its
    /// own idempotency key, which still holds after the database is restored to an earlier time. A
    /// larger batch that is put together differently after a restore has another key, and is sent
    /// again.
    pub batch_max: usize,
}

impl Providers {
    /// Returns no providers except the one for webhooks, which are signed with these keys.
    pub fn none(keys: &Keyring) -> Self {
        Self {
            email: vec![],
            email_transactional: vec![],
            sms: vec![],
            sms_transactional: vec![],
            internal: vec![],
            webhook: vec![Provider::Webhook(keys.clone())],
            batch_max: usize::MAX,
        }
    }

    /// Returns the providers that may send a message.
    pub fn of(&self, message: &Message) -> &[Provider] {
        let first_of = |lists: &[&'_ Vec<Provider>]| lists.iter().position(|list| !list.is_empty());
        let lists: [&Vec<Provider>; 3] = match (message.channel(), message.class()) {
            (Channel::Email, Class::Internal) => {
                [&self.internal, &self.email_transactional, &self.email]
            }
            (Channel::Email, Class::Transactional) => {
                [&self.email_transactional, &self.email, &self.email]
            }
            (Channel::Email, Class::Marketing) => [&self.email; 3],
            (Channel::Sms, Class::Marketing) => [&self.sms; 3],
            (Channel::Sms, _) => [&self.sms_transactional, &self.sms, &self.sms],
            // Where mail only goes to the local mailbox, outgoing webhooks do too.
            (Channel::Webhook, _) if matches!(self.email[..], [Provider::Mailbox]) => {
                [&self.email; 3]
            }
            (Channel::Webhook, _) => [&self.webhook; 3],
        };
        lists[first_of(&lists).unwrap_or_default()]
    }

    /// Returns the providers of e-mail to members, such as sign-in links.
    pub fn for_staff(&self) -> &[Provider] {
        match self.email_transactional.is_empty() {
            true => &self.email,
            false => &self.email_transactional,
        }
    }

    /// Returns the providers of every list for messages to people.
    pub fn all(&self) -> impl Iterator<Item = &Provider> {
        let Self { email, email_transactional, sms, sms_transactional, internal, .. } = self;
        [email, email_transactional, sms, sms_transactional, internal].into_iter().flatten()
    }

    /// Reads the configuration by name. An error names what is wrong and what would be right.
    pub fn read(
        get: &dyn Fn(&str) -> Option<String>,
        keys: &Keyring,
        base_url: &str,
    ) -> Result<Self, String> {
        let configured = Configured { get, base_url };
        let list = |name: &str, allowed: &[&str]| configured.list(name, allowed);
        let batch_max = match configured.maybe("SEND_BATCH_MAX") {
            None => usize::MAX,
            Some(text) => {
                let max = text.parse().ok().filter(|max| *max > 0);
                max.ok_or_else(|| format!("SEND_BATCH_MAX is `{text}`: use a number from 1"))?
            }
        };
        let transactional = [&EMAIL[..], &["cloudflare"]].concat();
        let internal = [&transactional[..], &ROBOTS].concat();
        Ok(Self {
            email: list("SENDER_EMAIL", &EMAIL)?,
            email_transactional: list("SENDER_EMAIL_TRANSACTIONAL", &transactional)?,
            sms: list("SENDER_SMS", &SMS)?,
            sms_transactional: list("SENDER_SMS_TRANSACTIONAL", &SMS)?,
            internal: list("SENDER_INTERNAL", &internal)?,
            batch_max,
            ..Self::none(keys)
        })
    }
}

/// The providers for marketing mail.
const EMAIL: [&str; 7] = ["mailbox", "resend", "postmark", "ses", "sendgrid", "mailgun", "brevo"];

/// The providers for SMS.
const SMS: [&str; 5] = ["mailbox", "twilio", "vonage", "aliyun", "tencent"];

/// The providers that post notices to a group chat.
const ROBOTS: [&str; 3] = ["dingtalk", "wecom", "slack"];

/// Returns the names of all providers that may be configured.
pub fn names() -> impl Iterator<Item = &'static str> {
    let others = SMS.into_iter().filter(|name| !EMAIL.contains(name));
    EMAIL.into_iter().chain(others).chain(ROBOTS).chain(["cloudflare", "webhook"])
}

/// Access to the configuration by name.
struct Configured<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
    base_url: &'a str,
}

impl Configured<'_> {
    fn maybe(&self, name: &str) -> Option<String> {
        (self.get)(name).filter(|value| !value.is_empty())
    }

    fn need(&self, name: &str, what: &str) -> Result<String, String> {
        self.maybe(name).ok_or_else(|| format!("set {name}: {what}"))
    }

    fn or(&self, name: &str, otherwise: &str) -> String {
        self.maybe(name).unwrap_or_else(|| otherwise.to_owned())
    }

    /// Returns the providers that a variable lists, separated by commas.
    fn list(&self, name: &str, allowed: &[&str]) -> Result<Vec<Provider>, String> {
        let names = self.maybe(name).unwrap_or_default();
        let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
        let mut providers = Vec::<Provider>::new();
        for word in names {
            if word == "cloudflare" && !allowed.contains(&word) {
                return Err(format!(
                    "{name} names cloudflare, whose terms allow no marketing mail: name it in \
                     SENDER_EMAIL_TRANSACTIONAL or SENDER_INTERNAL"
                ));
            }
            if !allowed.contains(&word) {
                let allowed = allowed.join(", ");
                return Err(format!("{name} names `{word}`: use {allowed}"));
            }
            if providers.iter().any(|provider| provider.name() == word) {
                return Err(format!("{name} names {word} twice"));
            }
            providers.push(self.provider(word)?);
        }
        Ok(providers)
    }

    fn provider(&self, word: &str) -> Result<Provider, String> {
        Ok(match word {
            "mailbox" => Provider::Mailbox,
            "cloudflare" => Provider::Cloudflare,
            "twilio" | "vonage" | "aliyun" | "tencent" => self.sms(word)?,
            "dingtalk" => Provider::DingTalk(chat_webhooks::DingTalk {
                url: self.robot("DINGTALK_WEBHOOK_URL", "https://oapi.dingtalk.com/")?,
                secret: self.or("DINGTALK_SECRET", ""),
            }),
            "wecom" => {
                Provider::WeCom(self.robot("WECOM_WEBHOOK_URL", "https://qyapi.weixin.qq.com/")?)
            }
            "slack" => {
                Provider::Slack(self.robot("SLACK_WEBHOOK_URL", "https://hooks.slack.com/")?)
            }
            _ => self.email(word)?,
        })
    }

    /// Returns the URL of a group chat bot. It contains a secret and must be on the provider's own
    /// host.
    fn robot(&self, name: &str, begins: &str) -> Result<String, String> {
        let url = self.need(name, "the robot's address")?;
        match url.starts_with(begins) {
            true => Ok(url),
            false => Err(format!("{name} must begin with {begins}")),
        }
    }

    fn email(&self, word: &str) -> Result<Provider, String> {
        Ok(match word {
            "postmark" => Provider::Postmark(postmark::Account {
                server_token: self.need("POSTMARK_SERVER_TOKEN", "the token of a server")?,
                broadcast_stream: self.or("POSTMARK_BROADCAST_STREAM", "broadcast"),
            }),
            "ses" => Provider::Ses(ses::Account {
                key_id: self.need("SES_ACCESS_KEY_ID", "the access key's id")?,
                secret: self.need("SES_SECRET_ACCESS_KEY", "the access key's secret")?,
                region: self.need("SES_REGION", "the region, such as eu-west-1")?,
                configuration_set: self.or("SES_CONFIGURATION_SET", ""),
            }),
            "sendgrid" => Provider::SendGrid(sendgrid::Account {
                api_key: self.need("SENDGRID_API_KEY", "SendGrid's key")?,
            }),
            "mailgun" => Provider::Mailgun(mailgun::Account {
                api_key: self.need("MAILGUN_API_KEY", "Mailgun's key")?,
                domain: self.need("MAILGUN_DOMAIN", "the domain that mail is sent from")?,
                host: self.or("MAILGUN_HOST", "api.mailgun.net"),
            }),
            "brevo" => Provider::Brevo(brevo::Account {
                api_key: self.need("BREVO_API_KEY", "Brevo's key")?,
            }),
            _ => Provider::Resend(resend::Account {
                api_key: self.need("RESEND_API_KEY", "Resend's key")?,
            }),
        })
    }

    fn sms(&self, word: &str) -> Result<Provider, String> {
        Ok(match word {
            "vonage" => Provider::Vonage(vonage::Account {
                api_key: self.need("VONAGE_API_KEY", "Vonage's key")?,
                api_secret: self.need("VONAGE_API_SECRET", "Vonage's secret")?,
                from: self.need("VONAGE_FROM", "the number or name to send from")?,
            }),
            "aliyun" => Provider::Aliyun(aliyun::Account {
                key_id: self.need("ALIYUN_ACCESS_KEY_ID", "the access key's id")?,
                secret: self.need("ALIYUN_ACCESS_KEY_SECRET", "the access key's secret")?,
                sign_name: self.need("ALIYUN_SMS_SIGN_NAME", "the approved signature")?,
                template: self.need("ALIYUN_SMS_TEMPLATE", "the approved template, SMS_…")?,
                variable: self.or("ALIYUN_SMS_VARIABLE", "content"),
            }),
            "tencent" => Provider::Tencent(tencent::Account {
                secret_id: self.need("TENCENT_SECRET_ID", "the secret's id")?,
                secret_key: self.need("TENCENT_SECRET_KEY", "the secret")?,
                app_id: self.need("TENCENT_SMS_APP_ID", "the SMS application, 1400…")?,
                region: self.or("TENCENT_SMS_REGION", "ap-guangzhou"),
                sign_name: self.need("TENCENT_SMS_SIGN_NAME", "the approved signature")?,
                template: self.need("TENCENT_SMS_TEMPLATE", "the approved template's id")?,
            }),
            _ => Provider::Twilio(twilio::Account {
                account_sid: self.need("TWILIO_ACCOUNT_SID", "Twilio's account id")?,
                auth_token: self.need("TWILIO_AUTH_TOKEN", "Twilio's secret")?,
                from: self.need("TWILIO_FROM", "the number or messaging service to send from")?,
                // Twilio rejects an address that it cannot reach.
                reports_to: match self.base_url.starts_with("https://") {
                    true => format!("{}/hooks/twilio", self.base_url),
                    false => String::new(),
                },
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Providers, String> {
        let get = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Providers::read(&get, &Keyring::new("s", None), "https://go.example")
    }

    fn problem(variables: &[(&str, &str)]) -> String {
        read(variables).err().unwrap_or_default()
    }

    fn names(providers: &[Provider]) -> Vec<&'static str> {
        providers.iter().map(Provider::name).collect()
    }

    #[test]
    fn provider_list_gives_primary_and_fallback() {
        let providers = read(&[
            ("SENDER_EMAIL", "resend, postmark"),
            ("RESEND_API_KEY", "re_1"),
            ("POSTMARK_SERVER_TOKEN", "t"),
            ("SENDER_EMAIL_TRANSACTIONAL", "cloudflare"),
            ("SENDER_INTERNAL", "slack"),
            ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T/B/x"),
        ]);
        let providers = providers.unwrap();
        assert_eq!(names(&providers.email), ["resend", "postmark"]);
        assert_eq!(names(&providers.email_transactional), ["cloudflare"]);
        assert_eq!(names(&providers.internal), ["slack"]);
        assert!(providers.sms.is_empty());
    }

    #[test]
    fn invalid_provider_settings_are_refused_with_remedy() {
        assert_eq!(problem(&[("SENDER_EMAIL", "resend")]), "set RESEND_API_KEY: Resend's key");
        assert_eq!(
            problem(&[("SENDER_SMS", "resend")]),
            "SENDER_SMS names `resend`: use mailbox, twilio, vonage, aliyun, tencent"
        );
        assert_eq!(
            problem(&[("SENDER_EMAIL", "cloudflare")]),
            "SENDER_EMAIL names cloudflare, whose terms allow no marketing mail: name it in \
             SENDER_EMAIL_TRANSACTIONAL or SENDER_INTERNAL"
        );
        assert_eq!(
            problem(&[("SENDER_EMAIL", "mailbox, mailbox")]),
            "SENDER_EMAIL names mailbox twice"
        );
        assert_eq!(
            problem(&[("SENDER_INTERNAL", "slack"), ("SLACK_WEBHOOK_URL", "https://x.example/")]),
            "SLACK_WEBHOOK_URL must begin with https://hooks.slack.com/"
        );
        assert_eq!(
            problem(&[("SEND_BATCH_MAX", "0")]),
            "SEND_BATCH_MAX is `0`: use a number from 1"
        );
    }
}

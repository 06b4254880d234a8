//! Pacing: the settings of a campaign and of a deployment for when messages leave, and how many.
//! Not here: what they mean for one message (`domain/sending`).

mod caps;
mod limits;
mod rates;

pub use caps::{Cap, WITHIN_MAX};
pub use limits::Limits;
pub use rates::{Rate, WarmUp, domain_of};

use crate::domain::base::primitives::{Channel, Span};
use crate::domain::contact::message::Class;
use crate::domain::time::hours::{Clock, Hours};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// The pacing of a campaign's messages: `[pacing]` of its file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pacing {
    /// The quiet hours by channel.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub quiet: BTreeMap<Channel, Quiet>,
    /// Whether the customary hours of the recipient's country are respected too.
    pub customary_hours: bool,
    /// The send window; a journey or a step may have its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Hours>,
    /// The frequency caps for messages of this campaign to one contact.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub caps: Vec<Cap>,
    /// How long a marketing message stays useful after it was decided; without limit if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub give_up_after: Option<Span>,
    /// The warm-up of the campaign's sender domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<WarmUp>,
}

impl Default for Pacing {
    fn default() -> Self {
        Self {
            quiet: BTreeMap::new(),
            customary_hours: true,
            window: None,
            caps: Vec::new(),
            give_up_after: None,
            warm_up: None,
        }
    }
}

impl Pacing {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The pacing of the messages of all campaigns of a deployment together: the variable `PACING`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeploymentPacing {
    /// The quiet hours by channel, whatever the campaign's settings.
    pub quiet: BTreeMap<Channel, Quiet>,
    /// Whether the customary hours of the recipient's country are respected.
    pub customary_hours: bool,
    /// The frequency caps for messages of all campaigns to one contact.
    pub caps: Vec<Cap>,
    /// The rate limits by provider name.
    pub rates: BTreeMap<String, Rate>,
    /// The warm-up of new domains, by domain name.
    pub warm_up: BTreeMap<String, WarmUp>,
    /// The limits of auto-pause.
    pub brake: Limits,
}

impl Default for DeploymentPacing {
    fn default() -> Self {
        Self {
            quiet: BTreeMap::new(),
            customary_hours: true,
            caps: Vec::new(),
            rates: BTreeMap::new(),
            warm_up: BTreeMap::new(),
            brake: Limits::default(),
        }
    }
}

/// An example of the variable.
const EXAMPLE: &str = r#"{ "caps": [{ "messages": 4, "within": "7d" }] }"#;

impl DeploymentPacing {
    /// Reads the variable. The error says what is wrong, where, and how to fix it.
    pub fn read(json: &str) -> Result<Self, String> {
        let mut deployment: Self =
            serde_json::from_str(json).map_err(|error| match error.is_data() {
                true => error.to_string(),
                false => format!("is not JSON, {error}: write it as {EXAMPLE}"),
            })?;
        for (channel, quiet) in &deployment.quiet {
            if quiet.from == quiet.to {
                let channel = channel.as_str();
                let wrong = "never ends: give `from` and `to` two different times of day";
                return Err(format!("quiet.{channel} {wrong}"));
            }
        }
        for (index, cap) in deployment.caps.iter().enumerate() {
            if let Some((key, wrong)) = cap.wrong() {
                return Err(format!("caps[{}].{key}: {wrong}", index + 1));
            }
        }
        for (name, rate) in &deployment.rates {
            rate.wrong().map_or(Ok(()), |wrong| Err(format!("rates.{name}: {wrong}")))?;
        }
        for (domain, warm_up) in &deployment.warm_up {
            if let Some((key, wrong)) = warm_up.wrong() {
                return Err(format!("warm_up.{domain}.{key}: {wrong}"));
            }
        }
        let warm_up = std::mem::take(&mut deployment.warm_up).into_iter();
        deployment.warm_up =
            warm_up.map(|(name, one)| (domain_of(&format!("x@{name}")), one)).collect();
        deployment.brake.wrong().map_or(Ok(deployment), |wrong| Err(format!("brake: {wrong}")))
    }
}

/// Hours in which a channel is not used, on the recipient's clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    /// The beginning.
    pub from: Clock,
    /// The end; before `from`, the hours extend past midnight.
    pub to: Clock,
    /// What happens to a message during these hours.
    #[serde(default, rename = "else")]
    pub otherwise: Otherwise,
    /// The classes of messages that respect these hours.
    #[serde(default)]
    pub class: Classes,
}

/// What happens to a message during quiet hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Otherwise {
    /// It waits until they end.
    #[default]
    Defer,
    Drop,
}

/// The classes of messages that a setting applies to; never notices to our own people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Classes {
    /// Messages that need consent.
    #[default]
    Marketing,
    /// Messages requested by a person's own action.
    Transactional,
    All,
}

impl Classes {
    /// Returns whether the setting applies to this class.
    pub fn cover(self, class: Class) -> bool {
        match class {
            Class::Marketing => self != Self::Transactional,
            Class::Transactional => self != Self::Marketing,
            Class::Internal => false,
        }
    }

    /// Returns the classes by their names in the database.
    pub fn words(self) -> &'static [&'static str] {
        match self {
            Self::Marketing => &["marketing"],
            Self::Transactional => &["transactional"],
            Self::All => &["marketing", "transactional"],
        }
    }
}

/// Reads a span as a person writes it (`7d`) or as published versions store it (milliseconds).
fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Kept(Span),
    }
    match Written::deserialize(deserializer)? {
        Written::Kept(span) => Ok(span),
        Written::Text(text) => Span::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "`{text}` is not a duration such as \"12h\" or \"7d\""
            ))
        }),
    }
}

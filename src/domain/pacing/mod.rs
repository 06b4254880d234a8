//! Pacing: what a campaign and a deployment say about when messages leave, and how many.
//! What follows for one message is in `domain/sending`.

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

/// How a campaign paces its messages: `[pacing]` of its file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pacing {
    /// When not to write, by channel.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub quiet: BTreeMap<Channel, Quiet>,
    /// Whether the hours customary in the recipient's country are kept too.
    pub customary_hours: bool,
    /// The only hours to write in; a journey or a step may have others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Hours>,
    /// How many messages one contact gets from this campaign.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub caps: Vec<Cap>,
    /// How long after it was decided a marketing message is still of use; for ever if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub give_up_after: Option<Span>,
    /// How many messages a day leave from the campaign's sender domain while that is new.
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
    /// Whether it says nothing that is not so anyway.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How a deployment paces the messages of all its campaigns together: the variable `PACING`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeploymentPacing {
    /// When not to write, by channel, whatever the campaign says.
    pub quiet: BTreeMap<Channel, Quiet>,
    /// Whether the hours customary in the recipient's country are kept.
    pub customary_hours: bool,
    /// How many messages one contact gets, from whatever campaigns.
    pub caps: Vec<Cap>,
    /// How fast a sender may be called, by its name.
    pub rates: BTreeMap<String, Rate>,
    /// How many messages a day leave from a new domain, by its name.
    pub warm_up: BTreeMap<String, WarmUp>,
    /// When a campaign is stopped.
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

/// What the variable looks like.
const EXAMPLE: &str = r#"{ "caps": [{ "messages": 4, "within": "7d" }] }"#;

impl DeploymentPacing {
    /// Reads the variable; an error says what is wrong with it, where, and what to do.
    pub fn read(json: &str) -> Result<Self, String> {
        let mut house: Self =
            serde_json::from_str(json).map_err(|error| match error.is_data() {
                true => error.to_string(),
                false => format!("is not JSON, {error}: write it as {EXAMPLE}"),
            })?;
        for (channel, quiet) in &house.quiet {
            if quiet.from == quiet.to {
                let channel = channel.as_str();
                let wrong = "never ends: give `from` and `to` two different times of day";
                return Err(format!("quiet.{channel} {wrong}"));
            }
        }
        for (index, cap) in house.caps.iter().enumerate() {
            if let Some((key, wrong)) = cap.wrong() {
                return Err(format!("caps[{}].{key}: {wrong}", index + 1));
            }
        }
        for (name, rate) in &house.rates {
            rate.wrong().map_or(Ok(()), |wrong| Err(format!("rates.{name}: {wrong}")))?;
        }
        for (domain, warm_up) in &house.warm_up {
            if let Some((key, wrong)) = warm_up.wrong() {
                return Err(format!("warm_up.{domain}.{key}: {wrong}"));
            }
        }
        let warm_up = std::mem::take(&mut house.warm_up).into_iter();
        house.warm_up = warm_up.map(|(name, one)| (domain_of(&format!("x@{name}")), one)).collect();
        house.brake.wrong().map_or(Ok(house), |wrong| Err(format!("brake: {wrong}")))
    }
}

/// Hours in which a channel is not used, on the recipient's clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    /// When they begin.
    pub from: Clock,
    /// When they are over; before `from`, they go across midnight.
    pub to: Clock,
    /// What becomes of a message that falls into them.
    #[serde(default, rename = "else")]
    pub otherwise: Otherwise,
    /// Which messages keep them.
    #[serde(default)]
    pub class: Classes,
}

/// What becomes of a message whose hour is quiet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Otherwise {
    /// It waits until they are over.
    #[default]
    Defer,
    /// It is not sent.
    Drop,
}

/// Which messages something is said about; never the notices to our own people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Classes {
    /// Those that need consent.
    #[default]
    Marketing,
    /// Those that somebody's own action asks for.
    Transactional,
    /// Both.
    All,
}

impl Classes {
    /// Whether it is said about this class.
    pub fn cover(self, class: Class) -> bool {
        match class {
            Class::Marketing => self != Self::Transactional,
            Class::Transactional => self != Self::Marketing,
            Class::Internal => false,
        }
    }

    /// The classes, by the word of the database.
    pub fn words(self) -> &'static [&'static str] {
        match self {
            Self::Marketing => &["marketing"],
            Self::Transactional => &["transactional"],
            Self::All => &["marketing", "transactional"],
        }
    }
}

/// Reads a span as a person writes it (`7d`) or as versions keep it (milliseconds).
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
            serde::de::Error::custom(format!("`{text}` is no span such as \"12h\" or \"7d\""))
        }),
    }
}

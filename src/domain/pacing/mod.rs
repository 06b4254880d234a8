//! Pacing: whether a message that may be sent is to leave now, later, or not at all. Quiet hours
//! and send-time windows are decided here; what needs counting (`caps`, `rates`) says what is to
//! be counted, and the database counts.

pub mod brake;
pub mod caps;
pub mod hours;
pub mod rates;
#[cfg(test)]
mod tests;
mod zones;

use super::campaign::Campaign;
use super::contact::Contact;
use super::message::{Class, Message};
use super::primitives::{Channel, Millis, Span};
use brake::Limits;
use caps::Cap;
use hours::{Clock, Gate, Hours, opening};
use rates::{Rate, WarmUp, domain_of};
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
pub struct House {
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

impl Default for House {
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

impl House {
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

/// Why a message has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The hour is quiet where the recipient is.
    Quiet,
    /// The campaign, journey or step writes at other hours.
    Window,
    /// The contact has had as many as it may get.
    Cap,
    /// The sender takes no more calls for now.
    Rate,
    /// The domain is new, and its day is full.
    WarmUp,
    /// The campaign was stopped.
    Brake,
}

impl Wait {
    /// The reason of a message that waits, as the database keeps it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Quiet => "quiet_hours",
            Self::Window => "outside_window",
            Self::Cap => "capped",
            Self::Rate => "rate_limited",
            Self::WarmUp => "warm_up",
            Self::Brake => "braked",
        }
    }

    /// The reason of a message that is not sent, since it would have waited past its use.
    pub fn too_long(self) -> &'static str {
        match self {
            Self::Quiet => "late_quiet_hours",
            Self::Window => "late_outside_window",
            Self::Cap => "late_capped",
            Self::Rate => "late_rate_limited",
            Self::WarmUp => "late_warm_up",
            Self::Brake => "late_braked",
        }
    }
}

/// What pacing says about a message that may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may leave.
    Now,
    /// It is asked about again then.
    Later {
        /// When.
        at: Millis,
        /// Why.
        wait: Wait,
    },
    /// It does not leave at all; a word of `domain/reason.rs` says why.
    Never(&'static str),
}

/// A message that the fence lets pass, and what pacing needs to know about it.
#[derive(Clone, Copy, Debug)]
pub struct Paced<'a> {
    /// The message.
    pub message: &'a Message,
    /// To whom.
    pub contact: &'a Contact,
    /// The campaign, as of the message's version.
    pub campaign: &'a Campaign,
    /// How the campaign paces now: what the live version says counts for messages of older ones.
    pub pacing: &'a Pacing,
    /// The deployment's own rules.
    pub house: &'a House,
}

/// How long a message of a stopped campaign rests before it is looked at again. A release brings
/// it forward, so this only costs rows: two written for each message and turn.
const BRAKE_REST: Span = Span::hours(6);

impl Paced<'_> {
    /// Whether it may leave as far as the hour and the brake go. `braked` says that its campaign
    /// was stopped.
    pub fn judge(&self, braked: bool, now: Millis) -> Verdict {
        if self.is_free() {
            return Verdict::Now;
        }
        let is_marketing = self.message.class == Class::Marketing;
        if self.deadline().is_some_and(|deadline| now > deadline) {
            return Verdict::Never("late");
        }
        if braked && is_marketing {
            return self.wait(now.plus(BRAKE_REST), Wait::Brake);
        }
        let gates = self.gates();
        let closed: Vec<&Hour> = gates.iter().filter(|hour| !hour.gate.is_open(now)).collect();
        let Some(first) = closed.first() else { return Verdict::Now };
        if closed.iter().any(|hour| hour.otherwise == Otherwise::Drop) {
            return Verdict::Never(Wait::Quiet.word());
        }
        let gates: Vec<Gate> = gates.iter().map(|hour| hour.gate.clone()).collect();
        match opening(now, &gates) {
            Some(at) => self.wait(at, first.wait),
            None => Verdict::Never("never_open"),
        }
    }

    /// A wait until then, unless the message would be of no use any more.
    pub fn wait(&self, at: Millis, wait: Wait) -> Verdict {
        match self.deadline() {
            Some(deadline) if at > deadline => Verdict::Never(wait.too_long()),
            _ => Verdict::Later { at, wait },
        }
    }

    /// Whether nothing here concerns it: notices to our own people, and calls of programs.
    fn is_free(&self) -> bool {
        self.message.class == Class::Internal || self.message.channel == Channel::Webhook
    }

    fn deadline(&self) -> Option<Millis> {
        let span = self.pacing.give_up_after?;
        (self.message.class == Class::Marketing).then(|| self.message.queued_at.plus(span))
    }

    /// All hours that it has to keep, each on the clocks that count for it.
    fn gates(&self) -> Vec<Hour> {
        let (message, campaign) = (self.message, self.campaign);
        let zone = zones::recipient(self.contact, message.channel, &campaign.time_zone);
        let mut gates = Vec::new();
        for quiet in [&self.pacing.quiet, &self.house.quiet] {
            let Some(quiet) = quiet.get(&message.channel) else { continue };
            if quiet.class.cover(message.class) {
                let hours = Hours { from: quiet.from, to: quiet.to, weekdays: Vec::new() };
                let gate = Gate { hours, opens: false, zone: zone.clone() };
                gates.push(Hour { gate, wait: Wait::Quiet, otherwise: quiet.otherwise });
            }
        }
        if message.class != Class::Marketing {
            return gates;
        }
        if self.pacing.customary_hours && self.house.customary_hours {
            let (wait, otherwise) = (Wait::Quiet, Otherwise::Defer);
            let customary = zones::customary(self.contact, message.channel);
            gates.extend(customary.into_iter().map(|gate| Hour { gate, wait, otherwise }));
        }
        if let Some(hours) = self.window() {
            let gate = Gate { hours: hours.clone(), opens: true, zone };
            gates.push(Hour { gate, wait: Wait::Window, otherwise: Otherwise::Defer });
        }
        gates
    }

    /// The window that counts: the step's, else the journey's, or the broadcast's, else the
    /// campaign's.
    fn window(&self) -> Option<&Hours> {
        if let Some(name) = &self.message.broadcast {
            let broadcast = self.campaign.broadcasts.get(name);
            let own = broadcast.and_then(|broadcast| broadcast.window.as_ref());
            return own.or(self.pacing.window.as_ref());
        }
        let journey = self.campaign.journeys.get(&self.message.journey);
        let step = journey.and_then(|journey| journey.step(&self.message.step));
        step.and_then(|step| step.window.as_ref())
            .or_else(|| journey.and_then(|journey| journey.window.as_ref()))
            .or(self.pacing.window.as_ref())
    }
}

/// Hours that a message has to keep.
struct Hour {
    gate: Gate,
    wait: Wait,
    otherwise: Otherwise,
}

/// Reads a span as a person writes it (`7d`) or as versions keep it (milliseconds).
pub(super) fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
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

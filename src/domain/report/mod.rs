//! What a campaign cost and earned, in figures. Filled from counters; read by people and the API.

pub mod broadcast;
pub mod explain;
pub mod explain_broadcasts;
pub mod reason;

use crate::domain::base::primitives::{CampaignId, Millis};
use crate::domain::campaign::journey::RunState;
use crate::domain::operations::failing::Failing;
use crate::domain::report::broadcast::BroadcastReport;
use crate::domain::sending::auto_pause::PauseEvent;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One campaign's results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The campaign.
    pub campaign: CampaignId,
    /// Its name for people.
    pub name: String,
    /// ISO 4217 code of every amount here.
    pub currency: String,
    /// When the figures were read.
    pub generated_at: Millis,
    /// The published version that is live.
    pub version: i64,
    /// Everything together.
    pub total: Figures,
    /// By channel, as links' `utm_source` and costs name it.
    pub by_channel: Vec<ChannelRow>,
    /// By landing page and variant. Costs are not known by variant.
    pub by_variant: Vec<VariantRow>,
    /// By e-mail or SMS template.
    pub messages: Vec<MessageRow>,
    /// By journey. They are counted when they are asked for: the snapshot that stands in while the
    /// database does not answer has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub journeys: Vec<JourneyRow>,
    /// What was earned in other currencies, which no other figure contains; counted when it is
    /// asked for, so the snapshot has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_currencies: Vec<OtherCurrency>,
    /// The last word on its brake, if any was said; the snapshot has none either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brake: Option<PauseEvent>,
    /// The broadcasts, as they stand when they are asked for; the snapshot has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub broadcasts: Vec<BroadcastReport>,
    /// What the database refuses to do for it, when that is asked; the snapshot has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failing: Vec<Failing>,
}

/// Conversions in a currency that is not the campaign's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OtherCurrency {
    /// ISO 4217 code.
    pub currency: String,
    /// How many; they count as conversions.
    pub conversions: i64,
    /// What they were worth, in minor units of this currency.
    pub revenue_minor: i64,
}

/// How the passages through one journey stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JourneyRow {
    /// The journey's name.
    pub journey: String,
    /// Whether it runs.
    pub state: RunState,
    /// By published version. Who was moved to a newer one counts there.
    pub versions: Vec<PassageFigures>,
}

/// The passages through one version of a journey.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassageFigures {
    /// The version.
    pub version: u32,
    /// All of them.
    pub entered: i64,
    /// Those under way.
    pub active: i64,
    /// Those that came to the end.
    pub completed: i64,
    /// Those that ended early.
    pub exited: i64,
    /// Those that could not go on.
    pub failed: i64,
    /// At which step those under way stand.
    pub by_step: BTreeMap<String, i64>,
    /// Why passages ended early or could not go on.
    pub by_reason: BTreeMap<String, i64>,
}

/// The most channels that a report tells apart: anybody can write any `utm_source`.
pub const CHANNELS_MAX: usize = 50;

/// What all further channels are added up under. No `utm_source` is read with brackets.
pub const OTHER_CHANNELS: &str = "(other)";

/// One channel's figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChannelRow {
    /// The channel.
    pub channel: String,
    /// Its figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// One page variant's figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VariantRow {
    /// The page's name.
    pub page: String,
    /// The variant's name.
    pub variant: String,
    /// Its figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// One template's figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageRow {
    /// The template's name, such as `emails/welcome`.
    pub template: String,
    /// Its figures.
    #[serde(flatten)]
    pub figures: MessageFigures,
}

/// The counts along the funnel. Serialised with the ratios that follow from them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "FiguresWithRatios")]
pub struct Figures {
    /// Distinct visitors of the pages.
    pub visitors: i64,
    /// People who sent a form of the campaign, each counted the first time.
    pub leads: i64,
    /// Those among them whom we had never heard of before.
    pub contacts: i64,
    /// Events that met the goal.
    pub conversions: i64,
    /// What was spent, in minor units; the price of text messages is in it.
    pub cost_minor: i64,
    /// What the conversions were worth, in minor units.
    pub revenue_minor: i64,
}

/// How the messages of one template fared. What machines opened and clicked is counted apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageFigures {
    /// Handed to a provider that accepted them.
    pub sent: i64,
    /// Reported as arrived.
    pub delivered: i64,
    /// Came back.
    #[serde(default)]
    pub bounced: i64,
    /// Those among them whose address is no good.
    #[serde(default)]
    pub hard_bounced: i64,
    /// Called spam.
    #[serde(default)]
    pub complained: i64,
    /// Messages by which somebody unsubscribed.
    #[serde(default)]
    pub unsubscribed: i64,
    /// Messages opened at least once.
    pub opened: i64,
    /// Messages clicked at least once.
    pub clicked: i64,
    /// Openings that are machines', each of them.
    #[serde(default)]
    pub machine_opens: i64,
    /// Clicks that are machines', each of them.
    #[serde(default)]
    pub machine_clicks: i64,
    /// Segments of text messages.
    #[serde(default)]
    pub segments: i64,
    /// What they cost, in millionths of the campaign's currency.
    #[serde(default)]
    pub cost_micros: i64,
}

impl Report {
    /// Whether two reports differ in nothing but when they were made.
    pub fn is_same_but_for_time(&self, other: &Self) -> bool {
        let other = Self { generated_at: self.generated_at, ..other.clone() };
        *self == other
    }

    /// The messages of all templates together.
    pub fn messages_total(&self) -> MessageFigures {
        let sum = |count: fn(&MessageFigures) -> i64| {
            self.messages.iter().map(|row| count(&row.figures)).sum()
        };
        MessageFigures {
            sent: sum(|m| m.sent),
            delivered: sum(|m| m.delivered),
            bounced: sum(|m| m.bounced),
            hard_bounced: sum(|m| m.hard_bounced),
            complained: sum(|m| m.complained),
            unsubscribed: sum(|m| m.unsubscribed),
            opened: sum(|m| m.opened),
            clicked: sum(|m| m.clicked),
            machine_opens: sum(|m| m.machine_opens),
            machine_clicks: sum(|m| m.machine_clicks),
            segments: sum(|m| m.segments),
            cost_micros: sum(|m| m.cost_micros),
        }
    }
}

impl Figures {
    /// Adds another's counts to these.
    pub fn add(&mut self, other: Self) {
        self.visitors += other.visitors;
        self.leads += other.leads;
        self.contacts += other.contacts;
        self.conversions += other.conversions;
        self.cost_minor += other.cost_minor;
        self.revenue_minor += other.revenue_minor;
    }

    /// Leads per visitor; `None` without visitors.
    pub fn lead_rate(&self) -> Option<f64> {
        ratio(self.leads, self.visitors)
    }

    /// Conversions per lead; `None` without leads.
    pub fn conversion_rate(&self) -> Option<f64> {
        ratio(self.conversions, self.leads)
    }

    /// Minor units spent per lead, rounded; `None` without cost or without leads.
    pub fn cost_per_lead(&self) -> Option<i64> {
        per(self.cost_minor, self.leads)
    }

    /// Minor units spent per conversion, rounded; `None` without cost or without conversions.
    pub fn cost_per_conversion(&self) -> Option<i64> {
        per(self.cost_minor, self.conversions)
    }

    /// What one unit of money brought beyond itself: 0.5 is half again; `None` without cost.
    pub fn roi(&self) -> Option<f64> {
        ratio(self.revenue_minor - self.cost_minor, self.cost_minor)
    }
}

impl MessageFigures {
    /// Opened of those delivered, or of those sent while no delivery is reported.
    pub fn open_rate(&self) -> Option<f64> {
        ratio(self.opened, self.arrived())
    }

    /// Clicked of those delivered, or of those sent while no delivery is reported.
    pub fn click_rate(&self) -> Option<f64> {
        ratio(self.clicked, self.arrived())
    }

    fn arrived(&self) -> i64 {
        if self.delivered > 0 { self.delivered } else { self.sent }
    }
}

/// The counts with their ratios, as the API gives them.
#[derive(Serialize)]
struct FiguresWithRatios {
    visitors: i64,
    leads: i64,
    contacts: i64,
    conversions: i64,
    cost_minor: i64,
    revenue_minor: i64,
    lead_rate: Option<f64>,
    conversion_rate: Option<f64>,
    cost_per_lead_minor: Option<i64>,
    roi: Option<f64>,
}

impl From<Figures> for FiguresWithRatios {
    fn from(figures: Figures) -> Self {
        Self {
            visitors: figures.visitors,
            leads: figures.leads,
            contacts: figures.contacts,
            conversions: figures.conversions,
            cost_minor: figures.cost_minor,
            revenue_minor: figures.revenue_minor,
            lead_rate: figures.lead_rate(),
            conversion_rate: figures.conversion_rate(),
            cost_per_lead_minor: figures.cost_per_lead(),
            roi: figures.roi(),
        }
    }
}

fn ratio(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn per(cost_minor: i64, count: i64) -> Option<i64> {
    (cost_minor > 0 && count > 0).then(|| (cost_minor as f64 / count as f64).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_exist_only_over_something() {
        assert_eq!(Figures::default().roi(), None);
        assert_eq!(Figures::default().cost_per_lead(), None);
        let figures = Figures {
            visitors: 200,
            leads: 30,
            contacts: 28,
            conversions: 3,
            cost_minor: 100_000,
            revenue_minor: 150_000,
        };
        assert_eq!(figures.roi(), Some(0.5));
        assert_eq!(figures.lead_rate(), Some(0.15));
        assert_eq!(figures.conversion_rate(), Some(0.1));
        assert_eq!(figures.cost_per_lead(), Some(3_333));
        assert_eq!(figures.cost_per_conversion(), Some(33_333));
    }

    #[test]
    fn a_report_reads_back_what_it_wrote() {
        let figures = Figures { visitors: 2, leads: 1, ..Figures::default() };
        let row = ChannelRow { channel: "direct".into(), figures };
        let json = serde_json::to_string_pretty(&row).unwrap();
        insta::assert_snapshot!(json, @r#"
        {
          "channel": "direct",
          "visitors": 2,
          "leads": 1,
          "contacts": 0,
          "conversions": 0,
          "cost_minor": 0,
          "revenue_minor": 0,
          "lead_rate": 0.5,
          "conversion_rate": 0.0,
          "cost_per_lead_minor": null,
          "roi": null
        }
        "#);
        assert_eq!(serde_json::from_str::<ChannelRow>(&json).unwrap(), row);
    }
}

//! Reports: the costs and results of a campaign, in figures. Filled from counters; read by people
//! and the API.

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
    pub campaign: CampaignId,
    /// Its display name.
    pub name: String,
    /// ISO 4217 code of every amount here.
    pub currency: String,
    /// When the figures were read.
    pub generated_at: Millis,
    /// The published version that is live, or the newest one if the campaign is unpublished.
    pub version: i64,
    /// Since when the campaign is unpublished, if it is; the snapshot does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpublished_at: Option<Millis>,
    /// The sum of all figures.
    pub total: Figures,
    /// By channel, as `utm_source` of links and costs name it.
    pub by_channel: Vec<ChannelRow>,
    /// By landing page and variant. Costs are not known by variant.
    pub by_variant: Vec<VariantRow>,
    /// By e-mail or SMS template.
    pub messages: Vec<MessageRow>,
    /// By journey. These are counted on request: the snapshot that is shown while the database does
    /// not answer has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub journeys: Vec<JourneyRow>,
    /// The revenue in other currencies, which no other figure contains. Counted on request, so the
    /// snapshot has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_currencies: Vec<OtherCurrency>,
    /// The last change of its auto-pause state, if there was any; the snapshot has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brake: Option<PauseEvent>,
    /// The broadcasts, in their state at the time of the request; the snapshot has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub broadcasts: Vec<BroadcastReport>,
    /// What fails in the database for this campaign, at the time of the request; the snapshot has
    /// none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failing: Vec<Failing>,
}

/// Conversions in a currency that is not the campaign's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OtherCurrency {
    /// ISO 4217 code.
    pub currency: String,
    /// Their number; they count as conversions.
    pub conversions: i64,
    /// Their value, in minor units of this currency.
    pub revenue_minor: i64,
}

/// The enrollments in one journey.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JourneyRow {
    pub journey: String,
    pub state: RunState,
    /// By published version. An enrollment that was migrated to a newer one counts there.
    pub versions: Vec<EnrollmentFigures>,
}

/// The enrollments in one version of a journey.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrollmentFigures {
    pub version: u32,
    /// All enrollments.
    pub entered: i64,
    pub active: i64,
    pub completed: i64,
    /// Those that ended early.
    pub exited: i64,
    pub failed: i64,
    /// The active ones by their step.
    pub by_step: BTreeMap<String, i64>,
    /// The exited and failed ones by reason.
    pub by_reason: BTreeMap<String, i64>,
}

/// The most channels that a report distinguishes: anybody can write any `utm_source`.
pub const CHANNELS_MAX: usize = 50;

/// The row in which all further channels are added up. No `utm_source` can contain brackets.
pub const OTHER_CHANNELS: &str = "(other)";

/// One channel's figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChannelRow {
    pub channel: String,
    #[serde(flatten)]
    pub figures: Figures,
}

/// One page variant's figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VariantRow {
    pub page: String,
    pub variant: String,
    #[serde(flatten)]
    pub figures: Figures,
}

/// One template's figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageRow {
    /// The template, such as `emails/welcome`.
    pub template: String,
    #[serde(flatten)]
    pub figures: MessageFigures,
}

/// The counts along the funnel. Serialized together with the ratios derived from them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "FiguresWithRatios")]
pub struct Figures {
    /// Distinct visitors of the pages.
    pub visitors: i64,
    /// Contacts who submitted a form of the campaign, each counted the first time.
    pub leads: i64,
    /// Those among them who were new contacts.
    pub contacts: i64,
    /// Events that met the goal.
    pub conversions: i64,
    /// The costs, in minor units, including the price of SMS.
    pub cost_minor: i64,
    /// The value of the conversions, in minor units.
    pub revenue_minor: i64,
}

/// The figures of the messages of one template. Opens and clicks by bots are counted separately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageFigures {
    /// Accepted by a provider.
    pub sent: i64,
    /// Reported as delivered.
    pub delivered: i64,
    /// Returned.
    #[serde(default)]
    pub bounced: i64,
    /// Those among them that bounced because of an invalid address.
    #[serde(default)]
    pub hard_bounced: i64,
    /// Marked as spam.
    #[serde(default)]
    pub complained: i64,
    /// Messages that led to an unsubscribe.
    #[serde(default)]
    pub unsubscribed: i64,
    /// Messages opened at least once.
    pub opened: i64,
    /// Messages clicked at least once.
    pub clicked: i64,
    /// Opens by bots, each counted.
    #[serde(default)]
    pub machine_opens: i64,
    /// Clicks by bots, each counted.
    #[serde(default)]
    pub machine_clicks: i64,
    /// SMS segments.
    #[serde(default)]
    pub segments: i64,
    /// The cost of those segments, in millionths of the campaign's currency.
    #[serde(default)]
    pub cost_micros: i64,
}

impl Report {
    /// Returns whether two reports differ only in the time when they were generated.
    pub fn is_same_but_for_time(&self, other: &Self) -> bool {
        let other = Self { generated_at: self.generated_at, ..other.clone() };
        *self == other
    }

    /// Returns the sum over the messages of all templates.
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

    /// Returns leads per visitor; `None` without visitors.
    pub fn lead_rate(&self) -> Option<f64> {
        ratio(self.leads, self.visitors)
    }

    /// Returns conversions per lead; `None` without leads.
    pub fn conversion_rate(&self) -> Option<f64> {
        ratio(self.conversions, self.leads)
    }

    /// Returns the minor units spent per lead, rounded; `None` without cost or without leads.
    pub fn cost_per_lead(&self) -> Option<i64> {
        per(self.cost_minor, self.leads)
    }

    /// Returns the minor units spent per conversion, rounded; `None` without cost or conversions.
    pub fn cost_per_conversion(&self) -> Option<i64> {
        per(self.cost_minor, self.conversions)
    }

    /// Returns the profit per unit of money spent: 0.5 is a gain of one half; `None` without cost.
    pub fn roi(&self) -> Option<f64> {
        ratio(self.revenue_minor - self.cost_minor, self.cost_minor)
    }
}

impl MessageFigures {
    /// Returns the share of opened messages among those delivered; or among those sent, while no
    /// delivery is reported.
    pub fn open_rate(&self) -> Option<f64> {
        ratio(self.opened, self.arrived())
    }

    /// Returns the share of clicked messages among those delivered; or among those sent, while no
    /// delivery is reported.
    pub fn click_rate(&self) -> Option<f64> {
        ratio(self.clicked, self.arrived())
    }

    fn arrived(&self) -> i64 {
        if self.delivered > 0 { self.delivered } else { self.sent }
    }
}

/// The counts with their ratios, as the API returns them.
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
    fn ratios_need_a_denominator() {
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
    fn report_row_round_trips() {
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

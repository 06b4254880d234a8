//! A campaign: what a marketer plans, pays for and measures, and its published versions.

pub mod ab_test;
pub mod broadcast;
pub mod journey;
pub mod tracking;

use crate::domain::base::primitives::{CampaignId, Money, Span};
use crate::domain::campaign::broadcast::{Broadcast, subject_name};
use crate::domain::campaign::journey::Journey;
use crate::domain::campaign::tracking::Tracking;
use crate::domain::form::Form;
use crate::domain::pacing::Pacing;
use crate::domain::segment::Rule;
use crate::domain::sms::settings::SmsSettings;
use crate::domain::template::TemplateSource;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A campaign as its file describes it, with everything it owns by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Campaign {
    /// Its kebab-case id.
    pub id: CampaignId,
    /// Its name for people.
    pub name: String,
    /// The language it speaks (BCP 47): `en` or `zh-CN`.
    pub locale: String,
    /// The IANA zone of contacts whose own is unknown, such as `Asia/Shanghai`.
    pub time_zone: String,
    /// ISO 4217 code in which it counts.
    pub currency: String,
    /// Where internal notices go.
    pub owner: String,
    /// The sender of its mail, `Name <address>`; the deployment's default if absent.
    pub from: Option<String>,
    /// The sender's postal address, shown in mail (CAN-SPAM asks for one).
    pub postal_address: String,
    /// What it wants to reach.
    pub goal: Goal,
    /// What it cost, by channel and day.
    pub costs: Vec<Cost>,
    /// Attributes its templates may use beside those its forms set.
    pub attributes: Vec<String>,
    /// What its text messages are like.
    #[serde(default, skip_serializing_if = "SmsSettings::is_default")]
    pub sms: SmsSettings,
    /// How its messages are followed.
    #[serde(default, skip_serializing_if = "Tracking::is_default")]
    pub tracking: Tracking,
    /// Landing pages by name.
    pub pages: BTreeMap<String, Page>,
    /// Forms by name.
    pub forms: BTreeMap<String, Form>,
    /// What its messages are for, in words for people, by purpose.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub purposes: BTreeMap<String, PurposeText>,
    /// Segments' rules by name.
    pub segments: BTreeMap<String, Rule>,
    /// Journeys by name.
    pub journeys: BTreeMap<String, Journey>,
    /// When its messages leave, and how many.
    #[serde(default, skip_serializing_if = "Pacing::is_default")]
    pub pacing: Pacing,
    /// Broadcasts by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub broadcasts: BTreeMap<String, Broadcast>,
}

/// The event that makes a campaign worth its cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// The event's name, such as `order.completed`.
    pub event: String,
    /// How long after a contact's last touch with the campaign it still counts.
    pub within: Span,
}

/// Money spent on one channel on one day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// The source of visitors, the same word as its links' `utm_source`.
    pub channel: String,
    /// `YYYY-MM-DD`, in the campaign's zone.
    pub day: String,
    /// How much, in the campaign's currency.
    pub amount: Money,
}

/// A landing page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// Where it is served: `/webinar`.
    pub path: String,
    /// What the browser's tab shows.
    pub title: String,
    /// For search engines and shared links.
    pub description: String,
    /// The form on it, by name.
    pub form: Option<String>,
    /// One or more; a visitor always sees the same one.
    pub variants: Vec<Variant>,
}

/// One version of a page's content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// Its name in reports, such as `a`.
    pub name: String,
    /// Its template, `pages/webinar`.
    pub template: String,
    /// Its share of visitors, relative to the other weights.
    pub weight: u32,
}

/// What a publish sends: a checked campaign with its templates compiled.
/// The same content always serialises to the same bytes, so its hash tells whether it is new.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compiled {
    /// The campaign.
    pub campaign: Campaign,
    /// Every template that it uses, by name (`pages/…`, `emails/…`, `sms/…`), and the partials
    /// they include (`partials/…`).
    pub templates: BTreeMap<String, TemplateSource>,
}

impl Compiled {
    /// All that is rendered: its templates, and the subjects that variants of broadcasts have of
    /// their own.
    pub fn sources(&self) -> Cow<'_, BTreeMap<String, TemplateSource>> {
        let broadcasts = self.campaign.broadcasts.iter();
        let subjects = broadcasts.flat_map(|(name, broadcast)| {
            let variants = broadcast.variants.iter();
            variants.filter_map(move |variant| {
                let subject = TemplateSource::Subject(variant.subject.clone()?);
                Some((subject_name(name, &variant.name), subject))
            })
        });
        let subjects: Vec<_> = subjects.collect();
        if subjects.is_empty() {
            return Cow::Borrowed(&self.templates);
        }
        let mut sources = self.templates.clone();
        sources.extend(subjects);
        Cow::Owned(sources)
    }
}

/// The names of the campaign's segments, each after those that its rule asks about; or the path
/// of a cycle: the names of segments that ask about each other, the first once more at the end.
pub fn segments_in_order(campaign: &Campaign) -> Result<Vec<&str>, Vec<&str>> {
    let mut order = Vec::new();
    for name in campaign.segments.keys() {
        visit_segment(campaign, name, &mut Vec::new(), &mut order)?;
    }
    Ok(order)
}

/// Puts a segment into the order after those that it asks about; `path` led to it. Nothing nests
/// deeper than a campaign has segments.
fn visit_segment<'c>(
    campaign: &'c Campaign,
    name: &'c str,
    path: &mut Vec<&'c str>,
    order: &mut Vec<&'c str>,
) -> Result<(), Vec<&'c str>> {
    if order.contains(&name) {
        return Ok(());
    }
    path.push(name);
    if let Some(start) = path[..path.len() - 1].iter().position(|before| *before == name) {
        return Err(path[start..].to_vec());
    }
    let asked = campaign.segments.get(name).map(Rule::segments).unwrap_or_default();
    for other in asked {
        let other = other.0.split_once('.').map_or(other.as_str(), |(_, name)| name);
        // One that does not exist is another problem.
        if let Some((other, _)) = campaign.segments.get_key_value(other) {
            visit_segment(campaign, other, path, order)?;
        }
    }
    path.pop();
    order.push(name);
    Ok(())
}

/// A text in the languages that its author wrote it in, by tag.
pub type Texts = BTreeMap<String, String>;

/// A purpose as its campaign describes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PurposeText {
    /// What people call it.
    pub name: Texts,
    /// What they get, and how often.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub description: Texts,
}

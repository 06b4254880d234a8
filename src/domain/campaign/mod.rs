//! A campaign: what a marketer plans, pays for and measures, with its pages, journeys, broadcasts,
//! A/B tests and tracking. Not here: forms (`domain/form/mod.rs`), the reading of campaign files
//! (`domain/campaign_file/mod.rs`) and published versions (`domain/publication/catalog.rs`).

pub mod ab_test;
pub mod broadcast;
pub mod journey;
pub mod lists;
pub mod tracking;

use crate::domain::base::primitives::{CampaignId, KindId, Money, Span};
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
    /// The id, in kebab case.
    pub id: CampaignId,
    /// The display name.
    pub name: String,
    /// The language (BCP 47): `en` or `zh-CN`.
    pub locale: String,
    /// The IANA time zone for contacts whose own is unknown, such as `Asia/Shanghai`.
    pub time_zone: String,
    /// The ISO 4217 code of its currency.
    pub currency: String,
    /// The address for internal notices.
    pub owner: String,
    /// The sender of its e-mail, `Name <address>`; the deployment's default if absent.
    pub from: Option<String>,
    /// The sender's postal address, shown in e-mail (CAN-SPAM requires one).
    pub postal_address: String,
    pub goal: Goal,
    /// The costs, by channel and day.
    pub costs: Vec<Cost>,
    /// Attributes that its templates may use in addition to those that its forms set.
    pub attributes: Vec<String>,
    /// The settings of its SMS.
    #[serde(default, skip_serializing_if = "SmsSettings::is_default")]
    pub sms: SmsSettings,
    /// The tracking settings of its messages.
    #[serde(default, skip_serializing_if = "Tracking::is_default")]
    pub tracking: Tracking,
    /// Landing pages by name.
    pub pages: BTreeMap<String, Page>,
    /// Forms by name.
    pub forms: BTreeMap<String, Form>,
    /// The names and descriptions of purposes for people, by purpose.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub purposes: BTreeMap<String, PurposeText>,
    /// Segments by name.
    pub segments: BTreeMap<String, Segment>,
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
    /// How long after a contact's last touch with the campaign the event still counts.
    pub within: Span,
}

/// Money spent on one channel on one day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// The source of visitors; the same as `utm_source` in its links.
    pub channel: String,
    /// `YYYY-MM-DD`, in the campaign's time zone.
    pub day: String,
    /// The amount, in the campaign's currency.
    pub amount: Money,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// The path, such as `/webinar`.
    pub path: String,
    /// The title of the browser tab.
    pub title: String,
    /// The description for search engines and shared links.
    pub description: String,
    /// The name of the form on it.
    pub form: Option<String>,
    /// One or more; a visitor always sees the same one.
    pub variants: Vec<Variant>,
}

/// A segment: the records of a kind for which a rule holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "StoredSegment", into = "StoredSegment")]
pub struct Segment {
    /// The kind of its members.
    pub of: KindId,
    pub rule: Rule,
}

/// The stored form of a segment. That of contacts is the rule alone, as it was before records had
/// kinds.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum StoredSegment {
    Of { of: KindId, rule: Rule },
    Contacts(Rule),
}

impl Segment {
    /// Returns the segment of the contacts for which the rule holds.
    pub fn of_contacts(rule: Rule) -> Self {
        Self { of: KindId::contact(), rule }
    }
}

impl From<StoredSegment> for Segment {
    fn from(stored: StoredSegment) -> Self {
        match stored {
            StoredSegment::Of { of, rule } => Self { of, rule },
            StoredSegment::Contacts(rule) => Self::of_contacts(rule),
        }
    }
}

impl From<Segment> for StoredSegment {
    fn from(Segment { of, rule }: Segment) -> Self {
        if of.is_contact() { Self::Contacts(rule) } else { Self::Of { of, rule } }
    }
}

/// One content of a page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// Its name in reports, such as `a`.
    pub name: String,
    /// Its template, `pages/webinar`.
    pub template: String,
    /// The share of visitors, relative to the other weights.
    pub weight: u32,
}

/// The content of a publish: a validated campaign with its templates compiled. The same content
/// always serializes to the same bytes, so that its hash shows whether it is new.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compiled {
    pub campaign: Campaign,
    /// Every template it uses, by name (`pages/…`, `emails/…`, `sms/…`), and the partials they
    /// include (`partials/…`).
    pub templates: BTreeMap<String, TemplateSource>,
}

impl Compiled {
    /// Returns all sources to render: the templates, and the subjects of broadcast variants that
    /// have their own.
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

/// Returns the names of the campaign's segments, each after those that its rule refers to. The
/// error is the path of a cycle: segments that refer to each other, with the first repeated at the
/// end.
pub fn segments_in_order(campaign: &Campaign) -> Result<Vec<&str>, Vec<&str>> {
    let mut order = Vec::new();
    for name in campaign.segments.keys() {
        visit_segment(campaign, name, &mut Vec::new(), &mut order)?;
    }
    Ok(order)
}

/// Adds a segment to the order after those that it refers to; `path` led to it. The recursion is at
/// most as deep as the number of segments.
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
    let asked =
        campaign.segments.get(name).map(|segment| segment.rule.segments()).unwrap_or_default();
    for other in asked {
        let other = other.0.split_once('.').map_or(other.as_str(), |(_, name)| name);
        // A segment that does not exist is reported elsewhere.
        if let Some((other, _)) = campaign.segments.get_key_value(other) {
            visit_segment(campaign, other, path, order)?;
        }
    }
    path.pop();
    order.push(name);
    Ok(())
}

/// A text by language tag, in the languages its author wrote.
pub type Texts = BTreeMap<String, String>;

/// The description of a purpose for people.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PurposeText {
    /// The display name.
    pub name: Texts,
    /// What people get, and how often.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub description: Texts,
}

//! The catalog: every published version that a flow may need, ready to use.

use super::campaign::{Compiled, Page, segments_in_order};
use super::check::normal_path;
use super::event::{Properties, names};
use super::form::Form;
use super::journey::{Action, Journey, JourneyStatus, ReEntry, RunState, Trigger, value_key};
use super::primitives::{CampaignId, Millis, QualifiedId};
use super::rule::Rule;
use super::template::{TemplateError, Templates};
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// One immutable, numbered compilation of a campaign.
pub struct Edition {
    /// Its number, from 1.
    pub version: u32,
    /// When it was published.
    pub published_at: Millis,
    /// Its content.
    pub compiled: Compiled,
    templates: OnceCell<Templates>,
    /// Each with its full name, after those that its rule asks about.
    segments: Vec<(QualifiedId, String)>,
}

impl Edition {
    /// A version as it was stored.
    pub fn new(version: u32, published_at: Millis, compiled: Compiled) -> Self {
        let campaign = &compiled.campaign;
        // Publishing refuses cycles.
        let order = segments_in_order(campaign).unwrap_or_default();
        let named = |name: &str| (QualifiedId::new(&campaign.id, name), name.to_owned());
        let segments = order.into_iter().map(named).collect();
        Self { version, published_at, compiled, templates: OnceCell::new(), segments }
    }

    /// Its segments and their rules, each after those that its rule asks about, so that one round
    /// of judging them settles them all.
    pub fn segments(&self) -> impl Iterator<Item = (&QualifiedId, &Rule)> {
        let rules = &self.compiled.campaign.segments;
        self.segments.iter().filter_map(|(id, name)| Some((id, rules.get(name)?)))
    }

    /// Its campaign's id.
    pub fn id(&self) -> &CampaignId {
        &self.compiled.campaign.id
    }

    /// Its templates, parsed on first use.
    pub fn templates(&self) -> Result<&Templates, TemplateError> {
        if let Some(templates) = self.templates.get() {
            return Ok(templates);
        }
        let parsed = Templates::new(&self.compiled.sources())?;
        Ok(self.templates.get_or_init(|| parsed))
    }

    /// A journey by name.
    pub fn journey(&self, name: &str) -> Option<&Journey> {
        self.compiled.campaign.journeys.get(name)
    }

    /// The names of the events that its rules and journeys ask about.
    fn watched<'a>(&'a self, names: &mut BTreeSet<&'a str>) {
        let campaign = &self.compiled.campaign;
        campaign.segments.values().for_each(|rule| rule.event_names(names));
        if !campaign.broadcasts.is_empty() {
            // What a goal is credited to.
            names.extend([names::MESSAGE_SENT, names::BROADCAST_CONVERTED]);
        }
        for journey in campaign.journeys.values() {
            for part in journey.enter.parts() {
                if let Trigger::Event(pattern) = part {
                    names.insert(&pattern.event);
                }
            }
            journey.ending_rules().for_each(|rule| rule.event_names(names));
            for step in &journey.steps {
                match &step.action {
                    Action::WaitFor(wait) => {
                        names.extend(wait.patterns().map(|pattern| pattern.event.as_str()));
                    }
                    Action::Branch { paths, .. } => {
                        paths.iter().for_each(|(rule, _)| rule.event_names(names));
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Every live version, and the older ones that somebody is still on.
#[derive(Default)]
pub struct Catalog {
    live: BTreeMap<CampaignId, Rc<Edition>>,
    older: RefCell<BTreeMap<(CampaignId, u32), Rc<Edition>>>,
    /// Of the journeys that were ever paused or archived.
    statuses: Vec<JourneyStatus>,
}

impl Catalog {
    /// A catalog of these live versions, one a campaign.
    pub fn new(live: impl IntoIterator<Item = Rc<Edition>>) -> Self {
        let live = live.into_iter().map(|edition| (edition.id().clone(), edition)).collect();
        Self { live, ..Self::default() }
    }

    /// The same catalog with the last word on these journeys; all others run.
    pub fn with_statuses(self, statuses: Vec<JourneyStatus>) -> Self {
        Self { statuses, ..self }
    }

    /// The last word on the journeys of a campaign that were ever paused or archived.
    pub fn statuses<'c>(
        &'c self,
        campaign: &'c CampaignId,
    ) -> impl Iterator<Item = &'c JourneyStatus> {
        self.statuses.iter().filter(move |status| status.campaign == *campaign)
    }

    /// Whether a journey runs.
    pub fn run_state(&self, campaign: &CampaignId, journey: &str) -> RunState {
        JourneyStatus::run_state(&self.statuses, campaign, journey)
    }

    /// Since when a journey runs again; `None` if it does not, or was never halted.
    pub fn resumed_at(&self, campaign: &CampaignId, journey: &str) -> Option<Millis> {
        let status = self.statuses(campaign).find(|status| status.journey == journey)?;
        (status.state == RunState::Running).then_some(status.since)
    }

    /// The live versions, in the order of their ids.
    pub fn live(&self) -> impl Iterator<Item = &Rc<Edition>> {
        self.live.values()
    }

    /// The live version of a campaign.
    pub fn live_edition(&self, campaign: &CampaignId) -> Option<&Rc<Edition>> {
        self.live.get(campaign)
    }

    /// A version by number, live or older, if it is here.
    pub fn edition(&self, campaign: &CampaignId, version: u32) -> Option<Rc<Edition>> {
        match self.live.get(campaign) {
            Some(edition) if edition.version == version => Some(edition.clone()),
            _ => self.older.borrow().get(&(campaign.clone(), version)).cloned(),
        }
    }

    /// Adds a version that somebody is still on.
    pub fn add_older(&self, edition: Rc<Edition>) {
        let key = (edition.id().clone(), edition.version);
        self.older.borrow_mut().insert(key, edition);
    }

    /// The page served at a path, with the version it comes from and its name.
    pub fn page_at(&self, path: &str) -> Option<(&Rc<Edition>, &str, &Page)> {
        self.live.values().find_map(|edition| {
            let pages = &edition.compiled.campaign.pages;
            let is_it = |page: &Page| normal_path(&page.path) == normal_path(path);
            let (name, page) = pages.iter().find(|(_, page)| is_it(page))?;
            Some((edition, name.as_str(), page))
        })
    }

    /// A form of a live version.
    pub fn form(&self, id: &QualifiedId) -> Option<(&Rc<Edition>, &Form)> {
        let (campaign, name) = id.parts()?;
        let edition = self.live.get(&campaign)?;
        Some((edition, edition.compiled.campaign.forms.get(name)?))
    }

    /// The journeys that only so many people begin in an hour.
    pub fn limited(&self) -> Vec<QualifiedId> {
        let journeys = self.live.values().flat_map(|edition| {
            let journeys = edition.compiled.campaign.journeys.iter();
            journeys.map(|(name, journey)| (QualifiedId::new(edition.id(), name), journey))
        });
        let limited = journeys.filter(|(_, journey)| journey.people_per_hour.is_some());
        limited.map(|(id, _)| id).collect()
    }

    /// The keys under which journeys might be entered that are entered once per value, for an event
    /// with these properties.
    pub fn entry_keys(&self, properties: &Properties) -> BTreeSet<String> {
        let journeys = self.live.values().flat_map(|e| e.compiled.campaign.journeys.values());
        let key = |journey: &Journey| match &journey.re_entry {
            ReEntry::OncePer(property) => value_key(properties.get(property)?),
            _ => None,
        };
        journeys.filter_map(key).collect()
    }

    /// The names of the events that some rule or journey asks about: the part of a contact's
    /// history that a decision needs.
    pub fn watched_events(&self) -> BTreeSet<String> {
        let older = self.older.borrow();
        let mut names = BTreeSet::new();
        self.live.values().chain(older.values()).for_each(|edition| edition.watched(&mut names));
        names.into_iter().map(str::to_owned).collect()
    }
}

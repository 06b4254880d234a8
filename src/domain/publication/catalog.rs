//! The catalog: every published version that a flow may need, ready to use.

use super::unpublished::Unpublished;
use crate::domain::base::diagnostic::brief;
use crate::domain::base::primitives::{CampaignId, KindId, Millis, QualifiedId};
use crate::domain::campaign::journey::{
    Action, Journey, JourneyStatus, ReEntry, RunState, Trigger,
};
use crate::domain::campaign::{Campaign, Compiled, Page, segments_in_order};
use crate::domain::form::Form;
use crate::domain::kind::{COMPANY, Kind, Kinds};
use crate::domain::publication::validate::normal_path;
use crate::domain::record::enrollment::value_key;
use crate::domain::record::event::{POSITION_EVENTS, Properties, names};
use crate::domain::segment::Rule;
use crate::domain::template::{TemplateError, TemplateSource, Templates};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// An immutable, numbered compilation of a campaign.
pub struct PublishedVersion {
    /// The version number, from 1.
    pub version: u32,
    pub published_at: Millis,
    pub compiled: Compiled,
    templates: OnceCell<Templates>,
    /// Per page template: that template and the partials.
    pages: RefCell<BTreeMap<String, Rc<Templates>>>,
    /// Full name and short name of each segment, in dependency order: a segment comes after those
    /// that its rule refers to.
    segments: Vec<(QualifiedId, String)>,
    /// Whether a rule in it asks about the companies of contacts.
    asks_about_companies: bool,
}

impl PublishedVersion {
    /// Builds a version from its stored parts.
    pub fn new(version: u32, published_at: Millis, compiled: Compiled) -> Self {
        let campaign = &compiled.campaign;
        // Publishing refuses cycles.
        let order = segments_in_order(campaign).unwrap_or_default();
        let named = |name: &str| (QualifiedId::new(&campaign.id, name), name.to_owned());
        let segments = order.into_iter().map(named).collect();
        let (templates, pages) = Default::default();
        let asks_about_companies = rules_of(campaign).any(Rule::asks_about_companies);
        Self { version, published_at, compiled, templates, pages, segments, asks_about_companies }
    }

    /// Reads a stored version. Fails if it is damaged, or was written by newer code in a form that
    /// this code does not know.
    pub fn read(
        campaign: &CampaignId,
        version: u32,
        published_at: Millis,
        text: &str,
    ) -> Result<Self, Unreadable> {
        let unreadable = |reason: String| Unreadable {
            campaign: campaign.clone(),
            version,
            reason,
            paths: paths_in(text),
        };
        let compiled: Compiled =
            serde_json::from_str(text).map_err(|error| unreadable(brief(&error)))?;
        match compiled.campaign.id == *campaign {
            true => Ok(Self::new(version, published_at, compiled)),
            false => Err(unreadable(format!("it is of campaign `{}`", compiled.campaign.id))),
        }
    }

    /// Returns the segments of records of a kind, and their rules, in dependency order, so that a
    /// single pass evaluates all of them.
    pub fn segments_of<'p>(
        &'p self,
        kind: &'p KindId,
    ) -> impl Iterator<Item = (&'p QualifiedId, &'p Rule)> {
        let all = &self.compiled.campaign.segments;
        let all = self.segments.iter().filter_map(|(id, name)| Some((id, all.get(name)?)));
        all.filter(|(_, segment)| segment.of == *kind).map(|(id, segment)| (id, &segment.rule))
    }

    /// Returns the journeys of records of a kind, by name.
    pub fn journeys_of<'p>(
        &'p self,
        kind: &'p KindId,
    ) -> impl Iterator<Item = (&'p String, &'p Journey)> {
        let all = self.compiled.campaign.journeys.iter();
        all.filter(move |(_, journey)| journey.of == *kind)
    }

    /// Returns its campaign's id.
    pub fn id(&self) -> &CampaignId {
        &self.compiled.campaign.id
    }

    /// Returns its templates, parsed on first use.
    pub fn templates(&self) -> Result<&Templates, TemplateError> {
        if let Some(templates) = self.templates.get() {
            return Ok(templates);
        }
        let parsed = Templates::new(&self.compiled.sources())?;
        Ok(self.templates.get_or_init(|| parsed))
    }

    /// Returns a page's template and the partials, parsed on first use. The templates of messages
    /// are longer, and the first visitor of an isolate does not have to wait for them.
    pub fn page_templates(&self, name: &str) -> Result<Rc<Templates>, TemplateError> {
        if let Some(known) = self.pages.borrow().get(name) {
            return Ok(known.clone());
        }
        let is_needed = |(other, source): &(&String, &TemplateSource)| {
            *other == name || matches!(source, TemplateSource::Partial(_))
        };
        let needed = self.compiled.templates.iter().filter(is_needed);
        let needed = needed.map(|(name, source)| (name.clone(), source.clone())).collect();
        let parsed = Rc::new(Templates::new(&needed)?);
        self.pages.borrow_mut().insert(name.to_owned(), parsed.clone());
        Ok(parsed)
    }

    pub fn journey(&self, name: &str) -> Option<&Journey> {
        self.compiled.campaign.journeys.get(name)
    }

    /// Collects the names of the events that its rules and journeys refer to.
    fn watched<'a>(&'a self, names: &mut BTreeSet<&'a str>) {
        let campaign = &self.compiled.campaign;
        campaign.segments.values().for_each(|segment| segment.rule.event_names(names));
        if !campaign.broadcasts.is_empty() {
            // The events that a goal is credited to.
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

/// Returns the rules of a campaign.
fn rules_of(campaign: &Campaign) -> impl Iterator<Item = &Rule> {
    let segments = campaign.segments.values().map(|segment| &segment.rule);
    let journeys = campaign.journeys.values().flat_map(|journey| {
        let branches = journey.steps.iter().flat_map(|step| match &step.action {
            Action::Branch { paths, .. } => paths.iter().map(|(rule, _)| rule).collect(),
            _ => Vec::new(),
        });
        journey.enter.rules().chain(journey.ending_rules()).chain(branches)
    });
    segments.chain(journeys)
}

/// A stored version that cannot be read: it was written by newer code, or it is damaged. Its
/// campaign waits until it can be read; the others continue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    pub campaign: CampaignId,
    pub version: u32,
    /// Why it cannot be read.
    pub reason: String,
    /// The paths of its pages; `None` if not even those can be read.
    #[serde(skip)]
    pub paths: Option<Vec<String>>,
}

/// Extracts the paths of the pages from a version that cannot be read as a whole.
fn paths_in(text: &str) -> Option<Vec<String>> {
    let value: Value = serde_json::from_str(text).ok()?;
    let pages = value.pointer("/campaign/pages")?.as_object()?;
    pages.values().map(|page| Some(page.get("path")?.as_str()?.to_owned())).collect()
}

/// A period during which a version of a campaign could not be read. What happened to contacts in
/// that period is processed again for this campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    pub campaign: CampaignId,
    /// Since when it could not be read.
    pub since: Millis,
    /// The time from which every worker that decides can read it.
    pub until: Millis,
}

/// Versions that are no longer live, or why they cannot be read.
type Older = BTreeMap<(CampaignId, u32), Result<Rc<PublishedVersion>, Unreadable>>;

/// Every live version, and the older ones that contacts are still on.
#[derive(Default)]
pub struct Catalog {
    live: BTreeMap<CampaignId, Rc<PublishedVersion>>,
    /// The live versions that cannot be read.
    unreadable: BTreeMap<CampaignId, Unreadable>,
    /// When the unreadable versions were recorded.
    noted_at: Cell<Option<Millis>>,
    older: RefCell<Older>,
    /// The statuses of all journeys that were ever paused or archived.
    statuses: Vec<JourneyStatus>,
    /// The outages that ended recently.
    outages: Vec<Outage>,
    /// The campaigns that were ever unpublished.
    unpublished: Vec<Unpublished>,
    kinds: Kinds,
}

impl Catalog {
    /// Creates a catalog of these live versions, one per campaign.
    pub fn new(live: impl IntoIterator<Item = Rc<PublishedVersion>>) -> Self {
        let live = live.into_iter().map(|published| (published.id().clone(), published)).collect();
        Self { live, ..Self::default() }
    }

    /// Creates a catalog of these live versions, some of which cannot be read.
    pub fn of_stored(
        stored: impl IntoIterator<Item = Result<Rc<PublishedVersion>, Unreadable>>,
    ) -> Self {
        let (mut live, mut unreadable) = (Vec::new(), BTreeMap::new());
        for version in stored {
            match version {
                Ok(published) => live.push(published),
                Err(one) => drop(unreadable.insert(one.campaign.clone(), one)),
            }
        }
        Self { unreadable, ..Self::new(live) }
    }

    /// Adds the outages that ended recently.
    pub fn with_outages(self, outages: Vec<Outage>) -> Self {
        Self { outages, ..self }
    }

    /// Adds the campaigns that were ever unpublished.
    pub fn with_unpublished(self, unpublished: Vec<Unpublished>) -> Self {
        Self { unpublished, ..self }
    }

    /// Adds the kinds of records.
    pub fn with_kinds(self, kinds: Kinds) -> Self {
        Self { kinds, ..self }
    }

    /// Returns a kind of record.
    pub fn kind(&self, id: &KindId) -> Option<&Rc<Kind>> {
        self.kinds.get(id)
    }

    /// Returns all kinds of records.
    pub fn kinds(&self) -> &Kinds {
        &self.kinds
    }

    /// Adds the current statuses of these journeys; all others are running.
    pub fn with_statuses(self, statuses: Vec<JourneyStatus>) -> Self {
        Self { statuses, ..self }
    }

    /// Returns the current statuses of those journeys of a campaign that were ever paused or
    /// archived.
    pub fn statuses<'c>(
        &'c self,
        campaign: &'c CampaignId,
    ) -> impl Iterator<Item = &'c JourneyStatus> {
        self.statuses.iter().filter(move |status| status.campaign == *campaign)
    }

    /// Returns whether a journey is running. The journeys of an unpublished campaign are archived.
    pub fn run_state(&self, campaign: &CampaignId, journey: &str) -> RunState {
        match self.unpublished(campaign) {
            Some(_) => RunState::Archived,
            None => JourneyStatus::run_state(&self.statuses, campaign, journey),
        }
    }

    /// Returns whether an enrollment that began at that time has ended because its campaign was
    /// unpublished since.
    pub fn is_ended(&self, campaign: &CampaignId, begun: Millis) -> bool {
        Unpublished::ends(&self.unpublished, campaign, begun)
    }

    /// Returns the campaign's entry if it is unpublished now.
    pub fn unpublished(&self, campaign: &CampaignId) -> Option<&Unpublished> {
        self.all_unpublished().find(|one| one.campaign == *campaign)
    }

    /// Returns the campaigns that are unpublished now.
    pub fn all_unpublished(&self) -> impl Iterator<Item = &Unpublished> {
        self.unpublished.iter().filter(|one| one.version.is_some())
    }

    /// Returns the live version of a campaign. For an unpublished campaign, returns the newest
    /// version if it was added.
    pub fn known_version(&self, campaign: &CampaignId) -> Option<Rc<PublishedVersion>> {
        match self.live.get(campaign) {
            Some(live) => Some(live.clone()),
            None => self.version(campaign, self.unpublished(campaign)?.version?),
        }
    }

    /// Returns the live versions, and those of unpublished campaigns that were added.
    pub fn known(&self) -> impl Iterator<Item = Rc<PublishedVersion>> {
        let known = |one: &Unpublished| self.known_version(&one.campaign);
        self.live.values().cloned().chain(self.all_unpublished().filter_map(known))
    }

    /// Returns the campaigns whose goal an event at that time may meet: the live ones, and those
    /// unpublished since then whose versions were added.
    pub fn credited_at(&self, at: Millis) -> impl Iterator<Item = Rc<PublishedVersion>> {
        let since = self.all_unpublished().filter(move |one| at <= one.since);
        let known = |one: &Unpublished| self.known_version(&one.campaign);
        self.live.values().cloned().chain(since.filter_map(known))
    }

    /// Returns whether a path without a live page belonged to a campaign that is now unpublished.
    pub fn had_page(&self, path: &str) -> bool {
        let is_it = |known: &String| normal_path(known) == normal_path(path);
        self.all_unpublished().any(|one| one.paths.iter().any(is_it))
    }

    /// Returns since when a journey has been running again; `None` if it is not running or was
    /// never stopped.
    pub fn resumed_at(&self, campaign: &CampaignId, journey: &str) -> Option<Millis> {
        let status = self.statuses(campaign).find(|status| status.journey == journey)?;
        (status.state == RunState::Running).then_some(status.since)
    }

    /// Returns the ids of all campaigns that are live, or unpublished now.
    pub fn campaigns(&self) -> impl Iterator<Item = &CampaignId> {
        let unpublished = self.all_unpublished().map(|one| &one.campaign);
        self.live.keys().chain(self.unreadable.keys()).chain(unpublished)
    }

    /// Returns the live versions, ordered by campaign id.
    pub fn live(&self) -> impl Iterator<Item = &Rc<PublishedVersion>> {
        self.live.values()
    }

    /// Returns the live version of a campaign.
    pub fn live_version(&self, campaign: &CampaignId) -> Option<&Rc<PublishedVersion>> {
        self.live.get(campaign)
    }

    /// Returns a loaded version by its number, live or older.
    pub fn version(&self, campaign: &CampaignId, version: u32) -> Option<Rc<PublishedVersion>> {
        match self.live.get(campaign) {
            Some(published) if published.version == version => Some(published.clone()),
            _ => self.older.borrow().get(&(campaign.clone(), version))?.clone().ok(),
        }
    }

    /// Adds a version that contacts are still on, whether or not it can be read.
    pub fn add_older(&self, stored: Result<Rc<PublishedVersion>, Unreadable>) {
        let key = match &stored {
            Ok(published) => (published.id().clone(), published.version),
            Err(one) => (one.campaign.clone(), one.version),
        };
        self.older.borrow_mut().insert(key, stored);
    }

    /// Returns whether a version has been looked up before: it is loaded, or cannot be read.
    pub fn knows(&self, campaign: &CampaignId, version: u32) -> bool {
        let is_live = self.live.get(campaign).is_some_and(|published| published.version == version);
        let is_unreadable = self.unreadable.get(campaign).is_some_and(|one| one.version == version);
        let key = (campaign.clone(), version);
        is_live || is_unreadable || self.older.borrow().contains_key(&key)
    }

    /// Returns the campaign's live version if it cannot be read.
    pub fn unreadable_live(&self, campaign: &CampaignId) -> Option<&Unreadable> {
        self.unreadable.get(campaign)
    }

    /// Returns whether work of this version of a campaign waits, because this version or the live
    /// one cannot be read.
    pub fn waits(&self, campaign: &CampaignId, version: u32) -> bool {
        let older = self.older.borrow();
        self.unreadable.contains_key(campaign)
            || older.get(&(campaign.clone(), version)).is_some_and(Result::is_err)
    }

    /// Returns whether a path without a page may belong to a live version that cannot be read.
    pub fn may_have_page(&self, path: &str) -> bool {
        let is_it = |known: &String| normal_path(known) == normal_path(path);
        let may_be =
            |one: &Unreadable| one.paths.as_ref().is_none_or(|paths| paths.iter().any(is_it));
        self.unreadable.values().any(may_be)
    }

    /// Returns the campaign's newest version if it cannot be read. The newest version is the live
    /// one, or the one that was live before the campaign was unpublished.
    pub fn unreadable_newest(&self, campaign: &CampaignId) -> Option<Unreadable> {
        if let Some(live) = self.unreadable.get(campaign) {
            return Some(live.clone());
        }
        let key = (campaign.clone(), self.unpublished(campaign)?.version?);
        self.older.borrow().get(&key)?.as_ref().err().cloned()
    }

    /// Returns every version that was found to be unreadable, live or older. Versions of
    /// unpublished campaigns are left out, because nothing waits for them.
    pub fn unreadable(&self) -> Vec<Unreadable> {
        let older = self.older.borrow();
        let older = older.values().filter_map(|stored| stored.as_ref().err());
        let older = older.filter(|one| self.unpublished(&one.campaign).is_none());
        self.unreadable.values().chain(older).cloned().collect()
    }

    /// Returns the live versions that cannot be read, until they have been recorded; again if the
    /// clock was ahead when they were. They must be recorded before a decision is made without
    /// them.
    pub fn to_be_noted(&self, now: Millis) -> Vec<Unreadable> {
        let is_noted = self.noted_at.get().is_some_and(|at| at <= now);
        if is_noted { Vec::new() } else { self.unreadable.values().cloned().collect() }
    }

    /// Marks the unreadable live versions as recorded.
    pub fn set_noted(&self, now: Millis) {
        self.noted_at.set(Some(now));
    }

    /// Returns the outages that ended recently.
    pub fn outages(&self) -> &[Outage] {
        &self.outages
    }

    /// Returns the page at a path, with its version and its name.
    pub fn page_at(&self, path: &str) -> Option<(&Rc<PublishedVersion>, &str, &Page)> {
        self.live.values().find_map(|published| {
            let pages = &published.compiled.campaign.pages;
            let is_it = |page: &Page| normal_path(&page.path) == normal_path(path);
            let (name, page) = pages.iter().find(|(_, page)| is_it(page))?;
            Some((published, name.as_str(), page))
        })
    }

    /// Returns a form of a live version.
    pub fn form(&self, id: &QualifiedId) -> Option<(&Rc<PublishedVersion>, &Form)> {
        let (campaign, name) = id.parts()?;
        let published = self.live.get(&campaign)?;
        Some((published, published.compiled.campaign.forms.get(name)?))
    }

    /// Returns the journeys that limit how many contacts enter per hour.
    pub fn limited(&self) -> Vec<QualifiedId> {
        let journeys = self.live.values().flat_map(|published| {
            let journeys = published.compiled.campaign.journeys.iter();
            journeys.map(|(name, journey)| (QualifiedId::new(published.id(), name), journey))
        });
        let limited = journeys.filter(|(_, journey)| journey.entries_per_hour.is_some());
        limited.map(|(id, _)| id).collect()
    }

    /// Returns the keys of journeys that a contact enters once per value, for an event with these
    /// properties.
    pub fn entry_keys(&self, properties: &Properties) -> BTreeSet<String> {
        let journeys = self.live.values().flat_map(|e| e.compiled.campaign.journeys.values());
        let key = |journey: &Journey| match &journey.re_entry {
            ReEntry::OncePer(property) => value_key(properties.get(property)?),
            _ => None,
        };
        journeys.filter_map(key).collect()
    }

    /// Returns whether any rule asks about the companies of contacts.
    pub fn asks_about_companies(&self) -> bool {
        let older = self.older.borrow();
        let older = older.values().filter_map(|stored| stored.as_ref().ok());
        self.live.values().chain(older).any(|published| published.asks_about_companies)
    }

    /// Returns the attributes in which contacts name their company: those that fields of live forms
    /// set.
    pub fn company_fields(&self) -> BTreeSet<&str> {
        let forms = self.live.values().flat_map(|live| live.compiled.campaign.forms.values());
        let fields = forms.flat_map(|form| &form.fields);
        fields.filter(|field| field.names_company).map(|field| field.name.as_str()).collect()
    }

    /// Returns whether contacts are read with their positions: the kind `company` is published, a
    /// form asks for the company, or a rule asks about companies. A deployment that has none of
    /// these pays nothing for companies.
    pub fn uses_companies(&self) -> bool {
        self.kinds.is_published(&KindId::from(COMPANY))
            || self.asks_about_companies()
            || !self.company_fields().is_empty()
    }

    /// Returns the names of the events that any rule or journey refers to: the part of a contact's
    /// history that a decision needs.
    pub fn watched_events(&self) -> BTreeSet<String> {
        let older = self.older.borrow();
        let older = older.values().filter_map(|stored| stored.as_ref().ok());
        let mut names = BTreeSet::new();
        self.live.values().chain(older).for_each(|published| published.watched(&mut names));
        for published in self.outages.iter().filter_map(|outage| self.live.get(&outage.campaign)) {
            // An event during the outage may have been the campaign's goal, and may have been
            // credited already.
            names.insert(&published.compiled.campaign.goal.event);
            names.extend([names::GOAL_REACHED, names::FORM_SUBMITTED, names::CONSENT_CONFIRMED]);
            names.extend([names::SEGMENT_ENTERED, names::SEGMENT_LEFT]);
        }
        if self.uses_companies() {
            names.extend(POSITION_EVENTS);
        }
        names.into_iter().map(str::to_owned).collect()
    }
}

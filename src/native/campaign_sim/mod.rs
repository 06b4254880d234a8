//! Simulates a campaign with made-up contacts over virtual days, with the production flows over
//! SQLite in memory. The same options always give the same outcome.

pub mod people;

use super::world::{Sent, World};
use crate::domain::base::language::Language;
use crate::domain::base::primitives::{Channel, MessageId, Millis, QualifiedId, RecordId, Span};
use crate::domain::base::token::Purpose;
use crate::domain::campaign::broadcast::BroadcastVerb;
use crate::domain::campaign::{Campaign, Compiled};
use crate::domain::contact::Contact;
use crate::domain::contact::message::{CapturedMessage, Message, system_templates};
use crate::domain::form::CONSENT_FIELD;
use crate::domain::form::form_data::FormData;
use crate::domain::inbound::custom_event::CustomEvent;
use crate::domain::record::event::names;
use crate::domain::report::Report;
use crate::domain::time::calendar;
use crate::domain::time::calendar::LocalTime;
use crate::flows::commit::CommitError;
use crate::flows::contact::subscription_links::Link;
use crate::flows::tasks::Intake;
use crate::store::contacts::{self, Addresses, ContactRow};
use crate::store::messages::{self, MessageRow};
use crate::store::statement::Statement;
use crate::store::totals::{self, EnrollmentTotal, MessageTotal, SegmentTotal};
use crate::views::format::money;
use people::{Dice, Person};
use serde::de::DeserializeOwned;
use serde_json::json;
use std::collections::BTreeMap;

/// The options of a simulation. Shares are from 0 to 1.
#[derive(Clone, Debug)]
pub struct Options {
    /// The number of contacts who send a form.
    pub contacts: usize,
    /// The length in days.
    pub days: i64,
    /// The seed of all randomness.
    pub seed: u64,
    pub start: Millis,
    /// The share of visitors who send the form.
    pub lead: f64,
    /// The share of contacts who consent, where a form leaves that optional.
    pub consent: f64,
    /// The share of contacts who confirm their address when asked.
    pub confirm: f64,
    /// The share of e-mails that are opened.
    pub open: f64,
    /// The share of e-mails in which a link is clicked; those are opened too.
    pub click: f64,
    /// The share of e-mails that lead to an unsubscription.
    pub unsubscribe: f64,
    /// The share of contacts who reach the campaign's goal.
    pub buy: f64,
    /// The average value of a goal, in minor units.
    pub order_minor: i64,
}

/// The result of a simulation.
pub struct Outcome {
    /// Everything that happened, by time.
    pub calendar: Vec<Entry>,
    /// The campaign's report at the end.
    pub report: Report,
    /// The number of messages by template and status.
    pub messages: Vec<MessageTotal>,
    /// The number of enrollments by journey and state.
    pub journeys: Vec<EnrollmentTotal>,
    /// The sizes of all segments.
    pub segments: Vec<SegmentTotal>,
    /// The number of refused forms (made-up answers that were invalid), and the first reason.
    pub refused: (usize, Option<String>),
}

impl Outcome {
    /// The number of steps executed in all journeys.
    pub fn steps(&self) -> i64 {
        self.journeys.iter().map(|total| total.steps).sum()
    }
}

/// One thing that a contact received or did.
#[derive(Clone, Debug)]
pub struct Entry {
    pub at: Millis,
    /// The number of the person, from 0.
    pub person: usize,
    pub address: String,
    /// The time zone of the person.
    pub time_zone: String,
    /// `email`, `sms` or `web`.
    pub channel: String,
    /// What happened, in a few words.
    pub what: String,
    /// The detail: a subject, a target or an amount.
    pub detail: String,
}

/// A planned action.
enum Action {
    /// Visits a page, and leaves or fills in its form.
    Visit { path: String, fills_in: bool },
    /// Sends the form.
    Send(QualifiedId, FormData),
    /// Follows a link of a message.
    Follow(Purpose, Link),
    /// Reaches the goal, with this amount.
    Order(i64),
    /// The marketer, not a contact, starts a broadcast that waits to be started.
    Broadcast(QualifiedId),
}

/// Runs a simulation; calls `progress` with the virtual time now and then.
pub fn simulate(
    compiled: Compiled,
    options: &Options,
    progress: impl Fn(Millis),
) -> Result<Outcome, String> {
    let campaign = compiled.campaign.clone();
    let world = World::new(options.start, options.seed, vec![compiled])?;
    let people: Vec<Person> =
        (0..options.contacts).map(|number| Person::new(&campaign, options.seed, number)).collect();
    let by_address = people
        .iter()
        .enumerate()
        .flat_map(|(n, person)| [(person.email.clone(), n), (person.phone.clone(), n)])
        .collect();
    let mut run = Run {
        options,
        world,
        people,
        by_address,
        plan: BTreeMap::new(),
        planned: 0,
        sent: Vec::new(),
        actions: Vec::new(),
        refused: (0, None),
        end: options.start.plus(Span::days(options.days)),
    };
    run.invite(&campaign)?;
    run.announce(&campaign);
    run.go(progress).map_err(|error| error.to_string())?;
    if let Some(failure) = run.world.failures.pop() {
        return Err(failure);
    }
    run.outcome(&campaign.id.0, &campaign.time_zone)
}

/// An action that a person took, with its message, for the calendar.
struct Done {
    at: Millis,
    person: usize,
    what: &'static str,
    message: Option<MessageId>,
    detail: String,
}

/// The part of a message that the calendar needs.
struct Kept {
    at: Millis,
    id: MessageId,
    channel: String,
    /// The subject, or the text of an SMS.
    detail: String,
}

/// A running simulation.
struct Run<'o> {
    options: &'o Options,
    world: World,
    people: Vec<Person>,
    by_address: BTreeMap<String, usize>,
    /// The planned actions, by time and then in the order they were planned.
    plan: BTreeMap<(Millis, u64), (usize, Action)>,
    planned: u64,
    sent: Vec<Kept>,
    actions: Vec<Done>,
    refused: (usize, Option<String>),
    end: Millis,
}

impl Run<'_> {
    fn intend(&mut self, at: Millis, person: usize, action: Action) {
        self.planned += 1;
        self.plan.insert((at, self.planned), (person, action));
    }

    /// Plans the visits: of those who will send a form, and of those who only look. They fall
    /// within the first third of the time, between 8 and 22 o'clock in the campaign's zone.
    fn invite(&mut self, campaign: &Campaign) -> Result<(), String> {
        let paths: Vec<String> = campaign
            .pages
            .values()
            .filter(|page| page.form.is_some())
            .map(|page| page.path.clone())
            .collect();
        if paths.is_empty() {
            return Err("no page of the campaign has a form, so nobody can come in".to_owned());
        }
        let days = (self.options.days / 3).clamp(1, 14).unsigned_abs();
        let zone = calendar::zone(&[Some(&campaign.time_zone)]);
        let morning = LocalTime { hour: 8, minute: 0, weekdays: Vec::new() };
        let start = self.options.start;
        let arrival = |dice: &mut Dice| {
            let day = start.plus(Span::days(dice.below(days) as i64 - 1));
            let at = calendar::next_local_time(day, &morning, &zone);
            let at = at.plus(dice.within(Span::hours(14)));
            if at < start { at.plus(Span::days(1)) } else { at }
        };
        let lookers = (self.options.contacts as f64 * (1.0 / self.options.lead - 1.0)) as usize;
        for person in 0..self.people.len() + lookers {
            let mut stranger;
            let fills_in = person < self.people.len();
            let dice = match self.people.get_mut(person) {
                Some(person) => &mut person.dice,
                None => {
                    stranger = Dice::new(self.options.seed, person as u64);
                    &mut stranger
                }
            };
            let at = arrival(dice);
            let path = dice.pick(&paths).cloned().unwrap_or_default();
            self.intend(at, person, Action::Visit { path, fills_in });
        }
        Ok(())
    }

    /// Plans the broadcasts that wait to be started: halfway through the time.
    fn announce(&mut self, campaign: &Campaign) {
        let at = self.options.start.plus(Span::days(self.options.days)).0 + self.options.start.0;
        for (name, _) in campaign.broadcasts.iter().filter(|(_, b)| b.at.is_none()) {
            let id = QualifiedId::new(&campaign.id, name);
            self.intend(Millis(at / 2), 0, Action::Broadcast(id));
        }
    }

    /// Advances time from one due or planned action to the next.
    fn go(&mut self, progress: impl Fn(Millis)) -> Result<(), CommitError> {
        loop {
            progress(self.world.now());
            let next = self.plan.first_key_value().map_or(self.end, |((at, _), _)| *at);
            if self.world.step(next.min(self.end))? {
                self.react();
                continue;
            }
            if next > self.end {
                return Ok(());
            }
            let Some((_, (person, action))) = self.plan.pop_first() else { return Ok(()) };
            self.act(person, action)?;
            self.react();
        }
    }

    fn act(&mut self, person: usize, action: Action) -> Result<(), CommitError> {
        match action {
            Action::Visit { path, fills_in } => return self.visit(person, &path, fills_in),
            Action::Send(form, answer) => return self.send(person, &form, &answer),
            Action::Follow(purpose, link) => {
                let (what, detail) = match purpose {
                    Purpose::Confirm => ("confirms the address in", ""),
                    Purpose::Unsubscribe => ("unsubscribes by", ""),
                    Purpose::Click => ("clicks in", link.rest.as_str()),
                    _ => ("opens", ""),
                };
                // Show links to our own pages as paths, and no link with its tracking parameters.
                let ours = detail.strip_prefix(&self.world.settings.base_url);
                let target = ours.unwrap_or(detail).split('?').next().unwrap_or_default();
                let target = target.to_owned();
                self.note(person, what, Some(link.message.clone()), &target);
                self.world.follow(purpose, link)?;
            }
            Action::Order(minor) => return self.order(person, minor),
            Action::Broadcast(id) => {
                // A broadcast that was cancelled or sent stays so.
                let _ = self.world.broadcast(id.as_str(), BroadcastVerb::Start);
            }
        }
        Ok(())
    }

    fn visit(&mut self, person: usize, path: &str, fills_in: bool) -> Result<(), CommitError> {
        let Some(who) = self.people.get_mut(person).filter(|_| fills_in) else {
            let campaign = self.world.catalog.live().next().cloned();
            let Some(published) = campaign else { return Ok(()) };
            let stranger = Person::new(&published.compiled.campaign, self.options.seed, person);
            return self.world.visit(&stranger.visitor, path, &stranger.query());
        };
        let (visitor, query, now) = (who.visitor.clone(), who.query(), self.world.now());
        self.world.visit(&visitor, path, &query)?;
        let form = self.world.catalog.page_at(path).and_then(|(published, _, page)| {
            published.compiled.campaign.forms.get(page.form.as_ref()?)
        });
        let Some(form) = form else { return Ok(()) };
        let answers = who.answers(form, self.options.consent, now);
        let at = now.plus(Span::seconds(20)).plus(who.dice.within(Span::minutes(3)));
        let channel = who.channel.clone().unwrap_or_else(|| "direct".to_owned());
        let fields: Vec<(&str, &str)> =
            answers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let filled_in = self.world.fill_in_as(&visitor, path, &query, &fields);
        self.note(person, "visits", None, &format!("{path} from {channel}"));
        if let Some((form, answer)) = filled_in {
            self.intend(at, person, Action::Send(form, answer));
        }
        Ok(())
    }

    fn send(
        &mut self,
        person: usize,
        form: &QualifiedId,
        answer: &FormData,
    ) -> Result<(), CommitError> {
        match self.world.send(form, answer)? {
            Sent::Thanks => {}
            Sent::Problems(problems) => {
                let problem = problems.first();
                let reason =
                    problem.map(|p| format!("{}: {}", p.field, p.message(Language::English)));
                self.refused = (self.refused.0 + 1, self.refused.1.take().or(reason));
                return Ok(());
            }
            Sent::BadToken(_) => return Ok(()),
        }
        let is_box =
            |name: &str| name.split('.').next().is_some_and(|first| first == CONSENT_FIELD);
        let agrees = answer.names().any(is_box);
        let detail = if agrees { "agrees to messages" } else { "does not agree to messages" };
        self.note(person, "sends the form", None, detail);
        let now = self.world.now();
        let goal = self.world.catalog.form(form).map(|(e, _)| e.compiled.campaign.goal.clone());
        let Some(goal) = goal else { return Ok(()) };
        let is_own = names::RESERVED.iter().any(|family| goal.event.starts_with(family));
        let who = &mut self.people[person];
        if who.dice.chance(self.options.buy) && !is_own {
            let soonest = now.plus(Span::hours(4));
            let latest = now.plus(goal.within).min(self.end);
            let at = soonest.plus(who.dice.within(Span(latest.0 - soonest.0)));
            let half = self.options.order_minor / 2;
            let minor = half + who.dice.below(self.options.order_minor.unsigned_abs() + 1) as i64;
            self.intend(at, person, Action::Order(minor));
        }
        Ok(())
    }

    fn order(&mut self, person: usize, minor: i64) -> Result<(), CommitError> {
        let Some(published) = self.world.catalog.live().next() else { return Ok(()) };
        let campaign = &published.compiled.campaign;
        let (name, currency) = (campaign.goal.event.clone(), campaign.currency.clone());
        let amount = money(minor, &currency, Language::English);
        let properties = json!({ "value_minor": minor, "currency": currency });
        let report = Intake::CustomEventV1 {
            email: Some(self.people[person].email.clone()),
            phone: Some(self.people[person].phone.clone()),
            external_id: None,
            contact_id: None,
            event: CustomEvent {
                name: name.clone(),
                at: self.world.now(),
                properties: properties.as_object().cloned().unwrap_or_default(),
                key: format!("order:{person}"),
                content: None,
            },
        };
        self.note(person, "reaches the goal", None, &format!("{name}, {amount}"));
        self.world.take_in(vec![report])
    }

    fn note(
        &mut self,
        person: usize,
        what: &'static str,
        message: Option<MessageId>,
        detail: &str,
    ) {
        let at = self.world.now();
        self.actions.push(Done { at, person, what, message, detail: detail.to_owned() });
    }

    /// Plans how the recipients of new messages react.
    fn react(&mut self) {
        for message in self.world.take_messages() {
            if let Some(person) = self.by_address.get(&message.address).copied()
                && message.channel == Channel::Email.as_str()
            {
                self.read(person, &message);
            }
            let CapturedMessage { at, id, channel, subject, text, .. } = message;
            let detail = if subject.is_empty() { text } else { subject };
            self.sent.push(Kept { at, id: MessageId(id), channel, detail });
        }
    }

    fn read(&mut self, person: usize, message: &CapturedMessage) {
        let Options { confirm, open, click, unsubscribe, .. } = *self.options;
        let dice = &mut self.people[person].dice;
        // Draw every random number for every message, so that one share does not shift the others.
        let (confirms, leaves) = (dice.chance(confirm), dice.chance(unsubscribe));
        // Those who click are among those who open.
        let (interest, choice) = (dice.throw(), dice.throw());
        let (opens, clicks) = (interest < open.max(click), interest < click);
        let first_look = message.at.plus(dice.delay(Span::minutes(2), 10));
        let later = first_look.plus(dice.delay(Span::seconds(10), 4));
        let asks = message.html.contains("/confirm/");
        for (does, purpose, at) in [
            (confirms && asks, Purpose::Confirm, first_look),
            ((opens || leaves) && !asks, Purpose::Open, first_look),
            (clicks && !asks, Purpose::Click, later),
            (leaves && !asks, Purpose::Unsubscribe, later.plus(Span::seconds(5))),
        ] {
            if !does {
                continue;
            }
            let mut links: Vec<Link> = self.world.links(message, purpose).collect();
            if !links.is_empty() {
                let link = links.swap_remove((choice * links.len() as f64) as usize);
                self.intend(at, person, Action::Follow(purpose, link));
            }
        }
    }

    fn rows<T: DeserializeOwned>(&self, statement: Statement) -> Result<Vec<T>, String> {
        self.world.rows(statement).map_err(|error| error.to_string())?.all()
    }

    /// Reads the message ledger and the totals.
    fn outcome(self, campaign: &str, time_zone: &str) -> Result<Outcome, String> {
        let report = self.world.report_with_broadcasts(campaign);
        let report = report.map_err(|error| error.to_string())?;
        Ok(Outcome {
            calendar: self.calendar(time_zone)?,
            report: report.ok_or("the campaign is not live")?,
            messages: self.rows(totals::messages())?,
            journeys: self.rows(totals::enrollments())?,
            segments: self.rows(totals::segments())?,
            refused: self.refused,
        })
    }

    /// Returns messages and actions by time, each with its person.
    fn calendar(&self, campaign_zone: &str) -> Result<Vec<Entry>, String> {
        let ledger: BTreeMap<MessageId, Message> = self
            .rows::<MessageRow>(messages::by_ids(self.sent.iter().map(|message| &message.id)))?
            .into_iter()
            .map(Message::from)
            .map(|message| (message.id.clone(), message))
            .collect();
        let contacts = self.contacts()?;
        let person_of: BTreeMap<&RecordId, usize> =
            contacts.iter().map(|(person, contact)| (&contact.id, *person)).collect();
        let template =
            |id: &MessageId| ledger.get(id).map_or("", |message| message.source.template());
        let entry = |at, person: usize, channel: &str, what: String, detail: String| {
            let contact = contacts.get(&person);
            let address = contact.and_then(|c| c.email.as_ref().or(c.phone.as_ref()));
            let time_zone = contact.and_then(|c| c.time_zone.as_deref()).unwrap_or(campaign_zone);
            Entry {
                at,
                person,
                address: address.unwrap_or(&self.people[person].email).clone(),
                time_zone: time_zone.to_owned(),
                channel: channel.to_owned(),
                what,
                detail,
            }
        };
        // An action comes before its effects at the same instant.
        let mut entries: Vec<Entry> = Vec::new();
        for Done { at, person, what, message, detail } in &self.actions {
            let about = message.as_ref().map(template).unwrap_or_default();
            let channel = if message.is_some() { "email" } else { "web" };
            let what = format!("{what} {about}").trim_end().to_owned();
            entries.push(entry(*at, *person, channel, what, detail.clone()));
        }
        for Kept { at, id, channel, detail } in &self.sent {
            let person = ledger.get(id).and_then(|message| person_of.get(&message.contact_id));
            let Some(person) = person.copied() else { continue };
            let what = match template(id) {
                system_templates::NOTIFY => "is reported to the owner".to_owned(),
                template => format!("gets {template}"),
            };
            entries.push(entry(*at, person, channel, what, detail.clone()));
        }
        entries.sort_by_key(|entry| entry.at);
        Ok(entries)
    }

    /// Finds the contact of each person.
    fn contacts(&self) -> Result<BTreeMap<usize, Contact>, String> {
        let addresses = Addresses {
            emails: self.people.iter().map(|person| person.email.clone()).collect(),
            phones: self.people.iter().map(|person| person.phone.clone()).collect(),
            external_ids: Vec::new(),
        };
        let wanted = contacts::by_addresses(&addresses, &[], &[], self.world.now());
        let rows = self.rows::<ContactRow>(wanted)?;
        let person_of = |contact: &Contact| {
            let address = contact.email.as_ref().or(contact.phone.as_ref());
            address.and_then(|address| self.by_address.get(address)).copied()
        };
        let found = rows.into_iter().map(Contact::from);
        Ok(found.filter_map(|contact| Some((person_of(&contact)?, contact))).collect())
    }
}

//! A campaign run over made-up contacts through virtual days, with the very same flows, over
//! SQLite in memory. The same options always give the same outcome.

pub mod people;

use super::world::{Sent, World};
use crate::domain::answer::Answer;
use crate::domain::campaign::{Campaign, Compiled};
use crate::domain::contact::Contact;
use crate::domain::decide::Reported;
use crate::domain::event::names;
use crate::domain::form::CONSENT_FIELD;
use crate::domain::language::Language;
use crate::domain::message::{Letter, Message, house};
use crate::domain::primitives::{ContactId, MessageId, Millis, QualifiedId, Span};
use crate::domain::report::Report;
use crate::flows::commit::CommitError;
use crate::flows::task::{EventReport, Intake};
use crate::store::contacts::{self, Addresses, ContactRow};
use crate::store::messages::{self, MessageRow};
use crate::store::statement::Statement;
use crate::store::totals::{self, EnrollmentTotal, MessageTotal, SegmentTotal};
use crate::views::format::money;
use people::{Dice, Person};
use serde::de::DeserializeOwned;
use serde_json::json;
use std::collections::BTreeMap;

/// What is simulated. Shares are from 0 to 1.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many send a form.
    pub contacts: usize,
    /// How long.
    pub days: i64,
    /// What chance depends on.
    pub seed: u64,
    /// When it begins.
    pub start: Millis,
    /// The share of visitors who send the form.
    pub lead: f64,
    /// The share of those who agree to be written to, where a form leaves that free.
    pub consent: f64,
    /// The share of those asked who confirm their address.
    pub confirm: f64,
    /// The share of e-mails that are opened.
    pub open: f64,
    /// The share of e-mails in which a link is clicked; those are opened too.
    pub click: f64,
    /// The share of e-mails that make their reader unsubscribe.
    pub unsubscribe: f64,
    /// The share of contacts who reach the campaign's goal.
    pub buy: f64,
    /// What a goal is worth on average, in minor units.
    pub order_minor: i64,
}

/// What came of it.
pub struct Outcome {
    /// Everything that happened, by time.
    pub calendar: Vec<Entry>,
    /// The campaign's report at the end.
    pub report: Report,
    /// Messages by template and what became of them.
    pub messages: Vec<MessageTotal>,
    /// Passages through journeys by how they stand.
    pub journeys: Vec<EnrollmentTotal>,
    /// The sizes of all segments.
    pub segments: Vec<SegmentTotal>,
    /// The forms that were refused, and the first reason: made-up answers that did not fit.
    pub refused: (usize, Option<String>),
}

impl Outcome {
    /// How many steps were taken in all journeys together.
    pub fn steps(&self) -> i64 {
        self.journeys.iter().map(|total| total.steps).sum()
    }
}

/// One thing that a contact got or did.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When.
    pub at: Millis,
    /// Who, counted from 0.
    pub person: usize,
    /// Their address.
    pub address: String,
    /// The zone of their clock.
    pub time_zone: String,
    /// `email`, `sms` or `web`.
    pub channel: String,
    /// What happened, in a few words.
    pub what: String,
    /// The subject, the target, the amount: what there is to add.
    pub detail: String,
}

/// What a person is going to do.
enum Deed {
    /// Looks at a page, and leaves or fills in its form.
    Visit { path: String, fills_in: bool },
    /// Sends the form.
    Send(QualifiedId, Answer),
    /// Follows the link of a confirmation mail.
    Confirm(Letter),
    /// Opens a message.
    Open(Letter),
    /// Follows the link of this number in a message.
    Click(Letter, u64),
    /// Follows the unsubscribe link.
    Unsubscribe(Letter),
    /// Reaches the goal, with this amount.
    Order(i64),
}

/// Runs a simulation, telling `progress` the virtual time now and then.
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
        seen: 0,
        deeds: Vec::new(),
        refused: (0, None),
        end: options.start.plus(Span::days(options.days)),
    };
    run.invite(&campaign)?;
    run.go(progress).map_err(|error| error.to_string())?;
    run.outcome(&campaign.id.0, &campaign.time_zone)
}

/// What a person did, with the message it was about, for the calendar.
struct Done {
    at: Millis,
    person: usize,
    what: &'static str,
    message: Option<String>,
    detail: String,
}

/// A simulation under way.
struct Run<'o> {
    options: &'o Options,
    world: World,
    people: Vec<Person>,
    by_address: BTreeMap<String, usize>,
    /// What is going to be done, by time and then in the order it was planned.
    plan: BTreeMap<(Millis, u64), (usize, Deed)>,
    planned: u64,
    /// How many letters were reacted to.
    seen: usize,
    deeds: Vec<Done>,
    refused: (usize, Option<String>),
    end: Millis,
}

impl Run<'_> {
    fn intend(&mut self, at: Millis, person: usize, deed: Deed) {
        self.planned += 1;
        self.plan.insert((at, self.planned), (person, deed));
    }

    /// Plans the visits: of those who will send a form, and of those who only look. They come
    /// over the first third of the time, within ten hours a day from the hour of the start.
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
        let arrival = |dice: &mut Dice| {
            Span::days(dice.below(days) as i64).0 + dice.within(Span::hours(10)).0
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
            let at = self.options.start.plus(Span(arrival(dice)));
            let path = dice.pick(&paths).cloned().unwrap_or_default();
            self.intend(at, person, Deed::Visit { path, fills_in });
        }
        Ok(())
    }

    /// Lets time pass from one thing that is due or planned to the next.
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
            let Some((_, (person, deed))) = self.plan.pop_first() else { return Ok(()) };
            self.act(person, deed)?;
            self.react();
        }
    }

    fn act(&mut self, person: usize, deed: Deed) -> Result<(), CommitError> {
        match deed {
            Deed::Visit { path, fills_in } => return self.visit(person, &path, fills_in),
            Deed::Send(form, answer) => return self.send(person, &form, &answer),
            Deed::Confirm(letter) => {
                if self.world.confirm(&letter)? {
                    self.note(person, "confirms the address in", Some(&letter), "");
                }
            }
            Deed::Open(letter) => {
                if self.world.open(&letter)? {
                    self.note(person, "opens", Some(&letter), "");
                }
            }
            Deed::Click(letter, number) => {
                let link = self.world.links(&letter).nth(number as usize);
                if let Some(link) = link {
                    let ours = link.rest.strip_prefix(&self.world.settings.base_url);
                    let target = ours.unwrap_or(&link.rest);
                    let target = target.split('?').next().unwrap_or_default().to_owned();
                    self.note(person, "clicks in", Some(&letter), &target);
                    self.world.engage(link.contact, link.message, Some(link.rest))?;
                }
            }
            Deed::Unsubscribe(letter) => {
                if self.world.unsubscribe(&letter)? {
                    self.note(person, "unsubscribes by", Some(&letter), "");
                }
            }
            Deed::Order(minor) => return self.order(person, minor),
        }
        Ok(())
    }

    fn visit(&mut self, person: usize, path: &str, fills_in: bool) -> Result<(), CommitError> {
        let Some(who) = self.people.get_mut(person).filter(|_| fills_in) else {
            let campaign = self.world.catalog.live().next().cloned();
            let Some(edition) = campaign else { return Ok(()) };
            let stranger = Person::new(&edition.compiled.campaign, self.options.seed, person);
            return self.world.visit(&stranger.visitor, path, &stranger.query());
        };
        let (visitor, query, now) = (who.visitor.clone(), who.query(), self.world.now());
        self.world.visit(&visitor, path, &query)?;
        let form = self.world.catalog.page_at(path).and_then(|(edition, _, page)| {
            edition.compiled.campaign.forms.get(page.form.as_ref()?)
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
            self.intend(at, person, Deed::Send(form, answer));
        }
        Ok(())
    }

    fn send(
        &mut self,
        person: usize,
        form: &QualifiedId,
        answer: &Answer,
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
        let agrees = answer.first(CONSENT_FIELD).is_some();
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
            self.intend(at, person, Deed::Order(minor));
        }
        Ok(())
    }

    fn order(&mut self, person: usize, minor: i64) -> Result<(), CommitError> {
        let Some(edition) = self.world.catalog.live().next() else { return Ok(()) };
        let campaign = &edition.compiled.campaign;
        let (name, currency) = (campaign.goal.event.clone(), campaign.currency.clone());
        let amount = money(minor, &currency, Language::English);
        let properties = json!({ "value_minor": minor, "currency": currency });
        let report = EventReport {
            email: Some(self.people[person].email.clone()),
            phone: Some(self.people[person].phone.clone()),
            external_id: None,
            contact_id: None,
            event: Reported {
                name: name.clone(),
                at: self.world.now(),
                properties: properties.as_object().cloned().unwrap_or_default(),
                key: format!("order:{person}"),
            },
        };
        self.note(person, "reaches the goal", None, &format!("{name}, {amount}"));
        self.world.take_in(vec![Intake::ReportV1(report)])
    }

    fn note(&mut self, person: usize, what: &'static str, letter: Option<&Letter>, detail: &str) {
        let message = letter.map(|letter| letter.id.clone());
        let at = self.world.now();
        self.deeds.push(Done { at, person, what, message, detail: detail.to_owned() });
    }

    /// Plans what the readers of new letters do about them.
    fn react(&mut self) {
        let letters = self.world.letters_after(self.seen);
        self.seen += letters.len();
        for letter in letters {
            if let Some(person) = self.by_address.get(&letter.address).copied()
                && letter.channel == "email"
            {
                self.read(person, letter);
            }
        }
    }

    fn read(&mut self, person: usize, letter: Letter) {
        let Options { confirm, open, click, unsubscribe, .. } = *self.options;
        let dice = &mut self.people[person].dice;
        // Everything is thrown for every letter, so that one share does not move the others.
        let confirms = dice.chance(confirm);
        let (opens, clicks, leaves) =
            (dice.chance(open), dice.chance(click), dice.chance(unsubscribe));
        let first_look = letter.at.plus(dice.delay(Span::minutes(2), 10));
        let reading = dice.delay(Span::seconds(10), 4);
        let links = self.world.links(&letter).count() as u64;
        let number = dice.below(links);
        if letter.html.contains("/confirm/") {
            if confirms {
                self.intend(first_look, person, Deed::Confirm(letter));
            }
            return;
        }
        if opens || clicks || leaves {
            self.intend(first_look, person, Deed::Open(letter.clone()));
        }
        if clicks && links > 0 {
            self.intend(first_look.plus(reading), person, Deed::Click(letter.clone(), number));
        }
        if leaves {
            let at = first_look.plus(reading).plus(Span::seconds(5));
            self.intend(at, person, Deed::Unsubscribe(letter));
        }
    }

    fn rows<T: DeserializeOwned>(&self, statement: Statement) -> Result<Vec<T>, String> {
        self.world.rows(statement).map_err(|error| error.to_string())?.all()
    }

    /// Reads the ledger and the totals.
    fn outcome(self, campaign: &str, time_zone: &str) -> Result<Outcome, String> {
        let report = self.world.report(campaign).map_err(|error| error.to_string())?;
        Ok(Outcome {
            calendar: self.calendar(time_zone)?,
            report: report.ok_or("the campaign is not live")?,
            messages: self.rows(totals::messages())?,
            journeys: self.rows(totals::enrollments())?,
            segments: self.rows(totals::segments())?,
            refused: self.refused,
        })
    }

    /// Letters and deeds by time, each with the person it is about.
    fn calendar(&self, campaign_zone: &str) -> Result<Vec<Entry>, String> {
        let letters = self.world.letters();
        let ids: Vec<MessageId> =
            letters.iter().map(|letter| MessageId(letter.id.clone())).collect();
        let ledger: BTreeMap<String, Message> = self
            .rows::<MessageRow>(messages::by_ids(&ids))?
            .into_iter()
            .map(Message::from)
            .map(|message| (message.id.0.clone(), message))
            .collect();
        let contacts = self.contacts()?;
        let person_of: BTreeMap<&ContactId, usize> =
            contacts.iter().map(|(person, contact)| (&contact.id, *person)).collect();
        let template = |id: &str| ledger.get(id).map_or("", |message| message.template.as_str());
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
        // What was done comes before what followed from it at the same instant.
        let mut entries: Vec<Entry> = Vec::new();
        for Done { at, person, what, message, detail } in &self.deeds {
            let about = message.as_deref().map(template).unwrap_or_default();
            let channel = if message.is_some() { "email" } else { "web" };
            let what = format!("{what} {about}").trim_end().to_owned();
            entries.push(entry(*at, *person, channel, what, detail.clone()));
        }
        for letter in &letters {
            let message = ledger.get(&letter.id);
            let person = message.and_then(|message| person_of.get(&message.contact_id));
            let Some(person) = person.copied() else { continue };
            let what = match template(&letter.id) {
                house::NOTIFY => "is reported to the owner".to_owned(),
                template => format!("gets {template}"),
            };
            let detail = match letter.subject.is_empty() {
                true => letter.text.clone(),
                false => letter.subject.clone(),
            };
            entries.push(entry(letter.at, person, &letter.channel, what, detail));
        }
        entries.sort_by_key(|entry| entry.at);
        Ok(entries)
    }

    /// The contact that each person has become.
    fn contacts(&self) -> Result<BTreeMap<usize, Contact>, String> {
        let addresses = Addresses {
            emails: self.people.iter().map(|person| person.email.clone()).collect(),
            phones: self.people.iter().map(|person| person.phone.clone()).collect(),
            external_ids: Vec::new(),
        };
        let rows = self.rows::<ContactRow>(contacts::by_addresses(&addresses, &[]))?;
        let person_of = |contact: &Contact| {
            let address = contact.email.as_ref().or(contact.phone.as_ref());
            address.and_then(|address| self.by_address.get(address)).copied()
        };
        let found = rows.into_iter().map(Contact::from);
        Ok(found.filter_map(|contact| Some((person_of(&contact)?, contact))).collect())
    }
}

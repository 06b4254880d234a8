//! The actions of people, of bots, and of the customer's own system.

use super::flow::{Flow, Job, Request};
use super::run::{Fact, Run};
use crate::domain::base::primitives::{CampaignId, QualifiedId, RecordId};
use crate::domain::base::token::Purpose;
use crate::domain::contact::touch::Touch;
use crate::domain::engine::Submitted;
use crate::domain::inbound::custom_event::CustomEvent;
use crate::domain::inbound::engagement::Engagement;
use crate::flows::contact::subscription_links::{self, Link};
use crate::flows::tasks::Intake;
use crate::store::reports::Visit;
use serde_json::json;

/// The number of people.
pub const PEOPLE: u64 = 10;

/// The number of companies.
const COMPANIES: u64 = 3;

/// The number of people who join at once.
const CROWD: usize = 30;

impl Run {
    pub(super) fn post(&mut self, zones: Option<[&'static str; 3]>) {
        let dice = &self.shared.dice;
        let again = zones.is_none() && !self.posts.is_empty() && dice.in_a_hundred(25);
        let post = match again {
            true => self.posts[dice.below(self.posts.len() as u64) as usize].clone(),
            false => self.new_post(zones),
        };
        self.shared.log(format!("  {:?} {:?} {}", post.email, post.phone, post.key));
        let addresses = post.email.iter().chain(&post.phone).cloned().collect();
        self.remember_asked(&post);
        self.facts.insert(post.key.clone(), Fact { addresses, contact: None, at: post.at });
        self.posts.push(post.clone());
        self.grow_company();
        // Sends the same form, perhaps twice at once.
        for _ in 0..1 + self.shared.dice.below(2) {
            self.begin(Flow::Submit(Box::new(post.clone())));
        }
    }

    /// Two members add an employee to the same company at once.
    fn grow_company(&mut self) {
        let n = self.posts.len() as u64;
        let company = RecordId(format!("0000000{}-0000-7000-8000-00000000c0de", n % COMPANIES));
        for member in ["a", "b"] {
            let key = format!("grow:{n}:{member}");
            let (contact, at) = (Some(company.clone()), self.now());
            self.facts.insert(key.clone(), Fact { addresses: Vec::new(), contact, at });
            self.begin(Flow::Request(Request::Grow(company.clone(), key)));
        }
    }

    /// Records that a form arrives, perhaps not for the first time.
    pub(super) fn remember_asked(&mut self, post: &Submitted) {
        let now = self.now();
        for address in post.email.iter().chain(&post.phone) {
            self.asked.entry(address.clone()).or_default().push(now);
        }
    }

    fn new_post(&self, zones: Option<[&'static str; 3]>) -> Submitted {
        let dice = &self.shared.dice;
        // Some people come back after they were erased.
        let is_gone = |person: &u64| {
            let address = format!("p{person}@example.com");
            self.shared.erased.borrow().contains_key(&address) && !dice.in_a_hundred(20)
        };
        let drawn = dice.below(PEOPLE);
        let all = (0..PEOPLE).map(|more| (drawn + more) % PEOPLE);
        let person = all.into_iter().find(|person| !is_gone(person)).unwrap_or(drawn);
        let (campaign, form) = dice.pick(&[("first", "f"), ("first", "f"), ("second", "g")]);
        let number = if dice.in_a_hundred(85) { person } else { dice.below(PEOPLE) };
        let has_phone = form == "f" && dice.in_a_hundred(60);
        let has_email = form == "g" || !has_phone || dice.in_a_hundred(85);
        let campaign = CampaignId::from(campaign);
        let live = self.catalog.live_version(&campaign);
        let asks = live.map(|live| live.compiled.campaign.forms[form].consents.clone());
        let touch = Touch {
            campaign: campaign.0.clone(),
            page: "p".to_owned(),
            variant: "default".to_owned(),
            channel: dice.pick(&["search", "social"]).to_owned(),
            at: self.now(),
            fresh_at: self.now(),
            ..Touch::default()
        };
        // An answer may contain anything; this one contains the address, which erasure must remove
        // too.
        let note = has_email.then(|| ("note".to_owned(), format!("p{person}@example.com").into()));
        let moved = zones.map(|zones| {
            let renewal = ("renewal".to_owned(), "2026-03-06".into());
            [("time_zone".to_owned(), dice.pick(&zones).into()), renewal]
        });
        Submitted {
            form: QualifiedId::new(&campaign, form),
            key: format!("form:{}", self.posts.len()),
            email: has_email.then(|| format!("p{person}@example.com")),
            phone: has_phone.then(|| format!("+44740000{number:04}")),
            attributes: moved.into_iter().flatten().chain(note).collect(),
            agreed: asks.filter(|_| dice.in_a_hundred(85)).unwrap_or_default(),
            list: None,
            touch,
            locale: "en".to_owned(),
            origin_hash: "o".to_owned(),
            at: self.now(),
        }
    }

    /// Opens an e-mail and clicks in it, as a person or as a bot with these reasons.
    pub(super) fn engage(&mut self, reasons: &[&str]) {
        let Some(link) = self.link("/c/", Purpose::Click) else { return };
        let urls = match reasons.is_empty() && self.shared.dice.in_a_hundred(30) {
            true => vec![None],
            false => vec![None, Some(link.rest.clone())],
        };
        for url in urls {
            let key = format!("touch:{}", self.facts.len());
            let contact = Some(link.contact.clone());
            let fact = Fact { addresses: Vec::new(), contact, at: self.now() };
            self.facts.insert(key.clone(), fact);
            self.queue.push(Job::Intake(Intake::EngagementV1(Engagement {
                contact: link.contact.clone(),
                message: link.message.clone(),
                url,
                at: self.now(),
                machine: reasons.iter().map(|reason| (*reason).to_owned()).collect(),
                facts: None,
                key,
            })));
        }
    }

    pub(super) fn confirm(&mut self) {
        let Some(link) = self.link("/confirm/", Purpose::Confirm) else { return };
        if subscription_links::may_confirm(&link, self.now()) {
            self.begin(Flow::Confirm(link));
        }
    }

    pub(super) fn unsubscribe(&mut self) {
        let Some(link) = self.link("/u/", Purpose::Unsubscribe) else { return };
        self.shared.log(format!("  {}", link.contact));
        self.begin(Flow::Unsubscribe(link));
    }

    pub(super) fn order(&mut self) {
        let dice = &self.shared.dice;
        let email = format!("p{}@example.com", dice.below(PEOPLE));
        if self.shared.erased.borrow().contains_key(&email) {
            return;
        }
        let key = format!("order:{}", dice.below(20));
        self.report(email, "order.completed", key);
    }

    pub(super) fn crowd(&mut self) {
        let first = self.facts.len();
        for number in first..first + CROWD {
            self.report(
                format!("c{number}@example.com"),
                "crowd.joined",
                format!("crowd:{number}"),
            );
        }
    }

    /// Reports an event from the customer's own system.
    pub(super) fn report(&mut self, email: String, name: &str, key: String) {
        let properties = json!({ "value_minor": 100, "currency": "GBP", "order": key });
        let addresses = vec![email.clone()];
        self.facts.insert(key.clone(), Fact { addresses, contact: None, at: self.now() });
        self.queue.push(Job::Intake(Intake::CustomEventV1 {
            email: Some(email),
            phone: None,
            external_id: None,
            contact_id: None,
            event: CustomEvent {
                name: name.to_owned(),
                at: self.now(),
                properties: properties.as_object().cloned().unwrap_or_default(),
                key,
                content: None,
            },
        }));
    }

    pub(super) fn visit(&mut self) {
        self.queue.push(Job::Intake(Intake::VisitV1(Visit {
            campaign_id: "first".to_owned(),
            visitor: format!("v{}", self.shared.dice.below(5)),
            part: "p/default".to_owned(),
            channel: "search".to_owned(),
            at: self.now(),
        })));
    }

    /// Returns a link of some message that really arrived.
    fn link(&self, path: &str, purpose: Purpose) -> Option<Link> {
        let accepted = self.accepted.borrow();
        let with_link: Vec<&String> =
            accepted.mail_bodies.iter().filter(|body| body.contains(path)).collect();
        let index = self.shared.dice.below(with_link.len().max(1) as u64) as usize;
        let token = with_link.get(index)?.split(path).nth(1)?.split(['"', '\\', '>']).next()?;
        let link = Link::verify(&self.settings, purpose, token);
        if link.is_err() && self.rotations > 0 && purpose != Purpose::Confirm {
            self.shared.accuse("I17: a link does not work since the secret was rotated".to_owned());
        }
        link.ok()
    }
}

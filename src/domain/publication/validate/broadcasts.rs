//! Validates broadcasts: they have recipients, and their variants can be compared.

use super::{Check, WEIGHT_MAX};
use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::KindId;
use crate::domain::base::primitives::{Channel, Span};
use crate::domain::campaign::ab_test::CONFIDENCES;
use crate::domain::campaign::broadcast::{
    AbMetric, AbTest, Broadcast, BroadcastVariant, Target, Zone, local,
};

/// The most variants of one broadcast: with more, only very large differences would be significant.
const BROADCAST_VARIANTS_MAX: usize = 5;
/// The longest wait of a test before the remaining recipients are written to: news is old after a
/// month.
const WAIT_MAX: Span = Span::days(30);
/// The shortest wait: nobody has read the message sooner.
const WAIT_MIN: Span = Span::minutes(10);
/// The most recipients of each variant that a test may require.
const SAMPLE_MAX: u32 = 1_000_000;

impl Check<'_> {
    pub(super) fn broadcast(&mut self, key: &str, broadcast: &Broadcast) {
        self.of = KindId::contact();
        match &broadcast.target {
            Target::List(list) => self.name(&format!("{key}.list"), list.as_str()),
            Target::Segment(name) => self.broadcast_segment(&format!("{key}.segment"), name),
        }
        if let Some(at) = &broadcast.at {
            let message = "expected a day and a time without a zone, such as 2026-03-02T09:00";
            self.ensure(local(at).is_some(), &format!("{key}.at"), message);
        }
        if broadcast.zone == Zone::Recipient && broadcast.at.is_none() {
            let problem =
                Problem::new(format!("{key}.zone"), "is set, but the broadcast has no time");
            self.problems.push(problem.help("give the broadcast an `at`, or remove `zone`"));
        }
        if let Some(window) = &broadcast.window {
            self.send_hours(&format!("{key}.window"), window);
        }
        self.broadcast_variants(key, broadcast);
        self.broadcast_purpose(key, broadcast);
        if let Some(test) = &broadcast.test {
            self.ab_test(&format!("{key}.ab"), broadcast, test);
        }
    }

    fn broadcast_segment(&mut self, key: &str, name: &str) {
        let segment = self.campaign.segments.get(name);
        if segment.is_none() {
            let known = self.campaign.segments.keys().map(String::as_str);
            self.unknown_reference(key, "segment", name, known);
        }
        let of = segment.map(|segment| segment.of.clone());
        self.same_kind(key, "segment", of.as_ref());
    }

    fn broadcast_variants(&mut self, key: &str, broadcast: &Broadcast) {
        let variants = &broadcast.variants;
        let is_single = variants.len() == 1;
        let list = format!("{key}.ab.variants");
        self.ensure(!variants.is_empty(), &list, "a broadcast needs at least one");
        self.count(&list, variants.len(), BROADCAST_VARIANTS_MAX, "variants");
        for (index, variant) in variants.iter().enumerate() {
            let at = format!("{list}[{}]", index + 1);
            let send = if is_single { format!("{key}.send") } else { format!("{at}.send") };
            self.template(&send, &variant.template, &["emails", "sms"]);
            self.name(&format!("{at}.name"), &variant.name);
            let (before, named) = (&variants[..index], format!("{at}.name"));
            let twin = before.iter().any(|other| other.name == variant.name);
            self.ensure(!twin, &named, "another variant has this name");
            let sends = |v: &BroadcastVariant| (v.template.clone(), v.subject.clone());
            let same = before.iter().any(|other| sends(other) == sends(variant));
            self.ensure(!same, &send, "another variant sends the same");
            let other_channel = before.iter().any(|other| channel(other) != channel(variant));
            let message =
                "all variants must use one channel; otherwise the test would compare audiences";
            self.ensure(!other_channel, &send, message);
            if let Some(subject) = &variant.subject {
                self.line(&format!("{at}.subject"), subject);
                let is_email = channel(variant) == Channel::Email;
                self.ensure(is_email, &format!("{at}.subject"), "an SMS has no subject");
            }
            let weighs = (1..=WEIGHT_MAX).contains(&variant.weight);
            let message = format!("a weight must be from 1 to {WEIGHT_MAX}");
            self.ensure(weighs, &format!("{at}.weight"), &message);
        }
        let reads = variants.iter().all(|variant| channel(variant) == Channel::Email);
        if !is_single && !reads && broadcast.metric == AbMetric::Opened {
            let problem = Problem::new(format!("{key}.ab.metric"), "an SMS has no opens to count");
            self.problems.push(problem.help("use `clicked` or `converted`"));
        }
        let percents = CONFIDENCES.map(|(percent, _)| percent);
        let known = percents.contains(&broadcast.standard.confidence);
        self.ensure(known, &format!("{key}.ab.confidence"), "must be 90, 95 or 99 (percent)");
        let fits = (1..=SAMPLE_MAX).contains(&broadcast.standard.sample_min);
        let message = format!("must be from 1 to {SAMPLE_MAX} recipients of each variant");
        self.ensure(fits, &format!("{key}.ab.sample_min"), &message);
    }

    fn ab_test(&mut self, key: &str, broadcast: &Broadcast, test: &AbTest) {
        let share = format!("{key}.test_share");
        if !(1..=99).contains(&test.share) {
            let problem = Problem::new(share, "must be from 1 to 99 (percent of the recipients)");
            let advice = "remove it to divide all recipients among the variants";
            self.problems.push(problem.help(advice));
        }
        let several = broadcast.variants.len() > 1;
        let message = "a test needs at least two variants";
        self.ensure(several, &format!("{key}.variants"), message);
        if !(WAIT_MIN..=WAIT_MAX).contains(&test.wait) {
            let message = format!("a test must wait from {WAIT_MIN} to 30d, not {}", test.wait);
            self.error(format!("{key}.wait"), message);
        }
        if broadcast.variant(&test.otherwise).is_none() {
            let known = broadcast.variants.iter().map(|variant| variant.name.as_str());
            self.unknown_reference(&format!("{key}.otherwise"), "variant", &test.otherwise, known);
        }
        if broadcast.zone == Zone::Recipient {
            let message = "the test would end after the local send time of most recipients";
            let advice = "remove `test_share`, or use `zone = \"campaign\"`";
            self.problems.push(Problem::new(format!("{key}.test_share"), message).help(advice));
        }
    }

    /// Checks the purpose: everything that is sent needs one that contacts can have consented to on
    /// that channel.
    fn broadcast_purpose(&mut self, key: &str, broadcast: &Broadcast) {
        let purpose = format!("{key}.purpose");
        if broadcast.purpose.is_empty() {
            let message = "missing; messages need a purpose that contacts have agreed to";
            return self.error(purpose, message);
        }
        self.name(&purpose, &broadcast.purpose);
        let forms = self.campaign.forms.values();
        let asks: Vec<_> = forms.flat_map(|form| &form.consents).collect();
        let same = || asks.iter().filter(|ask| ask.purpose == broadcast.purpose);
        // The contacts consent elsewhere, in another campaign or through the API; or the purposes
        // of the forms are invalid.
        if asks.is_empty() || !self.asks_by_name() {
            return;
        }
        if same().next().is_none() {
            let known = asks.iter().map(|ask| ask.purpose.as_str());
            return self
                .unknown_reference(&purpose, "form that asks for", &broadcast.purpose, known);
        }
        let Some(channel) = broadcast.variants.first().map(channel) else { return };
        if !same().any(|ask| ask.channels.contains(&channel)) {
            let message = format!("would never be sent by {}", channel.as_str());
            let advice = format!("no form asks for `{}` on that channel", broadcast.purpose);
            self.problems.push(Problem::new(key, message).help(advice));
        }
    }
}

fn channel(variant: &BroadcastVariant) -> Channel {
    if variant.template.starts_with("sms/") { Channel::Sms } else { Channel::Email }
}

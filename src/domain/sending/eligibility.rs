//! Eligibility: whether a message may be sent at all, checked just before sending.

use crate::domain::contact::address::read_email;
use crate::domain::contact::consent::Consent;
use crate::domain::contact::message::{Class, Message};
use crate::domain::contact::message_source::{MessageSource, StepContent};
use crate::domain::contact::suppression::{Suppression, SuppressionReason};
use crate::domain::contact::{Contact, ERASED};
use crate::domain::record::enrollment::Enrollment;

/// Whether a message may leave now.
#[derive(Clone, Debug, PartialEq)]
pub enum Eligibility {
    /// It may, to this address.
    Open(String),
    /// It may not, for this reason.
    Closed(&'static str),
}

/// Returns whether a message may be sent, by the latest state of the contact.
pub fn eligibility(message: &Message, contact: &Contact, owner: &str) -> Eligibility {
    if contact.erased_at.is_some() {
        return Eligibility::Closed(ERASED);
    }
    let staff = |to: &str| Eligibility::Open(read_email(to).unwrap_or_else(|_| to.to_owned()));
    match &message.source {
        MessageSource::Step(step) => match &step.content {
            StepContent::Webhook { url } => return Eligibility::Open(url.clone()),
            StepContent::Notice { .. } => return staff(owner),
            StepContent::Template(_) => {}
        },
        MessageSource::Test { to, .. } => return staff(to),
        _ => {}
    }
    let Some(address) = contact.address_on(message.channel()) else {
        return Eligibility::Closed("no_address");
    };
    if contact.suppressed.get(&message.channel()).is_some_and(|known| blocks(known, message)) {
        return Eligibility::Closed("suppressed");
    }
    let asks_nothing = || !contact.consents.iter().any(Consent::waits_for_link);
    let asks_consent = MessageSource::Confirmation { asks_details: false };
    if message.source == asks_consent && asks_nothing() {
        return Eligibility::Closed("nothing_to_confirm");
    }
    let enrollment = message.source.step().map(|step| &step.enrollment);
    let enrollment = contact.enrollments.iter().find(|e| Some(&e.id) == enrollment);
    if enrollment.is_some_and(Enrollment::was_exited) {
        return Eligibility::Closed("left_journey");
    }
    let consents = contact.may_be_sent(message.channel(), message.source.columns().purpose);
    if message.class() == Class::Marketing && !consents {
        return Eligibility::Closed("no_consent");
    }
    // The provider may have accepted it for the address of the attempt before.
    let is_elsewhere = message.address.as_ref().is_some_and(|before| before != address);
    if message.uncertain && is_elsewhere {
        return Eligibility::Closed("address_changed");
    }
    Eligibility::Open(address.clone())
}

/// Returns whether a suppression holds a message back. A contact who refused once may still be
/// asked to confirm a new consent: without that question, there would be no way back. Replies to
/// STOP and HELP are due to everybody (47 CFR 64.1200(a)(12)).
fn blocks(known: &Suppression, message: &Message) -> bool {
    let is_due = matches!(
        message.source,
        MessageSource::Confirmation { .. } | MessageSource::StopReply | MessageSource::HelpReply
    );
    known.reason != SuppressionReason::Unsubscribed || !is_due
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::base::primitives::{
        CampaignId, Channel, EnrollmentId, MessageId, Millis, RecordId,
    };
    use crate::domain::contact::consent::ConsentState;
    use crate::domain::contact::message_source::StepSource;
    use crate::domain::record::enrollment::{EnrollmentState, GOAL_REASON};

    /// Returns the eligibility of a message whose enrollment ended in this way.
    fn asked(state: EnrollmentState, reason: &str) -> Eligibility {
        let now = Millis(0);
        let mut contact = Contact::unknown(RecordId::from("c"), now);
        contact.email = Some("ann@example.com".to_owned());
        contact.put_consent(Consent {
            channel: Channel::Email,
            purpose: "news".to_owned(),
            state: ConsentState::Granted,
            double_opt_in: false,
            form: None,
            waiting: Vec::new(),
            was_refused: false,
            at: now,
        });
        contact.enrollments.push(Enrollment {
            id: EnrollmentId::from("e"),
            campaign: CampaignId::from("x"),
            version: 1,
            journey: "j".to_owned(),
            step: "s".to_owned(),
            steps_taken: 1,
            sent: <_>::default(),
            state,
            reason: reason.to_owned(),
            entry_key: None,
            entered_at: now,
            since: now,
            due_at: None,
        });
        let source = MessageSource::Step(StepSource {
            enrollment: EnrollmentId::from("e"),
            journey: "j".to_owned(),
            step: "s".to_owned(),
            purpose: "news".to_owned(),
            content: StepContent::Template("emails/a".to_owned()),
        });
        let (id, campaign) = (MessageId::from("m"), CampaignId::from("x"));
        let message = Message::queue(id, contact.id.clone(), campaign, 1, source, now);
        eligibility(&message, &contact, "owner@example.com")
    }

    #[test]
    fn messages_of_enrollment_ended_early_are_held() {
        let open = Eligibility::Open("ann@example.com".to_owned());
        assert_eq!(asked(EnrollmentState::Active, ""), open);
        assert_eq!(asked(EnrollmentState::Completed, ""), open);
        assert_eq!(
            asked(EnrollmentState::Completed, GOAL_REASON),
            Eligibility::Closed("left_journey")
        );
        assert_eq!(asked(EnrollmentState::Exited, "rule"), Eligibility::Closed("left_journey"));
    }
}

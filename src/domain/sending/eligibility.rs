//! Eligibility: whether a message may be sent at all, checked just before sending.

use crate::domain::base::primitives::Channel;
use crate::domain::contact::address::read_email;
use crate::domain::contact::consent::Consent;
use crate::domain::contact::enrollment::Enrollment;
use crate::domain::contact::message::{Class, Message, house};
use crate::domain::contact::suppression::{Suppression, SuppressionReason};
use crate::domain::contact::{Contact, ERASED};

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
    if message.channel == Channel::Webhook {
        return Eligibility::Open(message.template.clone());
    }
    if message.class == Class::Internal {
        let to = if message.is_test() { &*message.note } else { owner };
        return Eligibility::Open(read_email(to).unwrap_or_else(|_| to.to_owned()));
    }
    let Some(address) = contact.address_on(message.channel) else {
        return Eligibility::Closed("no_address");
    };
    if contact.suppressed.get(&message.channel).is_some_and(|known| bars(known, message)) {
        return Eligibility::Closed("suppressed");
    }
    let asks_nothing = || !contact.consents.iter().any(Consent::waits_for_link);
    if message.template == house::CONFIRM && message.note != house::DETAILS && asks_nothing() {
        return Eligibility::Closed("nothing_to_confirm");
    }
    let enrollment =
        contact.enrollments.iter().find(|e| Some(&e.id) == message.enrollment.as_ref());
    if enrollment.is_some_and(Enrollment::has_left) {
        return Eligibility::Closed("left_journey");
    }
    let consents = contact.may_be_sent(message.channel, &message.purpose);
    if message.class == Class::Marketing && !consents {
        return Eligibility::Closed("no_consent");
    }
    Eligibility::Open(address.clone())
}

/// Returns whether a suppression holds a message back. A contact who refused once may still be
/// asked to confirm a new consent: without that question, there would be no way back. An inbound
/// SMS is answered, too.
fn bars(known: &Suppression, message: &Message) -> bool {
    let template = &message.template;
    known.reason != SuppressionReason::Unsubscribed
        || template != house::CONFIRM && !house::answers_a_text(template)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::base::primitives::{CampaignId, ContactId, EnrollmentId, MessageId, Millis};
    use crate::domain::contact::consent::ConsentState;
    use crate::domain::contact::enrollment::{EnrollmentState, GOAL_REASON};

    /// Returns the eligibility of a message whose enrollment ended in this way.
    fn asked(state: EnrollmentState, reason: &str) -> Eligibility {
        let now = Millis(0);
        let mut contact = Contact::unknown(ContactId::from("c"), now);
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
        let version = (CampaignId::from("x"), 1);
        let kind = (Class::Marketing, "emails/a");
        let message = Message::queue(MessageId::from("m"), contact.id.clone(), version, kind, now);
        let enrollment = Some(EnrollmentId::from("e"));
        let message = Message { enrollment, purpose: "news".to_owned(), ..message };
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

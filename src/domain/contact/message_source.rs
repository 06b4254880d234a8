//! What a message comes from, and what it says.

use crate::domain::base::primitives::{Channel, EnrollmentId};
use crate::domain::contact::message::{Class, house};

/// What a message comes from. It decides the message's class and channel.
#[derive(Clone, Debug, PartialEq)]
pub enum MessageSource {
    Step(StepSource),
    Broadcast {
        name: String,
        variant: String,
        /// The purpose that needs consent.
        purpose: String,
        /// `emails/…` or `sms/…` of the version.
        template: String,
    },
    /// The e-mail that asks the owner of an address to confirm what waits for it.
    Confirmation {
        /// Whether it asks about the contact's details, and not only about consent.
        asks_details: bool,
    },
    /// The SMS that confirms an opt-out.
    StopReply,
    /// The SMS that names the sender and explains how to opt out.
    HelpReply,
    /// A campaign's message that goes to our own people for review.
    Test {
        template: String,
        /// The address it goes to, whichever contact's data it shows.
        to: String,
    },
}

/// A step of a journey, taken by an enrollment.
#[derive(Clone, Debug, PartialEq)]
pub struct StepSource {
    pub enrollment: EnrollmentId,
    /// The journey's name.
    pub journey: String,
    /// The step's id.
    pub step: String,
    /// The journey's purpose.
    pub purpose: String,
    pub content: StepContent,
}

/// What a step sends, and its recipient.
#[derive(Clone, Debug, PartialEq)]
pub enum StepContent {
    /// `emails/…` or `sms/…` of the version, to the contact.
    Template(String),
    /// A notice to the campaign's owner, with a line from the campaign's author.
    Notice { note: String },
    /// An outgoing webhook.
    Webhook { url: String },
}

/// A source as the ledger's columns hold it, and the events about a message.
pub struct SourceColumns<'a> {
    pub enrollment: Option<&'a EnrollmentId>,
    /// Empty unless it is a step.
    pub journey: &'a str,
    /// The step's id, or the variant of a broadcast; otherwise empty.
    pub step: &'a str,
    /// The broadcast's name.
    pub broadcast: Option<&'a str>,
    pub class: Class,
    /// Empty unless it is a step or a broadcast.
    pub purpose: &'a str,
    /// The template, a built-in `house/…` one, or the URL of a webhook.
    pub template: &'a str,
    /// The line of a notice, the address of a test, or `house::DETAILS`; otherwise empty.
    pub note: &'a str,
}

impl MessageSource {
    /// Returns what the message is for.
    pub fn class(&self) -> Class {
        match self {
            Self::Step(StepSource { content: StepContent::Template(_), .. })
            | Self::Broadcast { .. } => Class::Marketing,
            Self::Confirmation { .. } | Self::StopReply | Self::HelpReply => Class::Transactional,
            Self::Step(_) | Self::Test { .. } => Class::Internal,
        }
    }

    pub fn channel(&self) -> Channel {
        match self {
            Self::Step(StepSource { content: StepContent::Webhook { .. }, .. }) => Channel::Webhook,
            Self::StopReply | Self::HelpReply => Channel::Sms,
            _ if self.template().starts_with("sms/") => Channel::Sms,
            _ => Channel::Email,
        }
    }

    /// Returns the template as the ledger names it: a built-in one has a name too, and a webhook's
    /// is its URL.
    pub fn template(&self) -> &str {
        self.columns().template
    }

    /// Returns the step of a journey that the message comes from, if any.
    pub fn step(&self) -> Option<&StepSource> {
        match self {
            Self::Step(source) => Some(source),
            _ => None,
        }
    }

    /// Returns the source as the ledger's columns hold it.
    pub fn columns(&self) -> SourceColumns<'_> {
        let none = SourceColumns {
            enrollment: None,
            journey: "",
            step: "",
            broadcast: None,
            class: self.class(),
            purpose: "",
            template: "",
            note: "",
        };
        match self {
            Self::Step(StepSource { enrollment, journey, step, purpose, content }) => {
                let (template, note) = match content {
                    StepContent::Template(template) => (template.as_str(), ""),
                    StepContent::Notice { note } => (house::NOTIFY, note.as_str()),
                    StepContent::Webhook { url } => (url.as_str(), ""),
                };
                let enrollment = Some(enrollment);
                SourceColumns { enrollment, journey, step, purpose, template, note, ..none }
            }
            Self::Broadcast { name, variant, purpose, template } => {
                SourceColumns { broadcast: Some(name), step: variant, purpose, template, ..none }
            }
            Self::Confirmation { asks_details } => {
                let note = if *asks_details { house::DETAILS } else { "" };
                SourceColumns { template: house::CONFIRM, note, ..none }
            }
            Self::StopReply => SourceColumns { template: house::STOP, ..none },
            Self::HelpReply => SourceColumns { template: house::HELP, ..none },
            Self::Test { template, to } => SourceColumns { template, note: to, ..none },
        }
    }

    /// Returns the source that these columns hold; `None` if no source of this code does.
    pub fn of(columns: SourceColumns<'_>) -> Option<Self> {
        let SourceColumns { enrollment, journey, step, broadcast, .. } = columns;
        let SourceColumns { class, purpose, template, note, .. } = columns;
        Some(match (template, broadcast, enrollment) {
            (house::CONFIRM, ..) => Self::Confirmation { asks_details: note == house::DETAILS },
            (house::STOP, ..) => Self::StopReply,
            (house::HELP, ..) => Self::HelpReply,
            (_, Some(name), _) => Self::Broadcast {
                name: name.to_owned(),
                variant: step.to_owned(),
                purpose: purpose.to_owned(),
                template: template.to_owned(),
            },
            (_, None, Some(enrollment)) => Self::Step(StepSource {
                enrollment: enrollment.clone(),
                journey: journey.to_owned(),
                step: step.to_owned(),
                purpose: purpose.to_owned(),
                content: match (class, template) {
                    (Class::Marketing, _) => StepContent::Template(template.to_owned()),
                    (Class::Internal, house::NOTIFY) => {
                        StepContent::Notice { note: note.to_owned() }
                    }
                    (Class::Internal, url) => StepContent::Webhook { url: url.to_owned() },
                    (Class::Transactional, _) => return None,
                },
            }),
            (_, None, None) if class == Class::Internal => {
                Self::Test { template: template.to_owned(), to: note.to_owned() }
            }
            (_, None, None) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(content: StepContent) -> MessageSource {
        MessageSource::Step(StepSource {
            enrollment: EnrollmentId::from("e"),
            journey: "welcome".to_owned(),
            step: "hello".to_owned(),
            purpose: "news".to_owned(),
            content,
        })
    }

    #[test]
    fn columns_round_trip() {
        let text = str::to_owned;
        for (source, class, channel) in [
            (step(StepContent::Template(text("emails/a"))), Class::Marketing, Channel::Email),
            (step(StepContent::Template(text("sms/a"))), Class::Marketing, Channel::Sms),
            (step(StepContent::Notice { note: text("Call") }), Class::Internal, Channel::Email),
            (
                step(StepContent::Webhook { url: text("https://x.example/") }),
                Class::Internal,
                Channel::Webhook,
            ),
            (
                MessageSource::Broadcast {
                    name: text("june"),
                    variant: text("a"),
                    purpose: text("news"),
                    template: text("sms/june"),
                },
                Class::Marketing,
                Channel::Sms,
            ),
            (
                MessageSource::Confirmation { asks_details: true },
                Class::Transactional,
                Channel::Email,
            ),
            (
                MessageSource::Confirmation { asks_details: false },
                Class::Transactional,
                Channel::Email,
            ),
            (MessageSource::StopReply, Class::Transactional, Channel::Sms),
            (MessageSource::HelpReply, Class::Transactional, Channel::Sms),
            (
                MessageSource::Test { template: text("emails/a"), to: text("me@x.example") },
                Class::Internal,
                Channel::Email,
            ),
        ] {
            assert_eq!((source.class(), source.channel()), (class, channel), "{source:?}");
            assert_eq!(MessageSource::of(source.columns()), Some(source));
        }
    }

    #[test]
    fn marketing_without_a_step_or_a_broadcast_has_no_source() {
        let source = step(StepContent::Template("emails/a".to_owned()));
        let columns = SourceColumns { enrollment: None, ..source.columns() };
        assert_eq!(MessageSource::of(columns), None);
    }
}

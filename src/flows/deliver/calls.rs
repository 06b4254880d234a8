//! Calls: which messages go along with which, to whom, and in which wave.

use super::outcome::{Ended, Ending};
use crate::domain::decide::Outcome;
use crate::domain::message::Message;
use crate::domain::primitives::{MessageId, Millis, Span};
use crate::domain::token::sha256_hex;
use crate::flows::settings::Senders;
use crate::providers::{Attempt, Sender, Verdict};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How many calls are under way together: as many connections as a worker may have open at once on
/// Cloudflare.
const CALLS_AT_ONCE_MAX: usize = 6;

/// After so many calls in a row without an answer, a sender is not called any more in this task,
/// and what is left for it waits for a minute: each call may take 20 seconds, and a worker that
/// runs out of time leaves behind what nobody knows of.
const SILENCE_MAX: usize = 3;

/// How long messages wait for a sender that has gone silent, or for the next task.
pub const REST: Span = Span::minutes(1);

/// How long messages wait for a sender to be configured.
const NO_SENDER_WAIT: Span = Span::hours(1);

/// A call as it is planned, before it is known what of it may leave.
pub struct Planned<'a> {
    /// Who is asked.
    pub sender: &'a Sender,
    /// Its idempotency key, if messages go together.
    pub key: Option<String>,
    /// In the order of their ids, so that the same messages always make the same request.
    pub messages: Vec<Message>,
    company: Company,
}

/// In which company a message may be sent.
#[derive(PartialEq)]
enum Company {
    /// With any others.
    Any,
    /// With those that went along under this key, for the provider may have taken them.
    Same(String),
    /// Alone.
    None,
}

/// The messages of a delivery that wait for their wave.
pub struct Plan<'a> {
    senders: &'a Senders,
    waiting: VecDeque<Message>,
    /// Those whose batch was taken apart.
    apart: BTreeSet<MessageId>,
    /// By sender, how many calls in a row had no answer.
    silences: BTreeMap<&'static str, usize>,
}

impl<'a> Plan<'a> {
    /// All of them wait.
    pub fn new(senders: &'a Senders, messages: Vec<Message>) -> Self {
        let (apart, silences) = <_>::default();
        Self { senders, waiting: messages.into(), apart, silences }
    }

    /// The next calls; none if nothing waits any more. What cannot be sent at all is ended.
    pub fn next_wave(&mut self, now: Millis, ended: &mut Ended) -> Vec<Planned<'a>> {
        let mut wave = Vec::<Planned<'a>>::new();
        for message in std::mem::take(&mut self.waiting) {
            let sender = match self.choose(&message, now) {
                Ok(sender) => sender,
                Err(ending) => {
                    ended.add(&message, ending);
                    continue;
                }
            };
            let company = self.company(&message);
            let has_room = |planned: &Planned<'_>| {
                company != Company::None
                    && planned.company == company
                    && planned.sender.name() == sender.name()
                    && planned.messages.len() < sender.batch_max().min(self.senders.batch_max)
            };
            match wave.iter().position(has_room) {
                Some(index) => wave[index].messages.push(message),
                None if wave.len() < CALLS_AT_ONCE_MAX => {
                    let messages = vec![message];
                    wave.push(Planned { sender, key: None, messages, company });
                }
                None => self.waiting.push_back(message),
            }
        }
        for planned in &mut wave {
            planned.messages.sort_by(|a, b| a.id.cmp(&b.id));
            planned.key = match std::mem::replace(&mut planned.company, Company::None) {
                Company::Same(key) => Some(key),
                Company::Any if planned.messages.len() > 1 => Some(key_of(&planned.messages)),
                _ => None,
            };
        }
        wave
    }

    /// Who is asked for a message; or what becomes of it if nobody is.
    fn choose(&self, message: &Message, now: Millis) -> Result<&'a Sender, Ending> {
        let mut configured = self.senders.of(message).iter();
        let sender = match &message.sender {
            // Only who was asked before can know whether it was taken.
            Some(name) if message.uncertain => configured.find(|sender| sender.name() == name),
            _ => configured.next(),
        };
        if message.uncertain {
            let lifetime = sender.and_then(Sender::key_lifetime);
            let since = message.called_at.unwrap_or(message.queued_at);
            if lifetime.is_none_or(|lifetime| now >= since.plus(lifetime)) {
                let reason = "an earlier attempt had no answer".to_owned();
                return Err(Ending::Over(Outcome::Unknown(reason)));
            }
        }
        let Some(sender) = sender else {
            let reason = "no sender is configured for this channel";
            return Err(Ending::Untried { at: now.plus(NO_SENDER_WAIT), reason });
        };
        if self.silences.get(sender.name()).is_some_and(|calls| *calls >= SILENCE_MAX) {
            return Err(Ending::Untried { at: now.plus(REST), reason: "" });
        }
        Ok(sender)
    }

    fn company(&self, message: &Message) -> Company {
        match &message.call {
            Some(key) if message.uncertain => Company::Same(key.clone()),
            _ if message.uncertain || self.apart.contains(&message.id) => Company::None,
            _ => Company::Any,
        }
    }

    /// Takes down whether a sender answered.
    pub fn heard(&mut self, sender: &Sender, verdict: &Verdict) {
        let silence = self.silences.entry(sender.name()).or_default();
        *silence = match verdict {
            Verdict::All(Attempt::Lost(_)) => *silence + 1,
            _ => 0,
        };
    }

    /// Messages that were refused together, of which nothing was taken, wait again: each goes
    /// alone. Of what was uncertain it is not known what became of the earlier attempt.
    pub fn take_apart(&mut self, messages: Vec<Message>, ended: &mut Ended) {
        for message in messages {
            if message.uncertain {
                let reason = "refused after an attempt without an answer".to_owned();
                ended.add(&message, Ending::Over(Outcome::Unknown(reason)));
                continue;
            }
            self.apart.insert(message.id.clone());
            self.waiting.push_back(message);
        }
    }

    /// Puts everything off that still waits: there is no time left for it.
    pub fn put_off(&mut self, now: Millis, ended: &mut Ended) {
        for message in std::mem::take(&mut self.waiting) {
            ended.add(&message, Ending::Untried { at: now.plus(REST), reason: "" });
        }
    }
}

/// The key of a call that carries these messages for the first time: the same messages always have
/// the same one, and no others have it. It has the form of a UUID, version 8, which some providers
/// ask for (RFC 9562 section 5.8).
fn key_of(messages: &[Message]) -> String {
    let ids: Vec<&str> = messages.iter().map(|message| message.id.as_str()).collect();
    let hex = sha256_hex(&ids.join(" "));
    format!("{}-{}-8{}-8{}-{}", &hex[..8], &hex[8..12], &hex[12..15], &hex[15..18], &hex[18..30])
}

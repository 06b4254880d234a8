//! The meaning of the words of a reply. The words themselves are in `said.txt`.

use super::BounceReason;
use super::reply::Reply;
use std::sync::LazyLock;

/// The precedence of words: those that say nothing about the address come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// About the sender, its network, its message, or a rule of the receiver.
    Sender,
    /// About the present state of a mailbox or a server.
    State,
    /// About the recipient.
    Recipient,
    /// Words that may be about anything.
    Weak,
}

/// A section of `said.txt`.
struct Section {
    rank: Rank,
    reason: BounceReason,
    grammar: Grammar,
    /// See `Grammar`.
    nouns: Vec<&'static str>,
    phrases: Vec<&'static str>,
    /// Whether it counts only for the recipient's domain, which the code or the speaker shows.
    is_of_dns: bool,
}

/// How the phrases and the nouns of a section combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grammar {
    /// A phrase is enough.
    Alone,
    /// One of the nouns is near, in the same sentence: `mailbox for @ does not exist`.
    Near,
    /// One of the nouns is right before or after: `unknown user`, `user is unknown`.
    Beside,
    /// One of the nouns is right after: `no such user`.
    Before,
    /// None of the nouns is anywhere, and a receiver has replied: `550 ann does not exist`.
    Unless,
}

static SAID: LazyLock<Vec<Section>> = LazyLock::new(|| sections(include_str!("said.txt")));

/// The largest distance between the two words of a pair, in bytes.
const NEAR_BYTES: usize = 48;

/// Words that may be between a name and a statement about it.
const SMALL: [&str; 6] = ["is", "was", "has", "been", "now", "currently"];

/// Words that may be between a noun and its adjective, besides `SMALL`.
const BETWEEN: [&str; 24] = [
    "or", "and", "a", "an", "the", "this", "that", "are", "of", "email", "mail", "local", "final",
    "delivery", "destination", "recipient", "virtual", "illegal", "unknown", "invalid", "mailbox",
    "seems", "to", "be",
];

/// Nouns that turn a noun before them into a modifier: an address book is not an address.
const HEADS: [&str; 36] = [
    "agent", "agents", "attachment", "authentication", "body", "book", "certificate", "client",
    "computer", "content", "database", "directory", "domain", "domains", "header", "headers",
    "host", "hosts", "list", "lists", "manager", "message", "permissions", "policy", "record",
    "records", "reputation", "sender", "senders", "server", "servers", "signature", "source",
    "system", "template", "type",
];

/// Words that make a following `name` or `address` that of a host or a thing.
const THINGS: [&str; 15] = [
    "class", "client", "connecting", "dns", "domain", "file", "host", "ip", "network", "remote",
    "reverse", "server", "service", "source", "zone",
];

/// Words that an adjective before them describes: an unknown error is no unknown user.
const OTHERS: [&str; 27] = [
    "argument", "arguments", "cause", "certificate", "client", "command", "credentials", "dns",
    "encoding", "error", "errors", "failure", "helo", "host", "mx", "parameter", "parameters",
    "problem", "protocol", "ptr", "reason", "reasons", "reputation", "response", "sender",
    "sequence", "status",
];

/// The most words in between.
const BETWEEN_MAX: usize = 3;

/// Phrases of automatic replies.
const ABSENT: [&str; 24] = [
    "out of office",
    "out of the office",
    "automatic reply",
    "auto-reply",
    "autoreply",
    "auto reply",
    "on vacation",
    "away from my",
    "自动回复",
    "自动答复",
    "自動回覆",
    "自動回信",
    "automatische antwort",
    "abwesenheit",
    "nicht im büro",
    "réponse automatique",
    "absence du bureau",
    "respuesta automática",
    "fuera de la oficina",
    "resposta automática",
    "risposta automatica",
    "automatisch antwoord",
    "自動応答",
    "автоматический ответ",
];

/// Returns whether a text is an automatic reply on behalf of somebody absent.
pub(super) fn auto_reply(said: &str) -> Option<BounceReason> {
    let said = said.to_lowercase();
    ABSENT.iter().any(|piece| said.contains(piece)).then_some(BounceReason::AutoReply)
}

/// Returns the reason that the words of this rank give.
pub(super) fn reason(reply: &Reply<'_>, rank: Rank) -> Option<BounceReason> {
    let of_rank = SAID.iter().filter(|section| section.rank == rank);
    let mut found = of_rank.filter(|section| section.is_in(reply));
    found.next().map(|section| section.reason)
}

impl Section {
    fn is_in(&self, reply: &Reply<'_>) -> bool {
        if self.is_of_dns && !may_be_the_recipients_domain(reply) {
            return false;
        }
        let said = |phrase: &&str| places(&reply.words, phrase).next().is_some();
        let marked = &reply.marked;
        let any = |holds: &dyn Fn(usize, usize) -> bool| {
            let mut phrases = self.phrases.iter();
            phrases.any(|phrase| {
                let length = phrase.trim_end_matches('*').len();
                places(marked, phrase)
                    .any(|place| holds(place, length) && !is_about_another(marked, place, phrase))
            })
        };
        match self.grammar {
            Grammar::Alone => self.phrases.iter().any(said),
            Grammar::Unless => {
                reply.class().is_some()
                    && self.phrases.iter().any(said)
                    && !self.nouns.iter().any(said)
            }
            Grammar::Near => any(&|place, length| near(marked, place, length, &self.nouns)),
            Grammar::Before => any(&|place, length| before(marked, place, length, &self.nouns)),
            Grammar::Beside => any(&|place, length| {
                before(marked, place, length, &self.nouns) || after(marked, place, &self.nouns)
            }),
        }
    }
}

/// Phrases that name the recipient's domain.
const RECIPIENTS_DOMAIN: [&str; 7] = [
    "recipient domain",
    "recipients domain",
    "recipient s domain",
    "destination domain",
    "domain of recipient",
    "domain of the recipient",
    "destination host",
];

/// Returns whether a statement about a domain may be about the recipient's: a phrase or the status
/// code says so, or there is no code, so that no receiver has replied and these are the sending
/// server's own words.
fn may_be_the_recipients_domain(reply: &Reply<'_>) -> bool {
    let detail = reply.status.and_then(|status| Some(status.split_once('.')?.1));
    if RECIPIENTS_DOMAIN.iter().any(|named| places(&reply.words, named).next().is_some()) {
        return true;
    }
    match detail {
        Some(detail) => ["1.1", "1.2", "1.10", "4.4", "4.3"].contains(&detail),
        None => reply.code.is_none(),
    }
}

/// Returns whether the phrase at a place is an adjective that describes the thing after it.
fn is_about_another(marked: &str, place: usize, phrase: &str) -> bool {
    let end = (place + 1 + phrase.len()).min(marked.len());
    let next = marked.get(end..).and_then(|rest| rest.split_whitespace().next());
    !phrase.contains(' ') && next.is_some_and(|word| OTHERS.contains(&word))
}

/// Returns whether one of these nouns is in the same sentence as the phrase at a place, and close
/// to it.
fn near(marked: &str, place: usize, length: usize, nouns: &[&str]) -> bool {
    let sentence = |text: &str| text.rfind(" . ").map_or(0, |end| end + 2);
    let start = sentence(&marked[..place + 1]).max(place.saturating_sub(NEAR_BYTES));
    let end = (place + 1 + length).min(marked.len());
    let stop = marked[end..].find(" . ").map_or(marked.len(), |stop| end + stop + 1);
    let start = marked.floor_char_boundary(start);
    let stop = marked.floor_char_boundary(stop.min(end + NEAR_BYTES));
    let said = &marked[start..stop];
    let is_near = |noun: &&str| match *noun {
        "@" => follows_a_name(&marked[..place + 1]),
        noun => places(said, noun).any(|at| {
            let words = said.get(at + 1 + noun.len()..).unwrap_or_default();
            is_head(said[..=at].split_whitespace().next_back(), noun, words)
        }),
    };
    nouns.iter().any(is_near)
}

/// Returns whether a noun is the subject itself, and not a part of another thing's name.
fn is_head(before: Option<&str>, noun: &str, after: &str) -> bool {
    let next = after.split_whitespace().next().unwrap_or_default();
    let may_be_of_a_thing = matches!(noun, "name" | "address" | "addresses");
    let is_of_a_thing = may_be_of_a_thing && before.is_some_and(|word| THINGS.contains(&word));
    !is_of_a_thing && !HEADS.contains(&next)
}

/// Returns whether a name is right before, apart from small words: `<ann@x.example> is now`.
fn follows_a_name(before: &str) -> bool {
    let mut words = before.split_whitespace().rev().skip_while(|word| SMALL.contains(word));
    words.next() == Some("@")
}

/// Returns whether the phrase at a place is right before one of these nouns.
fn before(marked: &str, place: usize, length: usize, nouns: &[&str]) -> bool {
    let end = (place + 1 + length).min(marked.len());
    let words: Vec<&str> = marked[end..].split_whitespace().take(BETWEEN_MAX + 2).collect();
    let noun = (0..words.len()).find(|at| !is_between(words[*at]) || nouns.contains(&words[*at]));
    noun.is_some_and(|at| {
        let next = words.get(at + 1).copied().unwrap_or_default();
        at <= BETWEEN_MAX && nouns.contains(&words[at]) && is_head(None, words[at], next)
    })
}

/// Returns whether the phrase at a place is right after one of these nouns.
fn after(marked: &str, place: usize, nouns: &[&str]) -> bool {
    let words: Vec<&str> =
        marked[..=place].split_whitespace().rev().take(BETWEEN_MAX + 2).collect();
    let noun = (0..words.len()).find(|at| !is_between(words[*at]) || nouns.contains(&words[*at]));
    noun.is_some_and(|at| {
        let before = words.get(at + 1).copied();
        at <= BETWEEN_MAX && nouns.contains(&words[at]) && is_head(before, words[at], "")
    })
}

fn is_between(word: &str) -> bool {
    SMALL.contains(&word) || BETWEEN.contains(&word)
}

/// Returns where a phrase occurs in a text in which each word is between two spaces.
fn places(words: &str, phrase: &str) -> impl Iterator<Item = usize> {
    let (phrase, is_open) = match phrase.strip_suffix('*') {
        Some(phrase) => (phrase, true),
        None => (phrase, false),
    };
    let found = words.match_indices(phrase).filter(move |(start, _)| {
        let end = start + phrase.len();
        words[..*start].ends_with(' ') && (is_open || words[end..].starts_with(' '))
            || phrase.chars().any(has_no_spaces)
    });
    found.map(|(start, _)| start.saturating_sub(1))
}

/// Returns whether a character belongs to a language that is written without spaces, or nearly so.
fn has_no_spaces(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}')
}

/// Reads the sections of a text; skips a line that is neither a section nor a phrase.
fn sections(text: &'static str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut nouns: Vec<&str> = Vec::new();
    let mut is_noun = false;
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let phrases = || line.split(',').map(str::trim).filter(|phrase| !phrase.is_empty());
        match header(line) {
            Some(("noun", _)) => (is_noun, nouns) = (true, Vec::new()),
            Some((rank, reason)) => {
                let grammar = match rank {
                    "near" => Grammar::Near,
                    "beside" => Grammar::Beside,
                    "before" => Grammar::Before,
                    "unless" => Grammar::Unless,
                    _ => Grammar::Alone,
                };
                let nouns = match grammar {
                    Grammar::Alone => Vec::new(),
                    _ => nouns.clone(),
                };
                let is_of_dns = rank == "dns" || rank == "near" && reason == "no_such_domain";
                let rank = match rank {
                    "sender" => Rank::Sender,
                    "state" => Rank::State,
                    "weak" => Rank::Weak,
                    _ => Rank::Recipient,
                };
                is_noun = false;
                sections.extend(BounceReason::by_word(reason).map(|reason| Section {
                    rank,
                    reason,
                    grammar,
                    nouns,
                    phrases: Vec::new(),
                    is_of_dns,
                }));
            }
            None if is_noun => nouns.extend(phrases()),
            None => {
                if let Some(section) = sections.last_mut() {
                    section.phrases.extend(phrases());
                }
            }
        }
    }
    sections
}

/// Reads `[rank.reason]`.
fn header(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix('[')?.strip_suffix(']')?.split_once('.')
}

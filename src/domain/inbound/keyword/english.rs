//! The grammar of an English request: `please` `stop` `texting me`, each of them a slot of phrases.

use super::Keyword;
use super::words::{
    AFTER, ASIDES, AWAY, BEFORE, BEGINS, BEGINS_IF_NAMED, CONTACTS, FAMILY, FILLERS, HELP,
    MESSAGES, MORE, NEGATIONS, NOT_MEANT, POLITE_ENDS, REASONS, REMOVALS, SENTENCES, SHORT, START,
    STOP_ALONE, TAKINGS, THINGS, WHOLE_SENTENCES, WHY,
};
use regex_lite::Regex;

/// A sentence in plain words, separated by single spaces.
pub struct Sentence(String);

thread_local! {
    static GRAMMAR: Option<Regex> = grammar(&SENTENCES).ok();
    static WANTS_TEXTS: Option<Regex> = grammar(&super::words::WANTS_TEXTS).ok();
}

/// Compiles patterns of sentences. In them, `M` stands for the messages, `W` for words before them,
/// `O` for a person or number that gets them, `X` for kinds of contact, `C` for contacting
/// somebody.
fn grammar(patterns: &[&str]) -> Result<Regex, regex_lite::Error> {
    let slots = [
        ("W", "(?:(?:a|all|any|more|such|of|the|these|this|those|that|your|you) )*"),
        (
            "M",
            "(?:texts?|messages?|alerts?|notifications?|reminders?|updates?|spam|promos?|sms|list)",
        ),
        ("O", "(?:me|us|this number|my (?:number|phone|cell))"),
        (
            "X",
            "(?:calls?|calling|texts?|texting|emails?|emailing|messages?|messaging|contact|\
             contacting|phone|phoning)",
        ),
        ("C", "(?:contact|text|message|notify|bother|call|sms|spam|send me)"),
    ];
    let whole = format!("^(?:{})$", patterns.join("|"));
    Regex::new(&slots.iter().fold(whole, |text, (slot, words)| text.replace(slot, words)))
}

/// Returns what a sentence asks for.
pub fn read(sentence: &Sentence) -> Option<Keyword> {
    let text = sentence.0.as_str();
    if sentence.asks_to_stop() {
        return Some(Keyword::Stop);
    }
    if HELP.contains(&text) {
        return Some(Keyword::Help);
    }
    START.contains(&text).then_some(Keyword::Start)
}

/// Returns whether a part of a text asks for messages, instead of calls or e-mails.
pub fn wants_texts(part: &str) -> bool {
    let sentence = Sentence::of(&super::plain_words(part));
    WANTS_TEXTS.with(|wants| wants.as_ref().is_some_and(|wants| wants.is_match(&sentence.0)))
}

impl Sentence {
    /// Joins words into a sentence; replaces short forms and misspellings.
    pub fn of(words: &[String]) -> Self {
        let long = |word: &String| {
            let known = SHORT.iter().find(|(short, _)| short == word);
            known.map_or_else(|| word.clone(), |(_, long)| (*long).to_owned())
        };
        Self(words.iter().map(long).collect::<Vec<_>>().join(" "))
    }

    /// Returns whether the sentence makes clear by itself that the messages are meant.
    pub fn is_clear(&self) -> bool {
        let is_of_calls = self.0.contains(" call ") && !self.0.contains("text");
        if is_of_calls {
            return false;
        }
        let is_named = names_messages(&self.0);
        is_named || is_whole(&self.0) || self.0.split(' ').any(|word| REASONS.contains(&word))
    }

    /// Returns whether it asks for more messages.
    pub fn wants_more(&self) -> bool {
        MORE.iter().any(|words| self.0.contains(words))
    }

    /// Returns whether it is only the bare word, politely or not.
    pub fn says_stop(&self) -> bool {
        let mut words = self.0.split(' ').filter(|word| *word != "please" && *word != "just");
        words.next().is_some_and(|word| STOP_ALONE.contains(&word)) && words.next().is_none()
    }

    /// Returns whether it asks to stop something that another sentence names.
    pub fn stops_it(&self) -> bool {
        let plain = self.0.strip_prefix("please ").unwrap_or(&self.0);
        ["stop it", "remove it", "make it stop", "delete it", "stop this"].contains(&plain)
    }

    /// Returns whether it names messages, or the number that gets them.
    pub fn names_messages(&self) -> bool {
        names_messages(&self.0) || self.0.split(' ').any(|word| word == "number")
    }

    /// Returns whether it only says no, or why.
    pub fn says_no_or_why(&self) -> bool {
        let mut words = self.0.split(' ');
        words.all(|word| POLITE_ENDS.contains(&word) || WHY.contains(&word))
            || ["i am ", "i have ", "i already ", "i moved", "we are ", "we have "]
                .iter()
                .any(|words| self.0.starts_with(words))
    }

    fn asks_to_stop(&self) -> bool {
        let words = self.0.split(' ').filter(|word| !FILLERS.contains(word));
        let plain = words.collect::<Vec<_>>().join(" ");
        let mut rest = plain.as_str();
        loop {
            if begins_with_a_request(rest) || is_whole(rest) || is_a_known_sentence(rest) {
                return true;
            }
            let before = BEFORE.iter().filter_map(|phrase| without(rest, phrase));
            match before.min_by_key(|rest| rest.len()) {
                Some(shorter) => rest = shorter,
                None => return false,
            }
        }
    }
}

fn names_messages(sentence: &str) -> bool {
    sentence.split(' ').any(|word| MESSAGES.contains(&word))
}

/// Removes a phrase from the beginning of a sentence, if the phrase ends there with a whole word.
fn without<'a>(sentence: &'a str, phrase: &str) -> Option<&'a str> {
    let rest = sentence.strip_prefix(phrase)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(' ') }
}

/// Returns whether it is one of `WHOLE_SENTENCES`, politely or not.
fn is_whole(sentence: &str) -> bool {
    let polite = [" please", " thank you", " thanks", " sorry", " anymore", " at all"];
    let plain = polite.iter().find_map(|words| sentence.strip_suffix(words)).unwrap_or(sentence);
    WHOLE_SENTENCES.contains(&plain)
}

/// Returns whether it matches one of `SENTENCES`, with polite words after it.
fn is_a_known_sentence(sentence: &str) -> bool {
    let mut plain = sentence;
    while let Some((before, last)) = plain.rsplit_once(' ')
        && POLITE_ENDS.contains(&last)
    {
        plain = before;
    }
    let is_known =
        |text: &str| GRAMMAR.with(|known| known.as_ref().is_some_and(|known| known.is_match(text)));
    is_known(plain) || is_known(sentence)
}

/// Returns what can be left of a sentence after a phrase from each of these slots, in order.
fn rests<'s>(sentence: &'s str, slots: &[&[&str]]) -> Vec<&'s str> {
    let mut rests = vec![sentence];
    for slot in slots {
        let next = rests.iter().flat_map(|rest: &&'s str| {
            let rest: &'s str = rest;
            slot.iter().filter_map(move |phrase| without(rest, phrase))
        });
        rests = next.collect();
    }
    rests
}

/// Returns what is left of a sentence after each possible beginning of a request.
fn after_beginnings(sentence: &str) -> Vec<&str> {
    [
        rests(sentence, &[&BEGINS]),
        rests(sentence, &[&NEGATIONS, &CONTACTS]),
        rests(sentence, &[&REMOVALS, &THINGS]),
        rests(sentence, &[&TAKINGS, &THINGS, &AWAY]),
    ]
    .concat()
}

/// Returns whether the sentence rejects the stopping itself: "I don't want" "to stop receiving
/// texts".
fn wants_the_contrary(rest: &str) -> bool {
    let rest = without(rest, "you").unwrap_or(rest);
    let rest = without(rest, "to").unwrap_or(rest);
    !after_beginnings(rest).is_empty()
}

/// Returns whether a sentence begins like a request, and everything after that belongs to it.
fn begins_with_a_request(sentence: &str) -> bool {
    if NOT_MEANT.iter().any(|phrase| without(sentence, phrase).is_some()) {
        return false;
    }
    let mut openly = BEGINS_IF_NAMED.iter().filter_map(|phrase| without(sentence, phrase));
    rests(sentence, &[&NEGATIONS, &CONTACTS]).into_iter().any(|rest| may_follow(rest, true))
        || after_beginnings(sentence).into_iter().any(|rest| may_follow(rest, false))
        || openly
            .any(|rest| !wants_the_contrary(rest) && names_messages(rest) && may_follow(rest, true))
}

/// Returns whether a rest belongs to a request, up to a part that only says why. `is_named` says
/// whether messages are named before it.
fn may_follow(rest: &str, is_named: bool) -> bool {
    let is_enough = |aside: &&str, head: &str| {
        names_messages(head)
            || is_named && is_to_somebody(head) && *aside != " about "
            || aside.starts_with(" or ") && *aside != " or "
    };
    let mut asides = ASIDES.iter().filter_map(|aside| Some((aside, rest.split_once(aside)?.0)));
    let is_named = is_named || names_messages(rest);
    belongs(rest, is_named)
        || asides.any(|(aside, head)| is_enough(aside, head) && belongs(head, is_named))
}

/// Returns whether every word may follow a request. If messages are what should stop, a phone of
/// somebody else may be named as their destination.
fn belongs(rest: &str, is_named: bool) -> bool {
    let of_family = is_named && is_to_somebody(rest);
    rest.split_whitespace().all(|word| {
        // A request may be repeated: "stop stop stop".
        [&AFTER[..], &MESSAGES, &BEGINS].iter().any(|known| known.contains(&word))
            || FAMILY.contains(&word) && of_family
    }) && !(of_family && rest.contains(" about "))
}

/// Returns whether a person is named who gets the messages: `my mom`.
fn is_to_somebody(rest: &str) -> bool {
    let words: Vec<&str> = rest.split(' ').collect();
    words.windows(2).any(|pair| ["my", "our"].contains(&pair[0]) && FAMILY.contains(&pair[1]))
}

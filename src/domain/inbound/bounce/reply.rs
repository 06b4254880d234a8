//! Splits a receiver's reply into parts before it is classified: codes (RFC 5321 section 4.2, RFC
//! 3463), names of people and hosts, and words. An address, a host, a network address and a link
//! are never searched for words: `peterblack@` says nothing about a block list, and neither does
//! the name of the replying host.

/// Hosts of block lists. A link to one gives the reason, often without another word.
const LISTS: &[&str] = &[
    "abuseat.org", "abusix.com", "barracudacentral.org", "barracudanetworks.com", "cloudmark.com",
    "invaluement.com", "ipcheck.proofpoint.com", "mail-abuse.com", "sender.office.com",
    "senderscore.net", "senderscore.org", "sorbs.net", "spamcop.net", "spamhaus.net",
    "spamhaus.org", "spamrl.com", "surbl.org", "uceprotect.net", "uribl.com",
];

/// Verbs that may precede `n't`.
const NEGATED: &[&str] = &[
    "are", "could", "did", "do", "does", "had", "has", "have", "is", "should", "was", "were",
    "would",
];

/// Words before the name of a host that is only the one replying.
const SPEAKERS: &[&str] = &["host", "server", "mta"];

/// Prefixes of Exchange's own terms, which contain dots as host names do.
const EXCHANGE: &[&str] = &["resolver.", "storedrv.", "smtpsend.", "queue.", "routing."];

/// The longest name in angle brackets, in bytes.
const NAME_BYTES_MAX: usize = 320;

/// The most words between a reply code and the status code that belongs to it.
const PAIRED_WITHIN: usize = 2;

/// A reply, split into its parts.
#[derive(Debug, Default)]
pub(super) struct Reply<'s> {
    /// The most specific status code.
    pub status: Option<&'s str>,
    pub statuses: Vec<&'s str>,
    /// The reply code that belongs to the status code, or else the first.
    pub code: Option<&'s str>,
    /// The words in lower case, each between two spaces; ` . ` ends a sentence.
    pub words: String,
    /// The same, with ` @ ` for each name of a person, and ` # ` for each of a host.
    pub marked: String,
    /// Whether a block list is named by its host.
    pub names_a_list: bool,
}

/// What is collected while a reply is read.
#[derive(Default)]
struct Parts<'s> {
    tokens: Vec<Token>,
    codes: Vec<(&'s str, usize)>,
    statuses: Vec<(&'s str, usize)>,
    names_a_list: bool,
}

enum Token {
    Word(String),
    /// The name or address of a person.
    Name,
    /// The name or address of a host.
    Host,
    End,
}

/// Splits a reply into its parts.
pub(in crate::domain) fn parse(said: &str) -> Reply<'_> {
    let mut parts = Parts::default();
    let mut rest = said;
    while let Some(first) = rest.chars().next() {
        let length = parts.take(rest, first);
        rest = &rest[length..];
    }
    parts.reply()
}

impl Reply<'_> {
    /// Returns `2`, `4` or `5`, by the codes. If they disagree about `4`, the failure is temporary.
    pub fn class(&self) -> Option<u8> {
        let [status, code] = [self.status, self.code].map(|code| code?.bytes().next());
        match (status, code) {
            (Some(b'4'), _) | (_, Some(b'4')) => Some(b'4'),
            (status, code) => status.or(code),
        }
    }
}

impl<'s> Parts<'s> {
    /// Reads the next part from the beginning, and returns its length.
    fn take(&mut self, rest: &'s str, first: char) -> usize {
        if let Some(length) = link(rest) {
            let url = &rest[..length];
            let host = url.split("//").nth(1).unwrap_or_default();
            self.host(host.split(['/', ':', '?']).next().unwrap_or_default());
            return length;
        }
        if let Some(length) = named(rest) {
            self.name();
            return length;
        }
        if let Some(length) = network_address(rest) {
            self.tokens.push(Token::Host);
            return length;
        }
        let length = rest.find(|c: char| !in_run(c)).unwrap_or(rest.len());
        if length > 0 {
            let (run, after) = rest.split_at(length);
            self.run(run);
            if run.ends_with('.') && after.chars().next().is_none_or(char::is_whitespace) {
                self.tokens.push(Token::End);
            }
            return length;
        }
        if matches!(first, '!' | '?' | '。' | '！' | '？') || rest.starts_with("\n\n") {
            self.tokens.push(Token::End);
        }
        first.len_utf8()
    }

    /// Reads a piece without spaces.
    fn run(&mut self, run: &'s str) {
        let bare = run.trim_matches(|c: char| !c.is_alphanumeric());
        if let Some(at) = run.find('@') {
            return self.address(run, at);
        }
        if bare.bytes().all(|b| b.is_ascii_digit() || b == b'.') && bare.split('.').count() == 4 {
            return self.tokens.push(Token::Host);
        }
        if is_host(bare) {
            return self.host(bare);
        }
        for (place, piece) in bare.split(['-', '=', '_', '+', '%']).enumerate() {
            let piece = piece.trim_matches(['\'', '’']);
            if is_status(piece) {
                self.statuses.push((piece, self.tokens.len()));
            } else if place == 0 && is_code(piece) {
                self.codes.push((piece, self.tokens.len()));
            } else {
                self.words(piece);
            }
        }
    }

    /// Reads an address. In languages without spaces, words may be right beside it.
    fn address(&mut self, run: &str, at: usize) {
        let (before, after) = run.split_at(at);
        let is_plain = |c: Option<char>| c.is_some_and(|c| c.is_ascii());
        if is_plain(before.chars().next_back()) && is_plain(after[1..].chars().next()) {
            let start = before
                .rfind(|c: char| !c.is_ascii())
                .map(|start| start + before[start..].chars().next().map_or(0, char::len_utf8));
            let end = after.find(|c: char| !c.is_ascii()).unwrap_or(after.len());
            self.words(&before[..start.unwrap_or(0)]);
            self.name();
            self.words(&after[end..]);
        } else {
            self.name();
        }
    }

    /// Adds the name of a person; but in `domain of <ann@x.example>` and `Message-ID
    /// <1@x.example>`, it stands for a thing.
    fn name(&mut self) {
        let before = |back: usize| match self.tokens.iter().rev().nth(back) {
            Some(Token::Word(word)) => word.as_str(),
            _ => "",
        };
        let is_thing = matches!(
            (before(1), before(0)),
            (_, "domain") | ("domain", "of") | ("message", "id") | ("sender", _)
        );
        self.tokens.push(if is_thing { Token::Host } else { Token::Name });
    }

    /// Adds the name of a host.
    fn host(&mut self, host: &str) {
        let host = host.to_ascii_lowercase();
        let is_of = |list: &&str| {
            host.strip_suffix(*list).is_some_and(|left| left.is_empty() || left.ends_with('.'))
        };
        let speaks = match self.tokens.last() {
            Some(Token::Word(word)) => SPEAKERS.contains(&word.as_str()),
            _ => false,
        };
        self.names_a_list |= !speaks && LISTS.iter().any(is_of);
        self.tokens.push(Token::Host);
    }

    fn words(&mut self, piece: &str) {
        let plain = piece.replace(['\'', '’'], "");
        let words = plain.split(|c: char| !c.is_alphanumeric()).flat_map(humps);
        for word in words.filter(|word| word.chars().any(char::is_alphabetic)) {
            self.word(word.to_lowercase());
        }
    }

    /// Adds a word; `mail box`, `mail drop` and `e-mail` become one, and `doesn't` becomes two.
    fn word(&mut self, word: String) {
        let negated = word.strip_suffix("nt").filter(|verb| NEGATED.contains(verb));
        if let Some(verb) = negated {
            self.tokens.push(Token::Word(verb.to_owned()));
            return self.tokens.push(Token::Word("not".to_owned()));
        }
        match (self.tokens.last_mut(), word.as_str()) {
            (Some(Token::Word(last)), "box" | "boxes" | "drop") if last == "mail" => {
                last.push_str(&word);
            }
            (Some(Token::Word(last)), "mail" | "mails") if last == "e" => last.push_str(&word),
            (Some(Token::Word(last)), "not") if last == "can" => last.push_str(&word),
            (_, "cant") => self.tokens.push(Token::Word("cannot".to_owned())),
            _ => self.tokens.push(Token::Word(word)),
        }
    }

    fn reply(self) -> Reply<'s> {
        let mut words = String::from(" ");
        let mut marked = String::from(" ");
        for token in &self.tokens {
            let text = match token {
                Token::Word(word) => word,
                Token::Name => "@",
                Token::Host => "#",
                Token::End => ".",
            };
            marked.push_str(text);
            marked.push(' ');
            if text != "@" && text != "#" {
                words.push_str(text);
                words.push(' ');
            }
        }
        let status = best(&self.statuses);
        let (status, code) = (status.map(|(status, _)| status), self.code(status));
        let statuses = self.statuses.iter().map(|(status, _)| *status).collect();
        Reply { status, statuses, code, words, marked, names_a_list: self.names_a_list }
    }

    /// Returns the reply code right before a status code; or else the first that is not a success,
    /// because a transcript contains successes too.
    fn code(&self, status: Option<(&str, usize)>) -> Option<&'s str> {
        let paired = status.and_then(|(_, place)| {
            let before = self.codes.iter().rev().find(|(_, at)| *at <= place)?;
            (place - before.1 <= PAIRED_WITHIN).then_some(before.0)
        });
        let bad = self.codes.iter().map(|(code, _)| *code).find(|code| !code.starts_with('2'));
        paired.or(bad).or_else(|| self.codes.first().map(|(code, _)| *code))
    }
}

/// Returns the most specific status code, and among equals the first. A success counts only if
/// there is no other code.
fn best<'s>(statuses: &[(&'s str, usize)]) -> Option<(&'s str, usize)> {
    let rank = |status: &str| (!status.starts_with('2'), exactness(status));
    statuses.iter().copied().reduce(
        |best, next| {
            if rank(next.0) > rank(best.0) { next } else { best }
        },
    )
}

/// Returns how specific a status code is: `5.0.0` says nothing, `5.1.0` only where to look, and
/// some are used for everything.
pub(super) fn exactness(status: &str) -> u8 {
    match status.split_once('.').map_or("", |(_, detail)| detail) {
        "0.0" => 0,
        detail if detail.ends_with(".0") || detail.starts_with("0.") => 1,
        "7.1" | "5.1" | "5.2" | "5.4" | "3.2" => 2,
        _ => 3,
    }
}

/// Splits a word such as `UserUnknown`; returns any other as it is.
fn humps(word: &str) -> Vec<&str> {
    let starts = word.char_indices().skip(1).filter(|(_, c)| c.is_ascii_uppercase());
    let mut places: Vec<usize> = starts.map(|(place, _)| place).collect();
    places.push(word.len());
    let mut start = 0;
    let humps: Vec<&str> =
        places.into_iter().map(|end| &word[std::mem::replace(&mut start, end)..end]).collect();
    let is_hump =
        |hump: &&str| hump.len() > 1 && hump.bytes().skip(1).all(|b| b.is_ascii_lowercase());
    let is_word = humps.iter().all(is_hump);
    if is_word { humps } else { vec![word] }
}

fn in_run(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '@' | '%' | '=' | '\'' | '’')
}

/// Returns the length of a link at the beginning.
fn link(rest: &str) -> Option<usize> {
    let head = rest.get(..8).unwrap_or(rest).to_ascii_lowercase();
    let is_link = head.starts_with("http://") || head.starts_with("https://");
    let is_end = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | ')' | ']');
    is_link.then(|| rest.find(is_end).unwrap_or(rest.len()))
}

/// Returns the length of a name in angle brackets, or of an address whose local part is in quotes.
fn named(rest: &str) -> Option<usize> {
    let rest = head(rest);
    if let Some(inside) = rest.strip_prefix('<') {
        let end = inside.find(|c: char| c == '>' || c == '<' || c.is_whitespace())?;
        return (end > 0 && inside[end..].starts_with('>')).then_some(end + 2);
    }
    let end = rest.strip_prefix('"')?.find('"')?;
    let after = &rest[end + 2..];
    let domain = after.strip_prefix('@')?;
    let length = domain.find(|c: char| !in_run(c)).unwrap_or(domain.len());
    Some(end + 3 + length)
}

/// Returns the length of an IPv6 address at the beginning (RFC 4291): enough colons, and nothing
/// else.
fn network_address(rest: &str) -> Option<usize> {
    let is_of = |c: char| c.is_ascii_hexdigit() || c == ':' || c == '.';
    let length = rest.find(|c: char| !is_of(c)).unwrap_or(rest.len());
    let address = &rest[..length];
    let is_address = address.contains("::") || address.matches(':').count() >= 3;
    is_address.then_some(length)
}

fn head(rest: &str) -> &str {
    &rest[..rest.floor_char_boundary(NAME_BYTES_MAX)]
}

/// Returns whether a piece is a host: labels separated by dots, the last of letters. Two words with
/// a full stop but no space between are not a host, if the second begins like a sentence.
fn is_host(piece: &str) -> bool {
    let labels: Vec<&str> = piece.split('.').collect();
    let is_label = |label: &&str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    let Some(last) = labels.last() else { return false };
    let is_top = last.len() >= 2 && last.bytes().all(|b| b.is_ascii_alphabetic());
    let begins_a_sentence = last.bytes().next().is_some_and(|b| b.is_ascii_uppercase())
        && last.as_bytes().get(1).is_some_and(u8::is_ascii_lowercase);
    let lower = piece.to_ascii_lowercase();
    labels.len() >= 2
        && labels.iter().all(is_label)
        && (is_top || last.starts_with("xn--"))
        && !begins_a_sentence
        && !EXCHANGE.iter().any(|own| lower.starts_with(own))
}

/// Returns whether a piece is an enhanced status code: `5.1.1`.
fn is_status(piece: &str) -> bool {
    let parts: Vec<&str> = piece.split('.').collect();
    let is_number =
        |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    parts.len() == 3 && matches!(parts[0], "2" | "4" | "5") && parts.iter().all(is_number)
}

/// Returns whether a piece is an SMTP reply code: `550`.
fn is_code(piece: &str) -> bool {
    piece.len() == 3
        && piece.bytes().all(|b| b.is_ascii_digit())
        && matches!(piece.as_bytes()[0], b'2' | b'4' | b'5')
}

//! A receiver's reply, taken apart before it is judged: codes (RFC 5321 section 4.2, RFC 3463),
//! names of people and machines, and words. An address, a host, a network address and a link are
//! never searched for words: `peterblack@` says nothing of a list, and neither does the name of the
//! host that speaks.

/// Hosts of those who keep lists of senders. A link to one says why, often without another word.
const LISTS: &[&str] = &[
    "abuseat.org", "abusix.com", "barracudacentral.org", "barracudanetworks.com", "cloudmark.com",
    "invaluement.com", "ipcheck.proofpoint.com", "mail-abuse.com", "sender.office.com",
    "senderscore.net", "senderscore.org", "sorbs.net", "spamcop.net", "spamhaus.net",
    "spamhaus.org", "spamrl.com", "surbl.org", "uceprotect.net", "uribl.com",
];

/// Verbs as they stand before `n't`.
const NEGATED: &[&str] = &[
    "are", "could", "did", "do", "does", "had", "has", "have", "is", "should", "was", "were",
    "would",
];

/// Words before the name of a machine that only speaks.
const SPEAKERS: &[&str] = &["host", "server", "mta"];

/// Beginnings of Exchange's own words, which have points in them as hosts do.
const EXCHANGE: &[&str] = &["resolver.", "storedrv.", "smtpsend.", "queue.", "routing."];

/// The longest name in angle brackets.
const NAME_BYTES_MAX: usize = 320;

/// How many words may stand between a reply code and the status code that belongs to it.
const PAIRED_WITHIN: usize = 2;

/// A reply in its parts.
#[derive(Debug, Default)]
pub(super) struct Reply<'s> {
    /// The status code that says most.
    pub status: Option<&'s str>,
    /// All status codes.
    pub statuses: Vec<&'s str>,
    /// The reply code that belongs to it, or the first.
    pub code: Option<&'s str>,
    /// The words in lower case, each between two spaces; ` . ` ends a sentence.
    pub words: String,
    /// The same, with ` @ ` for each name of somebody, and ` # ` for each of a machine.
    pub marked: String,
    /// Whether a list of senders is named by its host.
    pub names_a_list: bool,
}

/// What is collected on the way through a reply.
#[derive(Default)]
struct Parts<'s> {
    tokens: Vec<Token>,
    codes: Vec<(&'s str, usize)>,
    statuses: Vec<(&'s str, usize)>,
    names_a_list: bool,
}

enum Token {
    Word(String),
    /// Of somebody.
    Name,
    /// Of a machine.
    Host,
    End,
}

/// Takes a reply apart.
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
    /// `2`, `4` or `5`, by the codes. Where the two disagree it is for now.
    pub fn class(&self) -> Option<u8> {
        let [status, code] = [self.status, self.code].map(|code| code?.bytes().next());
        match (status, code) {
            (Some(b'4'), _) | (_, Some(b'4')) => Some(b'4'),
            (status, code) => status.or(code),
        }
    }
}

impl<'s> Parts<'s> {
    /// Takes what stands at the beginning, and says how long it is.
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

    /// Takes a piece without spaces.
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

    /// Takes an address. What is written without spaces may stand right beside it.
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

    /// Takes the name of somebody; in `domain of <ann@x.example>` and `Message-ID <1@x.example>` it
    /// is not somebody who is spoken of.
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

    /// Takes the name of a machine.
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

    /// Takes a word; `mail box` and `e-mail` are one, and `doesn't` is two.
    fn word(&mut self, word: String) {
        let negated = word.strip_suffix("nt").filter(|verb| NEGATED.contains(verb));
        if let Some(verb) = negated {
            self.tokens.push(Token::Word(verb.to_owned()));
            return self.tokens.push(Token::Word("not".to_owned()));
        }
        match (self.tokens.last_mut(), word.as_str()) {
            (Some(Token::Word(last)), "box" | "boxes") if last == "mail" => last.push_str(&word),
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

    /// The reply code right before a status code; or else the first that is no good news, for a
    /// transcript has good ones in it, too.
    fn code(&self, status: Option<(&str, usize)>) -> Option<&'s str> {
        let paired = status.and_then(|(_, place)| {
            let before = self.codes.iter().rev().find(|(_, at)| *at <= place)?;
            (place - before.1 <= PAIRED_WITHIN).then_some(before.0)
        });
        let bad = self.codes.iter().map(|(code, _)| *code).find(|code| !code.starts_with('2'));
        paired.or(bad).or_else(|| self.codes.first().map(|(code, _)| *code))
    }
}

/// The status code that says most; the first of several that say as much. A good one counts only
/// where there is no other.
fn best<'s>(statuses: &[(&'s str, usize)]) -> Option<(&'s str, usize)> {
    let rank = |status: &str| (!status.starts_with('2'), exactness(status));
    statuses.iter().copied().reduce(
        |best, next| {
            if rank(next.0) > rank(best.0) { next } else { best }
        },
    )
}

/// How much a status code says: `5.0.0` nothing, `5.1.0` only where to look, and some are used for
/// everything.
pub(super) fn exactness(status: &str) -> u8 {
    match status.split_once('.').map_or("", |(_, detail)| detail) {
        "0.0" => 0,
        detail if detail.ends_with(".0") || detail.starts_with("0.") => 1,
        "7.1" | "5.1" | "5.2" | "5.4" | "3.2" => 2,
        _ => 3,
    }
}

/// The words of one that is written as `UserUnknown`; of any other, itself.
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

/// The length of a link at the beginning.
fn link(rest: &str) -> Option<usize> {
    let head = rest.get(..8).unwrap_or(rest).to_ascii_lowercase();
    let is_link = head.starts_with("http://") || head.starts_with("https://");
    let is_end = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | ')' | ']');
    is_link.then(|| rest.find(is_end).unwrap_or(rest.len()))
}

/// The length of a name in angle brackets, or of an address whose first half is in quotes.
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

/// The length of an IPv6 address at the beginning (RFC 4291): enough colons, and nothing else.
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

/// Whether a piece is a host: labels with points between, the last of letters. Two words of which
/// the second begins a sentence are not, though nobody put a space between.
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

/// An enhanced status code: `5.1.1`.
fn is_status(piece: &str) -> bool {
    let parts: Vec<&str> = piece.split('.').collect();
    let is_number =
        |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    parts.len() == 3 && matches!(parts[0], "2" | "4" | "5") && parts.iter().all(is_number)
}

/// A reply code of SMTP: `550`.
fn is_code(piece: &str) -> bool {
    piece.len() == 3
        && piece.bytes().all(|b| b.is_ascii_digit())
        && matches!(piece.as_bytes()[0], b'2' | b'4' | b'5')
}

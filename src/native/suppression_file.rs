//! Suppression lists as other systems export them: which column is the address, what a reason means
//! here, which rows are not addresses. It reads one row at a time, however long the file is. A
//! broken row affects only itself.

use crate::domain::base::language::Language;
use crate::domain::base::primitives::Channel;
use crate::domain::contact::address::{read_email, read_phone};
use crate::domain::contact::suppression::SuppressionReason;
use crate::flows::contact::suppressions::Named;
use crate::native::encoding::{self, Decoded, HEAD_BYTES};
use encoding_rs::UTF_8;
use std::collections::VecDeque;
use std::io::{self, BufRead, Read};

/// The longest line that is read, in bytes: an address and its fields are far shorter.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// The most lines of a row. Quoted cells may contain line breaks, but an unclosed quote must not
/// swallow the file.
const ROW_LINES_MAX: usize = 20;

/// How to read a file where its content does not say.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The reason of rows without one.
    pub reason: Option<SuppressionReason>,
    /// The country of phone numbers without `+`.
    pub region: Option<String>,
}

/// The content of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// An address to suppress.
    Suppress(Named),
    /// An address that is not suppressed: exports of contacts contain those, too.
    Fine,
    /// An unusable row: why, and its text.
    Wrong(String, String),
}

/// The names of address columns, in the form that `plain` returns, and their channels. E-mail
/// columns come before phone numbers, and a name that may mean a street comes last.
const ADDRESSES: &[(&str, Channel)] = &[
    ("email", Channel::Email),
    ("email address", Channel::Email),
    ("emailaddress", Channel::Email),
    ("e mail", Channel::Email),
    ("e mail address", Channel::Email),
    ("mail", Channel::Email),
    ("mail address", Channel::Email),
    ("primary email", Channel::Email),
    ("contact email", Channel::Email),
    ("subscriber email", Channel::Email),
    ("user email", Channel::Email),
    ("email id", Channel::Email),
    ("subscriber", Channel::Email),
    ("recipient", Channel::Email),
    ("e mail adresse", Channel::Email),
    ("adresse e mail", Channel::Email),
    ("邮箱", Channel::Email),
    ("邮箱地址", Channel::Email),
    ("电子邮箱", Channel::Email),
    ("电子邮件", Channel::Email),
    ("电子邮件地址", Channel::Email),
    ("邮件地址", Channel::Email),
    ("收件人", Channel::Email),
    ("電子郵件", Channel::Email),
    ("電子信箱", Channel::Email),
    ("phone", Channel::Sms),
    ("phone number", Channel::Sms),
    ("mobile", Channel::Sms),
    ("mobile phone", Channel::Sms),
    ("mobile number", Channel::Sms),
    ("number", Channel::Sms),
    ("sms", Channel::Sms),
    ("手机", Channel::Sms),
    ("手机号", Channel::Sms),
    ("手机号码", Channel::Sms),
    ("电话", Channel::Sms),
    ("电话号码", Channel::Sms),
    ("address", Channel::Email),
    ("to", Channel::Email),
];

/// The names of reason columns.
const REASONS: &[&str] = &[
    "reason",
    "suppression reason",
    "suppressionreason",
    "status",
    "type",
    "code",
    "cause",
    "bounce type",
    "email marketing consent",
    "event",
    "origin",
    "原因",
    "状态",
    "类型",
];

/// Columns that occur only in a list for one reason, and that reason.
const OF_ONE_REASON: &[(&str, SuppressionReason)] = &[
    ("unsub time", SuppressionReason::Unsubscribed),
    ("unsub reason", SuppressionReason::Unsubscribed),
    ("unsubscribed at", SuppressionReason::Unsubscribed),
    ("clean time", SuppressionReason::Bounced),
    ("cleaned at", SuppressionReason::Bounced),
    ("abuse time", SuppressionReason::Complained),
];

/// Columns with a yes or no for one reason.
const YES_OR_NO: &[(&str, SuppressionReason)] = &[
    ("unsubscribed from all email", SuppressionReason::Unsubscribed),
    ("opted out of all email", SuppressionReason::Unsubscribed),
    ("unsubscribed", SuppressionReason::Unsubscribed),
    ("opt out", SuppressionReason::Unsubscribed),
    ("opted out", SuppressionReason::Unsubscribed),
    ("has opted out of email", SuppressionReason::Unsubscribed),
    ("email opt out", SuppressionReason::Unsubscribed),
    ("已退订", SuppressionReason::Unsubscribed),
    ("email blacklisted", SuppressionReason::Unsubscribed),
    ("blocklisted", SuppressionReason::Manual),
    ("blacklisted", SuppressionReason::Manual),
    ("hard bounced", SuppressionReason::Bounced),
];

/// The roles of a file's columns.
#[derive(Clone, Debug, Default, PartialEq)]
struct Columns {
    addresses: Vec<(usize, Channel)>,
    reason: Option<usize>,
    flags: Vec<(usize, SuppressionReason)>,
    of_all: Option<SuppressionReason>,
}

/// A file being read.
pub struct SuppressionFile<'r> {
    input: Box<dyn BufRead + 'r>,
    reading: Reading,
    encoding: &'static str,
    delimiter: u8,
    columns: Columns,
    /// The names of the columns, as in the file.
    heads: Vec<String>,
    /// The number of the last line read.
    line: u64,
    /// Lines that were read and put back, with their numbers.
    back: VecDeque<(u64, Vec<u8>)>,
    /// The number of bytes read.
    bytes: u64,
}

impl<'r> SuppressionFile<'r> {
    /// Reads the start of a file: detects its encoding, its delimiter, and whether a line names the
    /// columns. Fails with advice if the file is not readable text.
    pub fn open(
        mut input: impl BufRead + 'r,
        reading: Reading,
    ) -> io::Result<Result<Self, String>> {
        let mut head = Vec::new();
        input.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
        if let Some(problem) = no_list(&head) {
            return Ok(Err(problem.to_owned()));
        }
        let encoding = encoding::of(&head);
        let whole = io::Cursor::new(head).chain(input);
        let input: Box<dyn BufRead + 'r> = match encoding == UTF_8 {
            true => Box::new(whole),
            false => Box::new(io::BufReader::new(Decoded::new(whole, encoding))),
        };
        let mut file = Self {
            input,
            reading,
            encoding: encoding::name(encoding),
            delimiter: b',',
            columns: Columns { addresses: vec![(0, Channel::Email)], ..Columns::default() },
            heads: Vec::new(),
            line: 0,
            back: VecDeque::new(),
            bytes: 0,
        };
        Ok(file.begin()?.map(|()| file))
    }

    /// Reads the first lines: an optional `sep=;`, which spreadsheets use, and the names of the
    /// columns.
    fn begin(&mut self) -> io::Result<Result<(), String>> {
        let Some((mut number, mut first)) = self.next_filled()? else { return Ok(Ok(())) };
        if first.starts_with(&[0xEF, 0xBB, 0xBF]) {
            first.drain(..3);
        }
        let declared = separator(&first);
        if declared.is_some() {
            let Some(next) = self.next_filled()? else { return Ok(Ok(())) };
            (number, first) = next;
        }
        self.delimiter = declared.unwrap_or_else(|| delimiter(&first));
        let heads = cells(&first, self.delimiter);
        if let Some(found) = columns(&heads) {
            (self.columns, self.heads) = (found, heads);
            return Ok(Ok(()));
        }
        // No name is known. The address column is the one with an address in the first row, or in
        // the second if the first row has names in an unknown language.
        let is_name = |cell: &String| !cell.contains(|c: char| c == '@' || c.is_ascii_digit());
        if has_two_emails(&heads) {
            return Ok(Err(TWO_EMAILS.to_owned()));
        }
        if !self.learn(&heads)
            && heads.iter().all(is_name)
            && let Some((next_number, next)) = self.next_filled()?
        {
            let row = cells(&next, self.delimiter);
            if has_two_emails(&row) {
                return Ok(Err(TWO_EMAILS.to_owned()));
            }
            let is_learnt = self.learn(&row);
            self.back.push_front((next_number, next));
            if is_learnt {
                self.heads = heads;
                return Ok(Ok(()));
            }
        }
        self.back.push_front((number, first));
        Ok(Ok(()))
    }

    /// Takes the column in which this row has an address; returns whether there is one.
    fn learn(&mut self, row: &[String]) -> bool {
        let region = self.reading.region.as_deref();
        let mut channels = row.iter().map(|cell| channel_of(cell, region)).enumerate();
        let Some((place, Some(channel))) = channels.find(|(_, channel)| channel.is_some()) else {
            return false;
        };
        self.columns.addresses = vec![(place, channel)];
        self.columns.reason = (row.len() > 1).then_some(usize::from(place == 0));
        true
    }

    fn next_filled(&mut self) -> io::Result<Option<(u64, Vec<u8>)>> {
        loop {
            match self.next_line()? {
                Some((_, line)) if line.iter().all(u8::is_ascii_whitespace) => {}
                other => return Ok(other),
            }
        }
    }

    pub fn encoding(&self) -> &'static str {
        self.encoding
    }

    /// The names of the columns; empty if the file has none.
    pub fn heads(&self) -> &[String] {
        &self.heads
    }

    /// The number of bytes read.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads the next row, with the number of its first line; `None` at the end.
    pub fn next_row(&mut self) -> io::Result<Option<(u64, Row)>> {
        loop {
            let Some((number, mut row)) = self.next_line()? else { return Ok(None) };
            if row.len() > LINE_BYTES_MAX {
                let why = format!("the line is longer than {LINE_BYTES_MAX} bytes");
                return Ok(Some((number, Row::Wrong(why, String::new()))));
            }
            if row.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let first = row.clone();
            let mut taken = Vec::new();
            while is_open(&row, self.delimiter) && taken.len() < ROW_LINES_MAX {
                let Some((number, line)) = self.next_line()? else { break };
                row.push(b'\n');
                row.extend(&line);
                taken.push((number, line));
            }
            let read = if is_open(&row, self.delimiter) {
                Row::Wrong("a quote is not closed".to_owned(), text(&first))
            } else {
                self.read(&row)
            };
            // An unclosed quote may have swallowed good rows, so each line is read by itself.
            if let (Row::Wrong(..), false) = (&read, taken.is_empty()) {
                taken.into_iter().rev().for_each(|line| self.back.push_front(line));
                let why = "a quote is not closed, or a cell has several lines".to_owned();
                return Ok(Some((number, Row::Wrong(why, text(&first)))));
            }
            return Ok(Some((number, read)));
        }
    }

    /// Reads the next line, which ends with CR, LF, or both. Keeps just enough of a line that is
    /// too long to recognise it as such.
    fn next_line(&mut self) -> io::Result<Option<(u64, Vec<u8>)>> {
        if let Some(line) = self.back.pop_front() {
            return Ok(Some(line));
        }
        let mut line = Vec::new();
        let mut is_empty = true;
        let end = loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                break None;
            }
            is_empty = false;
            let end = buffer.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let piece = &buffer[..end.unwrap_or(buffer.len())];
            let room = (LINE_BYTES_MAX + 1).saturating_sub(line.len());
            line.extend(&piece[..piece.len().min(room)]);
            let sign = end.map(|end| buffer[end]);
            let used = piece.len() + usize::from(sign.is_some());
            self.input.consume(used);
            self.bytes += used as u64;
            if sign.is_some() {
                break sign;
            }
        };
        if end == Some(b'\r') && self.input.fill_buf()?.first() == Some(&b'\n') {
            self.input.consume(1);
            self.bytes += 1;
        }
        if is_empty {
            return Ok(None);
        }
        self.line += 1;
        Ok(Some((self.line, line)))
    }

    fn read(&self, row: &[u8]) -> Row {
        let wrong = |why: &str| Row::Wrong(why.to_owned(), text(row));
        if std::str::from_utf8(row).is_err() {
            return wrong("not UTF-8; save the file as CSV in UTF-8");
        }
        let cells = cells(row, self.delimiter);
        let cell = |place: usize| cells.get(place).map_or("", |cell| cell.trim());
        let reason = match self.reason(&cell) {
            Meaning::Reason(reason) => reason,
            Meaning::Fine => return Row::Fine,
        };
        let region = self.reading.region.clone();
        let filled = self.columns.addresses.iter().find(|(place, _)| !cell(*place).is_empty());
        let Some((place, named)) = filled else { return wrong("there is no address") };
        let address = unquoted(cell(*place));
        // A list may mix both kinds in one column.
        let has_at = address.contains(['@', '＠', '﹫']);
        let channel = if has_at { Channel::Email } else { *named };
        let is_number = address.starts_with('+') || !address.chars().any(char::is_alphabetic);
        let channel = if is_number && !has_at { Channel::Sms } else { channel };
        let problem = match channel {
            Channel::Sms => read_phone(address, region.as_deref()).err(),
            _ => read_email(address).err(),
        };
        if let Some(problem) = problem {
            return wrong(problem.message(Language::English));
        }
        Row::Suppress(Named {
            address: address.to_owned(),
            channel: Some(channel),
            reason: Some(reason),
            region: region.filter(|_| channel == Channel::Sms),
            ..Named::default()
        })
    }

    fn reason<'c>(&self, cell: &impl Fn(usize) -> &'c str) -> Meaning {
        let usual = self.reading.reason.unwrap_or(SuppressionReason::Imported);
        let Columns { reason, flags, of_all, .. } = &self.columns;
        if !flags.is_empty() {
            let raised = flags.iter().filter(|(place, _)| is_yes(cell(*place)));
            let strictest = raised.map(|(_, reason)| *reason).max();
            return strictest.map_or(Meaning::Fine, Meaning::Reason);
        }
        let reason = reason.map(cell).unwrap_or_default();
        let of_all = of_all.map(Meaning::Reason);
        meaning(reason).or(of_all).unwrap_or(Meaning::Reason(usual))
    }
}

/// The meaning of another system's reason.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Meaning {
    Reason(SuppressionReason),
    Fine,
}

/// Translates a reason of another system; `None` if it is unknown.
fn meaning(text: &str) -> Option<Meaning> {
    let text = text.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let is = |words: &[&str]| words.contains(&text.trim());
    let reason = |reason| Some(Meaning::Reason(reason));
    if is(&["enabled", "subscribed", "active", "confirmed", "ok", "valid", "delivered"]) {
        return Some(Meaning::Fine);
    }
    if has(&["complain", "spam", "abuse", "junk", "投诉"]) {
        return reason(SuppressionReason::Complained);
    }
    if has(&["soft"]) || text.starts_with('4') {
        return Some(Meaning::Fine);
    }
    if has(&["unsub", "opt out", "opt-out", "optout", "opted", "退订"]) {
        return reason(SuppressionReason::Unsubscribed);
    }
    if has(&["hard", "bounce", "clean", "invalid", "undeliver", "退信"]) || text.starts_with('5')
    {
        return reason(SuppressionReason::Bounced);
    }
    if has(&["block", "blacklist", "admin", "manual", "suppress"]) {
        return reason(SuppressionReason::Manual);
    }
    None
}

fn is_yes(cell: &str) -> bool {
    matches!(cell.to_lowercase().as_str(), "true" | "yes" | "y" | "1" | "是")
}

/// Returns why a file with this start cannot be a list, and what to do.
fn no_list(head: &[u8]) -> Option<&'static str> {
    let begins = |signs: &[&[u8]]| signs.iter().any(|sign| head.starts_with(sign));
    let text = head.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(head).trim_ascii_start();
    if begins(&[b"PK\x03\x04", b"\xD0\xCF\x11\xE0", b"%PDF", b"\x1F\x8B"]) {
        return Some("the file is a workbook or an archive; save it as CSV");
    }
    if text.starts_with(b"<") {
        return Some("the file is HTML or XML; save the list as CSV");
    }
    if text.starts_with(b"{") || text.starts_with(b"[{") || text.starts_with(b"[\"") {
        return Some("the file is JSON; save the list as CSV, a line an address");
    }
    None
}

/// Returns the delimiter that a first line such as `sep=;` names.
fn separator(line: &[u8]) -> Option<u8> {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_matches(['"', ' ', '\r']);
    let (word, sign) = text.split_once('=')?;
    match (word.trim().eq_ignore_ascii_case("sep"), sign) {
        (true, "\\t") => Some(b'\t'),
        (true, sign) if sign.len() == 1 => sign.bytes().next(),
        _ => None,
    }
}

/// Returns the delimiter of a line: the candidate that is most frequent outside quotes.
fn delimiter(line: &[u8]) -> u8 {
    let count = |sign: u8| {
        let mut quoted = false;
        let outside = line.iter().filter(|byte| {
            quoted ^= **byte == b'"';
            !quoted && **byte == sign
        });
        outside.count()
    };
    // `max_by_key` returns the last of equal candidates, and a comma is the usual one.
    [b'|', b'\t', b';', b','].into_iter().max_by_key(|sign| count(*sign)).unwrap_or(b',')
}

/// Whether a quoted cell continues after these bytes. A quote opens a cell only at its beginning
/// (RFC 4180 section 2); elsewhere it is an ordinary character.
fn is_open(row: &[u8], delimiter: u8) -> bool {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        Start,
        Plain,
        Quoted,
        AfterQuote,
    }
    let next = |state, byte: &u8| match (state, *byte) {
        (State::Start | State::AfterQuote, b'"') => State::Quoted,
        (State::Quoted, b'"') => State::AfterQuote,
        (State::Quoted, _) => State::Quoted,
        (_, byte) if byte == delimiter || byte == b'\n' => State::Start,
        _ => State::Plain,
    };
    row.iter().fold(State::Start, next) == State::Quoted
}

fn cells(row: &[u8], delimiter: u8) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .buffer_capacity(row.len().clamp(1, LINE_BYTES_MAX))
        .from_reader(row);
    let mut record = csv::ByteRecord::new();
    match reader.read_byte_record(&mut record) {
        Ok(true) => record.iter().map(text).collect(),
        _ => Vec::new(),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

/// Removes the apostrophe that spreadsheets need before a `+`.
fn unquoted(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['+', '=', '-', '@']) => rest,
        _ => cell,
    }
}

/// The error when the column names do not decide between two columns of e-mail addresses.
const TWO_EMAILS: &str = "two columns hold e-mail addresses, and no name says which is meant: call \
                          the right one `email`";

fn has_two_emails(row: &[String]) -> bool {
    row.iter().filter(|cell| read_email(unquoted(cell.trim())).is_ok()).count() > 1
}

/// Returns the channel of an address; `None` if it is not an address.
fn channel_of(cell: &str, region: Option<&str>) -> Option<Channel> {
    let cell = unquoted(cell.trim());
    if read_email(cell).is_ok() {
        return Some(Channel::Email);
    }
    read_phone(cell, region).ok().map(|_| Channel::Sms)
}

/// Normalises a column's name: lower case, with single spaces between its words.
fn plain(head: &str) -> String {
    let parts = |c: char| c.is_whitespace() || matches!(c, '_' | '-' | '.' | ':' | '\u{feff}');
    let words = head.split(parts).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Assigns the columns' roles by their names; `None` if these are not known names.
fn columns(heads: &[String]) -> Option<Columns> {
    let names: Vec<String> = heads.iter().map(|head| plain(head)).collect();
    let place = |wanted: &str| names.iter().position(|name| name == wanted);
    let mut addresses: Vec<(usize, Channel)> =
        ADDRESSES.iter().filter_map(|(name, channel)| Some((place(name)?, *channel))).collect();
    if addresses.is_empty() {
        return None;
    }
    addresses.dedup_by_key(|(place, _)| *place);
    let flags = YES_OR_NO.iter().filter_map(|(name, reason)| Some((place(name)?, *reason)));
    let of_all = OF_ONE_REASON.iter().find(|(name, _)| place(name).is_some());
    Some(Columns {
        addresses,
        reason: REASONS.iter().find_map(|name| place(name)),
        flags: flags.collect(),
        of_all: of_all.map(|(_, reason)| *reason),
    })
}

#[cfg(test)]
mod tests;

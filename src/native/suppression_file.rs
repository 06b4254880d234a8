//! Suppression lists as other systems export them: which column is the address, what a reason means
//! here, which rows are no addresses. It reads a row at a time, whatever the file's length, and a
//! broken row costs that row only.

use crate::domain::address::{read_email, read_phone};
use crate::domain::language::Language;
use crate::domain::primitives::Channel;
use crate::domain::suppression::SuppressionReason;
use crate::flows::suppressions::Named;
use std::collections::VecDeque;
use std::io::{self, BufRead, Read};

/// The longest line read, in bytes: an address and what is said about it are far shorter.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// How many lines a row may have: quoted cells may hold line breaks, a quote never closed may not
/// swallow the file.
const ROW_LINES_MAX: usize = 20;

/// How a file is to be read, where it does not say so itself.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The reason of rows that name none.
    pub reason: Option<SuppressionReason>,
    /// The country of numbers without `+`.
    pub region: Option<String>,
}

/// What a row says.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// This address is suppressed.
    Suppress(Named),
    /// Its address may be written to: an export of contacts has those, too.
    Fine,
    /// It says nothing that can be used, and why; with the text as it stands.
    Wrong(String, String),
}

/// The names of columns with addresses, in small letters, and what they hold. An e-mail address
/// goes before a number.
const ADDRESSES: &[(&str, Channel)] = &[
    ("email", Channel::Email),
    ("email address", Channel::Email),
    ("email_address", Channel::Email),
    ("e-mail", Channel::Email),
    ("e-mail address", Channel::Email),
    ("subscriber", Channel::Email),
    ("recipient", Channel::Email),
    ("address", Channel::Email),
    ("邮箱", Channel::Email),
    ("phone", Channel::Sms),
    ("phone number", Channel::Sms),
    ("phone_number", Channel::Sms),
    ("mobile", Channel::Sms),
    ("number", Channel::Sms),
    ("sms", Channel::Sms),
    ("手机号", Channel::Sms),
];

/// The names of columns with a reason.
const REASONS: &[&str] = &[
    "reason", "status", "type", "code", "cause", "suppression reason", "suppression_reason",
    "bounce type", "bounce_type", "event", "origin", "原因",
];

/// Columns that a list for one reason only has, and that reason.
const OF_ONE_REASON: &[(&str, SuppressionReason)] = &[
    ("unsub_time", SuppressionReason::Unsubscribed),
    ("unsub_reason", SuppressionReason::Unsubscribed),
    ("unsubscribed_at", SuppressionReason::Unsubscribed),
    ("clean_time", SuppressionReason::Bounced),
    ("cleaned_at", SuppressionReason::Bounced),
    ("abuse_time", SuppressionReason::Complained),
];

/// Columns that say yes or no to one reason.
const YES_OR_NO: &[(&str, SuppressionReason)] = &[
    ("unsubscribed from all email", SuppressionReason::Unsubscribed),
    ("opted out of all email", SuppressionReason::Unsubscribed),
    ("unsubscribed", SuppressionReason::Unsubscribed),
    ("opt out", SuppressionReason::Unsubscribed),
    ("email blacklisted", SuppressionReason::Unsubscribed),
    ("blocklisted", SuppressionReason::Manual),
    ("hard bounced", SuppressionReason::Bounced),
];

/// What the columns of a file are.
#[derive(Clone, Debug, Default, PartialEq)]
struct Columns {
    addresses: Vec<(usize, Channel)>,
    reason: Option<usize>,
    flags: Vec<(usize, SuppressionReason)>,
    of_all: Option<SuppressionReason>,
}

/// A file being read.
pub struct SuppressionFile<R> {
    input: R,
    reading: Reading,
    delimiter: u8,
    columns: Columns,
    /// The number of the line read last.
    line: u64,
    /// Lines that were read and put back, with their numbers.
    back: VecDeque<(u64, Vec<u8>)>,
    /// How many bytes of the file are done.
    bytes: u64,
}

impl<R: BufRead> SuppressionFile<R> {
    /// Looks at the first line: how cells are parted, and whether it names the columns. Fails,
    /// saying what to do, if this is no text that can be read.
    pub fn open(input: R, reading: Reading) -> io::Result<Result<Self, String>> {
        let mut file = Self {
            input,
            reading,
            delimiter: b',',
            columns: Columns { addresses: vec![(0, Channel::Email)], ..Columns::default() },
            line: 0,
            back: VecDeque::new(),
            bytes: 0,
        };
        let Some((number, mut first)) = file.next_line()? else { return Ok(Ok(file)) };
        if first.starts_with(&[0xFF, 0xFE]) || first.starts_with(&[0xFE, 0xFF]) {
            return Ok(Err("the file is UTF-16; save it as CSV in UTF-8".to_owned()));
        }
        if first.starts_with(b"PK\x03\x04") {
            return Ok(Err("the file is a workbook or an archive; save it as CSV".to_owned()));
        }
        if first.starts_with(&[0xEF, 0xBB, 0xBF]) {
            first.drain(..3);
        }
        file.delimiter = delimiter(&first);
        let heads = cells(&first, file.delimiter);
        match columns(&heads) {
            Some(found) => file.columns = found,
            // No names: the address is wherever the first row has one.
            None => {
                let region = file.reading.region.as_deref();
                let is_one = |cell: &String| channel_of(cell, region).is_some();
                let place = heads.iter().position(is_one).unwrap_or(0);
                let channel = heads.get(place).and_then(|cell| channel_of(cell, region));
                let channel = channel.unwrap_or(Channel::Email);
                file.columns.addresses = vec![(place, channel)];
                file.columns.reason = (heads.len() > 1).then_some(usize::from(place == 0));
                file.back.push_back((number, first));
            }
        }
        Ok(Ok(file))
    }

    /// How many bytes are done.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next row, with the number of its first line; `None` at the end.
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
            // A quote that was never closed has swallowed good rows: each is looked at by itself.
            if let (Row::Wrong(..), false) = (&read, taken.is_empty()) {
                taken.into_iter().rev().for_each(|line| self.back.push_front(line));
                let why = "a quote is not closed, or a cell has several lines".to_owned();
                return Ok(Some((number, Row::Wrong(why, text(&first)))));
            }
            return Ok(Some((number, read)));
        }
    }

    fn next_line(&mut self) -> io::Result<Option<(u64, Vec<u8>)>> {
        if let Some(line) = self.back.pop_front() {
            return Ok(Some(line));
        }
        let mut line = Vec::new();
        let limit = LINE_BYTES_MAX as u64 + 1;
        let read = (&mut self.input).take(limit).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(None);
        }
        self.bytes += read as u64;
        if line.last() != Some(&b'\n') && read as u64 == limit {
            self.skip_line()?;
        }
        while matches!(line.last(), Some(b'\n' | b'\r')) {
            line.pop();
        }
        self.line += 1;
        Ok(Some((self.line, line)))
    }

    /// Goes to the end of a line that is too long, keeping none of it.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.input.fill_buf()?;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(buffer.len(), |end| end + 1);
            self.input.consume(used);
            self.bytes += used as u64;
            if end.is_some() || used == 0 {
                return Ok(());
            }
        }
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
        let channel = if address.contains('@') { Channel::Email } else { *named };
        let is_number = address.starts_with('+') || !address.chars().any(char::is_alphabetic);
        let channel = if is_number && !address.contains('@') { Channel::Sms } else { channel };
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
        let told = reason.map(cell).unwrap_or_default();
        let of_all = of_all.map(Meaning::Reason);
        meaning(told).or(of_all).unwrap_or(Meaning::Reason(usual))
    }
}

/// What a reason of another system means.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Meaning {
    Reason(SuppressionReason),
    Fine,
}

/// What a reason of another system means here; `None` if it says nothing that we know.
fn meaning(told: &str) -> Option<Meaning> {
    let told = told.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| told.contains(word));
    let is = |words: &[&str]| words.contains(&told.trim());
    let reason = |reason| Some(Meaning::Reason(reason));
    if is(&["enabled", "subscribed", "active", "confirmed", "ok", "valid", "delivered"]) {
        return Some(Meaning::Fine);
    }
    if has(&["complain", "spam", "abuse", "junk", "投诉"]) {
        return reason(SuppressionReason::Complained);
    }
    if has(&["soft"]) || told.starts_with('4') {
        return Some(Meaning::Fine);
    }
    if has(&["unsub", "opt out", "opt-out", "optout", "opted", "退订"]) {
        return reason(SuppressionReason::Unsubscribed);
    }
    if has(&["hard", "bounce", "clean", "invalid", "undeliver", "退信"]) || told.starts_with('5')
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

/// The sign that parts the cells of a line: whichever stands there most often, outside quotes.
fn delimiter(line: &[u8]) -> u8 {
    let count = |sign: u8| {
        let mut quoted = false;
        let outside = line.iter().filter(|byte| {
            quoted ^= **byte == b'"';
            !quoted && **byte == sign
        });
        outside.count()
    };
    // Of equals the last one is taken, and a comma is the usual sign.
    [b'\t', b';', b','].into_iter().max_by_key(|sign| count(*sign)).unwrap_or(b',')
}

/// Whether a quoted cell goes on after these bytes. A quote opens a cell only at its beginning
/// (RFC 4180 section 2); elsewhere it is a letter like any other.
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

/// An address without the sign that spreadsheets want before a `+`.
fn unquoted(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['+', '=', '-', '@']) => rest,
        _ => cell,
    }
}

/// Of which channel this is an address, if of any.
fn channel_of(cell: &str, region: Option<&str>) -> Option<Channel> {
    let cell = unquoted(cell.trim());
    if read_email(cell).is_ok() {
        return Some(Channel::Email);
    }
    read_phone(cell, region).ok().map(|_| Channel::Sms)
}

/// What the columns are, if these are their names.
fn columns(heads: &[String]) -> Option<Columns> {
    let names: Vec<String> = heads.iter().map(|head| head.trim().to_lowercase()).collect();
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

//! `dripline inspect bounce`: explains a bounce, and what it means for the address.

use super::{Finding, Inputs, Tally, answer, each};
use crate::domain::base::language::Language;
use crate::domain::inbound::bounce::{self, Bounce, BounceKind, BounceReason};
use crate::domain::report::reason::in_words;
use crate::native::cli::{Exit, Terminal};
use serde_json::json;
use std::io::{self, BufRead, Read, Write};

/// The most bytes of one message that are inspected: the report comes before the returned message.
const MESSAGE_BYTES_MAX: usize = 256 * 1024;

/// The length of the excerpt that identifies a message in an answer, in characters.
const SHOWN_CHARS_MAX: usize = 80;

/// The most bytes that are read at once as a line of standard input.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// The headers with which messages begin. An SMTP reply may contain a colon, too.
const FIRST_HEADERS: [&str; 24] = [
    "arc-authentication-results",
    "arc-message-signature",
    "arc-seal",
    "authentication-results",
    "auto-submitted",
    "content-transfer-encoding",
    "content-type",
    "date",
    "delivered-to",
    "dkim-signature",
    "envelope-to",
    "feedback-type",
    "from",
    "in-reply-to",
    "message-id",
    "mime-version",
    "received",
    "received-spf",
    "references",
    "reply-to",
    "reporting-mta",
    "return-path",
    "subject",
    "to",
];

/// Inspects SMTP replies, one per line, or whole messages.
pub(super) fn run(inputs: &Inputs, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let begin = if inputs.inputs.is_empty() { terminal.input.fill_buf()? } else { &[] };
    if !begins_a_message(begin) {
        return each(inputs, terminal, look);
    }
    let mut tally = Tally::default();
    let mut out = io::BufWriter::new(&mut *terminal.out);
    let mut next = Vec::new();
    while let Some(message) = read_message(terminal.input, &mut next)? {
        let text = String::from_utf8_lossy(&message);
        let first = text.lines().next().unwrap_or_default();
        let shown: String = first.chars().take(SHOWN_CHARS_MAX).collect();
        answer(&shown, look(&text), inputs.json, &mut tally, &mut out)?;
    }
    out.flush()?;
    drop(out);
    writeln!(terminal.err, "{} looked at, {} not understood", tally.seen, tally.refused)?;
    Ok(if tally.refused == 0 { Exit::Ok } else { Exit::Wrong })
}

fn look(text: &str) -> Finding {
    let Bounce { kind, reason, status, words } = bounce::read(text);
    let message = in_words(reason.as_str(), Language::English);
    let name = match kind {
        BounceKind::Hard => "hard",
        BounceKind::Soft => "soft",
        BounceKind::Block => "block",
        BounceKind::Complaint => "complaint",
        BounceKind::Ignored => "ignored",
    };
    let code = if status.is_empty() { String::new() } else { format!(" ({status})") };
    Finding {
        is_ok: !matches!(reason, BounceReason::Unclear | BounceReason::Refused),
        lines: vec![format!("{name}: {message}{code}")],
        json: json!({ "kind": kind, "reason": reason, "status": status, "message": message,
                      "words": words }),
    }
}

/// Whether standard input contains messages rather than SMTP replies: it begins like a mailbox file
/// (RFC 4155), or with a header.
fn begins_a_message(begin: &[u8]) -> bool {
    let line = begin.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let is_header = FIRST_HEADERS.iter().any(|known| name == *known) || name.starts_with("x-");
    line.starts_with(b"From ") || is_header && name.len() < line.len()
}

/// Reads a message, up to the line `From …` that begins the next one. `next` is empty before the
/// first message, and afterwards tells whether there is another one. Skips what exceeds the limit.
fn read_message(input: &mut dyn BufRead, next: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    let mut message = Vec::new();
    let mut seen_any = !next.is_empty();
    next.clear();
    let mut line = Vec::new();
    while (&mut *input).take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? > 0 {
        if line.starts_with(b"From ") {
            if seen_any {
                next.append(&mut line);
                return Ok(Some(message));
            }
            seen_any = true;
        } else if message.len() + line.len() <= MESSAGE_BYTES_MAX {
            seen_any = true;
            message.append(&mut line);
        }
        line.clear();
    }
    Ok(seen_any.then_some(message))
}

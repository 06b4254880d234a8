//! Reads delivery-status messages (RFC 3464): the part of type `message/delivery-status` inside a
//! `multipart/report` (RFC 6522). The bytes, parts and recipients that are read are limited.

use super::{Bounce, BounceKind, BounceReason, classify, decode, head, words};

/// The most bytes of a message that are read: the report comes before the returned message.
const MESSAGE_BYTES_MAX: usize = 256 * 1024;

/// The most parts of a message that are read: a report has three.
const PARTS_MAX: usize = 20;

/// The most paragraphs of a text that are read.
const PARAGRAPHS_MAX: usize = 100;

/// Names in the sender address of mail servers.
const DAEMONS: [&str; 6] =
    ["daemon", "postmaster", "mail delivery", "mail system", "maildelivery", "bounce"];

/// Words in the subject of a returned mail.
const FAILURES: [&str; 14] = [
    "undeliver", "fail", "return", "delivery", "deliver", "bounce", "rejected", "status",
    "warning", "delay", "nondeliver", "unzustellbar", "退信", "echec",
];

/// Phrases about a mail whose delivery is still being tried.
const LATE: [&str; 6] = [
    "not yet been delivered", "warning message only", "delayed", "still being retried",
    "will be retried", "will keep trying",
];

/// The first headers of a message that is returned inside a text.
const RETURNED_HEADERS: [&str; 2] = ["received:", "return-path:"];

/// Phrases in the line above it.
const RETURNED: [&str; 8] = [
    "original message", "copy of the message", "copy of your message", "returned message",
    "message header", "headers of the message", "message follows", "unsent message",
];

/// The most recipients of a report that are read: a message of ours has one.
const RECIPIENTS_MAX: usize = 100;

/// Reads a bounce: a delivery-status message with its headers, or else a receiver's words.
pub fn read(text: &str) -> Bounce {
    let text = lines(head(text, MESSAGE_BYTES_MAX));
    let Some((headers, body)) = message(&text) else { return classify_paragraphs(&text) };
    let headers = fields(headers);
    let parts = parts(&headers, body);
    let of_type = |wanted: &str| parts.iter().find(|part| part.kind.starts_with(wanted));
    let status = of_type("message/delivery-status").and_then(|part| worst(&part.text()));
    if let Some(bounce) = status {
        return match bounce.reason {
            // Some servers write the receiver's words only into the text.
            BounceReason::Refused | BounceReason::Unclear => explained(bounce, &parts),
            _ => bounce,
        };
    }
    if let Some(report) = of_type("message/feedback-report") {
        let report = report.text();
        let kind = fields(&report);
        let kind = value(&kind, "feedback-type").unwrap_or_default();
        // The other types are about authentication, and are not complaints (RFC 5965 section 3.1).
        if ["abuse", "fraud", "opt-out", ""].contains(&kind.to_ascii_lowercase().as_str()) {
            return Bounce::new(BounceReason::Complaint, "", kind);
        }
    }
    let auto = ["auto-submitted", "x-autoreply", "x-auto-response-suppress", "x-autorespond"];
    let is_auto = auto.iter().any(|name| value(&headers, name).is_some_and(|value| value != "no"));
    let subject = decode::header(value(&headers, "subject").unwrap_or_default());
    // Reports of servers without RFC 3464 give the reason in the text.
    let said = written(&parts);
    if is_of_a_person(&headers, &subject) && said.status.is_empty() {
        let reason = if is_auto || auto_reply(&subject) {
            BounceReason::AutoReply
        } else {
            BounceReason::Unclear
        };
        return Bounce { kind: BounceKind::Ignored, reason, ..said };
    }
    if is_late(&subject, &parts) {
        return Bounce::new(BounceReason::Delayed, &said.status, &said.words);
    }
    match said.reason {
        BounceReason::Unclear | BounceReason::AutoReply if is_auto || auto_reply(&subject) => {
            Bounce::new(BounceReason::AutoReply, "", &subject)
        }
        _ => said,
    }
}

/// Returns whether a mail is a person's: neither from a mail server nor about a returned mail. Such
/// a mail may use `full` and `blocked` about anything.
fn is_of_a_person(headers: &[(String, String)], subject: &str) -> bool {
    let Some(from) = value(headers, "from") else { return false };
    let has = |text: &str, words: &[&str]| {
        let lower = text.to_lowercase();
        words.iter().any(|word| lower.contains(word))
    };
    let is_returned = value(headers, "return-path").is_some_and(|path| path.trim() == "<>");
    !is_returned && !has(from, &DAEMONS) && !has(subject, &FAILURES)
}

/// Returns whether a server only reports that it is still trying.
fn is_late(subject: &str, parts: &[Part<'_>]) -> bool {
    let subject = subject.to_lowercase();
    let text = || parts.first().map(Part::text).unwrap_or_default().to_lowercase();
    let is_warning = subject.contains("warning") || subject.contains("delay");
    is_warning && LATE.iter().any(|words| subject.contains(words) || text().contains(words))
}

/// Returns a mail's lines, with any kind of line ends, from the first that is not empty, and
/// without the line that a mailbox file puts above (RFC 4155).
fn lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines = text.lines().skip_while(|line| line.trim().is_empty());
    let lines = lines.skip_while(|line| line.starts_with("From "));
    lines
        .map(|line| if line == ">" { "" } else { line.strip_prefix("> ").unwrap_or(line) })
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Returns what the text says, if the report itself left it open.
fn explained(bounce: Bounce, parts: &[Part<'_>]) -> Bounce {
    let said = written(parts);
    let is_for_now = bounce.status.starts_with('4');
    match said.reason {
        BounceReason::Unclear | BounceReason::Refused | BounceReason::AutoReply => bounce,
        BounceReason::Delivered => bounce,
        _ if is_for_now && said.kind == BounceKind::Hard => bounce,
        _ => said,
    }
}

/// Classifies the readable text of a mail.
fn written(parts: &[Part<'_>]) -> Bounce {
    let texts = parts.iter().filter(|part| part.kind.starts_with("text/"));
    classify_paragraphs(&texts.map(Part::text).collect::<Vec<_>>().join("\n\n"))
}

/// Classifies a text by paragraphs: one with a code is the receiver's, and the others are words of
/// the reporting server.
fn classify_paragraphs(text: &str) -> Bounce {
    let text = before_returned(text);
    let bounces: Vec<Bounce> = text
        .split("\n\n")
        .filter(|paragraph| !paragraph.trim().is_empty())
        .take(PARAGRAPHS_MAX)
        .map(classify)
        .collect();
    let is_clear = |bounce: &&Bounce| {
        !matches!(bounce.reason, BounceReason::Unclear | BounceReason::Delivered)
    };
    let has_code = |bounce: &&Bounce| !bounce.status.is_empty() && is_clear(bounce);
    let is_known = |bounce: &&Bounce| has_code(bounce) && bounce.reason != BounceReason::Refused;
    let best = bounces
        .iter()
        .find(is_known)
        .or_else(|| bounces.iter().find(has_code).or_else(|| bounces.iter().find(is_clear)));
    best.cloned().unwrap_or_else(|| classify(text))
}

/// Returns the text before the returned message in it.
fn before_returned(text: &str) -> &str {
    let mut place = 0;
    for line in text.split_inclusive('\n') {
        let lower = line.trim_start().to_ascii_lowercase();
        let is_header = RETURNED_HEADERS.iter().any(|name| lower.starts_with(name));
        let is_rule = RETURNED
            .iter()
            .any(|word| lower.starts_with(word) || lower.starts_with("--") && lower.contains(word));
        if place > 0 && (is_header || is_rule) {
            return &text[..place];
        }
        place += line.len();
    }
    text
}

/// A part of a mail.
struct Part<'b> {
    /// The type, in lower case.
    kind: String,
    encoding: String,
    body: &'b str,
}

impl Part<'_> {
    /// Returns the decoded text.
    fn text(&self) -> String {
        decode::body(self.body, &self.encoding)
    }
}

/// Returns the parts of a mail that have no parts themselves, in order; for a mail without parts,
/// the mail itself. A returned message is not searched.
fn parts<'b>(headers: &[(String, String)], body: &'b str) -> Vec<Part<'b>> {
    let mut found = Vec::new();
    let mut waiting = vec![(headers.to_vec(), body)];
    while let Some((headers, body)) = waiting.pop() {
        let named = value(&headers, "content-type").unwrap_or("text/plain");
        let kind = named.to_ascii_lowercase();
        let boundary = parameter(named, "boundary").filter(|_| kind.starts_with("multipart/"));
        if let Some(boundary) = boundary {
            let mut inside: Vec<_> = inner(&boundary, body).collect();
            inside.truncate(PARTS_MAX);
            waiting.extend(inside.into_iter().rev());
        } else if found.len() < PARTS_MAX {
            let encoding = value(&headers, "content-transfer-encoding").unwrap_or_default();
            found.push(Part { kind, encoding: encoding.to_owned(), body });
        } else {
            break;
        }
    }
    if found.is_empty() {
        // No part begins with the boundary that the headers give.
        found.push(Part { kind: "text/plain".to_owned(), encoding: String::new(), body });
    }
    found
}

/// Returns the parts of a multipart body, each with its headers.
fn inner<'b>(
    boundary: &str,
    body: &'b str,
) -> impl Iterator<Item = (Vec<(String, String)>, &'b str)> {
    let boundary = format!("--{boundary}");
    let parts: Vec<&str> = body.split(boundary.as_str()).skip(1).take(PARTS_MAX).collect();
    let parted = parts.into_iter().filter_map(|part| {
        // A part without headers begins with the empty line after them.
        part.strip_prefix('\n')
            .unwrap_or(part)
            .split_once("\n\n")
            .or_else(|| part.strip_prefix("\n\n").map(|body| ("", body)))
    });
    parted.map(|(headers, body)| (fields(headers), body))
}

fn auto_reply(subject: &str) -> bool {
    super::words::auto_reply(subject).is_some()
}

/// Returns the headers and the body, if this is a message: the first line is a header.
fn message(text: &str) -> Option<(&str, &str)> {
    let (headers, body) = text.split_once("\n\n")?;
    let (name, _) = headers.split_once(':')?;
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    // `550-5.1.1: …` is a reply, not a header.
    (is_name && !name.starts_with(|c: char| c.is_ascii_digit())).then_some((headers, body))
}

/// Returns the header fields, with names in lower case and folded lines joined.
fn fields(headers: &str) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in headers.lines() {
        match (line.strip_prefix([' ', '\t']), fields.last_mut()) {
            (Some(more), Some((_, value))) => {
                value.push(' ');
                value.push_str(more.trim());
            }
            _ => {
                if let Some((name, value)) = line.split_once(':') {
                    fields.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
                }
            }
        }
    }
    fields
}

fn value<'f>(fields: &'f [(String, String)], name: &str) -> Option<&'f str> {
    fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// Returns a parameter of a `Content-Type` (RFC 2045), without its quotes.
fn parameter(kind: &str, name: &str) -> Option<String> {
    kind.split(';').skip(1).find_map(|parameter| {
        let (known, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches('"');
        (known.trim().eq_ignore_ascii_case(name) && !value.is_empty()).then(|| value.to_owned())
    })
}

/// Returns the worst outcome among the recipients.
fn worst(report: &str) -> Option<Bounce> {
    let recipients = report.split("\n\n").map(fields).filter_map(|fields| recipient(&fields));
    let badness = |bounce: &Bounce| match bounce.kind {
        BounceKind::Hard => 3,
        BounceKind::Soft => 2,
        BounceKind::Block | BounceKind::Complaint => 1,
        BounceKind::Ignored => 0,
    };
    recipients.take(RECIPIENTS_MAX).max_by_key(badness)
}

/// Returns the outcome for one recipient (RFC 3464 section 2.3).
fn recipient(fields: &[(String, String)]) -> Option<Bounce> {
    let action = value(fields, "action")?.to_ascii_lowercase();
    let action = action.split_whitespace().next().unwrap_or_default();
    let status = value(fields, "status").unwrap_or_default();
    let diagnostic = value(fields, "diagnostic-code").unwrap_or_default();
    let diagnostic = diagnostic.split_once(';').map_or(diagnostic, |(_, said)| said.trim());
    let known = match action {
        "delayed" => Some(BounceReason::Delayed),
        "delivered" | "relayed" | "expanded" => Some(BounceReason::Delivered),
        _ => None,
    };
    if let Some(reason) = known {
        return Some(Bounce::new(reason, status, diagnostic));
    }
    // The receiver's own code, if it is an exact one, says more than that of the reporting server.
    let own = super::reply::parse(diagnostic).status;
    let said = match own.map(super::reply::exactness) {
        Some(exactness) if exactness > 0 => diagnostic.to_owned(),
        _ => format!("{status} {diagnostic}"),
    };
    let bounce = Bounce { words: words(diagnostic), ..classify(&said) };
    match is_forwarded(fields) && bounce.kind == BounceKind::Hard {
        true => Some(Bounce { kind: BounceKind::Soft, ..bounce }),
        false => Some(bounce),
    }
}

/// Returns whether the address that failed differs from the one that the message was sent to,
/// because its owner forwards mail. A failure of the other address says nothing about the first.
fn is_forwarded(fields: &[(String, String)]) -> bool {
    let address = |name| {
        let value = value(fields, name)?;
        let (kind, address) = value.split_once(';')?;
        let address = address.trim().replace(['<', '>', '"'], "").to_ascii_lowercase();
        let is_address = kind.trim().eq_ignore_ascii_case("rfc822") && address.contains('@');
        is_address.then_some(address)
    };
    match (address("original-recipient"), address("final-recipient")) {
        (Some(original), Some(last)) => original != last,
        _ => false,
    }
}

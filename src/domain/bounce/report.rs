//! Delivery-status messages (RFC 3464): the part of type `message/delivery-status` inside a
//! `multipart/report` (RFC 6522). Bounded: so many bytes, parts and recipients are looked at.

use super::{Bounce, BounceKind, BounceReason, classify, decode, head, words};

/// The most bytes of a message that are looked at: the report comes before the returned message.
const MESSAGE_BYTES_MAX: usize = 256 * 1024;

/// The most parts of a message that are looked at: a report has three.
const PARTS_MAX: usize = 20;

/// The most recipients of a report that are looked at: a message of ours has one.
const RECIPIENTS_MAX: usize = 100;

/// Reads what came back: a delivery-status message with its headers, or else a receiver's words.
pub fn read(text: &str) -> Bounce {
    let text = head(text, MESSAGE_BYTES_MAX).replace("\r\n", "\n");
    let Some((headers, body)) = message(&text) else { return classify(&text) };
    let headers = fields(headers);
    let status = part_of(&headers, body, "message/delivery-status");
    if let Some(bounce) = status.and_then(worst) {
        return bounce;
    }
    if let Some(report) = part_of(&headers, body, "message/feedback-report") {
        let kind = fields(report);
        let kind = value(&kind, "feedback-type").unwrap_or_default();
        // The other types are about authentication, and accuse nobody (RFC 5965 section 3.1).
        if ["abuse", "fraud", "opt-out", ""].contains(&kind.to_ascii_lowercase().as_str()) {
            return Bounce::of(BounceReason::Complaint, "", kind);
        }
    }
    let auto = ["auto-submitted", "x-autoreply", "x-auto-response-suppress", "x-autorespond"];
    let is_auto = auto.iter().any(|name| value(&headers, name).is_some_and(|value| value != "no"));
    let subject = decode::header(value(&headers, "subject").unwrap_or_default());
    // Reports of machines that know no RFC 3464 say it in the text.
    let said = classify(&written(&headers, body));
    match said.reason {
        BounceReason::Unclear | BounceReason::AutoReply if is_auto || auto_reply(&subject) => {
            Bounce::of(BounceReason::AutoReply, "", &subject)
        }
        _ => said,
    }
}

/// What people read of a mail: its texts, out of the forms in which they travel.
fn written(headers: &[(String, String)], body: &str) -> String {
    let decoded = |headers: &[(String, String)], body: &str| {
        decode::body(body, value(headers, "content-transfer-encoding").unwrap_or_default())
    };
    let kind = value(headers, "content-type").unwrap_or_default();
    let is_several = kind.to_ascii_lowercase().starts_with("multipart/");
    let Some(boundary) = parameter(kind, "boundary").filter(|_| is_several) else {
        return decoded(headers, body);
    };
    let texts = parts(&boundary, body).filter_map(|(headers, body)| {
        let kind = value(&headers, "content-type").unwrap_or("text/plain").to_ascii_lowercase();
        kind.starts_with("text/").then(|| decoded(&headers, body))
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// The parts of a multipart body, each with its headers.
fn parts<'b>(
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

/// The headers and the body, if it is a message: the first line is a header.
fn message(text: &str) -> Option<(&str, &str)> {
    let (headers, body) = text.split_once("\n\n")?;
    let (name, _) = headers.split_once(':')?;
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    // `550-5.1.1: …` is a reply, not a header.
    (is_name && !name.starts_with(|c: char| c.is_ascii_digit())).then_some((headers, body))
}

/// Header fields, names in lower case, folded lines put together.
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

/// The body of the part of a type.
fn part_of<'b>(headers: &[(String, String)], body: &'b str, wanted: &str) -> Option<&'b str> {
    let kind = value(headers, "content-type")?;
    if kind.to_ascii_lowercase().starts_with(wanted) {
        return Some(body);
    }
    parts(&parameter(kind, "boundary")?, body).find_map(|(headers, body)| {
        let kind = value(&headers, "content-type")?.to_ascii_lowercase();
        kind.starts_with(wanted).then_some(body)
    })
}

/// A parameter of a `Content-Type` (RFC 2045), without its quotes.
fn parameter(kind: &str, name: &str) -> Option<String> {
    kind.split(';').skip(1).find_map(|parameter| {
        let (known, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches('"');
        (known.trim().eq_ignore_ascii_case(name) && !value.is_empty()).then(|| value.to_owned())
    })
}

/// What became of the recipients: the worst of it.
fn worst(report: &str) -> Option<Bounce> {
    let recipients = report.split("\n\n").map(fields).filter_map(|fields| recipient(&fields));
    let badness = |bounce: &Bounce| match bounce.kind {
        BounceKind::Hard => 2,
        BounceKind::Soft => 1,
        BounceKind::Ignored => 0,
    };
    recipients.take(RECIPIENTS_MAX).max_by_key(badness)
}

/// What became of one recipient (RFC 3464 section 2.3).
fn recipient(fields: &[(String, String)]) -> Option<Bounce> {
    let action = value(fields, "action")?.to_ascii_lowercase();
    let status = value(fields, "status").unwrap_or_default();
    let diagnostic = value(fields, "diagnostic-code").unwrap_or_default();
    let diagnostic = diagnostic.split_once(';').map_or(diagnostic, |(_, said)| said.trim());
    let known = match action.as_str() {
        "delayed" => Some(BounceReason::Delayed),
        "delivered" | "relayed" | "expanded" => Some(BounceReason::Delivered),
        _ => None,
    };
    if let Some(reason) = known {
        return Some(Bounce::of(reason, status, diagnostic));
    }
    // The receiver's own code, if it gave one, says more than that of the machine that reports.
    let said = match super::enhanced_status(diagnostic) {
        Some(_) => diagnostic.to_owned(),
        None => format!("{status} {diagnostic}"),
    };
    Some(Bounce { words: words(diagnostic), ..classify(&said) })
}

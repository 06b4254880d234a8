//! Providers against a local server that answers as their documentation says: the exact bytes of
//! requests, and what each kind of answer means.

mod breaker;
mod email;
mod odd_answers;
mod chat_webhooks;
mod server;
mod sms;

use dripline::domain::base::primitives::{MessageId, Millis};
use dripline::domain::contact::message::Class;
use dripline::flows::ports::Http;
use dripline::native::world::block_on;
use dripline::providers::http::USER_AGENT;
use dripline::providers::{BatchResult, Call, Content, Outgoing, Provider, SendResult};
use serde_json::Value;
use server::{Reply, Server};

/// Monday, 2 March 2026, 09:00 UTC.
const AT: Millis = Millis(1_772_442_000_000);

/// An e-mail full of characters that must be encoded.
fn mail(number: u32) -> Outgoing {
    Outgoing {
        id: MessageId(format!("019c-a_b.{number}")),
        class: Class::Marketing,
        to: format!("p{number}@x.example"),
        content: Content::Email {
            from: "Ann & Söhne <hello@go.example>".to_owned(),
            subject: "50 % “off” & more".to_owned(),
            html: "<p>Grüße</p>".to_owned(),
            text: "Grüße".to_owned(),
            headers: vec![
                ("List-Unsubscribe", "<https://go.example/u/t>".to_owned()),
                ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()),
            ],
        },
    }
}

fn sms(text: &str) -> Outgoing {
    let content = Content::Sms { text: text.to_owned() };
    Outgoing { to: "+8613800138000".to_owned(), content, ..mail(1) }
}

/// One call with these messages, as a batch if `batch`.
fn call<'a>(messages: &'a [Outgoing], batch: bool) -> Call<'a> {
    let (first, others) = messages.split_first().unwrap();
    let batch = batch.then_some("75843029-ad6a-8708-83bc-d98b802b4a1f");
    Call { batch, first, others, at: AT }
}

/// The request that a provider is sent: the URL, and what arrives there.
fn wire(sender: &Provider, call: Call<'_>) -> String {
    let server = Server::start(vec![Reply::read("200 {}")]);
    let request = sender.request(call).unwrap();
    let url = format!("{} {}", request.method, request.url);
    block_on(server.client().send(request)).unwrap();
    let received = server.received();
    let (head, body) = received.split_once("\r\n\r\n").unwrap();
    // Headers that the HTTP client adds, or that depend on the port, are left out.
    let own = ["host:", "user-agent:", "accept-encoding:", "content-length:", "accept: */*"];
    let headers = head.lines().skip(1).filter(|line| !own.iter().any(|own| line.starts_with(own)));
    let json = serde_json::from_str::<Value>(body);
    let body = json.and_then(|json| serde_json::to_string_pretty(&json));
    let body = body.unwrap_or_else(|_| received.split_once("\r\n\r\n").unwrap().1.to_owned());
    let lines = [url].into_iter().chain(headers.map(str::to_owned));
    folded(&format!("{}\n\n{body}", lines.collect::<Vec<_>>().join("\n")))
}

/// Breaks long lines.
fn folded(text: &str) -> String {
    let fold = |line: &str| {
        let letters: Vec<char> = line.chars().collect();
        let parts = letters.chunks(88).map(|part| part.iter().collect::<String>());
        parts.collect::<Vec<_>>().join("\n  ")
    };
    text.lines().map(fold).collect::<Vec<_>>().join("\n")
}

/// What each of these replies means, one per line.
fn meanings(sender: &Provider, call: Call<'_>, replies: &[&str]) -> String {
    let server = Server::start(replies.iter().map(|reply| Reply::read(reply)).collect());
    let client = server.client();
    let line = |reply: &&str| {
        let answer = block_on(client.send(sender.request(call).unwrap()));
        let meaning = match sender.batch_result(call, answer) {
            BatchResult::All(attempt) => in_short(&attempt),
            BatchResult::Each(each) => each.iter().map(in_short).collect::<Vec<_>>().join(" | "),
        };
        let reply: String = reply.chars().take(32).collect();
        format!("{reply:<32} => {meaning}")
    };
    replies.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn in_short(attempt: &SendResult) -> String {
    let after = |after: &Option<dripline::domain::base::primitives::Span>| {
        after.map_or_else(String::new, |after| format!(" after {after}"))
    };
    match attempt {
        SendResult::Accepted { provider_id, arrived: false } => format!("accepted {provider_id}"),
        SendResult::Accepted { provider_id, arrived: true } => format!("arrived {provider_id}"),
        SendResult::Retry { after: wait, reason } => format!("retry{}: {reason}", after(wait)),
        SendResult::Busy { after: wait, reason } => format!("busy{}: {reason}", after(wait)),
        SendResult::Stop(reason) => format!("stop: {reason}"),
        SendResult::Refused(reason) => format!("refused: {reason}"),
        SendResult::Lost(reason) if reason.contains("127.0.0.1") => "lost: network".to_owned(),
        SendResult::Lost(reason) => format!("lost: {reason}"),
        SendResult::Unclear(reason) => format!("unclear: {reason}"),
    }
}

#[test]
fn requests_carry_our_user_agent() {
    let server = Server::start(vec![Reply::read("200 {}")]);
    let request = Provider::Slack("https://hooks.slack.com/x".to_owned());
    let request = request.request(call(&[mail(1)], false)).unwrap();
    block_on(server.client().send(request)).unwrap();
    let head = server.received();
    assert!(head.contains(&format!("\r\nuser-agent: {USER_AGENT}\r\n")), "{head}");
}

#[test]
fn header_injection_is_detected_and_named() {
    let broken = |change: fn(&mut Outgoing)| {
        let mut message = mail(1);
        change(&mut message);
        message.unsafe_header()
    };
    assert_eq!(broken(|_| {}), None);
    assert_eq!(
        broken(|m| m.to.push_str("\r\nBcc: all@x.example")),
        Some("the address of the recipient")
    );
    let set = |m: &mut Outgoing, value: &str, which: usize| {
        let Content::Email { from, subject, headers, .. } = &mut m.content else { return };
        match which {
            0 => from.push_str(value),
            1 => subject.push_str(value),
            _ => headers[0].1.push_str(value),
        }
    };
    let tried = |value: &str, which: usize| {
        let mut message = mail(1);
        set(&mut message, value, which);
        message.unsafe_header()
    };
    assert_eq!(tried("\nX: y", 0), Some("the sender"));
    assert_eq!(tried("\rX: y", 1), Some("the subject"));
    assert_eq!(tried("\0", 2), Some("List-Unsubscribe"));
}

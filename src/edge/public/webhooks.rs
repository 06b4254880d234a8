//! `POST /hooks/<provider>`: provider webhooks. `flows/ingest/webhook.rs` decides about them.

use crate::edge::app::App;
use crate::edge::http::request::{BodyError, Inbound};
use crate::edge::http::response::{self, Reply};
use crate::edge::platform::fetch::Fetcher;
use crate::flows::ingest::webhook::{Certificates, WebhookError, receive};
use crate::providers::webhooks::{HOOK_BYTES_MAX, Hook, Refusal, WebhookProvider};
use crate::views::visitor::MessageKind;
use std::rc::Rc;

/// The `Retry-After` of a webhook that could not be stored, in seconds.
const RETRY_AFTER_SECONDS: &str = "60";

/// Receives a webhook. A request that fails verification learns only that it failed.
pub async fn hook(app: App, inbound: Inbound, name: &str, secret: &str) -> Reply {
    thread_local! {
        static CERTIFICATES: Rc<Certificates> = Rc::default();
    }
    let Some(provider) = WebhookProvider::by_name(name) else {
        return response::message(&inbound, MessageKind::NotFound);
    };
    let body = match inbound.body(HOOK_BYTES_MAX).await {
        Ok(body) => body,
        Err(BodyError::TooLarge) => return Reply::text(413, "too large\n"),
        Err(BodyError::Broken) => return Reply::text(400, "the body did not arrive\n"),
    };
    let query = if inbound.query.is_empty() { "" } else { "?" };
    let url = format!("{}{}{query}{}", app.settings.base_url, inbound.path, inbound.query);
    let header = |name: &str| inbound.header(name).to_owned();
    let hook = Hook { url, path_secret: secret, header: &header, body: &body, now: app.now };
    let certificates = CERTIFICATES.with(Rc::clone);
    let received = receive(&Fetcher, &certificates, provider, &hook, &app.settings.hooks).await;
    match received {
        Ok(facts) if facts.is_empty() => acknowledge(provider),
        Ok(facts) => match app.take_in(&facts).await {
            Ok(()) => acknowledge(provider),
            Err(error) => unavailable(provider, &error.to_string()),
        },
        Err(WebhookError::Refused(refusal)) => {
            response::log("hook.refused", &format!("{}: {refusal:?}", provider.as_str()));
            match refusal {
                Refusal::Unreadable => Reply::text(400, "not understood\n"),
                Refusal::Unconfigured
                | Refusal::Unverified
                | Refusal::Stale
                | Refusal::OldSignature => Reply::text(401, "not verified\n"),
            }
        }
        Err(WebhookError::Unavailable(why)) => unavailable(provider, &why),
    }
}

fn acknowledge(provider: WebhookProvider) -> Reply {
    let (kind, body) = provider.ack_body();
    Reply::text(200, body).header("content-type", kind)
}

/// Asks the provider to send the webhook again: it could not be stored and would be lost.
fn unavailable(provider: WebhookProvider, why: &str) -> Reply {
    response::log("hook.away", &format!("{}: {why}", provider.as_str()));
    Reply::text(503, "try again later\n").header("retry-after", RETRY_AFTER_SECONDS)
}

//! Members: list, show, add, edit, end, mail a sign-in link.

use crate::domain::access::audit::Act;
use crate::domain::access::member::{Member, MemberEdit};
use crate::edge::app::App;
use crate::edge::http::body::{self, QUESTION_BYTES_MAX};
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::edge::platform::clock;
use crate::flows::access::link_mail::{LINK_MAILS_MAX, LinkMail};
use crate::flows::error::FlowError;
use serde_json::{Value, json};

/// An example of what a member is edited with.
const LIKE_MEMBER: &str = "{\"email\": \"…\", \"name\": \"…\", \"roles\": [\"sales\"]}";

/// Lists the members.
pub async fn list(app: App, inbound: Inbound) -> Reply {
    match app.office().members().await {
        Ok(members) => Reply::json(200, &json!({ "members": members })),
        Err(error) => response::failed(&inbound, "members", &error),
    }
}

/// Shows a member.
pub async fn show(app: App, inbound: Inbound, named: &str) -> Reply {
    let found = app.office().member(named).await.map(|(member, _)| member);
    answer(&inbound, 200, found)
}

/// Adds a member.
pub async fn add(app: App, inbound: Inbound) -> Reply {
    match read(&inbound).await {
        Ok(edit) => answer(&inbound, 201, app.office().add_member(&edit).await),
        Err(refusal) => refusal,
    }
}

/// Edits a member.
pub async fn edit(app: App, inbound: Inbound, named: &str) -> Reply {
    match read(&inbound).await {
        Ok(edit) => answer(&inbound, 200, app.office().edit_member(named, &edit).await),
        Err(refusal) => refusal,
    }
}

/// Ends a member.
pub async fn end(app: App, inbound: Inbound, named: &str) -> Reply {
    answer(&inbound, 200, app.office().end_member(named).await)
}

/// Mails a one-time sign-in link to a member. An owner gets it as well, for a member whose mail
/// does not arrive.
pub async fn mail_link(mut app: App, inbound: Inbound, named: &str) -> Reply {
    let member = match app.office().member(named).await {
        Ok((member, _)) if member.is_active() => member,
        Ok(_) => {
            return Reply::problem(409, "The member has ended", "No link is made.", Value::Null);
        }
        Err(error) => return response::refused(&inbound, "members", error),
    };
    let random = match clock::secret() {
        Ok(random) => random,
        Err(error) => return response::failed(&inbound, "members", &error),
    };
    let (link, failure) = match app.mail_link(&member.email, &random).await {
        Ok(LinkMail::Sent(link)) => (link, None),
        Ok(LinkMail::Failed(link, reason)) => (link, Some(reason)),
        Ok(LinkMail::NotSent) => {
            let detail = format!("At most {LINK_MAILS_MAX} links an hour are mailed to a member.");
            let reply = Reply::problem(429, "Too many links", &detail, Value::Null);
            return reply.header("retry-after", "3600");
        }
        Err(error) => return response::failed(&inbound, "members", &error),
    };
    app.audit_log().enter(Act::new("make_link", "member", member.id.as_str())).await;
    if let Some(reason) = &failure {
        response::log("members.link", reason);
    }
    let path = format!("/admin/sign-in#{}", link.secret);
    let path = app.access.is_owner().then_some(path);
    let (is_mailed, expires_at) = (failure.is_none(), link.expires_at.rfc3339());
    let body = json!({ "mailed": is_mailed, "path": path, "expires_at": expires_at });
    Reply::json(201, &body)
}

async fn read(inbound: &Inbound) -> Result<MemberEdit, Reply> {
    body::json(inbound, QUESTION_BYTES_MAX, "Not understood", LIKE_MEMBER).await
}

fn answer(inbound: &Inbound, status: u16, member: Result<Member, FlowError>) -> Reply {
    match member {
        Ok(member) => Reply::json(status, &json!({ "member": member })),
        Err(error) => response::refused(inbound, "members", error),
    }
}

//! Sign-in and sign-out.

use crate::domain::access::session::SESSION_AGE_MAX;
use crate::edge::app::App;
use crate::edge::http::body;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::edge::http::session;
use crate::edge::platform::{clock, rate_limit};
use crate::flows::access::link_mail::LinkMail;
use crate::flows::access::sign_in as signing;
use crate::views::admin::{SignInProblem, SignInView, sign_in as sign_in_page};
use crate::views::page::SIGN_IN_POLICY;

/// The limit of a sign-in form's body, in bytes: the form holds one token.
const SIGN_IN_BYTES_MAX: usize = 4_096;

/// Shows the sign-in page. The browser puts the secret of a link into the form. GET changes
/// nothing, so a program that fetches links does not use one up.
pub fn sign_in_ask(inbound: &Inbound) -> Reply {
    let is_over = inbound.parameter("over").is_some();
    sign_in_reply(inbound, 200, is_over.then_some(SignInProblem::SessionOver), false)
}

/// Signs in with an API token or an unused sign-in link; or mails a link, if an e-mail address was
/// entered instead.
pub async fn sign_in(mut app: App, inbound: Inbound) -> Reply {
    let form = match body::web_app_form(&inbound, SIGN_IN_BYTES_MAX).await {
        Ok(form) => form,
        Err(refusal) => return refusal,
    };
    // Every attempt counts against the rate limit, which stops guessing. A request without a
    // network address is not limited.
    let origin = Some(app.origin_hash(&inbound)).filter(|hash| !hash.is_empty());
    let tries: Vec<String> = origin.iter().map(|hash| format!("sign-in:{hash}")).collect();
    if rate_limit::is_exceeded(&app.env, tries).await {
        let page = sign_in_reply(&inbound, 429, Some(SignInProblem::TooManyTries), false);
        return page.header("retry-after", "60");
    }
    let random = match clock::secret() {
        Ok(random) => random,
        Err(error) => return response::failed(&inbound, "sign_in", &error),
    };
    if let Some(address) = form.first("email").filter(|address| !address.is_empty()) {
        return mail_link(app, inbound, address.to_owned(), random);
    }
    let proof = form.first("token").unwrap_or_default().trim();
    let former = session::secret(&app, &inbound);
    let configured = app.api_tokens();
    let App { db, now, ids, .. } = &mut app;
    let fresh = (random.as_str(), ids);
    let flow = signing::sign_in(db, &configured, proof, former.as_deref(), fresh, *now);
    match flow.await {
        Ok(Some(secret)) => {
            let home = format!("/admin?lang={}", inbound.language().tag());
            let next = session::next(&inbound).unwrap_or(home);
            let seconds = SESSION_AGE_MAX.0 / 1_000;
            let cookie = session::cookie(&app, &inbound, &secret, seconds);
            Reply::redirect(303, &next).header("set-cookie", cookie)
        }
        Ok(None) => sign_in_reply(&inbound, 401, Some(SignInProblem::WrongToken), false),
        Err(error) => response::failed(&inbound, "sign_in", &error),
    }
}

/// Mails a link after the answer, so that neither the answer nor the time that it takes reveals
/// whether the address is a member's.
fn mail_link(mut app: App, inbound: Inbound, address: String, random: String) -> Reply {
    let reply = sign_in_reply(&inbound, 200, None, true);
    inbound.context.after_answer(async move {
        match app.mail_link(&address, &random).await {
            Ok(LinkMail::Sent(_) | LinkMail::NotSent) => {}
            Ok(LinkMail::Failed(_, reason)) => response::log("sign_in.mail", &reason),
            Err(error) => response::log("sign_in.mail", &error.to_string()),
        }
    });
    reply
}

/// Ends the session in the browser and in the database, so that a copied cookie becomes worthless.
pub async fn sign_out(app: App, inbound: Inbound) -> Reply {
    if let Some(secret) = session::secret(&app, &inbound)
        && let Err(error) = signing::sign_out(&app.db, &secret).await
    {
        return response::failed(&inbound, "sign_out", &error);
    }
    let page = format!("/admin/sign-in?lang={}", inbound.language().tag());
    Reply::redirect(303, &page).header("set-cookie", session::cookie(&app, &inbound, "", 0))
}

fn sign_in_reply(
    inbound: &Inbound,
    status: u16,
    problem: Option<SignInProblem>,
    is_mailed: bool,
) -> Reply {
    let next = session::next(inbound).map(|next| session::next_parameter(&next));
    let next = next.unwrap_or_default();
    let view = SignInView { language: inbound.language(), problem, next: &next, is_mailed };
    Reply::html(status, sign_in_page(&view), SIGN_IN_POLICY)
}

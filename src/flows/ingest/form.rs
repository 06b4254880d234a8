//! Turns a visitor's submission into a lead. This is the only synchronous write of a visitor.
//!
//! Checks that need no database come first; then `commit` reads and writes. Problems are shown
//! beside each field. A bot gets the thank-you page, and its submission is dropped.

use crate::domain::base::primitives::{CampaignId, Ids, Millis, QualifiedId, Span};
use crate::domain::base::token::{Keyring, Purpose, TokenProblem, sha256_hex};
use crate::domain::contact::address::counted_mailbox;
use crate::domain::contact::touch::Touch;
use crate::domain::engine::{Input, Submitted};
use crate::domain::form::form_data::FormData;
use crate::domain::form::traffic_source::TrafficSource;
use crate::domain::form::{
    self, FILL_TIME_MIN, FieldProblem, FieldReason, Form, HONEYPOT_FIELD, Submission, TOKEN_FIELD,
};
use crate::domain::publication::catalog::{Catalog, PublishedVersion};
use crate::flows::commit::{Command, CommitError, RecordRef, commit_by_address};
use crate::flows::ports::Database;
use crate::flows::settings::Settings;
use crate::flows::tasks::{Work, deliveries};

/// How long after it was shown a form is accepted without asking again: a tab left open over a
/// weekend still works.
pub const TOKEN_AGE_MAX: Span = Span::days(7);

/// The result of checking a submission.
#[derive(Clone, Debug, PartialEq)]
pub enum Checked {
    /// A lead.
    Good(Box<Submitted>),
    /// Problems for the visitor to fix, shown beside the fields.
    Problems(Vec<FieldProblem>),
    /// A bot: it filled in the field that people do not see.
    Robot,
    /// The token was not issued by us for this form.
    BadToken(TokenProblem),
}

/// Checks a submission without touching the database.
pub fn check(
    published: &PublishedVersion,
    form_id: &QualifiedId,
    form: &Form,
    answer: &FormData,
    origin_hash: &str,
    settings: &Settings,
    now: Millis,
) -> Checked {
    if answer.first(HONEYPOT_FIELD).is_some_and(|value| !value.is_empty()) {
        return Checked::Robot;
    }
    let token = answer.first(TOKEN_FIELD).unwrap_or_default();
    let shown_at = match read_token(settings, form_id, token) {
        Ok(read) => read,
        Err(problem) => return Checked::BadToken(problem),
    };
    let submission = match form::read(form, answer) {
        Ok(submission) => submission,
        Err(problems) => return Checked::Problems(problems),
    };
    if now < shown_at.plus(FILL_TIME_MIN) || now > shown_at.plus(TOKEN_AGE_MAX) {
        let field = String::new();
        return Checked::Problems(vec![FieldProblem { field, reason: FieldReason::SendAgain }]);
    }
    let campaign = &published.compiled.campaign;
    Checked::Good(Box::new(Submitted {
        form: form_id.clone(),
        key: format!("form:{}", fingerprint(token, &submission)),
        email: submission.email,
        phone: submission.phone,
        attributes: submission.attributes,
        agreed: submission.agreed,
        list: form.list.clone(),
        touch: touch(published, &campaign.id, answer, settings, now),
        locale: campaign.locale.clone(),
        origin_hash: origin_hash.to_owned(),
        at: now,
    }))
}

/// Returns the keys by which a submission is rate-limited: its network origin, and each mailbox and
/// number in it, however they are spelled.
pub fn rate_keys(submitted: &Submitted, settings: &Settings) -> Vec<String> {
    let mailbox = submitted.email.as_deref().map(counted_mailbox);
    let addresses = mailbox.iter().chain(&submitted.phone);
    let hashed = addresses.map(|address| settings.keys.pseudonym("address", address));
    // The network address is already hashed; without one, only the other keys count.
    let origin = Some(submitted.origin_hash.clone()).filter(|hash| !hash.is_empty());
    origin.into_iter().chain(hashed).collect()
}

/// Reads, decides and writes. Returns the messages to deliver at once; if that hint is lost, the
/// next tick finds them.
pub async fn submit<D: Database>(
    db: &D,
    catalog: &Catalog,
    keys: &Keyring,
    submitted: Submitted,
    now: Millis,
    ids: &mut Ids,
) -> Result<Vec<Work>, CommitError> {
    let who = RecordRef::Typed { email: submitted.email.clone(), phone: submitted.phone.clone() };
    let inputs = vec![Input::Submitted(Box::new(submitted))];
    let command = Command { who, inputs };
    let decisions = commit_by_address(db, catalog, Some(keys), vec![command], now, ids).await?;
    Ok(deliveries(&decisions))
}

/// Returns a hash that is equal for two posts of one form with the same content. Several people may
/// post the same token: at a kiosk, from a cached page, or when somebody corrects an address. The
/// hash includes the token, which is stored nowhere, so that a reader of the log cannot guess the
/// content.
fn fingerprint(token: &str, submission: &Submission) -> String {
    let Submission { email, phone, attributes, agreed, ignored: _ } = submission;
    let read = serde_json::json!([token, email, phone, attributes, agreed]);
    sha256_hex(&read.to_string())[..36].to_owned()
}

/// Returns when the form was shown.
fn read_token(
    settings: &Settings,
    form_id: &QualifiedId,
    token: &str,
) -> Result<Millis, TokenProblem> {
    let payload = settings.keys.verify(Purpose::Form, token)?;
    let mut parts = payload.split('|');
    let (Some(form), Some(at), Some(_id)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(TokenProblem::Malformed);
    };
    if form != form_id.as_str() {
        return Err(TokenProblem::WrongPurpose);
    }
    at.parse().map(Millis).map_err(|_| TokenProblem::Malformed)
}

/// Returns the visitor's traffic source. The page and its variant come from the browser, so they
/// count only if the campaign has them.
fn touch(
    published: &PublishedVersion,
    campaign: &CampaignId,
    answer: &FormData,
    settings: &Settings,
    now: Millis,
) -> Touch {
    let origin = TrafficSource::from_answer(answer);
    let page = published.compiled.campaign.pages.get(&origin.page);
    let variant = page.and_then(|p| p.variants.iter().find(|v| v.name == origin.variant));
    Touch {
        campaign: campaign.0.clone(),
        page: page.map(|_| origin.page.clone()).unwrap_or_default(),
        variant: variant.map(|v| v.name.clone()).unwrap_or_default(),
        channel: origin.channel(settings.host()),
        medium: origin.utm_medium,
        utm_campaign: origin.utm_campaign,
        term: origin.utm_term,
        content: origin.utm_content,
        referrer: origin.referrer,
        landing_path: origin.landing_path,
        at: now,
        fresh_at: now,
    }
}

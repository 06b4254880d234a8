//! submit_form: a visitor's answer becomes a lead. The only synchronous write of a visitor.
//!
//! Checks that need no database come first; then one round trip to read and one to write
//! (`commit`). What the checks refuse is told beside each field; a robot is thanked and forgotten.
//!
//! Statements of a first submission that agrees to messages and begins a journey: 3 to read, 7 to
//! write (events, contact, enrollment, message, consents, counters, and one that refuses an address
//! erased meanwhile); 1 more if it enters a segment.

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
use crate::flows::commit::{Command, CommitError, ContactRef, commit_by_address};
use crate::flows::ports::Database;
use crate::flows::settings::Settings;
use crate::flows::tasks::{Work, deliveries};

/// How long after it was shown a form is taken without asking again: a tab left open over a
/// weekend still works.
pub const TOKEN_AGE_MAX: Span = Span::days(7);

/// What a submission is once it is checked.
#[derive(Clone, Debug, PartialEq)]
pub enum Checked {
    /// A lead.
    Good(Box<Submitted>),
    /// Something to mend, told beside the fields.
    Problems(Vec<FieldProblem>),
    /// A robot filled in what people do not see.
    Robot,
    /// The token is not one of ours for this form.
    BadToken(TokenProblem),
}

/// Checks an answer without touching the database.
pub fn check(
    edition: &PublishedVersion,
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
    let campaign = &edition.compiled.campaign;
    Checked::Good(Box::new(Submitted {
        form: form_id.clone(),
        key: format!("form:{}", fingerprint(token, &submission)),
        email: submission.email,
        phone: submission.phone,
        attributes: submission.attributes,
        agreed: submission.agreed,
        touch: touch(edition, &campaign.id, answer, settings, now),
        locale: campaign.locale.clone(),
        origin_hash: origin_hash.to_owned(),
        at: now,
    }))
}

/// What a submission is rate-limited by: where it comes from, and each mailbox and number that it
/// names, however it spells them.
pub fn rate_keys(submitted: &Submitted, settings: &Settings) -> Vec<String> {
    let mailbox = submitted.email.as_deref().map(counted_mailbox);
    let addresses = mailbox.iter().chain(&submitted.phone);
    let hashed = addresses.map(|address| settings.keys.pseudonym("address", address));
    // The network address is hashed already; where there is none, only the others count.
    let origin = Some(submitted.origin_hash.clone()).filter(|hash| !hash.is_empty());
    origin.into_iter().chain(hashed).collect()
}

/// Reads, decides, writes. Returns the messages to deliver at once; if that hint is lost, the
/// next tick finds them.
pub async fn submit<D: Database>(
    db: &D,
    catalog: &Catalog,
    keys: &Keyring,
    submitted: Submitted,
    now: Millis,
    ids: &mut Ids,
) -> Result<Vec<Work>, CommitError> {
    let who = ContactRef::Typed { email: submitted.email.clone(), phone: submitted.phone.clone() };
    let happenings = vec![Input::Submitted(Box::new(submitted))];
    let case = Command { who, happenings };
    let decisions = commit_by_address(db, catalog, Some(keys), vec![case], now, ids).await?;
    Ok(deliveries(&decisions))
}

/// By which two posts of one filled-in form are known to say the same. A token may be posted by
/// several people: at a kiosk, by a page that keeps one, by somebody who corrects an address. The
/// token itself is among what is hashed, and kept nowhere: who reads the log guesses no answer.
fn fingerprint(token: &str, submission: &Submission) -> String {
    let Submission { email, phone, attributes, agreed, ignored: _ } = submission;
    let read = serde_json::json!([token, email, phone, attributes, agreed]);
    sha256_hex(&read.to_string())[..36].to_owned()
}

/// When the form was shown.
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

/// Where the visitor came from. The page and its variant are told by the browser, so they count
/// only if the campaign has them.
fn touch(
    edition: &PublishedVersion,
    campaign: &CampaignId,
    answer: &FormData,
    settings: &Settings,
    now: Millis,
) -> Touch {
    let origin = TrafficSource::from_answer(answer);
    let page = edition.compiled.campaign.pages.get(&origin.page);
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

//! Writes tasks of the intake queue, many per statement.
//!
//! Visits are written directly. Opens, clicks, delivery reports, inbound SMS, API events and
//! deferred form submissions may lead to decisions, so they go through `commit`, together for all
//! their contacts.

use crate::domain::base::primitives::{Ids, Millis};
use crate::domain::base::token::Keyring;
use crate::domain::engine::Input;
use crate::domain::engine::RecordInput;
use crate::domain::publication::catalog::Catalog;
use crate::flows::commit::{Command, CommitError, RecordRef, commit_by_address};
use crate::flows::ingest::resolve;
use crate::flows::ports::Database;
use crate::flows::tasks::deliveries;
use crate::flows::tasks::{Intake, Work};
use crate::store::reports;

/// Returns the tasks that can be processed now, each with its position. Tasks that this code cannot
/// parse may come from newer code, and tasks whose campaign cannot be read yet have to wait; both
/// are left out so that the queue delivers them again.
pub fn sort<'b>(catalog: &Catalog, bodies: impl Iterator<Item = &'b str>) -> Vec<(usize, Intake)> {
    let read = |(place, body)| Some((place, serde_json::from_str::<Intake>(body).ok()?));
    let tasks = bodies.enumerate().filter_map(read);
    tasks.filter(|(_, task)| !waits(catalog, task)).collect()
}

/// Returns whether a task has to wait: it is a form submission of a campaign whose live version
/// cannot be read, so that its consequences are unknown.
pub fn waits(catalog: &Catalog, task: &Intake) -> bool {
    let Intake::SubmissionV1(submitted) = task else { return false };
    let campaign = submitted.form.parts().map(|(campaign, _)| campaign);
    campaign.is_some_and(|campaign| catalog.unreadable_live(&campaign).is_some())
}

/// Writes a batch of intake tasks and returns the work that follows. If a part fails, the rest is
/// still written; when it is delivered again, its keys are known.
pub async fn record<D: Database>(
    db: &D,
    catalog: &Catalog,
    keys: &Keyring,
    tasks: Vec<Intake>,
    now: Millis,
    ids: &mut Ids,
) -> Result<Vec<Work>, CommitError> {
    let mut visits = Vec::new();
    let (mut reports, mut texts) = (Vec::new(), Vec::new());
    let mut commands: Vec<Command> = Vec::new();
    for task in tasks {
        match task {
            Intake::VisitV1(visit) => visits.push(visit),
            Intake::DeliveryReportV1 { message, report } => reports.push((message, report)),
            Intake::InboundSmsV1(sms) => texts.push(sms),
            task => commands.extend(command(task)),
        }
    }
    let mut failure = None;
    if !visits.is_empty() {
        let statements = reports::record_visits(&visits, &ids.uuid(), &now.utc_day());
        failure = db.batch(statements.to_vec()).await.err();
    }
    let (reports, texts) = match resolve::once(db, reports, texts, now).await {
        Ok(once) => once,
        Err(error) => {
            failure = Some(error);
            (Vec::new(), Vec::new())
        }
    };
    match resolve::resolve_messages(db, reports).await {
        Ok(found) => {
            let found = found.into_iter();
            commands.extend(found.map(|(contact, input)| about(RecordRef::Id(contact), input)));
        }
        Err(error) => failure = Some(error),
    }
    let (texts, suppressed) = resolve::texts(texts, now);
    commands.extend(texts.into_iter().map(|(who, input)| about(who, input)));
    let decisions = commit_by_address(db, catalog, Some(keys), commands, now, ids).await;
    if let Some(statement) = suppressed {
        failure = db.batch(vec![statement]).await.err().or(failure);
    }
    match failure {
        Some(error) => Err(error.into()),
        None => Ok(deliveries(&decisions?)),
    }
}

/// Returns the command of a task; `None` if its contact must be looked up first, or there is none.
fn command(task: Intake) -> Option<Command> {
    match task {
        Intake::VisitV1(_) | Intake::DeliveryReportV1 { .. } | Intake::InboundSmsV1(_) => None,
        Intake::EngagementV1(engagement) => {
            let who = RecordRef::Id(engagement.contact.clone());
            Some(about(who, Input::Engaged(engagement)))
        }
        Intake::CustomEventV1 { email, phone, external_id, contact_id, event } => {
            let who = match contact_id {
                Some(id) => RecordRef::Id(id),
                None => RecordRef::Addresses { email, phone, external_id },
            };
            Some(about(who, Input::Record(RecordInput::CustomEvent(event))))
        }
        Intake::SubmissionV1(submitted) => {
            let (email, phone) = (submitted.email.clone(), submitted.phone.clone());
            Some(about(RecordRef::Typed { email, phone }, Input::Submitted(submitted)))
        }
    }
}

fn about(who: RecordRef, input: Input) -> Command {
    Command { who, inputs: vec![input] }
}

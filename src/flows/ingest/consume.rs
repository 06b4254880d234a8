//! record_touches: what came through the intake queue is written many to a statement.
//!
//! Visits cost one round trip of two statements a batch. What providers tell of messages costs one
//! more, to find whose those are; STOP one more, to suppress the number. Opens, clicks, reported
//! events and forms that found no room may decide something, so they go through `commit`: one round
//! trip to read and one to write for all their contacts.

use crate::domain::base::primitives::{Ids, Millis};
use crate::domain::base::token::Keyring;
use crate::domain::engine::{Engagement, Input};
use crate::domain::publication::catalog::Catalog;
use crate::flows::commit::{Command, CommitError, ContactRef, commit_by_address};
use crate::flows::ingest::resolve;
use crate::flows::ports::Database;
use crate::flows::tasks::deliveries;
use crate::flows::tasks::{Intake, Work};
use crate::store::reports;

/// Of the bodies of tasks those that can be done now, each with its place. What this code cannot
/// read may have been sent by newer code, and what waits for a campaign is no use before it can be
/// read: both are to come again.
pub fn sort<'b>(catalog: &Catalog, bodies: impl Iterator<Item = &'b str>) -> Vec<(usize, Intake)> {
    let read = |(place, body)| Some((place, serde_json::from_str::<Intake>(body).ok()?));
    let tasks = bodies.enumerate().filter_map(read);
    tasks.filter(|(_, task)| !waits(catalog, task)).collect()
}

/// Whether a task has to wait: it is a form of a campaign whose live version cannot be read, so
/// that nobody knows what follows from it.
pub fn waits(catalog: &Catalog, task: &Intake) -> bool {
    let Intake::SubmissionV1(submitted) = task else { return false };
    let campaign = submitted.form.parts().map(|(campaign, _)| campaign);
    campaign.is_some_and(|campaign| catalog.unreadable_live(&campaign).is_some())
}

/// Writes a batch of intake tasks down, and returns what is to be done next. If some of it fails,
/// the rest is written all the same; told again, it is known.
pub async fn record<D: Database>(
    db: &D,
    catalog: &Catalog,
    keys: &Keyring,
    tasks: Vec<Intake>,
    now: Millis,
    ids: &mut Ids,
) -> Result<Vec<Work>, CommitError> {
    let mut visits = Vec::new();
    let (mut heard, mut texts) = (Vec::new(), Vec::new());
    let mut cases: Vec<Command> = Vec::new();
    for task in tasks {
        match task {
            Intake::VisitV1(visit) => visits.push(visit),
            Intake::HeardV1(report) => heard.push(report),
            Intake::TextV1(report) => texts.push(report),
            task => add(&mut cases, task),
        }
    }
    let mut failure = None;
    if !visits.is_empty() {
        let statements = reports::record_visits(&visits, &ids.uuid(), &now.utc_day());
        failure = db.batch(statements.to_vec()).await.err();
    }
    let (heard, texts) = match resolve::once(db, heard, texts, now).await {
        Ok(once) => once,
        Err(error) => {
            failure = Some(error);
            (Vec::new(), Vec::new())
        }
    };
    match resolve::whose(db, heard).await {
        Ok(heard) => {
            heard
                .into_iter()
                .for_each(|(whose, news)| put(&mut cases, ContactRef::Id(whose), news));
        }
        Err(error) => failure = Some(error),
    }
    let (texts, suppressed) = resolve::texts(texts, now);
    for (who, happening) in texts {
        put(&mut cases, who, happening);
    }
    let decisions = commit_by_address(db, catalog, Some(keys), cases, now, ids).await;
    if let Some(statement) = suppressed {
        failure = db.batch(vec![statement]).await.err().or(failure);
    }
    match failure {
        Some(error) => Err(error.into()),
        None => Ok(deliveries(&decisions?)),
    }
}

/// Adds a task to the case of the contact it is about.
fn add(cases: &mut Vec<Command>, task: Intake) {
    let (who, happening) = match task {
        Intake::VisitV1(_) | Intake::HeardV1(_) | Intake::TextV1(_) => return,
        Intake::EngagementV1(report) => {
            let engagement = Engagement {
                url: report.url,
                at: report.at,
                machine: report.machine,
                facts: report.facts,
                key: report.key,
            };
            (ContactRef::Id(report.contact), Input::Engaged(report.message, engagement))
        }
        Intake::ReportV1(report) => {
            let who = match report.contact_id {
                Some(id) => ContactRef::Id(id),
                None => ContactRef::Addresses {
                    email: report.email,
                    phone: report.phone,
                    external_id: report.external_id,
                },
            };
            (who, Input::CustomEvent(report.event))
        }
        Intake::SubmissionV1(submitted) => {
            let who = ContactRef::Typed {
                email: submitted.email.clone(),
                phone: submitted.phone.clone(),
            };
            (who, Input::Submitted(submitted))
        }
    };
    put(cases, who, happening);
}

fn put(cases: &mut Vec<Command>, who: ContactRef, happening: Input) {
    match cases.iter_mut().find(|case| case.who == who) {
        Some(case) => case.happenings.push(happening),
        None => cases.push(Command { who, happenings: vec![happening] }),
    }
}

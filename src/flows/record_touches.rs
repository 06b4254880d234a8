//! record_touches: what came through the intake queue is written many to a statement.
//!
//! Visits cost one round trip of two statements a batch. What providers tell of messages costs one
//! more, to find whose those are; STOP one more, to suppress the number. Opens, clicks, reported
//! events and forms that found no room may decide something, so they go through `commit`: one round
//! trip to read and one to write for all their contacts.

use super::commit::{Case, CommitError, Who, commit_told};
use super::hear;
use super::seams::Database;
use super::submit_form::deliveries;
use super::task::{Intake, Work};
use crate::domain::catalog::Catalog;
use crate::domain::decide::{Engagement, Happening};
use crate::domain::primitives::{Ids, Millis};
use crate::domain::token::Keyring;
use crate::store::reports;

/// Writes a batch of intake tasks down, and returns what is to be done next.
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
    let mut cases: Vec<Case> = Vec::new();
    for task in tasks {
        match task {
            Intake::VisitV1(visit) => visits.push(visit),
            Intake::HeardV1(report) => heard.push(report),
            Intake::TextV1(report) => texts.push(report),
            task => add(&mut cases, task),
        }
    }
    if !visits.is_empty() {
        let statements = reports::record_visits(&visits, &ids.uuid(), &now.utc_day());
        db.batch(statements.to_vec()).await?;
    }
    for (contact, happening) in hear::whose(db, heard).await? {
        put(&mut cases, Who::Id(contact), happening);
    }
    let (texts, suppressed) = hear::texts(texts, now);
    for (who, happening) in texts {
        put(&mut cases, who, happening);
    }
    let decisions = commit_told(db, catalog, Some(keys), cases, now, ids).await?;
    if let Some(statement) = suppressed {
        db.batch(vec![statement]).await?;
    }
    Ok(deliveries(&decisions))
}

/// Adds a task to the case of the contact it is about.
fn add(cases: &mut Vec<Case>, task: Intake) {
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
            (Who::Id(report.contact), Happening::Engaged(report.message, engagement))
        }
        Intake::ReportV1(report) => {
            let who = match report.contact_id {
                Some(id) => Who::Id(id),
                None => Who::Addresses {
                    email: report.email,
                    phone: report.phone,
                    external_id: report.external_id,
                },
            };
            (who, Happening::Reported(report.event))
        }
        Intake::SubmissionV1(submitted) => {
            let who = Who::Addresses {
                email: submitted.email.clone(),
                phone: submitted.phone.clone(),
                external_id: None,
            };
            (who, Happening::Submitted(submitted))
        }
    };
    put(cases, who, happening);
}

fn put(cases: &mut Vec<Case>, who: Who, happening: Happening) {
    match cases.iter_mut().find(|case| case.who == who) {
        Some(case) => case.happenings.push(happening),
        None => cases.push(Case { who, happenings: vec![happening] }),
    }
}

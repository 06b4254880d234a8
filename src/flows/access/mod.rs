//! Access: signing in and sessions; who a request is from; members, tokens and roles; the audit
//! log. Not here: what a role allows (`domain/access`).

pub mod audit;
pub mod caller;
pub mod link_mail;
pub mod members;
pub mod roles;
pub mod sign_in;
pub mod tokens;

use crate::domain::access::rights::Access;
use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::{Ids, Millis};
use crate::flows::error::{FlowError, Refusal};

/// The management of members, their tokens and roles: the database, who acts, and when.
pub struct Office<'a, D> {
    pub db: &'a D,
    pub by: &'a Access,
    pub now: Millis,
    pub ids: Ids,
}

/// The refusal to give more than one has.
fn beyond(key: &str, role: &str) -> FlowError {
    let problem = Problem::new(key, format!("you do not hold the role `{role}`"));
    let detail = "Nobody gives a role that they do not hold, or changes somebody who holds it.";
    FlowError::Forbidden(Refusal::new("Not yours to give", detail, problem))
}

fn rejected(problems: Vec<Problem>) -> FlowError {
    let detail = "Nothing has changed.";
    FlowError::Rejected(Refusal { title: "This cannot be done", detail, problems })
}

fn conflict(problem: Problem) -> FlowError {
    FlowError::Conflict(Refusal::new("It is not as you think", "Nothing has changed.", problem))
}

fn not_found(key: &str, message: &str) -> FlowError {
    let problem = Problem::new(key, message);
    FlowError::NotFound(Refusal::new("Not found", "Nothing has changed.", problem))
}

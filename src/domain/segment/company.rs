//! Conditions on the companies of a contact.

use super::{Evaluation, Rule, Subject};
use crate::domain::base::primitives::Millis;
use crate::domain::contact::position::Position;

/// Evaluates whether a rule holds for one of the companies where the contact has a position, with
/// this role if one is given. Main positions count like any other.
pub(super) fn evaluate(
    rule: &Rule,
    role: Option<&str>,
    subject: &dyn Subject,
    now: Millis,
) -> Evaluation {
    let found = with_role(subject, role).map(|position| rule.evaluate(&*position.company, now));
    Evaluation::of_all(found.map(Evaluation::opposite)).opposite()
}

/// Returns the positions with a role; all, if none is given.
pub(super) fn with_role<'s>(
    subject: &'s dyn Subject,
    role: Option<&'s str>,
) -> impl Iterator<Item = &'s Position> {
    let has_role = move |position: &&Position| role.is_none() || position.role.as_deref() == role;
    subject.positions().iter().filter(has_role)
}

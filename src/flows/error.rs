//! The error of the flows that act for an operator. `edge` answers it in one place.

use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::CampaignId;
use crate::flows::commit::CommitError;
use crate::flows::ports::DatabaseError;
use std::fmt;

/// The reason why a flow changed and returned nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum FlowError {
    /// Something that the request names does not exist.
    NotFound(Refusal),
    /// The request itself is wrong: repeating it fails again.
    Rejected(Refusal),
    /// The present state does not allow it.
    Conflict(Refusal),
    /// The one who asks may not do this.
    Forbidden(Refusal),
    /// The database failed, or other writers kept changing the same contact. Repeating the request
    /// is safe.
    Database(DatabaseError),
}

impl FlowError {
    /// No campaign with this id was ever published; `known` are the ids of those that were.
    pub fn unknown_campaign<'k>(id: &CampaignId, known: impl IntoIterator<Item = &'k str>) -> Self {
        let problem = Problem::new("campaign", format!("there is no campaign `{id}`"));
        let detail = "No campaign with this id was ever published.";
        let problem = problem.suggest(id.as_str(), known);
        Self::NotFound(Refusal::new("There is no such campaign", detail, problem))
    }
}

/// The words of a refusal, as the API returns them.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// What kind of refusal it is; the same for each request that is refused in this way.
    pub title: &'static str,
    /// What this means for the operator.
    pub detail: &'static str,
    pub problems: Vec<Problem>,
}

impl Refusal {
    pub fn new(title: &'static str, detail: &'static str, problem: Problem) -> Self {
        Self { title, detail, problems: vec![problem] }
    }
}

impl fmt::Display for Refusal {
    /// Writes the problems, one a line, or the detail if there are none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, others)) = self.problems.split_first() else {
            return f.write_str(self.detail);
        };
        first.fmt(f)?;
        others.iter().try_for_each(|problem| write!(f, "\n{problem}"))
    }
}

impl From<DatabaseError> for FlowError {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

impl From<CommitError> for FlowError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Database(error) => Self::Database(error),
            other => Self::Database(DatabaseError::Fault(other.to_string())),
        }
    }
}

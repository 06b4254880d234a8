//! Static lists: making, naming and deleting them, and who is on them. Forms, steps and imports put
//! records on a list in the decision about the record (`domain/engine/lists.rs`).

pub mod deletion;
pub mod members;

use crate::domain::access::role::is_line;
use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::{Actor, ListId, Millis};
use crate::domain::publication::validate::{NAME_CHARS_MAX, is_name};
use crate::domain::record::list::LISTS_MAX;
use crate::flows::error::{FlowError, Refusal};
use crate::flows::ports::{Database, DatabaseError, all};
use crate::store::lists::{self, ListRow};
use serde::Deserialize;

/// The most lists of a page.
pub const PAGE_MAX: usize = 200;

/// The longest name of a list and the longest description, in characters.
pub const NAME_MAX: usize = 200;
pub const DESCRIPTION_MAX: usize = 2_000;

/// The list that is wanted.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewList {
    /// What rules, forms and steps call it.
    pub id: String,
    /// What people call it, in any language; the id if absent.
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
}

/// What changes of a list; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListEdit {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
}

/// Returns a page of the lists, by id, and the id after which the next page begins.
pub async fn page<D: Database>(
    db: &D,
    after: &str,
    limit: usize,
) -> Result<(Vec<ListRow>, Option<ListId>), DatabaseError> {
    let limit = limit.clamp(1, PAGE_MAX);
    let rows = db.batch(vec![lists::page(after, limit + 1)]).await?;
    let mut found = all::<ListRow>(rows.first())?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|list| list.id.clone());
    Ok((found, next))
}

/// Returns a list that is not being deleted.
pub async fn one<D: Database>(db: &D, id: &ListId) -> Result<ListRow, FlowError> {
    let rows = db.batch(vec![lists::by_ids([id])]).await?;
    let found = all::<ListRow>(rows.first())?.into_iter().next();
    found.filter(|list| list.deleted_at.is_none()).ok_or_else(missing)
}

/// Makes a list.
pub async fn create<D: Database>(
    db: &D,
    asked: &NewList,
    by: &Actor,
    now: Millis,
) -> Result<ListRow, FlowError> {
    let mut problems = text_problems(asked.name.as_deref(), asked.description.as_deref());
    if !is_name(&asked.id) {
        let message = format!("use a-z, 0-9, - and _, at most {NAME_CHARS_MAX} characters");
        let help = "such as vip; the `name` may be in any language";
        problems.push(Problem::new("id", message).help(help));
    }
    if !problems.is_empty() {
        return Err(rejected(problems));
    }
    let list = ListRow {
        id: ListId::from(asked.id.as_str()),
        name: asked.name.clone().unwrap_or_else(|| asked.id.clone()),
        description: asked.description.clone().unwrap_or_default(),
        members: 0,
        created_at: now,
        created_by: by.0.clone(),
        deleted_at: None,
    };
    match db.batch(vec![lists::insert(&list)]).await {
        Ok(rows) => all::<ListRow>(rows.first())?.into_iter().next().ok_or_else(|| {
            let message = format!("there are {LISTS_MAX} lists already, the limit");
            rejected(vec![Problem::new("lists", message).help("delete some")])
        }),
        Err(DatabaseError::Conflict(_)) => {
            let problem = Problem::new("id", "there is a list of this id");
            let problem = problem.help("one that is being deleted goes within half an hour");
            let (title, detail) = ("The list exists", "Nothing has changed.");
            Err(FlowError::Conflict(Refusal::new(title, detail, problem)))
        }
        Err(error) => Err(error.into()),
    }
}

/// Changes what people read about a list. Its id stays: rules, forms and steps name it.
pub async fn edit<D: Database>(db: &D, id: &ListId, edit: &ListEdit) -> Result<ListRow, FlowError> {
    let (name, description) = (edit.name.as_deref(), edit.description.as_deref());
    let problems = text_problems(name, description);
    if !problems.is_empty() {
        return Err(rejected(problems));
    }
    let rows = db.batch(vec![lists::edit(id, name, description)]).await?;
    all::<ListRow>(rows.first())?.into_iter().next().ok_or_else(missing)
}

fn text_problems(name: Option<&str>, description: Option<&str>) -> Vec<Problem> {
    let mut found = Vec::new();
    if name.is_some_and(|name| !is_line(name, NAME_MAX)) {
        let message = format!("write one line of at most {NAME_MAX} characters");
        found.push(Problem::new("name", message));
    }
    if description.is_some_and(|text| text.chars().count() > DESCRIPTION_MAX) {
        let message = format!("write at most {DESCRIPTION_MAX} characters");
        found.push(Problem::new("description", message));
    }
    found
}

fn missing() -> FlowError {
    let problem = Problem::new("list", "there is no such list");
    let problem = problem.help("`dripline list ls` shows the lists there are");
    FlowError::NotFound(Refusal::new("There is no such list", "Nothing has changed.", problem))
}

fn rejected(problems: Vec<Problem>) -> FlowError {
    let detail = "Nothing has changed.";
    FlowError::Rejected(Refusal { title: "This cannot be done", detail, problems })
}

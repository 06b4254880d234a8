//! Deleting a list. Nothing that is live may name it; then its memberships are removed in steps by
//! ticks, and at last the list. No record is decided on for that: the log of a member keeps that it
//! joined.

use super::one;
use crate::domain::access::role::{Reach, Role};
use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::{ListId, Millis, QualifiedId};
use crate::domain::campaign::lists::{in_rule, lists_of};
use crate::domain::publication::catalog::{Catalog, PublishedVersion};
use crate::flows::campaign::backfill::passes;
use crate::flows::campaign::publish;
use crate::flows::error::{FlowError, Refusal};
use crate::flows::ports::{Database, DatabaseError, all};
use crate::flows::record::kinds;
use crate::store::lists;
use crate::store::members::{self, RoleRow};
use crate::store::segments::{self, FillRow, StepRow};
use crate::store::statement::Statement;
use std::rc::Rc;

/// The prefix of the work that deletes a list. No campaign id contains a colon.
const LIST_FILL: &str = "list:";

/// The most places that a refusal names.
const PLACES_MAX: usize = 20;

/// Begins to delete a list. Refused while something that is live names it.
pub async fn delete<D: Database>(db: &D, id: &ListId, now: Millis) -> Result<(), FlowError> {
    one(db, id).await?;
    let catalog = publish::live(db).await?.with_kinds(kinds::all_kinds(db).await?);
    if let Some(one) = catalog.unreadable().first() {
        let message = format!("a version of `{}` cannot be read now; it may use it", one.campaign);
        return Err(used(vec![Problem::new("list", message).help("try again later")]));
    }
    let rows = db.batch(vec![members::own_roles()]).await?;
    let roles = all::<RoleRow>(rows.first())?.into_iter();
    let roles: Vec<Role> = roles.map(|row| Role { id: row.id, ..row.definition }).collect();
    let places = places(&catalog, &roles, id);
    if !places.is_empty() {
        let problem = |place: &String| {
            let problem = Problem::new("list", format!("`{id}` is used by {place}"));
            problem.help("publish that without it, then delete it")
        };
        return Err(used(places.iter().take(PLACES_MAX).map(problem).collect()));
    }
    let fill = QualifiedId(format!("{LIST_FILL}{id}"));
    let begun = vec![lists::begin_deletion(id, now), segments::begin_fills(&[fill], passes(now))];
    db.batch(begun).await?;
    Ok(())
}

fn used(problems: Vec<Problem>) -> FlowError {
    let (title, detail) = ("The list is in use", "Nothing has changed.");
    FlowError::Conflict(Refusal { title, detail, problems })
}

/// Returns what names a list: parts of live campaigns, fields of kinds, and roles.
fn places(catalog: &Catalog, roles: &[Role], id: &ListId) -> Vec<String> {
    let mut places = in_campaigns(catalog, id);
    let mut rules = Vec::new();
    for kind in catalog.kinds().all() {
        for field in &kind.fields {
            if let Some(rule) = &field.show_if {
                in_rule(rule, &format!("the field `{}` of `{}`", field.name, kind.id), &mut rules);
            }
        }
    }
    for role in roles {
        for grant in &role.grants {
            if let Reach::Rule(rule) = &grant.scope {
                in_rule(rule, &format!("the role `{}`", role.id), &mut rules);
            }
        }
    }
    places.extend(rules.into_iter().filter(|(list, _)| *list == id).map(|(_, place)| place));
    places
}

fn in_campaigns(catalog: &Catalog, id: &ListId) -> Vec<String> {
    let of = |published: &Rc<PublishedVersion>| -> Vec<String> {
        let named = lists_of(&published.compiled.campaign).into_iter();
        let named = named.filter(|(list, _)| *list == id);
        named.map(|(_, key)| format!("`{key}` of campaign `{}`", published.id())).collect()
    };
    catalog.live().flat_map(of).collect()
}

/// Returns the list that a piece of work deletes; `None` if it is other work.
pub fn list_of_fill(fill: &FillRow) -> Option<ListId> {
    fill.segment_id.as_str().strip_prefix(LIST_FILL).map(ListId::from)
}

/// Takes one step of a deletion. If a campaign has come to name the list since, as when it was
/// published in the same moment, the list stays. Returns what is left to do.
pub async fn step<D: Database>(
    db: &D,
    catalog: &Catalog,
    id: &ListId,
    fill: &FillRow,
) -> Result<Option<StepRow>, DatabaseError> {
    let statements: Vec<Statement> = match in_campaigns(catalog, id).is_empty() {
        true => lists::deletion_step(id, fill),
        false => lists::undo_deletion(id, fill),
    };
    let rows = db.batch(statements).await?;
    Ok(all::<StepRow>(rows.last())?.into_iter().next())
}

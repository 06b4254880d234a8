//! Roles of the deployment's own: list, write, delete. Built-in ones cannot be changed.

use super::members::is_written;
use super::{Office, not_found, rejected};
use crate::domain::access::audit::Act;
use crate::domain::access::built_in::{self, ROLES};
use crate::domain::access::role::Role;
use crate::domain::base::diagnostic::Problem;
use crate::flows::error::FlowError;
use crate::flows::ports::{Database, DatabaseError, all};
use crate::store::audit;
use crate::store::members::{self, RoleRow};
use serde_json::json;

/// The most roles of one's own: more than a team can keep apart.
pub const OWN_ROLES_MAX: usize = 100;

impl<D: Database> Office<'_, D> {
    /// Returns the built-in roles and those of the deployment's own.
    pub async fn roles(&self) -> Result<Vec<Role>, DatabaseError> {
        let mut roles: Vec<Role> = ROLES.into_iter().filter_map(built_in::role).collect();
        roles.extend(self.own_roles().await?);
        Ok(roles)
    }

    /// Writes a role. Its holders have it at their next request.
    pub async fn put_role(&mut self, role: Role) -> Result<Role, FlowError> {
        if built_in::role(&role.id).is_some() {
            let problem = Problem::new("id", format!("`{}` is built in", role.id));
            return Err(rejected(vec![problem.help("write one of another id")]));
        }
        let problems = role.problems();
        if !problems.is_empty() {
            return Err(rejected(problems));
        }
        let before = self.own_roles().await?.into_iter().find(|known| known.id == role.id);
        let act = Act::new("put", "role", role.id.as_str());
        let act = act.with(json!({ "before": before, "after": role }));
        let entry = act.by(self.by.actor(), self.now, &mut self.ids);
        let statements = vec![members::put_role(&role, OWN_ROLES_MAX), audit::enter(&entry)];
        let rows = self.db.batch(statements).await?;
        if is_written(rows.first())? {
            return Ok(role);
        }
        let message = format!("there are {OWN_ROLES_MAX} roles already, the limit");
        Err(rejected(vec![Problem::new("roles", message)]))
    }

    /// Deletes a role. Who holds it may do nothing by it any more.
    pub async fn delete_role(&mut self, id: &str) -> Result<(), FlowError> {
        let missing = || not_found("role", "there is no such role of your own");
        let before = self.own_roles().await?.into_iter().find(|known| known.id == id);
        let before = before.ok_or_else(missing)?;
        let act = Act::new("delete", "role", id).with(json!({ "before": before }));
        let entry = act.by(self.by.actor(), self.now, &mut self.ids);
        let rows = self.db.batch(vec![members::delete_role(id), audit::enter(&entry)]).await?;
        if is_written(rows.first())? { Ok(()) } else { Err(missing()) }
    }

    async fn own_roles(&self) -> Result<Vec<Role>, DatabaseError> {
        let rows = self.db.batch(vec![members::own_roles()]).await?;
        let role = |row: RoleRow| Role { id: row.id, ..row.definition };
        Ok(all::<RoleRow>(rows.first())?.into_iter().map(role).collect())
    }
}

//! Members: list, add, edit, end.

use super::{Office, beyond, conflict, not_found, rejected};
use crate::domain::access::audit::Act;
use crate::domain::access::built_in::ROLES;
use crate::domain::access::member::{MEMBERS_MAX, Member, MemberEdit};
use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::MemberId;
use crate::domain::contact::address::read_email;
use crate::flows::error::FlowError;
use crate::flows::ports::{Database, DatabaseError, all};
use crate::store::members::{self, MemberRow, RoleRow};
use crate::store::statement::Rows;
use serde::Deserialize;
use serde_json::{Value, json};

/// The kind of members in the audit log.
const MEMBER: &str = "member";

impl<D: Database> Office<'_, D> {
    /// Returns all members, those who have ended included, by name.
    pub async fn members(&self) -> Result<Vec<Member>, DatabaseError> {
        let rows = self.db.batch(vec![members::all()]).await?;
        Ok(all::<MemberRow>(rows.first())?.into_iter().map(Member::from).collect())
    }

    /// Returns the member with an id or an e-mail address, and the number of the newest edit.
    pub async fn member(&self, named: &str) -> Result<(Member, i64), FlowError> {
        let named = read_email(named).unwrap_or_else(|_| named.trim().to_owned());
        let rows = self.db.batch(vec![members::find(&named)]).await?;
        let found = all::<MemberRow>(rows.first())?.into_iter().next();
        let row = found.ok_or_else(|| not_found("member", "there is no such member"))?;
        let version = row.version;
        Ok((row.into(), version))
    }

    /// Adds a member. One who has ended is back under the same id, so that old records are theirs
    /// again; sessions and tokens of before stay ended.
    pub async fn add_member(&mut self, edit: &MemberEdit) -> Result<Member, FlowError> {
        let missing: Vec<Problem> = [("email", &edit.email), ("name", &edit.name)]
            .into_iter()
            .filter(|(_, given)| given.is_none())
            .map(|(key, _)| Problem::new(key, "is missing"))
            .collect();
        if !missing.is_empty() {
            return Err(rejected(missing));
        }
        let known = match &edit.email {
            Some(email) => self.member(email).await,
            None => Err(not_found("member", "")),
        };
        match known {
            Ok((member, _)) if member.is_active() => {
                Err(conflict(Problem::new("email", "a member has this address")))
            }
            Ok((member, version)) => {
                let back = Member { ended_at: None, ..member.clone() };
                let fresh = MemberEdit {
                    roles: Some(edit.roles.clone().unwrap_or_default()),
                    ..edit.clone()
                };
                self.write(&member, &self.checked(&back, &fresh).await?, version, "add").await
            }
            Err(FlowError::NotFound(_)) => {
                let id = MemberId(self.ids.uuid());
                let member = self.checked(&Member::new(id, self.now), edit).await?;
                self.insert(member).await
            }
            Err(error) => Err(error),
        }
    }

    /// Edits a member. Takes effect at the member's next request.
    pub async fn edit_member(
        &mut self,
        named: &str,
        edit: &MemberEdit,
    ) -> Result<Member, FlowError> {
        let (member, version) = self.member(named).await?;
        if !member.is_active() {
            let problem = Problem::new("member", "has ended");
            return Err(conflict(problem.help("add the member again, then edit")));
        }
        let edited = self.checked(&member, edit).await?;
        self.write(&member, &edited, version, "edit").await
    }

    /// Ends a member: the sessions, links and tokens end at once. Records stay theirs, and are seen
    /// by their team and their manager.
    pub async fn end_member(&mut self, named: &str) -> Result<Member, FlowError> {
        let (member, version) = self.member(named).await?;
        if !member.is_active() {
            return Err(conflict(Problem::new("member", "has ended already")));
        }
        self.may_touch(&member)?;
        let ended = Member { ended_at: Some(self.now), ..member.clone() };
        self.write(&member, &ended, version, "end").await
    }

    async fn insert(&mut self, member: Member) -> Result<Member, FlowError> {
        let act = Act::new("add", MEMBER, member.id.as_str());
        let entry = act.with(json!({ "after": facts(&member) })).by(
            self.by.actor(),
            self.now,
            &mut self.ids,
        );
        // The version of a new member is 1, so the entry is made only if the member is.
        let statements = vec![members::insert(&member), members::enter_update(&entry, 1)];
        match self.db.batch(statements).await {
            Ok(rows) if is_written(rows.first())? => Ok(member),
            Ok(_) => {
                let message = format!("there are {MEMBERS_MAX} members already, the limit");
                Err(rejected(vec![Problem::new("members", message)]))
            }
            Err(DatabaseError::Conflict(_)) => {
                Err(conflict(Problem::new("email", "a member has this address")))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Writes an edit with its entry in the audit log, unless somebody else edits at this moment.
    async fn write(
        &mut self,
        before: &Member,
        after: &Member,
        version: i64,
        action: &'static str,
    ) -> Result<Member, FlowError> {
        let act = Act::new(action, MEMBER, after.id.as_str());
        let detail = json!({ "before": facts(before), "after": facts(after) });
        let entry = act.with(detail).by(self.by.actor(), self.now, &mut self.ids);
        let mut statements =
            vec![members::enter_update(&entry, version), members::update(after, version)];
        if !after.is_active() {
            statements.extend(members::end_all(&after.id, self.now));
        }
        match self.db.batch(statements).await {
            Ok(rows) if is_written(rows.get(1))? => Ok(after.clone()),
            Ok(_) => {
                let problem = Problem::new("member", "somebody else has just edited this member");
                Err(conflict(problem.help("look at it, and try again")))
            }
            Err(DatabaseError::Conflict(_)) => {
                Err(conflict(Problem::new("email", "a member has this address")))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Returns a member after an edit that is valid, and may be made.
    async fn checked(&self, member: &Member, edit: &MemberEdit) -> Result<Member, FlowError> {
        self.may_touch(member)?;
        let edited = member.edited(edit).map_err(rejected)?;
        let others: Vec<&MemberId> = edited.manager.iter().chain(edited.deputy.iter()).collect();
        let rows = self.db.batch(vec![members::own_roles(), members::active(&others)]).await?;
        let own: Vec<RoleRow> = all(rows.first())?;
        let active: Vec<IdRow> = all(rows.get(1))?;
        let mut problems = Vec::new();
        if edit.roles.is_some() {
            for role in &edited.roles {
                problems.extend(unknown_role(role, &own));
            }
        }
        for (key, given, id) in
            [("manager", &edit.manager, &edited.manager), ("deputy", &edit.deputy, &edited.deputy)]
        {
            let is_there = |id: &MemberId| active.iter().any(|row| row.id == *id);
            if given.is_some() && id.as_ref().is_some_and(|id| !is_there(id)) {
                problems.push(Problem::new(key, "there is no such member, or it has ended"));
            }
        }
        if !problems.is_empty() {
            return Err(rejected(problems));
        }
        self.may_touch(&edited)?;
        Ok(edited)
    }

    /// Refuses to change somebody who holds more than the one who acts.
    fn may_touch(&self, member: &Member) -> Result<(), FlowError> {
        match member.roles.iter().find(|role| !self.by.may_give(role)) {
            Some(role) => Err(beyond("roles", role)),
            None => Ok(()),
        }
    }
}

/// Returns the problem that a role does not exist.
pub(super) fn unknown_role(role: &str, own: &[RoleRow]) -> Option<Problem> {
    let known = ROLES.into_iter().chain(own.iter().map(|row| row.id.as_str()));
    let known: Vec<&str> = known.collect();
    if known.contains(&role) {
        return None;
    }
    Some(Problem::new("roles", format!("there is no role `{role}`")).suggest(role, known))
}

/// Returns whether a statement with RETURNING wrote its row.
pub(super) fn is_written(rows: Option<&Rows>) -> Result<bool, DatabaseError> {
    Ok(!all::<Value>(rows)?.is_empty())
}

/// Returns what the audit log says about a member: everything but name and address, which may have
/// to be deleted one day.
fn facts(member: &Member) -> Value {
    let Member { roles, team, manager, deputy, away_until, ended_at, .. } = member;
    json!({
        "roles": roles, "team": team, "manager": manager, "deputy": deputy,
        "away_until": away_until, "ended_at": ended_at,
    })
}

#[derive(Deserialize)]
struct IdRow {
    id: MemberId,
}

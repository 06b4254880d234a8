//! What one person or program may do: the roles held, resolved to scopes once for each request.
//! Not here: who the request is from (`flows/access`), and the scope as SQL (`store/scope.rs`).

use crate::domain::access::built_in::{self, OWNER};
use crate::domain::access::role::{Action, Grant, Reach, Role};
use crate::domain::base::primitives::{Actor, KindId, MemberId, Millis};
use crate::domain::segment::{Rule, Subject};
use std::collections::{BTreeMap, BTreeSet};

/// The records to which an action may be done. It is ANDed to every query about records.
#[derive(Clone, Debug, PartialEq)]
pub enum Scope {
    Nothing,
    /// Every record, including those that nobody owns.
    All,
    /// The records of these owners, and those for which one of the rules holds.
    Of {
        owners: BTreeSet<MemberId>,
        rules: Vec<Rule>,
    },
}

/// The owners that each reach leads to. Read with the session, so that a request needs no further
/// query, and a list and a single record are always limited alike.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Owners {
    /// The member, and the colleagues whom the member stands in for.
    pub own: BTreeSet<MemberId>,
    /// The members of the same team.
    pub team: BTreeSet<MemberId>,
    /// The members of the teams below, and those who report to the member, directly or not.
    pub below: BTreeSet<MemberId>,
}

/// What a request needs before its handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// To be known: any member or token, whatever its roles.
    Known,
    /// The right to an action that concerns the whole deployment.
    To(Action),
    /// The right to an action on some contacts; the handler limits it to the scope.
    Some(Action),
    /// The same, with personal data in full; the handler limits it to `clear_scope`.
    Clear(Action),
    /// The right to an action on every contact.
    Every(Action),
    /// The right to an action, and to see every contact in full: the answer quotes data of people.
    Quoting(Action),
    /// The role of an owner.
    Owner,
}

/// Who makes a request, and what they may do.
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    actor: Actor,
    member: Option<MemberId>,
    roles: Vec<Role>,
    owners: Owners,
}

impl Scope {
    /// Returns whether it includes a record. Agrees with `store/scope.rs`.
    pub fn includes(&self, subject: &dyn Subject, now: Millis) -> bool {
        match self {
            Self::Nothing => false,
            Self::All => true,
            Self::Of { owners, rules } => {
                subject.owner.as_ref().is_some_and(|owner| owners.contains(owner))
                    || rules.iter().any(|rule| rule.evaluate(subject, now).holds)
            }
        }
    }

    /// Returns the owners whose records it includes, if it includes no others.
    pub fn owners_only(&self) -> Option<&BTreeSet<MemberId>> {
        match self {
            Self::Of { owners, rules } if rules.is_empty() => Some(owners),
            _ => None,
        }
    }

    /// Returns the records that either of two scopes includes.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::Nothing, scope) | (scope, Self::Nothing) => scope,
            (Self::Of { mut owners, mut rules }, Self::Of { owners: more, rules: others }) => {
                owners.extend(more);
                rules.extend(others);
                Self::Of { owners, rules }
            }
        }
    }
}

impl Access {
    /// Returns the access of somebody unknown: none at all.
    pub fn nobody() -> Self {
        Self::new(Actor::from("nobody"), None, Vec::new(), Owners::default())
    }

    /// Returns the access of a configured API token: that of an owner, because by it the first
    /// member is added.
    pub fn configured(token: &str) -> Self {
        let roles = built_in::role(OWNER).into_iter().collect();
        Self::new(Actor(format!("token:{token}")), None, roles, Owners::default())
    }

    /// Returns the access of a member or of a token that acts for one.
    pub fn new(
        actor: Actor,
        member: Option<MemberId>,
        roles: Vec<Role>,
        mut owners: Owners,
    ) -> Self {
        owners.own.extend(member.clone());
        owners.team.extend(owners.own.iter().cloned());
        owners.below.extend(owners.team.iter().cloned());
        Self { actor, member, roles, owners }
    }

    /// Returns who acts, as events and the audit log name it.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Returns the member who acts, or for whom a token acts.
    pub fn member(&self) -> Option<&MemberId> {
        self.member.as_ref()
    }

    pub fn is_owner(&self) -> bool {
        self.roles.iter().any(|role| role.id == OWNER)
    }

    /// Returns whether a role may be given to others: nobody gives more than they have.
    pub fn may_give(&self, role: &str) -> bool {
        self.is_owner() || self.roles.iter().any(|own| own.id == role)
    }

    /// Returns whether an action may be done at all: to some record of the kind or, if it concerns
    /// the deployment, whatever the kind.
    pub fn may(&self, action: Action, kind: &KindId) -> bool {
        match action.is_about_records() {
            true => self.scope(action, kind) != Scope::Nothing,
            false => self.grants().any(|grant| grant.actions.contains(&action)),
        }
    }

    /// Returns the records of a kind to which an action may be done.
    pub fn scope(&self, action: Action, kind: &KindId) -> Scope {
        self.scope_of(self.roles.iter(), action, kind)
    }

    /// Returns the records of a kind to which an action may be done and whose personal data is
    /// shown in full. For answers that quote fields in the middle of other text.
    pub fn clear_scope(&self, action: Action, kind: &KindId) -> Scope {
        let clear = self.roles.iter().filter(|role| role.shows_all(kind));
        self.scope_of(clear, action, kind)
    }

    /// Returns whether a request may proceed to its handler.
    pub fn meets(&self, need: Need) -> bool {
        let contact = KindId::contact();
        match need {
            Need::Known => *self != Self::nobody(),
            Need::To(action) | Need::Some(action) => self.may(action, &contact),
            Need::Clear(action) => self.clear_scope(action, &contact) != Scope::Nothing,
            Need::Every(action) => self.scope(action, &contact) == Scope::All,
            Need::Quoting(action) => {
                let sees_all = self.clear_scope(Action::See, &contact) == Scope::All;
                self.may(action, &contact) && sees_all
            }
            Need::Owner => self.is_owner(),
        }
    }

    /// Returns the roles that allow an action to some records of a kind.
    pub(super) fn roles_with(&self, action: Action, kind: &KindId) -> impl Iterator<Item = &Role> {
        let allows = move |role: &&Role| role.grants.iter().any(|grant| grant.allows(action, kind));
        self.roles.iter().filter(allows)
    }

    /// Returns the roles that allow an action to this very record. A field of it is shown as the
    /// most generous of them says: a role that is about other records does not count.
    pub(super) fn roles_that(
        &self,
        action: Action,
        subject: &dyn Subject,
        now: Millis,
    ) -> Vec<&Role> {
        let allows = |role: &&Role| {
            self.scope_of(std::iter::once(*role), action, &subject.kind).includes(subject, now)
        };
        self.roles.iter().filter(allows).collect()
    }

    /// Returns the roles that show some records of a kind, each with the scope of those.
    pub(super) fn seeing(&self, kind: &KindId) -> Vec<(Scope, &Role)> {
        let scope = |role| self.scope_of(std::iter::once(role), Action::See, kind);
        let seeing = self.roles.iter().map(|role| (scope(role), role));
        seeing.filter(|(scope, _)| *scope != Scope::Nothing).collect()
    }

    fn grants(&self) -> impl Iterator<Item = &Grant> {
        self.roles.iter().flat_map(|role| &role.grants)
    }

    fn scope_of<'r>(
        &self,
        roles: impl Iterator<Item = &'r Role>,
        action: Action,
        kind: &KindId,
    ) -> Scope {
        let grants = roles.flat_map(|role| &role.grants);
        let allowing = grants.filter(|grant| grant.allows(action, kind));
        allowing.map(|grant| self.reach(&grant.scope)).fold(Scope::Nothing, Scope::or)
    }

    fn reach(&self, reach: &Reach) -> Scope {
        let of = |owners: &BTreeSet<MemberId>| match owners.is_empty() {
            true => Scope::Nothing,
            false => Scope::Of { owners: owners.clone(), rules: Vec::new() },
        };
        match reach {
            Reach::Own => of(&self.owners.own),
            Reach::Team => of(&self.owners.team),
            Reach::Below => of(&self.owners.below),
            Reach::All => Scope::All,
            Reach::Rule(rule) => Scope::Of { owners: BTreeSet::new(), rules: vec![rule.clone()] },
        }
    }
}

/// Returns the roles with these ids: the built-in ones, and `own` ones of the deployment. A role
/// that no longer exists allows nothing.
pub fn roles(ids: &[String], own: &BTreeMap<String, Role>) -> Vec<Role> {
    let named = |id: &String| {
        let own = || own.get(id).map(|role| Role { id: id.clone(), ..role.clone() });
        built_in::role(id).or_else(own)
    };
    ids.iter().filter_map(named).collect()
}

//! The routes of the API for static lists.

use super::{Credential, NoRoute, Route, both, one};
use crate::domain::access::audit::Act;
use crate::domain::access::rights::Need;
use crate::domain::access::role::Action;

/// The routes for static lists, through the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListRoute<'a> {
    /// Lists the lists.
    All,
    Create,
    One(&'a str),
    /// Changes the name or the description.
    Edit(&'a str),
    Delete(&'a str),
    /// Lists the members.
    Members(&'a str),
    /// Adds and removes members.
    Change(&'a str),
}

impl ListRoute<'_> {
    /// Which records may be seen and changed is up to the handler.
    pub(super) fn credential(self) -> Credential {
        Credential::ApiToken(match self {
            Self::All | Self::One(_) | Self::Members(_) => Need::Some(Action::See),
            Self::Create | Self::Edit(_) | Self::Change(_) => Need::Some(Action::Edit),
            // It takes every member off.
            Self::Delete(_) => Need::Every(Action::Edit),
        })
    }

    /// Returns what the audit log says.
    pub(super) fn act(self) -> Option<Act> {
        Some(match self {
            Self::Create => Act::new("create", "list", ""),
            Self::Edit(id) => Act::new("edit", "list", id),
            Self::Delete(id) => Act::new("delete", "list", id),
            Self::Change(id) => Act::new("change_members", "list", id),
            Self::All | Self::One(_) | Self::Members(_) => return None,
        })
    }
}

/// Finds the route of a call about lists, by the path after `/api/v1/`.
pub(super) fn lists<'a>(method: &str, parts: &[&'a str]) -> Result<Route<'a>, NoRoute> {
    use ListRoute::{All, Change, Create, Delete, Edit, Members, One};
    use Route::List;
    let one = |wanted, route, allow| one(method, wanted, route, allow);
    let both = |get, post| both(method, get, post);
    match *parts {
        ["lists"] => both(List(All), List(Create)),
        ["lists", id] => both(List(One(id)), List(Edit(id))),
        ["lists", id, "delete"] => one("POST", List(Delete(id)), "POST"),
        ["lists", id, "members"] => both(List(Members(id)), List(Change(id))),
        _ => Err(NoRoute::NotFound),
    }
}

//! The routes for companies and their people, and for merging records.

use super::{Credential, NoRoute, Route, both, one};
use crate::domain::access::audit::Act;
use crate::domain::access::rights::Need;

/// The routes of the API for companies, and for merging records of any kind but contacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompanyRoute<'a> {
    /// Lists the people of a company.
    People(&'a str),
    /// Sets what somebody says about the position of a contact at a company.
    SetPosition(&'a str),
    /// Ends the position of a contact, which comes second, at a company.
    EndPosition(&'a str, &'a str),
    /// Lists the events of a company and of its people.
    Log(&'a str),
    /// Merges a record of a kind into another.
    Merge(&'a str, &'a str),
}

impl CompanyRoute<'_> {
    /// Which records are meant is up to the handler.
    pub(super) fn credential(self) -> Credential {
        Credential::ApiToken(Need::Known)
    }

    /// A change of a position is an event of its contact, which names its author.
    pub(super) fn act(self) -> Option<Act> {
        match self {
            Self::Merge(_, id) => Some(Act::new("merge", "record", id)),
            _ => None,
        }
    }
}

/// Finds the route of a call about companies, by the path after `/api/v1/`.
pub(super) fn companies<'a>(method: &str, parts: &[&'a str]) -> Result<Route<'a>, NoRoute> {
    use CompanyRoute::{EndPosition, Log, Merge, People, SetPosition};
    use Route::Company;
    let one = |wanted, route, allow| one(method, wanted, route, allow);
    let both = |get, post| both(method, get, post);
    match *parts {
        ["records", "company", id, "people"] => both(Company(People(id)), Company(SetPosition(id))),
        ["records", "company", id, "people", contact, "end"] => {
            one("POST", Company(EndPosition(id, contact)), "POST")
        }
        ["records", "company", id, "log"] => one("GET", Company(Log(id)), "GET, HEAD"),
        ["records", kind, id, "merge"] => one("POST", Company(Merge(kind, id)), "POST"),
        _ => Err(NoRoute::NotFound),
    }
}

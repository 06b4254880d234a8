//! The routes of the API for imports.

use super::{GET, NoRoute, RecordRoute, Route, both, one};
use crate::domain::import::settings::Verb;

/// The routes for imports, through the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportRoute<'a> {
    List,
    Create,
    One(&'a str),
    /// Takes a part of the file, by its number.
    Part(&'a str, &'a str),
    /// Returns a page of the refused rows as a file.
    Refused(&'a str),
    /// Checks, starts, stops or undoes one.
    Act(&'a str, Verb),
}

/// Finds the route of a call about imports, by the path after `/api/v1/`.
pub(super) fn imports<'a>(method: &str, parts: &[&'a str]) -> Result<Route<'a>, NoRoute> {
    use ImportRoute::{Act, Create, List, One, Part, Refused};
    let import = |found| Route::Record(RecordRoute::Import(found));
    let one = |wanted, route, allow| one(method, wanted, import(route), allow);
    let both = |get, post| both(method, import(get), import(post));
    match *parts {
        ["imports"] => both(List, Create),
        ["imports", id] => one("GET", One(id), GET),
        ["imports", id, "parts", part] => one("POST", Part(id, part), "POST"),
        ["imports", id, "refused"] => one("GET", Refused(id), GET),
        ["imports", id, verb] => match Verb::read(verb) {
            Some(verb) => one("POST", Act(id, verb), "POST"),
            None => Err(NoRoute::NotFound),
        },
        _ => Err(NoRoute::NotFound),
    }
}

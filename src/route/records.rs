//! The routes for records of any kind, and for kinds, through the API.

use super::{GET, ImportRoute, NoRoute, Route, both, companies, one};

/// The routes for records, through the API: the kind and, where one is meant, the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordRoute<'a> {
    /// Lists records.
    List(&'a str),
    /// Lists the records for which a rule holds.
    Query(&'a str),
    /// Returns a record with its log.
    One(&'a str, &'a str),
    /// Shows the whole value of a masked field.
    Unmask(&'a str, &'a str),
    /// Explains why a record is where it is.
    Explain(&'a str, &'a str),
    /// Makes a record.
    Create(&'a str),
    /// Sets fields of a record.
    Edit(&'a str, &'a str),
    /// Erases a record.
    Erase(&'a str, &'a str),
    /// Finds records of all kinds by their words.
    Search,
    /// Returns a page of records as a file.
    Export(&'a str),
    /// Imports of records.
    Import(ImportRoute<'a>),
    /// The kinds of records.
    Kind(KindRoute<'a>),
}

/// The routes for kinds of records, through the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KindRoute<'a> {
    /// Lists the kinds.
    List,
    /// Returns a kind.
    One(&'a str),
    /// Publishes a kind.
    Publish,
    /// Returns what publishing a kind would do.
    Diff,
}

/// Finds the route of a call about records or kinds, by the path after `/api/v1/`.
pub(super) fn find<'a>(method: &str, parts: &[&'a str]) -> Result<Route<'a>, NoRoute> {
    use RecordRoute::{
        Create, Edit, Erase, Explain, Export, Kind, List, One, Query, Search, Unmask,
    };
    use Route::Record;
    let one = |wanted, route, allow| one(method, wanted, route, allow);
    let both = |get, post| both(method, get, post);
    match *parts {
        ["search"] => both(Record(Search), Record(Search)),
        ["kinds"] => both(Record(Kind(KindRoute::List)), Record(Kind(KindRoute::Publish))),
        ["kinds", "diff"] => one("POST", Record(Kind(KindRoute::Diff)), "POST"),
        ["kinds", id] => one("GET", Record(Kind(KindRoute::One(id))), GET),
        ["records", kind] => both(Record(List(kind)), Record(Create(kind))),
        ["records", kind, "export"] => one("POST", Record(Export(kind)), "POST"),
        ["records", kind, "query"] => one("POST", Record(Query(kind)), "POST"),
        ["records", kind, id] => both(Record(One(kind, id)), Record(Edit(kind, id))),
        ["records", kind, id, "unmask"] => one("POST", Record(Unmask(kind, id)), "POST"),
        ["records", kind, id, "explain"] => one("GET", Record(Explain(kind, id)), GET),
        ["records", kind, id, "erase"] => one("POST", Record(Erase(kind, id)), "POST"),
        _ => companies::companies(method, parts),
    }
}

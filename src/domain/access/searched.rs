//! What somebody may search: only words of fields that are shown to them in full. A word that is
//! found reveals the value, so a mask must hide it from searches too.

use crate::domain::access::rights::{Access, Scope};
use crate::domain::access::role::FieldAccess;
use crate::domain::kind::Kind;
use crate::domain::search;

/// The records that a role shows, and the parts of them that it shows in full.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    pub scope: Scope,
    /// The names of parts (`domain/search`).
    pub parts: Vec<String>,
}

impl Access {
    /// Returns what may be searched of a kind: a view for each role that shows some of it. All
    /// terms of a query must be met within one of them.
    pub fn views(&self, kind: &Kind) -> Vec<View> {
        let parts = search::parts(kind);
        let mut views: Vec<View> = Vec::new();
        for (scope, role) in self.seeing(&kind.id) {
            let is_shown = |field: &str| {
                role.field(&kind.id, field, kind.class(field)) >= FieldAccess::ReadOnly
            };
            let shown = parts.iter().filter(|part| part.fields().all(is_shown));
            let parts: Vec<String> = shown.map(|part| part.name.clone()).collect();
            if parts.is_empty() {
                continue;
            }
            match views.iter_mut().find(|view| view.parts == parts) {
                Some(same) => same.scope = same.scope.clone().or(scope),
                None => views.push(View { scope, parts }),
            }
        }
        views
    }
}

//! The companies that decisions about contacts need: those that inputs name, and those in whose domain
//! an address is.

use super::command::Command;
use crate::domain::contact::free_mail::company_domain;
use crate::domain::engine::Input;
use crate::domain::publication::catalog::Catalog;
use crate::store::positions::{self, WantedCompanies};
use crate::store::statement::Statement;

/// Returns the question for them; none if no input names a company and no address can be a
/// company's.
pub(super) fn question(catalog: &Catalog, commands: &[Command]) -> Option<Statement> {
    let inputs = || commands.iter().flat_map(|command| &command.inputs);
    let ids = inputs().filter_map(Input::company).cloned().collect();
    let mut domains = Vec::new();
    if catalog.uses_companies() {
        let emails = commands.iter().flat_map(|command| command.who.addresses());
        domains.extend(emails.filter_map(|email| company_domain(email)).map(str::to_owned));
        domains.sort_unstable();
        domains.dedup();
    }
    let wanted = WantedCompanies { ids, domains, names: Vec::new() };
    (wanted != WantedCompanies::default()).then(|| positions::companies(&wanted))
}

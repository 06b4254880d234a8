//! The routes for dead letters.

use super::Credential;
use crate::domain::access::rights::Need;
use crate::domain::access::role::Action;
use crate::domain::operations::dead_letter::DeadVerb;

/// The routes for dead letters. In place of an id, `all` means all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadRoute<'a> {
    /// Lists them, through the API.
    ApiList,
    /// Returns one of them, through the API.
    ApiOne(&'a str),
    /// Replays or discards one, through the API.
    ApiSay(&'a str, DeadVerb),
    /// Lists them, as a page.
    Page,
    /// Replays or discards one, from the web app.
    ByHand(&'a str, DeadVerb),
}

impl DeadRoute<'_> {
    pub(super) fn credential(self) -> Credential {
        let (look, act) = (Need::Quoting(Action::Operate), Need::To(Action::Operate));
        match self {
            Self::ApiList | Self::ApiOne(_) => Credential::ApiToken(look),
            Self::ApiSay(..) => Credential::ApiToken(act),
            Self::Page => Credential::Session(look),
            Self::ByHand(..) => Credential::Session(act),
        }
    }
}

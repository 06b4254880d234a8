//! The author of a request, by the API token that it brings or the session of its cookie. What they
//! may do is read in the same query, so it costs no further round trip and is never out of date.

use crate::domain::access::caller::may_be_api_token;
use crate::domain::access::rights::Access;
use crate::domain::access::session::{Session, USE_NOTED_AFTER};
use crate::domain::base::primitives::{Actor, MemberId, Millis};
use crate::domain::base::token::sha256_hex;
use crate::flows::ports::{Database, DatabaseError};
use crate::flows::settings::api_token_name;
use crate::store::api_tokens::{self, HolderRow};
use crate::store::members::CallerRow;
use crate::store::statement::Rows;

/// Returns the access of the holder of an API token; `None` if it is neither configured nor one
/// that a member made, or if it was revoked, has expired, or its member has ended. A configured
/// token needs no query.
pub async fn by_token<D: Database>(
    db: &D,
    configured: &str,
    token: &str,
    now: Millis,
) -> Result<Option<Access>, DatabaseError> {
    if let Some(name) = api_token_name(configured, token) {
        return Ok(Some(Access::configured(name)));
    }
    if !may_be_api_token(token) {
        return Ok(None);
    }
    let hash = sha256_hex(token);
    let rows = db.batch(vec![api_tokens::find(&hash, now)]).await?;
    let found = rows.first().map(Rows::first::<HolderRow>).transpose();
    let Some(row) = found.map_err(DatabaseError::Fault)?.flatten() else { return Ok(None) };
    if row.used_at.is_none_or(|used| now > used.plus(USE_NOTED_AFTER)) {
        db.batch(vec![api_tokens::note_use(&hash, now)]).await?;
    }
    let mut ids = row.roles;
    if row.member.is_some() {
        // A token never outlives a role of its member.
        let held = row.caller.member_roles();
        ids.retain(|id| held.contains(id));
    }
    let (roles, owners) = row.caller.resolve(&ids);
    Ok(Some(Access::new(Actor(format!("token:{}", row.name)), row.member, roles, owners)))
}

/// Returns the access of a session that is valid.
pub(crate) fn of_session(session: &Session, caller: CallerRow) -> Access {
    let Some(member) = &session.member else { return Access::configured(&session.subject) };
    let (roles, owners) = {
        let ids = caller.member_roles();
        caller.resolve(&ids)
    };
    Access::new(member_actor(member), Some(member.clone()), roles, owners)
}

/// Returns a member as an actor.
pub(crate) fn member_actor(member: &MemberId) -> Actor {
    Actor(format!("member:{member}"))
}

//! API tokens that members make: scoped by roles, expiring, revocable. Those in the secret
//! `API_TOKENS` are not here: they are the root of trust.

use super::members::{is_written, unknown_role};
use super::{Office, beyond, conflict, not_found, rejected};
use crate::domain::access::audit::Act;
use crate::domain::access::caller::API_TOKEN_PREFIX;
use crate::domain::access::member::{ROLES_EACH_MAX, distinct};
use crate::domain::access::role::is_word;
use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::Span;
use crate::domain::base::token::sha256_hex;
use crate::flows::error::FlowError;
use crate::flows::ports::{Database, DatabaseError, all};
use crate::store::api_tokens::{self, ApiToken, ApiTokenRow, TOKENS_MAX};
use crate::store::audit;
use crate::store::members::{self, RoleRow};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// How long a token works unless its maker says otherwise, in days.
pub const TOKEN_DAYS_USUAL: i64 = 90;

/// The longest that a token works, in days: a token that nobody renews is one that nobody misses.
pub const TOKEN_DAYS_MAX: i64 = 366;

/// The longest name of a token, in characters.
pub const TOKEN_NAME_CHARS_MAX: usize = 40;

/// The token that is wanted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// What it is for: small letters, digits and hyphens.
    pub name: String,
    pub roles: Vec<String>,
    /// The member for whom it acts, by id or e-mail address; none for a program of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// How long it works, in days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<i64>,
}

/// A token that was just made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewToken {
    /// The token itself; it cannot be read again.
    pub secret: String,
    pub token: ApiToken,
}

impl<D: Database> Office<'_, D> {
    /// Returns the tokens, the newest first, revoked and expired ones included.
    pub async fn tokens(&self) -> Result<Vec<ApiToken>, DatabaseError> {
        let rows = self.db.batch(vec![api_tokens::all()]).await?;
        Ok(all::<ApiTokenRow>(rows.first())?.into_iter().map(ApiToken::from).collect())
    }

    /// Makes a token; `random` is 32 bytes in base64url. `configured` are the tokens in the
    /// configuration, whose names are taken.
    pub async fn add_token(
        &mut self,
        asked: &TokenRequest,
        configured: &str,
        random: &str,
    ) -> Result<NewToken, FlowError> {
        let member = match &asked.member {
            Some(named) => Some(self.member(named).await?.0),
            None => None,
        };
        let rows = self.db.batch(vec![members::own_roles()]).await?;
        let own: Vec<RoleRow> = all(rows.first())?;
        let roles = distinct(&asked.roles);
        let mut problems = token_problems(asked, configured);
        problems.extend(roles.iter().filter_map(|role| unknown_role(role, &own)));
        if let Some(member) = &member {
            if !member.is_active() {
                problems.push(Problem::new("member", "has ended"));
            }
            let more = roles.iter().find(|role| !member.roles.contains(role));
            let message = |role| format!("the member does not hold the role `{role}`");
            problems.extend(more.map(|role| Problem::new("roles", message(role))));
        }
        if !problems.is_empty() {
            return Err(rejected(problems));
        }
        if let Some(role) = roles.iter().find(|role| !self.by.may_give(role)) {
            return Err(beyond("roles", role));
        }
        let secret = format!("{API_TOKEN_PREFIX}{random}");
        let days = asked.days.unwrap_or(TOKEN_DAYS_USUAL);
        let token = ApiToken {
            id: self.ids.uuid(),
            name: asked.name.clone(),
            member: member.map(|member| member.id),
            roles,
            expires_at: self.now.plus(Span::days(days)),
            revoked_at: None,
            used_at: None,
            created_at: self.now,
            created_by: self.by.actor().clone(),
        };
        self.insert_token(secret, token).await
    }

    async fn insert_token(
        &mut self,
        secret: String,
        token: ApiToken,
    ) -> Result<NewToken, FlowError> {
        let detail = json!({ "name": token.name, "roles": token.roles, "member": token.member });
        let act = Act::new("add", "token", token.id.as_str()).with(detail);
        let entry = act.by(self.by.actor(), self.now, &mut self.ids);
        let statements =
            vec![api_tokens::insert(&sha256_hex(&secret), &token), audit::enter(&entry)];
        match self.db.batch(statements).await {
            Ok(rows) if is_written(rows.first())? => Ok(NewToken { secret, token }),
            Ok(_) => {
                let message = format!("there are {TOKENS_MAX} tokens already, the limit");
                Err(rejected(vec![Problem::new("tokens", message).help("revoke some")]))
            }
            Err(DatabaseError::Conflict(_)) => {
                Err(conflict(Problem::new("name", "there is or was a token of this name")))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Revokes a token, by its id or its name. It stays in the list.
    pub async fn revoke_token(&mut self, named: &str) -> Result<ApiToken, FlowError> {
        let entry = Act::new("revoke", "token", named).by(self.by.actor(), self.now, &mut self.ids);
        let statements = vec![audit::enter_revoked(&entry), api_tokens::revoke(named, self.now)];
        let rows = self.db.batch(statements).await?;
        let revoked = all::<ApiTokenRow>(rows.get(1))?.into_iter().next();
        let missing = || not_found("token", "there is no such token, or it is revoked already");
        revoked.map(ApiToken::from).ok_or_else(missing)
    }
}

fn token_problems(asked: &TokenRequest, configured: &str) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut say = |key: &str, message: String| found.push(Problem::new(key, message));
    if !is_word(&asked.name, TOKEN_NAME_CHARS_MAX) {
        let most = TOKEN_NAME_CHARS_MAX;
        say("name", format!("use at most {most} small letters, digits and hyphens"));
    }
    let mut taken = configured.split_whitespace().filter_map(|entry| entry.split_once(':'));
    if taken.any(|(name, _)| name == asked.name) {
        say("name", "a token in API_TOKENS has this name".to_owned());
    }
    if asked.roles.is_empty() || asked.roles.len() > ROLES_EACH_MAX {
        say("roles", format!("give 1 to {ROLES_EACH_MAX} roles"));
    }
    if asked.days.is_some_and(|days| !(1..=TOKEN_DAYS_MAX).contains(&days)) {
        say("days", format!("give 1 to {TOKEN_DAYS_MAX} days"));
    }
    found
}

//! `dripline token add`, `list` and `revoke`: the API tokens that the server keeps.

use super::member::named;
use super::server::{Answer, Server};
use super::table::Table;
use super::token::token_name;
use super::{Exit, Terminal};
use crate::domain::base::language::Language;
use crate::flows::access::tokens::{NewToken, TOKEN_DAYS_MAX, TOKEN_DAYS_USUAL, TokenRequest};
use crate::store::api_tokens::ApiToken;
use crate::views::format::moment;
use serde::Deserialize;
use serde_json::{Value, json};
use std::io;

/// Make an API token with roles, which expires and can be revoked
///
/// The server makes it and keeps only its hash. One with a member acts for that member and ends
/// with them.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline token add crm --role analyst --days 30
  dripline token add ann-laptop --role sales --member ann@example.com

Exit status: 0 made, 1 the server refused, 2 usage.")]
pub struct Add {
    /// What it is for: small letters, digits and hyphens
    #[arg(value_name = "NAME", value_parser = token_name)]
    pub name: String,
    /// A role; several times for several
    #[arg(long = "role", value_name = "ROLE", required = true)]
    pub roles: Vec<String>,
    /// The member for whom it acts, by id or e-mail address
    #[arg(long, value_name = "MEMBER", value_parser = named)]
    pub member: Option<String>,
    /// For how many days it works
    #[arg(long, value_name = "DAYS", default_value_t = TOKEN_DAYS_USUAL,
          value_parser = clap::value_parser!(i64).range(1..=TOKEN_DAYS_MAX))]
    pub days: i64,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print the answer as JSON, as the server gave it
    #[arg(long)]
    pub json: bool,
}

/// Show the tokens that the server keeps; those in API_TOKENS are not among them
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline token list --to http://localhost:8787 --token dl_…

Exit status: 0 shown, 1 the server refused, 2 usage.")]
pub struct List {
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print the answer as JSON, as the server gave it
    #[arg(long)]
    pub json: bool,
}

/// Revoke a token that the server keeps
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline token revoke crm

Exit status: 0 revoked, 1 there is none or the server refused, 2 usage.")]
pub struct Revoke {
    /// The token's name or id; never the token itself
    #[arg(value_name = "NAME", value_parser = token_name)]
    pub name: String,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print the answer as JSON, as the server gave it
    #[arg(long)]
    pub json: bool,
}

#[derive(Deserialize)]
struct Tokens {
    tokens: Vec<ApiToken>,
}

pub fn add(args: &Add, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let Add { name, roles, member, days, server, json } = args;
    let (name, roles, member) = (name.clone(), roles.clone(), member.clone());
    let asked = TokenRequest { name, roles, member, days: Some(*days) };
    let answer = server.post("/api/v1/tokens", &asked);
    Answer::end(answer, *json, terminal, |made: &NewToken, out| {
        writeln!(out, "{}\n", made.secret)?;
        let until = made.token.expires_at.rfc3339();
        writeln!(out, "Keep it: it is not shown again. It works until {until}.")
    })
}

pub fn list(args: &List, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let answer = args.server.get("/api/v1/tokens");
    Answer::end(answer, args.json, terminal, |found: &Tokens, out| {
        write!(out, "{}", table(&found.tokens))
    })
}

pub fn revoke(args: &Revoke, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let Revoke { name, server, json } = args;
    let answer = server.post(&format!("/api/v1/tokens/{name}/revoke"), &json!({}));
    Answer::end(answer, *json, terminal, |_: &Value, out| writeln!(out, "Revoked: {name}."))
}

fn table(tokens: &[ApiToken]) -> String {
    if tokens.is_empty() {
        return "The server keeps no tokens.\n".to_owned();
    }
    let mut table = Table::new(5, &["Name", "Roles", "Last used", "Works until", "State"]);
    let at = |moment_of| moment(moment_of, "UTC", Language::English);
    for token in tokens {
        let used = token.used_at.map_or_else(|| "never".to_owned(), at);
        let state = token.revoked_at.map_or("", |_| "revoked");
        let (name, roles) = (token.name.clone(), token.roles.join(", "));
        table.row(vec![name, roles, used, at(token.expires_at), state.to_owned()]);
    }
    table.to_string()
}

//! `dripline member`: the members of the team.

use super::server::{Answer, Server};
use super::table::Table;
use super::{Exit, Terminal};
use crate::domain::access::member::{Member, MemberEdit};
use crate::domain::base::language::Language;
use crate::domain::base::primitives::Millis;
use crate::views::format::moment;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::io;

/// Show, add, edit and end the members of the team
///
/// A member signs in to the web app by a link that is mailed, and may do what their roles allow:
/// owner, marketer, editor, analyst, sales, service, developer, read-only, or one of your own.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    pub action: Action,
}

/// What can be done about members.
#[derive(clap::Subcommand, Debug)]
pub enum Action {
    List(List),
    Add(Add),
    Edit(Edit),
    End(One),
    Link(One),
}

/// Show the members
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline member list --to http://localhost:8787 --token dl_…
  dripline member list --json | jq -r '.members[].email'

Exit status: 0 shown, 1 the server refused, 2 usage.")]
pub struct List {
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print the answer as JSON, as the server gave it
    #[arg(long)]
    pub json: bool,
}

/// Add a member
///
/// One who has ended is back under the same id, and their records are theirs again.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline member add ann@example.com --name 'Ann Li' --role sales --team sales/east
  dripline member link ann@example.com

Exit status: 0 added, 1 the server refused, 2 usage.")]
pub struct Add {
    /// The e-mail address, to which sign-in links go
    #[arg(value_name = "EMAIL")]
    pub email: String,
    /// The name that colleagues see
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// What is set
    #[command(flatten)]
    pub set: Set,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print the answer as JSON, as the server gave it
    #[arg(long)]
    pub json: bool,
}

/// Edit a member; what is not given stays as it is
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline member edit ann@example.com --role sales --role analyst
  dripline member edit ann@example.com --deputy 019cc1a0-… --away-until 2026-03-20T00:00:00Z
  dripline member edit ann@example.com --away-until back

Exit status: 0 edited, 1 the server refused, 2 usage.")]
pub struct Edit {
    /// The member's id or e-mail address
    #[arg(value_name = "MEMBER", value_parser = named)]
    pub member: String,
    /// The new e-mail address
    #[arg(long, value_name = "EMAIL")]
    pub email: Option<String>,
    /// The new name
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// What is set
    #[command(flatten)]
    pub set: Set,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print the answer as JSON, as the server gave it
    #[arg(long)]
    pub json: bool,
}

/// What a member is given.
#[derive(clap::Args, Debug)]
pub struct Set {
    /// A role; several times for several, and '' for none
    #[arg(long = "role", value_name = "ROLE")]
    pub roles: Option<Vec<String>>,
    /// The team as a path, such as sales/east; '' for none
    #[arg(long, value_name = "TEAM")]
    pub team: Option<String>,
    /// The id of the member to whom this one reports; '' for nobody
    #[arg(long, value_name = "ID")]
    pub manager: Option<String>,
    /// The id of the member who stands in while this one is away; '' for nobody
    #[arg(long, value_name = "ID")]
    pub deputy: Option<String>,
    /// Until when the member is away, such as 2026-03-20T00:00:00Z; `back` for back at work
    #[arg(long, value_name = "TIME", value_parser = away_until)]
    pub away_until: Option<Millis>,
}

/// End a member, or mail a one-time sign-in link
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline member end ann@example.com
  dripline member link ann@example.com

`end` ends the sessions, links and tokens of the member at once. `link` works once, for 15
minutes; to an owner it is also printed.

Exit status: 0 done, 1 the server refused, 2 usage.")]
pub struct One {
    /// The member's id or e-mail address
    #[arg(value_name = "MEMBER", value_parser = named)]
    pub member: String,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print the answer as JSON, as the server gave it
    #[arg(long)]
    pub json: bool,
}

#[derive(Deserialize)]
struct Members {
    members: Vec<Member>,
}

#[derive(Deserialize)]
struct OneMember {
    member: Member,
}

#[derive(Deserialize, Serialize)]
struct MadeLink {
    mailed: bool,
    path: Option<String>,
    expires_at: String,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    match &args.action {
        Action::List(args) => {
            let answer = args.server.get("/api/v1/members");
            Answer::end(answer, args.json, terminal, |found: &Members, out| {
                write!(out, "{}", table(&found.members))
            })
        }
        Action::Add(Add { email, name, set, server, json }) => {
            let edit = set.edit(Some(email.clone()), Some(name.clone()));
            let answer = server.post("/api/v1/members", &edit);
            Answer::end(answer, *json, terminal, |added: &OneMember, out| {
                let Member { id, email, .. } = &added.member;
                writeln!(out, "Added: {email} ({id}).")?;
                writeln!(out, "Mail a link to sign in with: dripline member link {email}")
            })
        }
        Action::Edit(Edit { member, email, name, set, server, json }) => {
            let edit = set.edit(email.clone(), name.clone());
            let answer = server.post(&format!("/api/v1/members/{member}"), &edit);
            Answer::end(answer, *json, terminal, |edited: &OneMember, out| {
                write!(out, "{}", table(std::slice::from_ref(&edited.member)))
            })
        }
        Action::End(One { member, server, json }) => {
            let answer = server.post(&format!("/api/v1/members/{member}/end"), &json!({}));
            Answer::end(answer, *json, terminal, |_: &OneMember, out| {
                writeln!(out, "Ended, with every session, link and token.")
            })
        }
        Action::Link(One { member, server, json }) => {
            let answer = server.post(&format!("/api/v1/members/{member}/link"), &json!({}));
            Answer::end(answer, *json, terminal, |made: &MadeLink, out| {
                if let Some(path) = &made.path {
                    writeln!(out, "{}{path}", server.to)?;
                }
                let mailed = if made.mailed { "Mailed" } else { "Not mailed: see the log" };
                writeln!(out, "{mailed}. It works once, until {}.", made.expires_at)
            })
        }
    }
}

impl Set {
    fn edit(&self, email: Option<String>, name: Option<String>) -> MemberEdit {
        let given = |roles: &Vec<String>| {
            roles.iter().filter(|role| !role.is_empty()).cloned().collect::<Vec<_>>()
        };
        MemberEdit {
            email,
            name,
            roles: self.roles.as_ref().map(given),
            team: self.team.clone(),
            manager: self.manager.clone(),
            deputy: self.deputy.clone(),
            away_until: self.away_until,
        }
    }
}

fn table(members: &[Member]) -> String {
    if members.is_empty() {
        return "There are no members yet: dripline member add.\n".to_owned();
    }
    let mut table = Table::new(6, &["Name", "E-mail", "Roles", "Team", "State", "Id"]);
    for member in members {
        let at = |moment_of| moment(moment_of, "UTC", Language::English);
        let state = match (member.ended_at, member.away_until) {
            (Some(ended), _) => format!("ended {}", at(ended)),
            (None, Some(until)) => format!("away until {}", at(until)),
            (None, None) => "active".to_owned(),
        };
        let Member { id, name, email, roles, team, .. } = member;
        let roles = roles.join(", ");
        table.row(vec![name.clone(), email.clone(), roles, team.clone(), state, id.to_string()]);
    }
    table.to_string()
}

/// Reads an id or an e-mail address in a form that is safe in a URL.
pub(super) fn named(text: &str) -> Result<String, String> {
    let is_safe = |c: char| c.is_alphanumeric() || "-_.@+".contains(c);
    match !text.is_empty() && text.chars().all(is_safe) && ![".", ".."].contains(&text) {
        true => Ok(text.to_owned()),
        false => Err("give an id or an e-mail address".to_owned()),
    }
}

fn away_until(text: &str) -> Result<Millis, String> {
    if text == "back" {
        return Ok(Millis(0));
    }
    let wrong = || "write a time such as 2026-03-20T00:00:00Z, or `back`".to_owned();
    Millis::from_rfc3339(text).ok_or_else(wrong)
}

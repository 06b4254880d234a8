//! A member of the team: a person who may sign in. Not here: what members may do (`rights`).

use crate::domain::access::role::{is_line, is_word};
use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::{MemberId, Millis};
use crate::domain::contact::address::read_email;
use serde::{Deserialize, Serialize};

/// The most members, those who have ended included: the owners in a scope travel with each request.
pub const MEMBERS_MAX: usize = 2_000;

/// The longest name of a member, in characters.
pub const MEMBER_NAME_CHARS_MAX: usize = 100;

/// The longest path of a team, in characters, and the most teams in it.
pub const TEAM_CHARS_MAX: usize = 200;
pub const TEAM_DEPTH_MAX: usize = 8;

/// The most roles of a member or a token: each of them is looked at for each record shown.
pub const ROLES_EACH_MAX: usize = 10;

/// A member, as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    pub id: MemberId,
    /// The e-mail address in normal form, to which sign-in links go.
    pub email: String,
    pub name: String,
    /// The ids of the roles.
    pub roles: Vec<String>,
    /// The team as a path, such as `sales/east`; empty for none.
    pub team: String,
    /// Who sees what this member does, with all that report to this member.
    pub manager: Option<MemberId>,
    /// Who stands in while this member is away.
    pub deputy: Option<MemberId>,
    /// Until when this member is away.
    pub away_until: Option<Millis>,
    /// When this member ended: from then on nothing of it opens anything.
    pub ended_at: Option<Millis>,
    pub created_at: Millis,
}

/// What an edit of a member sets; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberEdit {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// The id of a member; an empty text for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<String>,
    /// The id of a member; an empty text for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deputy: Option<String>,
    /// In milliseconds since 1970; 0 for back at work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub away_until: Option<Millis>,
}

impl Member {
    /// Returns a member about whom only the id is known.
    pub fn new(id: MemberId, now: Millis) -> Self {
        Self {
            id,
            email: String::new(),
            name: String::new(),
            roles: Vec::new(),
            team: String::new(),
            manager: None,
            deputy: None,
            away_until: None,
            ended_at: None,
            created_at: now,
        }
    }

    /// Returns whether the member may sign in.
    pub fn is_active(&self) -> bool {
        self.ended_at.is_none()
    }

    /// Returns the member after an edit, or all that is wrong with the edit. Whether the roles, the
    /// manager and the deputy exist is for the flow to check.
    pub fn edited(&self, edit: &MemberEdit) -> Result<Self, Vec<Problem>> {
        let mut member = self.clone();
        let mut problems = Vec::new();
        if let Some(text) = &edit.email {
            match read_email(text) {
                Ok(email) => member.email = email,
                Err(problem) => problems.push(Problem::new("email", problem.to_string())),
            }
        }
        if let Some(name) = &edit.name {
            member.name = name.trim().to_owned();
            if !is_line(name, MEMBER_NAME_CHARS_MAX) {
                let most = MEMBER_NAME_CHARS_MAX;
                let message = format!("write one line of at most {most} characters");
                problems.push(Problem::new("name", message));
            }
        }
        if let Some(roles) = &edit.roles {
            member.roles = distinct(roles);
            if member.roles.len() > ROLES_EACH_MAX {
                let message = format!("{} roles; the limit is {ROLES_EACH_MAX}", roles.len());
                problems.push(Problem::new("roles", message));
            }
        }
        if let Some(team) = &edit.team {
            member.team = team.clone();
            problems.extend(team_problem(team));
        }
        let one = |id: &String| Some(MemberId::from(id.as_str())).filter(|id| !id.0.is_empty());
        for (key, given, field) in [
            ("manager", &edit.manager, &mut member.manager),
            ("deputy", &edit.deputy, &mut member.deputy),
        ] {
            let Some(given) = given else { continue };
            *field = one(given);
            if field.as_ref() == Some(&self.id) {
                problems.push(Problem::new(key, "a member cannot be that of itself"));
            }
        }
        if let Some(until) = edit.away_until {
            member.away_until = Some(until).filter(|until| until.0 > 0);
        }
        if problems.is_empty() { Ok(member) } else { Err(problems) }
    }
}

/// Returns the texts, each once.
pub fn distinct(texts: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for text in texts {
        if !found.contains(text) {
            found.push(text.clone());
        }
    }
    found
}

/// Returns what is wrong with the path of a team.
fn team_problem(team: &str) -> Option<Problem> {
    let parts: Vec<&str> = team.split('/').collect();
    let is_path = parts.len() <= TEAM_DEPTH_MAX && parts.iter().all(|part| is_word(part, 60));
    if team.is_empty() || (is_path && team.len() <= TEAM_CHARS_MAX) {
        return None;
    }
    let message = "write small letters, digits and hyphens, with `/` between a team and one in it";
    Some(Problem::new("team", message).help("such as sales/east"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn team_is_a_short_path_of_plain_words() {
        for team in ["", "sales", "sales/east", "sales/east-2/b"] {
            assert_eq!(team_problem(team), None, "{team}");
        }
        let deep = "a/".repeat(TEAM_DEPTH_MAX) + "a";
        for team in [
            "/",
            "sales/",
            "/sales",
            "sales//east",
            "Sales",
            "sales/%",
            "销售",
            "a b",
            "sales/..",
            "\u{202e}a",
            "ａ",
            &deep,
            &"x".repeat(300),
        ] {
            assert!(team_problem(team).is_some(), "{team:?}");
        }
    }

    #[test]
    fn edit_changes_what_it_names_and_reports_every_problem() {
        let member = Member::new("m-1".into(), Millis(1));
        let member = Member { name: "Ann".to_owned(), team: "sales".to_owned(), ..member };
        let edit = MemberEdit { team: Some("service".to_owned()), ..MemberEdit::default() };
        let edited = member.edited(&edit).unwrap();
        assert_eq!((edited.name.as_str(), edited.team.as_str()), ("Ann", "service"));
        let wrong = MemberEdit {
            email: Some("no address".to_owned()),
            name: Some(" \u{202e}".to_owned()),
            roles: Some((0..11).map(|n| n.to_string()).collect()),
            team: Some("/".to_owned()),
            manager: Some("m-1".to_owned()),
            ..MemberEdit::default()
        };
        let problems = member.edited(&wrong).unwrap_err();
        let keys: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(keys, ["email", "name", "roles", "team", "manager"]);
    }
}

//! Roles as data: what the holders of a role may do, to which records, and which fields they see.
//! Not here: the built-in roles (`built_in`), and who holds which role (`rights`).

use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::KindId;
use crate::domain::field::Sensitivity;
use crate::domain::segment::{Operator, Rule};
use serde::{Deserialize, Serialize};

/// The longest id of a role, in characters; it stands in lists and in commands.
pub const ROLE_ID_CHARS_MAX: usize = 40;

/// The longest name of a role, in characters: one line of a list.
pub const ROLE_NAME_CHARS_MAX: usize = 80;

/// The most grants of a role. Each scope is a part of the condition of every list.
pub const GRANTS_MAX: usize = 20;

/// The most field rules of a role: more fields than a form has.
pub const FIELD_RULES_MAX: usize = 200;

/// The most conditions in the rule of a grant. It is evaluated in every list, so it is much smaller
/// than a segment's.
pub const GRANT_RULE_PARTS_MAX: usize = 20;

/// The largest definition of a role as JSON, in bytes. It is read with every request of a holder.
pub const ROLE_BYTES_MAX: usize = 16_384;

/// Something that a person or a program may be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// See a record in a list, a page, a search or a count.
    See,
    Create,
    /// Change a record, its suppression, or which messages it gets.
    Edit,
    /// Delete everything about a person.
    Erase,
    /// Make one record of two.
    Merge,
    /// Take records away as a file.
    Export,
    /// Bring records, events or suppressions from another system.
    Import,
    /// See the whole value of a masked field, which the audit log records.
    Unmask,
    /// Read campaigns, their messages and their reports, which name no person.
    Report,
    /// Preview and test messages, and compare a campaign with the published one.
    Compose,
    /// Publish and unpublish campaigns, and pause their journeys.
    Publish,
    /// Start, pause and cancel broadcasts, and release a paused campaign.
    Send,
    /// Keep the deployment running: dead letters, quarantine, restores.
    Operate,
    /// Manage members, their roles, their tokens and their sessions.
    Manage,
    /// Read the audit log.
    Audit,
}

impl Action {
    /// Every action, in the order of the documents.
    pub const ALL: [Self; 15] = [
        Self::See,
        Self::Create,
        Self::Edit,
        Self::Erase,
        Self::Merge,
        Self::Export,
        Self::Import,
        Self::Unmask,
        Self::Report,
        Self::Compose,
        Self::Publish,
        Self::Send,
        Self::Operate,
        Self::Manage,
        Self::Audit,
    ];

    /// Returns whether it is done to records, so that its grants have a scope. The others concern
    /// the whole deployment.
    pub fn is_about_records(self) -> bool {
        use Action::{Create, Edit, Erase, Export, Import, Merge, See, Unmask};
        matches!(self, See | Create | Edit | Erase | Merge | Export | Import | Unmask)
    }
}

/// Whose records a grant is about. Each of the first four includes the one before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Records that I own, or a colleague owns whom I stand in for.
    Own,
    /// Also those of my team.
    Team,
    /// Also those of the teams below mine, and of everybody who reports to me, directly or not.
    Below,
    /// Every record, including those that nobody owns.
    All,
    /// Records for which a rule holds, no matter who owns them.
    Rule(Rule),
}

/// What a role allows: some actions, on some kinds of records, within a reach.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The kinds of records; `None` for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<KindId>>,
    pub actions: Vec<Action>,
    /// Ignored by actions that concern the whole deployment.
    pub scope: Reach,
}

/// How much of a field is shown. Of several that apply, the greatest is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldAccess {
    /// Not even that it has a value.
    Hidden,
    /// A few characters of it.
    Masked,
    ReadOnly,
    Full,
}

/// What a role says about one field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldRule {
    /// The kind of records; `None` for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<KindId>,
    /// The name of the field; `*` for all that have no rule of their own.
    pub field: String,
    pub access: FieldAccess,
}

/// Stands for all other fields in a `FieldRule`.
pub const OTHER_FIELDS: &str = "*";

/// A role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// A kebab-case word; where it is a key elsewhere, the definition leaves it out.
    #[serde(default)]
    pub id: String,
    /// What people call it.
    pub name: String,
    pub grants: Vec<Grant>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldRule>,
    /// The access to personal and confidential data that no rule names.
    #[serde(default = "masked")]
    pub personal: FieldAccess,
}

/// A role that says nothing about personal data masks it.
fn masked() -> FieldAccess {
    FieldAccess::Masked
}

impl Grant {
    /// Returns whether it allows the action on this kind of records.
    pub fn allows(&self, action: Action, kind: &KindId) -> bool {
        let is_kind = self.kinds.as_ref().is_none_or(|kinds| kinds.contains(kind));
        self.actions.contains(&action) && (is_kind || !action.is_about_records())
    }
}

impl Role {
    /// Returns the access to a field of a kind. A rule for the field itself counts first, of these
    /// one for the kind; then the smaller of the rule for all others and that for guarded data.
    pub fn field(&self, kind: &KindId, field: &str, sensitivity: Sensitivity) -> FieldAccess {
        if let Some(access) = self.rule(kind, field) {
            return access;
        }
        let others = self.rule(kind, OTHER_FIELDS).unwrap_or(FieldAccess::Full);
        if sensitivity.is_guarded() { others.min(self.personal) } else { others }
    }

    fn rule(&self, kind: &KindId, field: &str) -> Option<FieldAccess> {
        let of = |wanted: Option<&KindId>| {
            let mut rules = self.fields.iter();
            rules.find(|rule| rule.field == field && rule.kind.as_ref() == wanted)
        };
        of(Some(kind)).or_else(|| of(None)).map(|rule| rule.access)
    }

    /// Returns whether every field of the kind is shown in full length.
    pub fn shows_all(&self, kind: &KindId) -> bool {
        self.least(kind) >= FieldAccess::ReadOnly
    }

    /// Returns whether every field of the kind may be changed.
    pub fn sets_all(&self, kind: &KindId) -> bool {
        self.least(kind) == FieldAccess::Full
    }

    /// Returns the least access to any field of the kind.
    fn least(&self, kind: &KindId) -> FieldAccess {
        let is_about = |rule: &&FieldRule| rule.kind.as_ref().is_none_or(|own| own == kind);
        let limits = self.fields.iter().filter(is_about).map(|rule| rule.access);
        limits.chain([self.personal]).min().unwrap_or(self.personal)
    }

    /// Returns the problems of a role of one's own.
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        let mut say = |key: &str, message: String| found.push(Problem::new(key, message));
        if !is_word(&self.id, ROLE_ID_CHARS_MAX) {
            let most = ROLE_ID_CHARS_MAX;
            say("id", format!("use at most {most} small letters, digits and hyphens"));
        }
        if !is_line(&self.name, ROLE_NAME_CHARS_MAX) {
            say("name", format!("write one line of at most {ROLE_NAME_CHARS_MAX} characters"));
        }
        if self.grants.len() > GRANTS_MAX {
            say("grants", format!("{} grants; the limit is {GRANTS_MAX}", self.grants.len()));
        }
        if self.fields.len() > FIELD_RULES_MAX {
            say("fields", format!("{} rules; the limit is {FIELD_RULES_MAX}", self.fields.len()));
        }
        for (index, grant) in self.grants.iter().enumerate() {
            let key = format!("grants[{}]", index + 1);
            if grant.actions.is_empty() {
                say(&key, "it allows nothing: give `actions`".to_owned());
            }
            if let Reach::Rule(rule) = &grant.scope
                && let Some(message) = rule_problem(rule)
            {
                say(&format!("{key}.scope.rule"), message);
            }
        }
        if serde_json::to_vec(self).map_or(0, |json| json.len()) > ROLE_BYTES_MAX {
            say("", format!("the role is longer than {ROLE_BYTES_MAX} bytes of JSON"));
        }
        found
    }
}

/// Returns why a rule cannot limit a grant. The rule of a grant asks only about the record as it
/// stands: in a list it is evaluated for every record, and for a single one without its history.
fn rule_problem(rule: &Rule) -> Option<String> {
    let (mut parts, mut wrong) = (0, None);
    rule.walk(&mut |part| {
        parts += 1;
        let what = match part {
            Rule::Event { .. }
            | Rule::Amount { .. }
            | Rule::EventTime { .. }
            | Rule::Sequence { .. } => "events",
            Rule::Journey { .. } => "journeys",
            Rule::Company { .. } => "companies",
            Rule::Attribute { test: Operator::Relative { .. }, .. } => "the present date",
            _ => return,
        };
        wrong = wrong.or(Some(what));
    });
    if let Some(what) = wrong {
        return Some(format!("asks about {what}: make a segment of it, and ask about the segment"));
    }
    (parts > GRANT_RULE_PARTS_MAX)
        .then(|| format!("{parts} conditions; the limit is {GRANT_RULE_PARTS_MAX}"))
}

/// Returns whether a text is a kebab-case word.
pub fn is_word(text: &str, chars_max: usize) -> bool {
    let is_part = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !text.is_empty() && text.len() <= chars_max && text.bytes().all(is_part)
}

/// Returns whether a text is one visible line: not blank, without control characters and without
/// marks that reverse the direction of what follows.
pub fn is_line(text: &str, chars_max: usize) -> bool {
    let is_mark = |c: char| {
        let marks = ['\u{200e}', '\u{200f}', '\u{feff}'];
        let ranges = ['\u{202a}'..='\u{202e}', '\u{2066}'..='\u{2069}'];
        marks.contains(&c) || ranges.iter().any(|range| range.contains(&c))
    };
    !text.trim().is_empty()
        && text.chars().count() <= chars_max
        && !text.chars().any(|c| c.is_control() || is_mark(c))
}

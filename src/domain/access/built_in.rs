//! The built-in roles. They are code, so that they cannot be changed by accident, and new versions
//! can extend them. Not here: roles of a deployment's own, which are rows.

use crate::domain::access::role::{
    Action, FieldAccess, FieldRule, Grant, OTHER_FIELDS, Reach, Role,
};
use crate::domain::base::language::Language;

/// The role that may do everything. Only its holders change roles.
pub const OWNER: &str = "owner";

/// The ids of the built-in roles.
pub const ROLES: [&str; 8] =
    [OWNER, "marketer", "editor", "analyst", "sales", "service", "developer", "read-only"];

/// Returns a built-in role.
pub fn role(id: &str) -> Option<Role> {
    use Action::{
        Compose, Create, Edit, Erase, Export, Import, Merge, Operate, Publish, Report, See, Send,
        Unmask,
    };
    let all = |actions: &[Action]| grant(actions, Reach::All);
    let (full, masked) = (FieldAccess::Full, FieldAccess::Masked);
    let (grants, personal) = match id {
        OWNER => (vec![all(&Action::ALL)], full),
        "marketer" => (
            vec![all(&[See, Create, Edit, Merge, Export, Import, Report, Compose, Publish, Send])],
            full,
        ),
        "editor" => (vec![all(&[Report, Compose])], masked),
        "analyst" => (vec![all(&[See, Export, Report])], masked),
        "sales" => (vec![grant(&[See, Create, Edit], Reach::Below), all(&[Report])], full),
        "service" => (vec![all(&[See, Create, Edit, Erase, Unmask])], masked),
        "developer" => (vec![all(&[Import, Report, Compose, Publish, Operate])], masked),
        "read-only" => (vec![all(&[See, Report])], masked),
        _ => return None,
    };
    // Everything that it sees is read-only, too.
    let others =
        FieldRule { kind: None, field: OTHER_FIELDS.to_owned(), access: FieldAccess::ReadOnly };
    let fields = if ["analyst", "read-only"].contains(&id) { vec![others] } else { Vec::new() };
    let name = name(id, Language::English).to_owned();
    Some(Role { id: id.to_owned(), name, grants, fields, personal })
}

/// Returns the name of a built-in role; of any other id, the id.
pub fn name(id: &str, language: Language) -> &str {
    match id {
        OWNER => language.pick("Owner", "所有者"),
        "marketer" => language.pick("Marketer", "营销人员"),
        "editor" => language.pick("Editor", "编辑"),
        "analyst" => language.pick("Analyst", "分析人员"),
        "sales" => language.pick("Sales", "销售"),
        "service" => language.pick("Service", "客服"),
        "developer" => language.pick("Developer", "开发人员"),
        "read-only" => language.pick("Read-only", "只读"),
        id => id,
    }
}

fn grant(actions: &[Action], scope: Reach) -> Grant {
    Grant { kinds: None, actions: actions.to_vec(), scope }
}

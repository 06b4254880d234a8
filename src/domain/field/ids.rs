//! Ids of records, members and teams as typed. Whether they exist is the store's to say.

use super::reason::FieldReason;

/// The most records that one field links to. A field with more is a kind of record of its own, with
/// a link to each side.
pub const LINKS_MAX: usize = 100;

/// The longest path of a team, in characters.
const TEAM_CHARS_MAX: usize = 64;

/// Reads the id of a record or a member: a UUID, returned in lower case.
pub fn id(typed: &str) -> Result<String, FieldReason> {
    let is_shaped = typed.len() == 36
        && typed.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    if is_shaped { Ok(typed.to_ascii_lowercase()) } else { Err(FieldReason::NotAnId) }
}

/// Reads several ids, each once, in the order typed. One text may hold several, separated by
/// spaces, commas or semicolons.
pub fn ids<S: AsRef<str>>(typed: &[S]) -> Result<Vec<String>, FieldReason> {
    let is_mark = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '，' | '；');
    let parts = typed.iter().flat_map(|text| text.as_ref().split(is_mark));
    let mut read: Vec<String> = Vec::new();
    for part in parts.map(super::text::trimmed).filter(|part| !part.is_empty()) {
        let id = id(part)?;
        if !read.contains(&id) {
            read.push(id);
        }
        if read.len() > LINKS_MAX {
            return Err(FieldReason::TooMany(LINKS_MAX));
        }
    }
    Ok(read)
}

/// Reads the path of a team, such as `sales/east`. The teams below one have paths that begin with
/// its path and a slash.
pub fn team(typed: &str) -> Result<String, FieldReason> {
    let is_name = |name: &str| {
        let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !name.is_empty() && name.bytes().all(is_plain)
    };
    let is_path = typed.len() <= TEAM_CHARS_MAX && typed.split('/').all(is_name);
    if is_path { Ok(typed.to_owned()) } else { Err(FieldReason::NotATeam) }
}

//! The names of columns: trimmed, and each different, so that a name says which column is meant.

use super::problem::{FileProblem, Note};
use super::{COLUMNS_MAX, NAME_CHARS_MAX};

/// Names the columns after the cells of the first row. A column without a name and a name that
/// occurs twice get one by their place, and are noted.
pub(super) fn names<'c>(
    cells: impl Iterator<Item = &'c str>,
) -> Result<(Vec<String>, Vec<Note>), FileProblem> {
    let written: Vec<String> = cells.map(clean).collect();
    let count = written.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
    if count == 0 {
        return Err(FileProblem::NoColumns);
    }
    if count > COLUMNS_MAX {
        return Err(FileProblem::TooManyColumns { found: count });
    }
    let mut names: Vec<String> = Vec::with_capacity(count);
    let mut notes = Vec::new();
    for (index, name) in written.iter().take(count).enumerate() {
        let number = index + 1;
        if name.chars().count() > NAME_CHARS_MAX {
            return Err(FileProblem::NameTooLong { column: number });
        }
        let is_taken = |name: &String| written[..index].contains(name) || names.contains(name);
        let base = match name.is_empty() {
            true => "column",
            false => name.as_str(),
        };
        let mut unique = name.clone();
        let mut counter = number;
        while unique.is_empty()
            || (unique != *name && written.contains(&unique))
            || is_taken(&unique)
        {
            unique = format!("{base} ({counter})");
            counter += 1;
        }
        if name.is_empty() {
            notes.push(Note::UnnamedColumn { name: unique.clone() });
        } else if unique != *name {
            notes.push(Note::SameName { name: name.clone(), renamed: unique.clone() });
        }
        names.push(unique);
    }
    if let Some(value) = names.iter().find(|name| looks_like_value(name)) {
        notes.push(Note::NamesLookLikeValues { value: value.clone() });
    }
    Ok((names, notes))
}

/// Trims a name, and makes line breaks within it spaces. Spreadsheets have them in narrow columns.
fn clean(cell: &str) -> String {
    let is_invisible = |c: char| matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\0');
    let words = cell.split(|c: char| c.is_whitespace() || is_invisible(c));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Whether this is an address or a number: then the file has no row with names.
fn looks_like_value(name: &str) -> bool {
    let is_number = name.chars().filter(char::is_ascii_digit).count() >= 7
        && name.chars().all(|c| c.is_ascii_digit() || "+-. ()".contains(c));
    let mail = name.split_once('@').is_some_and(|(left, right)| {
        !left.is_empty() && right.contains('.') && !name.contains(' ')
    });
    is_number || mail
}

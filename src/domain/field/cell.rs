//! Cells of a table file that a spreadsheet must not take for a formula (OWASP: CSV injection).

/// The characters with which a spreadsheet begins a formula; some take the wide forms too.
const STARTS: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// The mark before a text that is no formula.
const MARK: char = '\'';

/// Returns a text as a cell: with a `'` before it if a spreadsheet would take it for a formula. A
/// negative number stays as it is. A text that begins with such a mark gets another one.
pub fn guarded(text: &str) -> String {
    let is_number = text.len() > 1
        && text.strip_prefix('-').is_some_and(|digits| {
            digits.starts_with(|c: char| c.is_ascii_digit())
                && digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'%'))
        });
    if begins_guarded(text) && !is_number { format!("{MARK}{text}") } else { text.to_owned() }
}

/// Returns the text of a cell that `guarded` wrote.
pub fn unguarded(cell: &str) -> &str {
    cell.strip_prefix(MARK).filter(|text| begins_guarded(text)).unwrap_or(cell)
}

fn begins_guarded(text: &str) -> bool {
    let unmarked = text.trim_start_matches(MARK);
    unmarked.starts_with(STARTS)
}

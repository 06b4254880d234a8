//! Writing CSV and JSON lines, row by row, so that no cell is a formula for a spreadsheet and our
//! own reader returns every cell unchanged.
//!
//! A spreadsheet runs a cell as a formula if it begins with `=`, `+`, `-`, `@`, a tab or a line
//! break (OWASP, CSV Injection), and in East Asian settings their full-width forms. ASVS 1.2.10
//! wants an apostrophe before such a cell, and RFC 4180's quotes. So:
//!
//! - A cell that begins so gets an apostrophe before it; also if only spaces and apostrophes
//!   precede the character. The reader takes one apostrophe off exactly these cells. Text such as
//!   `'tis` is in neither set. So every text comes back, and a file of another system that has
//!   `'+86…` gives the number.
//! - A plain negative number stays as it is: `-5` is a number for a spreadsheet, not a formula.
//! - A phone number with `+` gets the apostrophe: without, a spreadsheet makes it a number and
//!   drops the plus. Some spreadsheets show the apostrophe and save it again, others take it for
//!   their mark of a text and save the number alone. The reader returns the number in both cases.

use super::Separator;

/// Starts a CSV text for Excel, which reads UTF-8 only after this mark. Our reader drops it.
pub const EXCEL_MARK: &str = "\u{feff}";

/// The most digits of a number that a spreadsheet keeps: those of a double.
const NUMBER_DIGITS_MAX: usize = 15;

/// Appends a row of CSV, which ends with CRLF as RFC 4180 says. The names of the columns are the
/// first row.
pub fn write_csv_row<C: AsRef<str>>(
    cells: impl IntoIterator<Item = C>,
    separator: Separator,
    out: &mut String,
) {
    let start = out.len();
    let separator = char::from(separator.byte());
    let mut is_blank = true;
    for (place, cell) in cells.into_iter().enumerate() {
        if place > 0 {
            out.push(separator);
        }
        is_blank &= cell.as_ref().is_empty();
        write_csv_cell(cell.as_ref(), out);
    }
    // A row of empty cells would be a blank line, which readers skip.
    if is_blank {
        out.insert_str(start, "\"\"");
    }
    out.push_str("\r\n");
}

fn write_csv_cell(cell: &str, out: &mut String) {
    let apostrophe = if needs_guard(cell) { "'" } else { "" };
    // Each separator is quoted, because a spreadsheet may expect another one than the file has.
    let is_special = |c: char| matches!(c, ',' | ';' | '\t' | '|' | '"' | '\r' | '\n');
    let is_space = |c: char| c.is_whitespace() || c == '\u{feff}';
    if cell.contains(is_special) || cell.starts_with(is_space) || cell.ends_with(is_space) {
        out.push('"');
        out.push_str(apostrophe);
        for (place, piece) in cell.split('"').enumerate() {
            if place > 0 {
                out.push_str("\"\"");
            }
            out.push_str(piece);
        }
        out.push('"');
    } else {
        out.push_str(apostrophe);
        out.push_str(cell);
    }
}

/// Appends an object on a line, with a text for each column. Empty cells are left out; the first
/// column is always there, so that a reader sees a row.
pub fn write_json_row<C: AsRef<str>>(
    columns: &[String],
    cells: impl IntoIterator<Item = C>,
    out: &mut String,
) {
    out.push('{');
    for (place, (column, cell)) in columns.iter().zip(cells).enumerate() {
        if place > 0 && cell.as_ref().is_empty() {
            continue;
        }
        if place > 0 {
            out.push(',');
        }
        write_json_text(column, out);
        out.push(':');
        write_json_text(cell.as_ref(), out);
    }
    out.push_str("}\n");
}

fn write_json_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // The line separators of Unicode end a line in JavaScript.
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Whether a spreadsheet might run this cell as a formula.
fn needs_guard(cell: &str) -> bool {
    for c in cell.chars() {
        match c {
            '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '\0' => return !is_negative_number(cell),
            '＝' | '＋' | '－' | '＠' => return true,
            '\'' | '\u{feff}' => {}
            c if c.is_whitespace() => {}
            _ => return false,
        }
    }
    false
}

/// Whether this is a negative number that a spreadsheet shows and saves as the same number.
fn is_negative_number(cell: &str) -> bool {
    let Some(number) = cell.strip_prefix('-') else { return false };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let has_leading_zero = whole.len() > 1 && whole.starts_with('0');
    is_digits(whole)
        && is_digits(fraction)
        && !has_leading_zero
        && number.len() <= NUMBER_DIGITS_MAX
}

/// Whether a cell begins with an apostrophe that the writer put there: it precedes a text that
/// would be a formula, or one that the writer would guard.
pub(super) fn is_guarded(cell: &[u8]) -> bool {
    let Some(rest) = cell.strip_prefix(b"'") else { return false };
    // Only the beginning matters, and it may be cut off within a character.
    let chars = rest.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let mut chars = chars.chars();
    let first = chars.find(|c| !(matches!(c, '\'' | '\u{feff}') || is_plain_space(*c)));
    first.is_some_and(|c| "=+-@\t\r\n\0＝＋－＠".contains(c))
}

fn is_plain_space(c: char) -> bool {
    c.is_whitespace() && !matches!(c, '\t' | '\r' | '\n')
}

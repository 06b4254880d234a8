//! The refused rows of an import as a file: the number of the row, the field, the reason, and the
//! cells as they came, so that it can be corrected and imported again.

use super::Plan;
use crate::domain::table_file::Separator;
use crate::domain::table_file::write::{EXCEL_MARK, write_csv_row};
use crate::flows::ports::{Database, DatabaseError, all};
use crate::store::imports::{self, ImportRow, RefusedRow};

/// The most rows of a page: at most some megabytes.
const ROWS_PER_PAGE: usize = 1_000;

/// The columns before those of the file.
const OWN: [&str; 4] = ["import_row", "import_line", "import_field", "import_reason"];

/// A page of the file.
pub struct Page {
    pub text: String,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

/// What the rows were refused by.
pub fn phase(name: Option<&str>) -> Option<&'static str> {
    match name {
        None | Some("import") => Some("import"),
        Some("check") => Some("check"),
        Some("undo") => Some("undo"),
        Some(_) => None,
    }
}

/// Returns a page of the refused rows as CSV. The first page has the names of the columns.
pub async fn page<D: Database>(
    db: &D,
    import: &ImportRow,
    phase: &str,
    after: Option<&str>,
) -> Result<Page, DatabaseError> {
    let place = after.and_then(|after| {
        let (row, field) = after.split_once(':')?;
        Some((row.parse::<u64>().ok()?, field.to_owned()))
    });
    let (row, field) = place.unwrap_or_default();
    let statement = imports::refused(&import.id, phase, (row, &field), ROWS_PER_PAGE);
    let rows = db.batch(vec![statement]).await?;
    let rows = all::<RefusedRow>(rows.first())?;
    let plan = import.plan.as_deref().and_then(|text| serde_json::from_str::<Plan>(text).ok());
    let columns = plan.map(|plan| plan.columns).unwrap_or_default();
    let mut text = String::new();
    if after.is_none() {
        text.push_str(EXCEL_MARK);
        let names = OWN.iter().map(|name| (*name).to_owned()).chain(columns.iter().cloned());
        write_csv_row(names, Separator::Comma, &mut text);
    }
    for RefusedRow { row, field, line, reason, cells } in &rows {
        let own = [row.to_string(), line.to_string(), field.clone(), reason.clone()];
        let mut cells = cells.clone().unwrap_or_default();
        cells.resize(columns.len(), String::new());
        write_csv_row(own.into_iter().chain(cells), Separator::Comma, &mut text);
    }
    let last = rows.last().filter(|_| rows.len() == ROWS_PER_PAGE);
    let next = last.map(|last| format!("{}:{}", last.row, last.field));
    Ok(Page { text, next })
}

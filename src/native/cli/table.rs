//! Plain-text tables, aligned by display width: a Chinese character takes two columns.

use std::fmt;
use unicode_width::UnicodeWidthStr;

/// The gap between two columns.
const GAP: &str = "  ";

/// Rows under headings. The first columns are aligned left; the others, which are numbers, right.
pub struct Table {
    left: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Creates a table whose first `left` columns are aligned left.
    pub fn new(left: usize, heads: &[&str]) -> Self {
        Self { left, rows: vec![heads.iter().map(|head| (*head).to_owned()).collect()] }
    }

    /// Adds a row, with as many cells as there are headings.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Whether there are no rows below the headings.
    pub fn is_empty(&self) -> bool {
        self.rows.len() <= 1
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max()
        };
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let pad = " ".repeat(widths[column].saturating_sub(cell.width()));
                let (before, after) = if column < self.left { ("", &*pad) } else { (&*pad, "") };
                line.push_str(GAP);
                line.push_str(before);
                line.push_str(cell);
                line.push_str(after);
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Cuts a text to a number of columns of the screen.
pub fn cut(text: &str, columns_max: usize) -> String {
    if text.width() <= columns_max {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if kept.width() + 1 > columns_max {
            kept.pop();
            break;
        }
    }
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_count_as_two() {
        let mut table = Table::new(1, &["Channel", "Leads"]);
        table.row(vec!["微信广告".into(), "1,204".into()]);
        table.row(vec!["baidu".into(), "7".into()]);
        assert_eq!(table.to_string(), "  Channel   Leads\n  微信广告  1,204\n  baidu         7\n");
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        assert_eq!(cut("预测性维护", 10), "预测性维护");
        assert_eq!(cut("预测性维护指南", 10), "预测性维…");
        assert_eq!(cut("a guide to it", 8), "a guide…");
    }
}

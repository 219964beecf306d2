//! Tables of text: for the terminal, for Markdown and for a page.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use crate::report::clean;

/// What has no value: silence has no precision, and a model without a price no cost.
pub const NONE: &str = "–";

/// A table. Its texts are as they came: each rendering makes them safe.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// What it is about.
    pub title: String,
    /// The columns; the first holds names, the others numbers.
    pub head: Vec<String>,
    /// The rows, each as long as the head.
    pub rows: Vec<Vec<String>>,
    /// What one should know of it.
    pub notes: Vec<String>,
}

impl Table {
    /// A table without rows.
    pub fn new(title: impl Into<String>, head: &[&str]) -> Table {
        Table { title: title.into(), head: head.iter().map(|&name| name.to_owned()).collect(), ..Table::default() }
    }

    /// Adds a row; cells that are not given stay empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut cells: Vec<String> = cells.into_iter().collect();
        cells.resize(self.head.len(), String::new());
        self.rows.push(cells);
    }
}

/// The lines of a headline and the tables, one below the other, in aligned columns.
pub fn terminal(headline: &str, tables: &[Table]) -> String {
    let mut out = headline.to_owned() + "\n";
    for table in tables {
        let _ = write!(out, "\n{}", aligned(table));
    }
    // a runner that reads it takes no line for a command
    clean::log(&out)
}

/// A table in aligned columns: names on the left, numbers on the right.
fn aligned(table: &Table) -> String {
    let clean = |row: &Vec<String>| row.iter().map(|cell| clean::line(cell)).collect::<Vec<String>>();
    let rows: Vec<Vec<String>> = [&table.head].into_iter().chain(&table.rows).map(clean).collect();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max();
    let widths: Vec<usize> = (0..table.head.len()).map(|column| width(column).unwrap_or_default()).collect();
    let mut out = clean::line(&table.title) + "\n";
    for row in &rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let room = " ".repeat(width.saturating_sub(cell.width()));
            let gap = if column == 0 { "  " } else { "   " };
            // a text at the end needs no column of its own
            let is_text =
                column == 0 || (column + 1 == row.len() && table.head.last().is_some_and(|name| name == "why"));
            line += &if is_text { format!("{gap}{cell}{room}") } else { format!("{gap}{room}{cell}") };
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
    for note in &table.notes {
        let _ = writeln!(out, "  ({})", clean::line(note));
    }
    out
}

/// The lines of a headline and the tables, for a comment.
pub fn markdown(headline: &str, tables: &[Table]) -> String {
    let mut out: String = headline.lines().map(|line| format!("{}  \n", clean::cell(line))).collect();
    for table in tables {
        let _ = writeln!(out, "\n### {}\n", clean::cell(&table.title));
        let row = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| clean::cell(cell)).collect();
            format!("| {} |", cells.join(" | "))
        };
        let _ = writeln!(out, "{}", row(&table.head));
        let _ = writeln!(out, "|---{}|", "|---:".repeat(table.head.len().saturating_sub(1)));
        for cells in &table.rows {
            let _ = writeln!(out, "{}", row(cells));
        }
        for note in &table.notes {
            let _ = writeln!(out, "\n{}", clean::cell(note));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[[&str; 2]]) -> Table {
        let rows = rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect();
        Table { title: "title".into(), head: vec!["name".into(), "n".into()], rows, notes: vec!["a note".into()] }
    }

    #[test]
    fn columns_are_aligned_by_what_is_seen() {
        let text = aligned(&table(&[["a", "1.50"], ["日本", "–"], ["evil\u{1b}[31m", "10"]]));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[1..4].iter().map(|line| line.width()).collect::<Vec<_>>().iter().max(),
            Some(&lines[2].width())
        );
        assert!(lines[2].ends_with("   1.50") && lines[3].ends_with("      –"), "{text}");
        assert!(!text.contains('\u{1b}') && text.ends_with("  (a note)\n"), "{text:?}");
    }
}

//! Tables for the terminal and for Markdown.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use super::Evaluation;
use super::tables::{Table, headline, tables};
use crate::report::clean;

/// All tables, one below the other, in aligned columns.
pub fn terminal(evaluation: &Evaluation) -> String {
    let mut out = headline(evaluation) + "\n";
    for table in tables(evaluation) {
        let _ = write!(out, "\n{}", aligned(&table));
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

/// All tables, for a comment.
pub fn markdown(evaluation: &Evaluation) -> String {
    let mut out: String = headline(evaluation).lines().map(|line| format!("{}  \n", clean::cell(line))).collect();
    for table in tables(evaluation) {
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

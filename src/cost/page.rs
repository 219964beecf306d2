//! Costs as one page.

use super::plot;
use super::sum::Costs;
use super::tables::{ROWS_ON_PAGE, headline, tables};
use crate::cli::By;
use crate::page::Page;

/// The page.
pub fn page(costs: &Costs, by: &[By]) -> String {
    Page {
        title: "What reviews cost".to_owned(),
        lines: headline(costs).lines().map(str::to_owned).collect(),
        figures: plot::figure(costs).into_iter().collect(),
        tables: tables(costs, by, ROWS_ON_PAGE),
        foot: format!("Prudence {}", env!("CARGO_PKG_VERSION")),
        ..Page::default()
    }
    .html()
}

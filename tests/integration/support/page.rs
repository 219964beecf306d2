//! Pages of listings.

use serde_json::Value;

use super::server::Request;

/// One page of a listing, and where it stands.
pub struct Page {
    pub items: Vec<Value>,
    /// Entries that a page may have.
    pub size: usize,
    /// Its number, from 1.
    pub number: usize,
    /// The number of the last page, at least 1.
    pub last: usize,
    /// Entries of all pages.
    pub total: usize,
}

impl Page {
    /// The page that a request asks for: of so many entries unless it says so, and never of more than this.
    pub fn of(items: Vec<Value>, request: &Request, per_page: usize, at_most: usize) -> Page {
        let number = |key: &str| request.query.get(key).and_then(|value| value.parse::<usize>().ok());
        let size = number("per_page").unwrap_or(per_page).clamp(1, at_most);
        let page = number("page").unwrap_or(1).max(1);
        let total = items.len();
        let part = items.into_iter().skip((page - 1) * size).take(size).collect();
        Page { items: part, size, number: page, last: total.div_ceil(size).max(1), total }
    }

    /// The links to the pages around it, for a `link` header; empty where it is the only one.
    pub fn links(&self, url: &str) -> String {
        let link = |to: usize, rel: &str| format!("<{url}?per_page={}&page={to}>; rel=\"{rel}\"", self.size);
        let mut links = Vec::new();
        if self.number > 1 {
            links.extend([link(self.number - 1, "prev"), link(1, "first")]);
        }
        if self.number < self.last {
            links.extend([link(self.number + 1, "next"), link(self.last, "last")]);
        }
        links.join(", ")
    }
}

//! Calls of the functions that some lines change.

use std::rc::Rc;

use super::Context;
use super::around::{block, enclosing, signature};
use super::change::{self, Part};
use super::lookup::{COMMON, ELSEWHERE};
use super::room::Block;
use super::source::{Lines, Source};
use crate::syntax::{Definition, Kind};

/// More places of calls are not shown.
const MOST_CALLS: usize = 8;

/// Of one file, not more than these.
const MOST_CALLS_OF_FILE: usize = 3;

/// Lines around a call.
const AROUND_CALL: u32 = 2;

impl Context<'_> {
    /// The calls of the functions that a part's lines change, with a few lines around each.
    pub(super) fn callers(&self, part: &Part) -> Vec<Block> {
        let source = self.changed(part.file);
        let functions = changed_functions(source.as_deref(), &part.at);
        let mut names: Vec<String> = functions.iter().map(|function| function.name.clone()).collect();
        names.extend(self.diff.files.get(part.file).map(change::removed_functions).unwrap_or_default());
        let mut blocks = Vec::new();
        for name in names {
            if let Some(source) = &source {
                let own =
                    functions.iter().find(|function| function.name == name).map(|function| function.lines.clone());
                let outside = |line: &u32| own.as_ref().is_none_or(|own| !own.contains(line));
                blocks.extend(calls(source, &name, outside, &part.added));
            }
            for ((distance, ..), path) in self.nearest(part, source.as_ref(), self.scan().called(&name)) {
                // `get` elsewhere is another one
                if blocks.len() >= MOST_CALLS || (distance == ELSEWHERE && COMMON.contains(&name.as_str())) {
                    break;
                }
                // a file that has its own function of that name means its own
                if let Some(source) = self.other(path).filter(|source| !defines(source, &name)) {
                    blocks.extend(calls(&source, &name, |_| true, &Lines::new()));
                }
            }
        }
        blocks.truncate(MOST_CALLS);
        blocks
    }
}

fn defines(source: &Source, name: &str) -> bool {
    source.file.definitions().iter().any(|definition| definition.name == name && definition.kind == Kind::Function)
}

/// The functions around some lines.
pub(super) fn changed_functions(source: Option<&Source>, lines: &Lines) -> Vec<Definition> {
    let Some(source) = source else { return Vec::new() };
    let mut found: Vec<Definition> = Vec::new();
    for &line in lines {
        if found.iter().any(|function| function.lines.contains(&line)) {
            continue;
        }
        let function = enclosing(source, line).map(|(inner, _)| inner).filter(|inner| inner.kind == Kind::Function);
        found.extend(function);
    }
    found
}

/// The calls of a name in a file, each with some lines around it and the signature of the function that it is in.
fn calls(source: &Rc<Source>, name: &str, is_wanted: impl Fn(&u32) -> bool, added: &Lines) -> Vec<Block> {
    let sites: Vec<u32> = source.file.calls(name).into_iter().filter(is_wanted).take(MOST_CALLS_OF_FILE).collect();
    let mut lines = Lines::new();
    for &site in &sites {
        let last = site.saturating_add(AROUND_CALL).min(source.last_line());
        lines.extend(site.saturating_sub(AROUND_CALL).max(1)..=last);
        let function = enclosing(source, site).map(|(inner, _)| inner).filter(|inner| inner.kind == Kind::Function);
        lines.extend(function.iter().flat_map(signature));
    }
    let Some(&end) = lines.last() else { return Vec::new() };
    let what = format!("calls of {}", crate::text::printable(name));
    vec![Block { full: block(source, &lines, end, (&Lines::new(), added), &what), short: String::new() }]
}

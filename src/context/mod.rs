//! Code beyond the hunk: what a reader of a change needs to understand it, and no more.
//!
//! More context makes models worse, so it is little and targeted. The reviewing pass gets the function, method or class
//! around each hunk, the imports that the hunk uses, and the definitions of what its changed lines use; the second look gets
//! the callers of the changed functions too. The most relevant comes first, under a limit of tokens.
//!
//! A file of the change is shown only where the [`Tree`] has it as the change leaves it; lock files, generated, vendored,
//! minified and binary files never are. All text goes through the caller's `clean`, which masks secrets.

mod around;
mod callers;
mod change;
mod lookup;
mod room;
mod scan;
mod source;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::config::ContextLevel as Level;
use crate::diff::{Diff, Side};
use crate::plan::{Piece, Tokenizer};
use crate::report::plural;
use crate::syntax::Unparsed;
use crate::text::printable;
use crate::tree::Tree;
use room::Room;
use scan::Scan;
use source::{Lines, Source};

/// Finds the code that belongs to the hunks of a change.
pub struct Context<'a> {
    tree: &'a Tree<'a>,
    diff: &'a Diff,
    level: Level,
    tokenizer: Tokenizer,
    clean: &'a dyn Fn(&str) -> String,
    /// The files of the change by index; `None` where one may not be shown.
    changed: RefCell<HashMap<usize, Option<Rc<Source>>>>,
    /// Other files by path.
    others: RefCell<HashMap<String, Option<Rc<Source>>>>,
    scan: OnceCell<Scan>,
    /// Time that went into other files.
    spent: Cell<Duration>,
    notes: RefCell<BTreeSet<String>>,
}

/// Of the limit, definitions leave at least so much to what is around the hunks, in percent.
const AROUND_SHARE: usize = 60;

/// A change of more files is reviewed without: parsing a thousand files takes longer than all the rest of a plan.
pub const MOST_CHANGED: usize = 100;

/// More files are not kept in memory.
const MOST_KEPT: usize = 200;

/// Other files than those of the change are read no longer than this, over the whole change.
const MOST_TIME: Duration = Duration::from_secs(10);

impl<'a> Context<'a> {
    /// Context for a change in a repository. `diff` may be masked; `clean` masks secrets in any other text, and keeps the
    /// number of its lines.
    pub fn new(
        tree: &'a Tree<'a>,
        diff: &'a Diff,
        level: Level,
        tokenizer: Tokenizer,
        clean: &'a dyn Fn(&str) -> String,
    ) -> Context<'a> {
        let context = Context {
            tree,
            diff,
            level,
            tokenizer,
            clean,
            changed: RefCell::default(),
            others: RefCell::default(),
            scan: OnceCell::new(),
            spent: Cell::default(),
            notes: RefCell::default(),
        };
        if let Some(why) = tree.why_nowhere().filter(|_| level > Level::Hunk) {
            context.note(format!("no code around the change is shown: {why}"));
        }
        context
    }

    /// What is needed to understand these pieces of the change, at most `limit` tokens of it; the lines that the pieces show
    /// are left out. Empty where there is nothing.
    pub fn for_review(&self, pieces: &[Piece], limit: usize) -> String {
        let mut room = Room::new(self.tokenizer, limit);
        if self.is_off() {
            return room.text;
        }
        if self.diff.files.len() > MOST_CHANGED {
            self.note(format!("no code around the change is shown: it has more than {MOST_CHANGED} files"));
            return room.text;
        }
        let parts = change::parts(self.diff, pieces);
        let around: Vec<_> = parts.iter().flat_map(|part| self.around(part, &part.shown)).collect();
        let share = if self.level == Level::Symbols { limit * AROUND_SHARE / 100 } else { limit };
        room.fill(&around, share);
        let imports: Vec<_> = parts.iter().filter_map(|part| self.imports(part)).collect();
        room.add(&imports, limit);
        if self.level == Level::Symbols && room.left() > 0 {
            room.add(&self.definitions(&parts), limit);
        }
        self.finished(room)
    }

    /// What is needed to judge a finding on these lines of a file, at most `limit` tokens of it: the function around them with
    /// the added lines marked, imports, definitions, and callers. Empty where there is nothing.
    pub fn for_second_look(&self, path: &str, side: Side, lines: RangeInclusive<u32>, limit: usize) -> String {
        let mut room = Room::new(self.tokenizer, limit);
        let Some(part) = change::part_of(self.diff, path, side, &lines).filter(|_| !self.is_off()) else {
            return room.text;
        };
        let share = if self.level == Level::Symbols { limit * AROUND_SHARE / 100 } else { limit };
        room.fill(&self.around(&part, &Lines::new()), share);
        room.add(self.imports(&part).as_slice(), limit);
        if self.level == Level::Symbols {
            let definitions = self.definitions(std::slice::from_ref(&part));
            let half = room.left() / 2;
            room.add(&definitions, half);
            room.add(&self.callers(&part), limit);
        }
        self.finished(room)
    }

    /// What is not shown, and why, in one line each.
    pub fn notes(&self) -> Vec<String> {
        self.notes.borrow().iter().cloned().collect()
    }

    fn is_off(&self) -> bool {
        self.level == Level::Hunk || self.tree.why_nowhere().is_some()
    }

    fn note(&self, text: String) {
        /// More is no help to anybody.
        const MOST: usize = 20;
        let mut notes = self.notes.borrow_mut();
        if notes.len() < MOST {
            notes.insert(text);
        }
    }

    fn finished(&self, room: Room) -> String {
        if room.left_out > 0 {
            self.note("some code around the change did not fit into its share of the prompt".to_owned());
        }
        room.text
    }

    /// A file of the change as the change leaves it.
    fn changed(&self, index: usize) -> Option<Rc<Source>> {
        if let Some(known) = self.changed.borrow().get(&index) {
            return known.clone();
        }
        let file = self.diff.files.get(index)?;
        let path = file.path().as_str();
        let source = match self.tree.agrees(file) {
            true => Source::read(self.tree, path, self.clean).map(Rc::new),
            false => {
                if !file.hunks().is_empty() && file.status != crate::diff::FileStatus::Deleted {
                    self.note(format!(
                        "nothing around the change of `{}` is shown: its text is not here as the change leaves it",
                        printable(path)
                    ));
                }
                None
            }
        };
        // reading a language without a grammar by its indentation leaves nothing out
        let unparsed = source.as_ref().and_then(|source| source.file.unparsed());
        if let Some(why) = unparsed.filter(|why| *why != Unparsed::NoGrammar) {
            self.note(format!("`{}` is read by its indentation: {why}", printable(path)));
        }
        self.changed.borrow_mut().insert(index, source.clone());
        source
    }

    /// Another file of the repository.
    fn other(&self, path: &str) -> Option<Rc<Source>> {
        if let Some(index) = self.diff.files.iter().position(|file| file.path().as_str() == path) {
            return self.changed(index);
        }
        if let Some(known) = self.others.borrow().get(path) {
            return known.clone();
        }
        if self.spent.get() > MOST_TIME {
            self.note("the search for definitions and callers stopped: it took too long".to_owned());
            return None;
        }
        let started = Instant::now();
        let source = Source::read(self.tree, path, self.clean).map(Rc::new);
        self.spent.set(self.spent.get() + started.elapsed());
        let mut others = self.others.borrow_mut();
        if others.len() >= MOST_KEPT {
            others.clear();
        }
        others.insert(path.to_owned(), source.clone());
        source
    }

    /// Where the names of the change stand in the repository, looked up once.
    fn scan(&self) -> &Scan {
        self.scan.get_or_init(|| {
            let names = self.wanted_names();
            let paths: Vec<&str> = self.diff.files.iter().map(|file| file.path().as_str()).collect();
            let scan = Scan::new(self.tree, &names, &paths);
            if let Some(why) = &scan.stopped {
                self.note(format!(
                    "the search for definitions and callers {why}, of {}",
                    plural(self.tree.entries().len(), "file")
                ));
            }
            scan
        })
    }
}

#[cfg(test)]
mod tests;

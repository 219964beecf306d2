//! What a push does to the notes: lines that are still there take their notes with them.

use serde_json::{Value, json};

use super::position::{Position, line_code, numbers, outside};
use super::state::{Kind, State, Version};
use crate::support::change::{self, ChangedFile, Row};

impl State {
    /// Somebody pushes this commit; the host makes a version of it, and says so.
    pub fn push(&mut self, sha: &str) {
        let before = self.version().clone();
        self.add_version(sha);
        let author = self.scenario.author.clone();
        self.system_note(&author, &format!("added 1 commit\n\n<ul><li>{} - change</li></ul>\n\n", &sha[..8]));
        if !self.scenario.quirks.positions_stay {
            self.move_notes(&before, &author);
        }
    }

    fn move_notes(&mut self, before: &Version, pusher: &str) {
        let after = self.version().clone();
        let files = self.files(&after);
        for at in 0..self.discussions.len() {
            let Some(position) = self.discussions[at].notes[0].position.clone() else { continue };
            // What is outdated stays so.
            if !position.is_of(before) {
                continue;
            }
            match self.moved(&position, &after, &files) {
                Some(moved) => {
                    self.discussions[at].notes.iter_mut().for_each(|note| note.position = Some(moved.clone()))
                }
                None => self.outdate(at, pusher, &position),
            }
        }
    }

    /// The host says in the thread that its line was changed.
    fn outdate(&mut self, at: usize, pusher: &str, position: &Position) {
        let text = format!("changed this line in [version {} of the diff](/diffs)", self.versions.len());
        let note = self.new_note(pusher, &text, Kind::Diff, Some(position.clone()));
        self.discussions[at].notes.push(super::state::Note { system: true, ..note });
        if self.scenario.quirks.resolve_outdated {
            self.settle(at, None, Some(pusher));
        }
    }

    /// Where a position of one version is in another; `None` when its line is gone or changed.
    fn moved(&self, position: &Position, after: &Version, files: &[ChangedFile]) -> Option<Position> {
        let (old_path, new_path, row) = match (position.kind.as_str(), position.new_line, position.old_line) {
            ("text", Some(line), old) => self.moved_right(position, after, files, line, old.is_some())?,
            ("text", None, Some(line)) => self.moved_left(position, after, files, line)?,
            _ => {
                let file = files.iter().find(|file| file.path == position.new_path)?;
                (file.old_path.clone(), file.path.clone(), None)
            }
        };
        let (old_line, new_line) = row.map_or((None, None), numbers);
        let (base, start, head) = (after.base.clone(), after.start.clone(), after.head.clone());
        let line_range = row.and_then(|last| self.moved_range(position, after, &new_path, files, last));
        let line_code = row.map(|row| line_code(&new_path, row));
        let kind = position.kind.clone();
        Some(Position { base, start, head, old_path, new_path, kind, old_line, new_line, line_range, line_code })
    }

    /// An added line may have become an unchanged one, which has both numbers; an unchanged one stays that.
    fn moved_right(
        &self,
        position: &Position,
        after: &Version,
        files: &[ChangedFile],
        line: u32,
        unchanged: bool,
    ) -> Option<(String, String, Option<Row>)> {
        let git = self.git();
        let (from, to) = (change::oid(&position.head), change::oid(&after.head));
        let (path, line) = change::moved(&git, from, to, &position.new_path, line)?;
        let Some(file) = files.iter().find(|file| file.path == path) else {
            return Some((path.clone(), path, Some(Row { origin: ' ', old: line, new: line })));
        };
        let in_hunks = file.rows.iter().find(|row| row.origin != '-' && row.new == line).copied();
        let row = in_hunks.or_else(|| outside(file, line).map(|old| Row { origin: ' ', old, new: line }))?;
        (!unchanged || row.origin == ' ').then(|| (file.old_path.clone(), file.path.clone(), Some(row)))
    }

    /// A removed line that is still removed.
    fn moved_left(
        &self,
        position: &Position,
        after: &Version,
        files: &[ChangedFile],
        line: u32,
    ) -> Option<(String, String, Option<Row>)> {
        let (from, to) = (change::oid(&position.base), change::oid(&after.base));
        let (path, line) = change::moved(&self.git(), from, to, &position.old_path, line)?;
        let file = files.iter().find(|file| file.old_path == path)?;
        let row = file.rows.iter().find(|row| row.origin == '-' && row.old == line)?;
        Some((file.old_path.clone(), file.path.clone(), Some(*row)))
    }

    /// The range that ends with this line; none when its first line is gone.
    fn moved_range(
        &self,
        position: &Position,
        after: &Version,
        path: &str,
        files: &[ChangedFile],
        last: Row,
    ) -> Option<Value> {
        let (first, _) = position.lines();
        position.line_range.as_ref()?;
        let start = if position.new_line.is_some() {
            self.moved_right(position, after, files, first, false)?.2?
        } else {
            self.moved_left(position, after, files, first)?.2?
        };
        let end = |row: Row| {
            let (old, new) = numbers(row);
            let kind = match row.origin {
                '+' => json!("new"),
                '-' => json!("old"),
                _ => Value::Null,
            };
            json!({"line_code": line_code(path, row), "type": kind, "old_line": old, "new_line": new})
        };
        Some(json!({"start": end(start), "end": end(last)}))
    }
}

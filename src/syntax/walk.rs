//! Walks over a syntax tree, without recursion: a tree is as deep as its text likes.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use tree_sitter::{Node, Tree};

use super::languages::{Grammar, Role};
use super::{Definition, How, Import, Kind, Use};

/// Names are short; what is longer is none. In bytes.
const LONGEST_NAME: usize = 100;

/// The fields that lead from a definition or a callee to its name, the surest first.
const NAME_FIELDS: [&str; 10] =
    ["name", "declarator", "left", "property", "function", "field", "attribute", "suffix", "method", "type"];

/// Visits every node before its children; `enter` says whether to visit those, `leave` follows when they are done.
fn walk<'t>(tree: &'t Tree, state: &mut impl Visitor<'t>) {
    let mut cursor = tree.walk();
    loop {
        if state.enter(cursor.node()) && cursor.goto_first_child() {
            continue;
        }
        state.leave();
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
            state.leave();
        }
    }
}

trait Visitor<'t> {
    fn enter(&mut self, node: Node<'t>) -> bool;
    fn leave(&mut self) {}
}

/// The number of errors and missing parts.
pub(super) fn errors(tree: &Tree) -> usize {
    struct Errors(usize);
    impl<'t> Visitor<'t> for Errors {
        fn enter(&mut self, node: Node<'t>) -> bool {
            self.0 += usize::from(node.is_error() || node.is_missing());
            node.has_error()
        }
    }
    let mut errors = Errors(0);
    walk(tree, &mut errors);
    errors.0
}

/// A part of a syntax tree that is code: where a node begins and ends, and a text that no other node divides.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Word<'t> {
    Begin(u16),
    Text(u16, &'t str),
    End,
}

/// All of a tree that is code, and no white space between its words.
pub(super) fn words<'t>(tree: &Tree, text: &'t str) -> Vec<Word<'t>> {
    let mut words = Words { text, words: Vec::new() };
    walk(tree, &mut words);
    words.words
}

struct Words<'t> {
    text: &'t str,
    words: Vec<Word<'t>>,
}

impl<'t> Visitor<'_> for Words<'t> {
    fn enter(&mut self, node: Node<'_>) -> bool {
        if node.child_count() == 0 {
            self.words.push(Word::Text(node.kind_id(), self.text.get(node.byte_range()).unwrap_or_default()));
            return false;
        }
        self.words.push(Word::Begin(node.kind_id()));
        // a grammar may hide words that have no name
        let mut at = node.start_byte();
        let end = node.end_byte();
        let mut places: Vec<_> = node.children(&mut node.walk()).map(|child| child.byte_range()).collect();
        places.push(end..end);
        for place in places {
            let text = self.text.get(at..place.start).unwrap_or_default().trim();
            if !text.is_empty() {
                self.words.push(Word::Text(node.kind_id(), text));
            }
            at = place.end;
        }
        true
    }

    fn leave(&mut self) {
        self.words.push(Word::End);
    }
}

/// What a file defines, and what it brings in.
pub(super) fn outline(grammar: &Grammar, tree: &Tree, text: &str) -> (Vec<Definition>, Vec<Import>) {
    let mut outline = Outline { grammar, text, stack: Vec::new(), definitions: Vec::new(), imports: Vec::new() };
    walk(tree, &mut outline);
    (outline.definitions, outline.imports)
}

/// A node above the present one.
struct Above<'t> {
    node: Node<'t>,
    role: Role,
    /// The innermost definition that it is or is in.
    definition: Option<usize>,
}

struct Outline<'t> {
    grammar: &'t Grammar,
    text: &'t str,
    stack: Vec<Above<'t>>,
    definitions: Vec<Definition>,
    imports: Vec<Import>,
}

impl<'t> Visitor<'t> for Outline<'t> {
    fn enter(&mut self, node: Node<'t>) -> bool {
        let role = self.grammar.role(node.kind_id());
        let mut definition = self.stack.last().and_then(|above| above.definition);
        match role {
            Role::Definition { kind, needs_body } => {
                if let Some(found) = self.definition(node, kind, needs_body, definition) {
                    definition = Some(self.definitions.len());
                    self.definitions.push(found);
                }
            }
            Role::Import => self.import(node),
            Role::Call(field) if self.is_import_call(node, field) => {
                // a statement at the top of the file is the second node from the root
                let whole = self.stack.get(1).map_or(node, |above| above.node);
                self.import(if whole.end_position().row > node.end_position().row + 1 { node } else { whole });
            }
            _ => {}
        }
        self.stack.push(Above { node, role, definition });
        true
    }

    fn leave(&mut self) {
        self.stack.pop();
    }
}

impl Outline<'_> {
    fn definition(&self, node: Node<'_>, kind: Kind, needs_body: bool, parent: Option<usize>) -> Option<Definition> {
        if needs_body && node.child_by_field_name("body").is_none() {
            return None;
        }
        let value = node.child_by_field_name("value").or_else(|| node.child_by_field_name("right"));
        let kind = match value {
            // `const f = () => {}`
            Some(value) if kind == Kind::Value && value.child_by_field_name("body").is_some() => Kind::Function,
            _ => kind,
        };
        let outer = parent.and_then(|parent| self.definitions.get(parent));
        if kind == Kind::Value && outer.is_some_and(|outer| matches!(outer.kind, Kind::Function | Kind::Value)) {
            return None;
        }
        let name = name_text(self.grammar, node, self.text).or_else(|| constructor(node))?;
        let wrappers = self.stack.iter().rev().take_while(|above| above.role == Role::Wrapper);
        let whole = wrappers.last().map_or(node, |above| above.node);
        let body = body(self.grammar, value.filter(|_| kind == Kind::Function).unwrap_or(node));
        let lines = lines_of(whole);
        let end = body.map_or(*lines.end(), |body| before(body, self.text)).clamp(*lines.start(), *lines.end());
        Some(Definition { name, kind, signature: *lines.start()..=end, lines, parent })
    }

    fn import(&mut self, node: Node<'_>) {
        let lines = lines_of(node);
        if self.imports.last().is_some_and(|last| last.lines == lines) {
            return;
        }
        let text = self.text.get(node.byte_range()).unwrap_or_default();
        self.imports.push(Import { lines, words: super::plain::words(text) });
    }

    fn is_import_call(&self, node: Node<'_>, field: &str) -> bool {
        let names = self.grammar.import_calls;
        let is_outside = self.stack.last().is_none_or(|above| above.definition.is_none_or(|d| self.is_value(d)));
        !names.is_empty()
            && is_outside
            && callee(node, field)
                .and_then(|callee| name_text(self.grammar, callee, self.text))
                .is_some_and(|name| names.contains(&name.as_str()))
    }

    fn is_value(&self, definition: usize) -> bool {
        self.definitions.get(definition).is_some_and(|definition| definition.kind == Kind::Value)
    }
}

/// The words for definitions that have no name.
fn constructor(node: Node<'_>) -> Option<String> {
    let name = match node.kind() {
        "secondary_constructor" => "constructor",
        "init_declaration" => "init",
        "companion_object" => "companion",
        _ => return None,
    };
    Some(name.to_owned())
}

/// The body of a definition.
fn body<'t>(grammar: &Grammar, node: Node<'t>) -> Option<Node<'t>> {
    node.child_by_field_name("body").or_else(|| {
        let mut cursor = node.walk();
        let mut children = node.children(&mut cursor).take(MOST_CHILDREN);
        children.find(|child| grammar.role(child.kind_id()) == Role::Body)
    })
}

/// More children of a node are not looked through for a part of it.
const MOST_CHILDREN: usize = 100;

/// The last line of what comes before a body: its first line where something stands before it there, or where the body is
/// all on it.
fn before(body: Node<'_>, text: &str) -> u32 {
    let (start, row) = (body.start_byte(), number(body.start_position().row));
    let line_start = text.get(..start).and_then(|text| text.rfind('\n')).map_or(0, |feed| feed + 1);
    let is_alone = text.get(line_start..start).is_some_and(|text| text.trim().is_empty());
    if is_alone { row.saturating_sub(1) } else { row }
}

fn lines_of(node: Node<'_>) -> RangeInclusive<u32> {
    let (start, end) = (node.start_position(), node.end_position());
    // some nodes end behind the line feed
    let last = if end.column == 0 && end.row > start.row { end.row - 1 } else { end.row };
    number(start.row)..=number(last)
}

/// A line's number, counted from 1.
fn number(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX).saturating_add(1)
}

/// The name that a definition or a callee has: the end of the way along the fields that names are in.
fn name_node<'t>(grammar: &Grammar, node: Node<'t>) -> Option<Node<'t>> {
    let is_name = |node: Node<'_>| matches!(grammar.role(node.kind_id()), Role::Name | Role::TypeName);
    let mut node = node;
    // nothing that has a name is deeper
    for _ in 0..20 {
        if node.named_child_count() == 0 {
            return Some(node);
        }
        let by_field = NAME_FIELDS.iter().find_map(|field| node.child_by_field_name(field));
        node = by_field.or_else(|| {
            let mut cursor = node.walk();
            let children: Vec<Node<'t>> = node.named_children(&mut cursor).take(MOST_CHILDREN).collect();
            // `a.b` is named by its end, `a<b>` by its beginning
            children.iter().rev().find(|child| is_name(**child)).or(children.first()).copied()
        })?;
    }
    None
}

fn name_text(grammar: &Grammar, node: Node<'_>, text: &str) -> Option<String> {
    let name = text.get(name_node(grammar, node)?.byte_range())?.trim_start_matches('$');
    let is_name = name.len() <= LONGEST_NAME && !name.is_empty() && !name.contains([' ', '\n', '\t', '"', '(']);
    is_name.then(|| name.to_owned())
}

fn callee<'t>(call: Node<'t>, field: &str) -> Option<Node<'t>> {
    if field.is_empty() { call.named_child(0) } else { call.child_by_field_name(field) }
}

/// The names that some lines use.
pub(super) fn uses(grammar: &Grammar, tree: &Tree, text: &str, lines: &RangeInclusive<u32>) -> Vec<Use> {
    let mut uses = Uses { grammar, text, lines, found: Vec::new(), seen: HashSet::new() };
    walk(tree, &mut uses);
    uses.found
}

struct Uses<'t> {
    grammar: &'t Grammar,
    text: &'t str,
    lines: &'t RangeInclusive<u32>,
    found: Vec<Use>,
    seen: HashSet<(String, How, Option<String>)>,
}

impl<'t> Visitor<'t> for Uses<'t> {
    fn enter(&mut self, node: Node<'t>) -> bool {
        let around = lines_of(node);
        if around.start() > self.lines.end() || around.end() < self.lines.start() {
            return false;
        }
        let (name, how) = match self.grammar.role(node.kind_id()) {
            Role::Call(field) => (callee(node, field).and_then(|callee| name_node(self.grammar, callee)), How::Call),
            Role::Name if node.child_count() == 0 => (Some(node), How::Name),
            Role::TypeName if node.child_count() == 0 => (Some(node), How::Type),
            _ => (None, How::Name),
        };
        if let Some(name) = name {
            self.add(name, how);
        }
        true
    }
}

impl Uses<'_> {
    fn add(&mut self, node: Node<'_>, how: How) {
        let line = number(node.start_position().row);
        let Some(name) = self.text.get(node.byte_range()) else { return };
        if !self.lines.contains(&line) || !super::plain::is_name(name) {
            return;
        }
        let of = self.text.get(..node.start_byte()).and_then(super::plain::word_before);
        if self.seen.insert((name.to_owned(), how, of.clone())) {
            self.found.push(Use { name: name.to_owned(), how, line, of });
        }
    }
}

/// The lines where a name is called.
pub(super) fn calls(grammar: &Grammar, tree: &Tree, text: &str, name: &str) -> Vec<u32> {
    let mut calls = Calls { grammar, text, name, found: Vec::new() };
    walk(tree, &mut calls);
    calls.found.sort_unstable();
    calls.found.dedup();
    calls.found
}

struct Calls<'t> {
    grammar: &'t Grammar,
    text: &'t str,
    name: &'t str,
    found: Vec<u32>,
}

impl<'t> Visitor<'t> for Calls<'t> {
    fn enter(&mut self, node: Node<'t>) -> bool {
        if let Role::Call(field) = self.grammar.role(node.kind_id())
            && let Some(called) = callee(node, field).and_then(|callee| name_node(self.grammar, callee))
            && self.text.get(called.byte_range()) == Some(self.name)
        {
            self.found.push(number(called.start_position().row));
        }
        true
    }
}

use super::*;
use crate::diff::{self, Diff};
use crate::plan::{self, Budget};
use crate::prompt::Orientation;
use crate::tree::Tree;

/// A repository in memory, and the change that made one of its files what it is.
struct Case {
    tree: Tree<'static>,
    diff: Diff,
}

fn case(files: &[(&str, &str)], patch: &str) -> Case {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
    Case { tree: Tree::in_memory(files), diff: diff::parse(patch.to_owned()).unwrap() }
}

fn same(text: &str) -> String {
    text.to_owned()
}

impl Case {
    fn pieces(&self) -> Vec<Piece> {
        let budget = Budget {
            chunk_tokens: 100_000,
            max_output_tokens: 1000,
            window: 1_000_000,
            context_tokens: 0,
            tokenizer: Tokenizer::O200k,
        };
        let orientation = Orientation { title: "t".into(), language: "en".into(), ..Orientation::default() };
        let plan = plan::build(budget, &orientation, "{}", self.diff.clone(), plan::Unsent::default());
        plan.chunks.into_iter().flat_map(|chunk| chunk.pieces).collect()
    }

    fn review(&self, level: Level, limit: usize) -> (String, Vec<String>) {
        let context = Context::new(&self.tree, &self.diff, level, Tokenizer::O200k, &same);
        let text = context.for_review(&self.pieces(), limit);
        assert!(Tokenizer::O200k.count(&text) <= limit + limit / 20, "{text}");
        (text, context.notes())
    }

    fn second_look(&self, path: &str, lines: RangeInclusive<u32>) -> String {
        let context = Context::new(&self.tree, &self.diff, Level::Symbols, Tokenizer::O200k, &same);
        context.for_second_look(path, Side::Right, lines, 2000)
    }
}

const CALLER: &str = "use crate::limits::check_limit;\nuse std::fs;\n\nimpl Server {\n    fn first(&self) {}\n\n    fn accept(&self, n: usize) -> bool {\n        let a = 1;\n        let b = 2;\n        let c = 3;\n        if check_limit(n) {\n            return false;\n        }\n        let d = 4;\n        let e = 5;\n        let f = 6;\n        true\n    }\n}\n";
const CALLEE: &str =
    "/// Whether there is room.\npub fn check_limit(n: usize) -> bool {\n    n < MOST\n}\n\nfn other() {}\n";
const PATCH: &str = "--- a/src/server.rs\n+++ b/src/server.rs\n@@ -10,3 +10,3 @@ impl Server {\n         let c = 3;\n-        if n > 3 {\n+        if check_limit(n) {\n             return false;\n";

fn rust() -> Case {
    case(&[("src/server.rs", CALLER), ("src/limits.rs", CALLEE), ("src/far/other.rs", "fn x() {}\n")], PATCH)
}

#[test]
fn the_function_around_a_hunk_its_imports_and_what_it_calls() {
    let (text, notes) = rust().review(Level::Symbols, 1000);
    assert_eq!(
        text,
        "=== src/server.rs (lines 4-18, around the change: function accept of Server)\n4  impl Server {\n[lines 5-6 are not shown]\n7      fn accept(&self, n: usize) -> bool {\n8          let a = 1;\n9          let b = 2;\n[lines 10-12 are shown elsewhere]\n13          }\n14          let d = 4;\n15          let e = 5;\n16          let f = 6;\n17          true\n18      }\n=== src/server.rs (imports that the change uses)\n1  use crate::limits::check_limit;\n=== src/limits.rs (lines 2-4, definition: function check_limit)\n2  pub fn check_limit(n: usize) -> bool {\n3      n < MOST\n4  }\n"
    );
    assert_eq!(notes, Vec::<String>::new());
}

#[test]
fn a_change_of_very_many_files_is_reviewed_without() {
    let texts: Vec<(String, String)> =
        (0..MOST_CHANGED + 1).map(|n| (format!("f{n}.rs"), format!("fn f{n}() {{\n    go();\n}}\n"))).collect();
    let patch =
        |(path, _): &(String, String)| format!("--- a/{path}\n+++ b/{path}\n@@ -2 +2 @@\n-    stop();\n+    go();\n");
    let files: Vec<(&str, &str)> = texts.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let shown = |count: usize| {
        case(&files, &texts[..count].iter().map(patch).collect::<String>()).review(Level::Symbols, 100_000)
    };
    let (text, notes) = shown(MOST_CHANGED);
    assert!(text.contains("=== f99.rs (lines 1-3, around the change: function f99)") && notes.is_empty(), "{notes:?}");
    let told = "no code around the change is shown: it has more than 100 files".to_owned();
    assert_eq!(shown(MOST_CHANGED + 1), (String::new(), vec![told]));
}

#[test]
fn each_level_shows_more() {
    let case = rust();
    assert_eq!(case.review(Level::Hunk, 1000).0, "");
    let (text, _) = case.review(Level::Function, 1000);
    assert!(text.contains("function accept") && text.contains("imports") && !text.contains("definition"), "{text}");
}

#[test]
fn what_does_not_fit_is_shortened_or_left_out_and_said() {
    let body: String = (0..200).map(|n| format!("    let v{n} = {n} * 31 + 7;\n")).collect();
    let text = format!("fn long(a: u8) {{\n{body}}}\n");
    let patch = "--- a/a.rs\n+++ b/a.rs\n@@ -100 +100 @@\n-    old();\n+    let v98 = 98 * 31 + 7;\n";
    let case = case(&[("a.rs", &text)], patch);
    let (whole, notes) = case.review(Level::Function, 6000);
    assert!(
        whole.starts_with("=== a.rs (lines 1-202, around the change: function long)\n1  fn long(a: u8) {\n2 "),
        "{whole}"
    );
    assert_eq!(notes.len(), 0);
    let (short, _) = case.review(Level::Function, 100);
    assert_eq!(
        short,
        "=== a.rs (lines 1-1, around the change: function long)\n1  fn long(a: u8) {\n[lines 2-202 are not shown]\n"
    );
    let (none, notes) = case.review(Level::Function, 10);
    assert_eq!((none.as_str(), notes.len()), ("", 1));
}

#[test]
fn a_file_that_is_not_as_the_change_leaves_it_is_not_shown() {
    let other = CALLER.replace("let c = 3;", "let c = 4;");
    let case = case(&[("src/server.rs", &other), ("src/limits.rs", CALLEE)], PATCH);
    let (text, notes) = case.review(Level::Symbols, 1000);
    assert!(!text.contains("server.rs"), "{text}");
    assert!(text.contains("definition: function check_limit"), "the hunk itself tells what it calls: {text}");
    assert!(notes[0].contains("`src/server.rs`") && notes.len() == 1, "{notes:?}");
}

#[test]
fn without_files_there_is_nothing_and_a_reason() {
    let case = Case { tree: Tree::nowhere("it is not here; fetch it"), ..rust() };
    assert_eq!(
        case.review(Level::Symbols, 1000),
        (String::new(), vec!["no code around the change is shown: it is not here; fetch it".to_owned()])
    );
    assert_eq!(case.second_look("src/server.rs", 11..=11), "");
}

#[test]
fn the_second_look_has_the_callers_too() {
    let user =
        "fn main() {\n    let server = Server::new();\n    // every client\n    server.accept(7);\n    done();\n}\n";
    let own = "fn accept(n: u8) {}\nfn f() {\n    accept(1);\n}\n";
    let files = [
        ("src/server.rs", CALLER),
        ("src/limits.rs", CALLEE),
        ("src/main.rs", user),
        ("vendor/x.rs", user),
        ("src/own.rs", own),
    ];
    let case = case(&files, PATCH);
    let text = case.second_look("src/server.rs", 11..=11);
    assert!(
        text.contains("\n10          let c = 3;\n11 +        if check_limit(n) {\n12              return"),
        "{text}"
    );
    assert!(text.contains("definition: function check_limit"), "{text}");
    let calls = "=== src/main.rs (lines 1-6, calls of accept)\n1  fn main() {\n2      let server = Server::new();\n3      // every client\n4      server.accept(7);\n";
    assert!(text.contains(calls), "{text}");
    assert!(!text.contains("vendor") && !text.contains("own.rs"), "{text}");
    assert!(!case.review(Level::Symbols, 2000).0.contains("calls of"));
    assert_eq!(case.second_look("no/such/file.rs", 1..=1), "");
}

#[test]
fn who_still_calls_a_removed_function() {
    let patch =
        "--- a/a.py\n+++ b/a.py\n@@ -1,5 +1,2 @@\n-def old_name(x):\n-    return x\n-\n def other():\n     pass\n";
    let case = case(
        &[("a.py", "def other():\n    pass\n"), ("b.py", "from a import old_name\n\nprint(old_name(1))\n")],
        patch,
    );
    let context = Context::new(&case.tree, &case.diff, Level::Symbols, Tokenizer::O200k, &same);
    let text = context.for_second_look("a.py", Side::Left, 1..=1, 1000);
    assert!(
        text.contains(
            "=== b.py (lines 1-3, calls of old_name)\n1  from a import old_name\n2  \n3  print(old_name(1))\n"
        ),
        "{text}"
    );
}

/// Which file the definition of what `line` uses is taken from.
#[track_caller]
fn check_definition(line: &str, others: &[(&str, &str)], expected: Option<&str>) {
    let text = format!("from near import check\n\ndef run(x):\n    {line}\n");
    let patch = format!("--- a/src/a.py\n+++ b/src/a.py\n@@ -4 +4 @@\n-    pass\n+    {line}\n");
    let files: Vec<(&str, &str)> = [("src/a.py", text.as_str())].into_iter().chain(others.iter().copied()).collect();
    let (text, _) = case(&files, &patch).review(Level::Symbols, 1000);
    let found = text.lines().find(|line| line.contains("definition: "));
    let path = found.and_then(|line| line.split_whitespace().nth(1));
    assert_eq!(path, expected, "{line}: {text}");
}

#[test]
fn the_nearest_definition_is_taken() {
    let check = "def check(x):\n    pass\n";
    let method = "class Cache:\n    def fetch(self):\n        pass\n";
    check_definition("check(x)", &[("src/b.py", check), ("lib/near.py", check)], Some("lib/near.py"));
    check_definition("check(x)", &[("src/b.py", check), ("lib/c.py", check)], Some("src/b.py"));
    check_definition("check(x)", &[("tests/b.py", check), ("lib/c.py", check)], Some("lib/c.py"));
    check_definition("check(x)", &[("l/b.py", check), ("l/c.py", check), ("l/d.py", check)], None);
    check_definition("check(x)", &[("src/b.rb", "def check(x)\nend\n")], None);
    check_definition("check(x)", &[("node_modules/b.py", check), ("src/c_pb2.py", check)], None);
    check_definition("Cache.fetch(x)", &[("l/b.py", method), ("src/c.py", "def fetch():\n    pass\n")], Some("l/b.py"));
    check_definition("Other.fetch(x)", &[("l/b.py", method)], None);
    check_definition("x.fetch()", &[("l/b.py", method)], Some("l/b.py"));
    check_definition("x.get()", &[("l/b.py", "class A:\n    def get(self):\n        pass\n")], None);
    check_definition("raise LimitError", &[("l/b.py", "class LimitError(Exception):\n    pass\n")], Some("l/b.py"));
    check_definition("return MOST_OF", &[("l/b.py", "MOST_OF = 3\n")], Some("l/b.py"));
}

#[test]
fn secrets_are_masked_and_names_stay_on_their_line() {
    let text = "fn f() {\n    let t = SECRET;\n    g();\n}\n";
    let patch = "--- \"a/a\\nb.rs\"\n+++ \"b/a\\nb.rs\"\n@@ -3 +3 @@\n-    h();\n+    g();\n";
    let case = case(&[("a\nb.rs", text)], patch);
    let clean = |text: &str| text.replace("SECRET", "***");
    let context = Context::new(&case.tree, &case.diff, Level::Function, Tokenizer::O200k, &clean);
    let text = context.for_review(&case.pieces(), 1000);
    assert!(text.starts_with("=== a\\u{a}b.rs (lines 1-4, ") && text.contains("2      let t = ***;\n"), "{text}");
}

#[test]
fn what_nobody_wrote_is_no_context() {
    let patch = |path: &str| format!("--- a/{path}\n+++ b/{path}\n@@ -3 +3 @@\n-    h();\n+    g();\n");
    let text = |head: &str| format!("{head}\nfn f() {{\n    g();\n}}\n");
    for (path, head) in [
        ("vendor/a.rs", "//".to_owned()),
        ("a.rs", "// Code generated by x. DO NOT EDIT.".to_owned()),
        ("a.rs", format!("// {}", "x".repeat(5000))),
        ("a.md", String::new()),
        ("a.rs", "//\0".to_owned()),
    ] {
        let text = text(&head);
        let (shown, _) = case(&[(path, &text)], &patch(path)).review(Level::Symbols, 1000);
        assert_eq!(shown, "", "{path} {}", head.len());
    }
}

#[test]
fn a_language_without_a_grammar_is_read_by_indentation() {
    let text = "function run(x)\n  local a = 1\n  if x then\n    go(x)\n  end\n  return a\nend\n";
    let patch = "--- a/a.lua\n+++ b/a.lua\n@@ -4 +4 @@\n-    stop(x)\n+    go(x)\n";
    let case = case(&[("a.lua", text), ("b.lua", "function go(x)\n  return x\nend\n")], patch);
    let (text, notes) = case.review(Level::Symbols, 1000);
    assert!(text.starts_with("=== a.lua (lines 1-7, around the change: function run)\n1  function run(x)\n"), "{text}");
    assert!(text.contains("=== b.lua (lines 1-3, definition: function go)\n"), "{text}");
    assert_eq!(notes, Vec::<String>::new(), "reading it by its indentation leaves nothing out");
}

#[test]
fn the_same_question_has_the_same_answer() {
    let case = rust();
    let context = Context::new(&case.tree, &case.diff, Level::Symbols, Tokenizer::O200k, &same);
    let first = context.for_review(&case.pieces(), 300);
    assert_eq!(context.for_review(&case.pieces(), 300), first);
    assert_eq!(case.review(Level::Symbols, 300).0, first);
}

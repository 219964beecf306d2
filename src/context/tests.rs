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
        let budget =
            Budget { chunk_tokens: 100_000, max_output_tokens: 1000, window: 1_000_000, tokenizer: Tokenizer::O200k };
        let orientation = Orientation { title: "t".into(), language: "en".into(), ..Orientation::default() };
        let plan = plan::build(budget, &orientation, "{}", self.diff.clone(), None);
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

//! Looking up definitions and callers in a repository of 10,000 files made by a seeded generator: `cargo bench`.

use std::fmt::Write as _;

use divan::{Bencher, black_box};
use git2::{Repository, Signature};
use prudence::config::ContextLevel;
use prudence::context::Context;
use prudence::diff::{Diff, Side, parse};
use prudence::git::Repo;
use prudence::plan::{self, Budget, Piece, Tokenizer};
use prudence::prompt::Orientation;
use prudence::tree::Tree;

fn main() {
    divan::main();
}

const FILES: usize = 10_000;

/// A file of about 6 kB with 20 functions, each of which calls functions of other files.
fn file(number: usize) -> String {
    let mut text = format!("use crate::m{}::f{}_0;\n\n", (number + 1) % 100, (number + 1) % FILES);
    for function in 0..20 {
        let called = (number * 7 + function * 131) % FILES;
        let _ = write!(
            text,
            "/// What number {function} of these does.\npub fn f{number}_{function}(input: usize, limit: usize) -> usize {{\n    let mut total = input;\n    for step in 0..limit {{\n        // the next one\n        total += f{called}_{}(step, limit - 1) + total.count_ones() as usize;\n    }}\n    if total > limit {{ limit }} else {{ total }}\n}}\n\n",
            function / 2
        );
    }
    text
}

fn path(number: usize) -> String {
    format!("crates/c{}/src/m{}/file_{number}.rs", number / 1000, number % 100)
}

/// A repository with these files in one commit: in a pack, as a clone has them, or each object in a file of its own.
fn repository(folder: &std::path::Path, packed: bool) -> Result<Repo, git2::Error> {
    let git = Repository::init(folder)?;
    let odb = git.odb()?;
    let mempack = packed.then(|| odb.add_new_mempack_backend(1000)).transpose()?;
    let mut index = git.index()?;
    for number in 0..FILES {
        let id = git.blob(file(number).as_bytes())?;
        let zero = git2::IndexTime::new(0, 0);
        index.add(&git2::IndexEntry {
            ctime: zero,
            mtime: zero,
            dev: 0,
            ino: 0,
            mode: 0o100_644,
            uid: 0,
            gid: 0,
            file_size: 0,
            id,
            flags: 0,
            flags_extended: 0,
            path: path(number).into_bytes(),
        })?;
    }
    let tree = git.find_tree(index.write_tree_to(&git)?)?;
    let who = Signature::new("t", "t@example.org", &git2::Time::new(0, 0))?;
    let commit = git.commit(None, &who, &who, "c", &tree, &[])?;
    if let Some(mempack) = mempack {
        let mut pack = git2::Buf::new();
        mempack.dump(&git, &mut pack)?;
        let mut writer = odb.packwriter()?;
        std::io::Write::write_all(&mut writer, &pack).expect("the pack is written");
        writer.commit()?;
    }
    git.set_head_detached(commit)?;
    Ok(Repo::open(folder).expect("it was just made"))
}

/// A change of one line in each of some functions of one file.
fn change() -> Diff {
    let (path, text) = (path(4242), file(4242));
    let lines: Vec<&str> = text.lines().collect();
    let mut patch = format!("--- a/{path}\n+++ b/{path}\n");
    for at in (0..lines.len()).filter(|&at| lines[at].contains("total += ")).step_by(4) {
        let (before, line, after) = (lines[at - 1], lines[at], lines[at + 1]);
        let _ = write!(patch, "@@ -{0},3 +{0},3 @@\n {before}\n-        old();\n+{line}\n {after}\n", at);
    }
    parse(patch).expect("the generator writes diffs")
}

fn pieces(diff: &Diff) -> Vec<Piece> {
    let budget = Budget {
        chunk_tokens: 60_000,
        max_output_tokens: 4096,
        window: 128_000,
        context_tokens: 0,
        tokenizer: Tokenizer::O200k,
    };
    let orientation = Orientation { title: "t".into(), language: "en".into(), ..Orientation::default() };
    let plan = plan::build(budget, &orientation, "{}", diff.clone(), plan::Unsent::default());
    plan.chunks.into_iter().flat_map(|chunk| chunk.pieces).collect()
}

/// The first lookup of a run, which reads the whole repository.
#[divan::bench(args = [true, false], sample_count = 5)]
fn definitions_and_callers(bencher: Bencher<'_, '_>, packed: bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let repo = repository(folder.path(), packed).expect("a repository");
    let head = repo.head_sha().expect("a commit");
    let diff = change();
    let pieces = pieces(&diff);
    let clean = |text: &str| text.to_owned();
    bencher.bench_local(|| {
        let tree = Tree::at_commit(&repo, &head);
        let context = Context::new(&tree, &diff, ContextLevel::Symbols, Tokenizer::O200k, &clean);
        let review = context.for_review(black_box(&pieces), 1500);
        let look = context.for_second_look(&path(4242), Side::Right, 1..=12, 3000);
        assert!(review.contains("definition: function") && look.contains("calls of "), "{review}\n{look}");
        assert_eq!(context.notes().iter().filter(|note| note.contains("stopped")).count(), 0);
    });
}

//! What of a change is not reviewed, and why.
//!
//! A file is left out by what the team says (globs, `.gitattributes`), by its name, or by its content; each one is
//! listed with its reason. What the team says wins over what is guessed.

use std::fmt;

use globset::GlobSet;

use super::attributes::{Attribute, Attributes};
use super::{Content, Diff, FileDiff, FileStatus, LineKind, RepoPath};

/// Why a file is not reviewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// Written by a package manager.
    Lockfile,
    /// Written by a program.
    Generated,
    /// Somebody else's code, copied.
    Vendored,
    /// Code with its white space taken out.
    Minified,
    /// Not text.
    Binary,
    /// A pointer to a commit of another repository.
    Submodule,
    /// Matches an `exclude` glob.
    Excluded,
    /// Matches no `include` glob.
    NotIncluded,
}

impl SkipReason {
    /// All of them.
    pub const ALL: [SkipReason; 8] = [
        SkipReason::Lockfile,
        SkipReason::Generated,
        SkipReason::Vendored,
        SkipReason::Minified,
        SkipReason::Binary,
        SkipReason::Submodule,
        SkipReason::Excluded,
        SkipReason::NotIncluded,
    ];

    /// The word of the report.
    pub fn as_str(self) -> &'static str {
        match self {
            SkipReason::Lockfile => "lockfile",
            SkipReason::Generated => "generated",
            SkipReason::Vendored => "vendored",
            SkipReason::Minified => "minified",
            SkipReason::Binary => "binary",
            SkipReason::Submodule => "submodule",
            SkipReason::Excluded => "excluded",
            SkipReason::NotIncluded => "not_included",
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A file that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its path after the change.
    pub path: RepoPath,
    /// Why.
    pub reason: SkipReason,
    /// Its added and removed lines.
    pub changed_lines: usize,
}

/// What decides.
#[derive(Debug, Default)]
pub struct Rules {
    /// Only these, where there are any.
    pub include: Option<GlobSet>,
    /// Not these.
    pub exclude: GlobSet,
    /// What `.gitattributes` says.
    pub attributes: Attributes,
}

/// Splits a change into the files to review and those left out.
///
/// `base_text` gives a file as it was before the change, or `None` where that cannot be had. A mark like
/// `Code generated … DO NOT EDIT` counts where it stood before the change, or in a new file: a change cannot take an
/// existing file out of its own review.
pub fn apply(diff: Diff, rules: &Rules, base_text: &dyn Fn(&RepoPath) -> Option<Vec<u8>>) -> (Diff, Vec<Skipped>) {
    let mut skipped = Vec::new();
    let mut kept = Diff { files: Vec::with_capacity(diff.files.len()), trailer: diff.trailer };
    for file in diff.files {
        match reason(&file, rules, base_text) {
            Some(reason) => {
                skipped.push(Skipped { path: file.path().clone(), reason, changed_lines: file.changed_lines() });
            }
            None => kept.files.push(file),
        }
    }
    (kept, skipped)
}

/// Whether a file is nobody's own code, as far as its name tells: generated, vendored, a lock file.
pub fn is_foreign(path: &RepoPath) -> bool {
    is_vendored(path.as_str()) || by_name(path).is_some()
}

fn reason(file: &FileDiff, rules: &Rules, base_text: &dyn Fn(&RepoPath) -> Option<Vec<u8>>) -> Option<SkipReason> {
    let path = file.path().as_str();
    if rules.exclude.is_match(path) {
        return Some(SkipReason::Excluded);
    }
    if rules.include.as_ref().is_some_and(|globs| !globs.is_match(path)) {
        return Some(SkipReason::NotIncluded);
    }
    if file.is_submodule() {
        return Some(SkipReason::Submodule);
    }
    let attribute = |attribute| rules.attributes.get(file.path(), attribute);
    if matches!(file.content, Content::Binary { .. }) || attribute(Attribute::Binary) == Some(true) || has_nul(file) {
        return Some(SkipReason::Binary);
    }
    if rules.include.is_some() {
        return None; // asked for by name
    }
    match attribute(Attribute::Vendored) {
        Some(true) => return Some(SkipReason::Vendored),
        None if is_vendored(path) => return Some(SkipReason::Vendored),
        _ => {}
    }
    match attribute(Attribute::Generated) {
        Some(true) => Some(SkipReason::Generated),
        Some(false) => None,
        None => by_name(file.path()).or_else(|| by_content(file, base_text)),
    }
}

fn has_nul(file: &FileDiff) -> bool {
    file.hunks().iter().flat_map(|hunk| hunk.lines.iter()).any(|line| line.bytes().contains(&0))
}

const LOCK_FILES: [&str; 32] = [
    ".terraform.lock.hcl",
    "buildscript-gradle.lockfile",
    "bun.lock",
    "bun.lockb",
    "cabal.project.freeze",
    "cargo.lock",
    "cartfile.resolved",
    "composer.lock",
    "conan.lock",
    "deno.lock",
    "flake.lock",
    "gemfile.lock",
    "go.sum",
    "go.work.sum",
    "gradle.lockfile",
    "mix.lock",
    "module.bazel.lock",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "package.resolved",
    "packages.lock.json",
    "paket.lock",
    "pdm.lock",
    "pipfile.lock",
    "pixi.lock",
    "pnpm-lock.yaml",
    "podfile.lock",
    "poetry.lock",
    "pubspec.lock",
    "rebar.lock",
    "stack.yaml.lock",
    "uv.lock",
];

const VENDOR_FOLDERS: [&str; 9] = [
    "vendor",
    "vendored",
    "node_modules",
    "bower_components",
    "jspm_packages",
    "third_party",
    "Godeps",
    "Pods",
    ".yarn",
];

const GENERATED_ENDS: [&str; 16] = [
    ".pb.go",
    ".pb.cc",
    ".pb.h",
    "_pb2.py",
    "_pb2.pyi",
    "_pb2_grpc.py",
    "_pb.js",
    "_pb.d.ts",
    ".g.dart",
    ".freezed.dart",
    ".g.cs",
    ".designer.cs",
    "_generated.go",
    ".generated.ts",
    ".generated.go",
    ".snap",
];

fn is_vendored(path: &str) -> bool {
    let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
    folders.split('/').any(|folder| VENDOR_FOLDERS.contains(&folder))
}

fn by_name(path: &RepoPath) -> Option<SkipReason> {
    let name = path.file_name().to_ascii_lowercase();
    if LOCK_FILES.contains(&name.as_str()) || (name == "yarn.lock") {
        return Some(SkipReason::Lockfile);
    }
    let minified = [".min.js", ".min.mjs", ".min.css", "-min.js", "-min.css", ".js.map", ".css.map", ".bundle.js"];
    if minified.iter().any(|end| name.ends_with(end)) {
        return Some(SkipReason::Minified);
    }
    let generated = GENERATED_ENDS.iter().any(|end| name.ends_with(end))
        || name.starts_with("zz_generated.")
        || path.as_str().split('/').any(|folder| folder == "__generated__");
    generated.then_some(SkipReason::Generated)
}

fn by_content(file: &FileDiff, base_text: &dyn Fn(&RepoPath) -> Option<Vec<u8>>) -> Option<SkipReason> {
    let head = match file.status {
        FileStatus::Added | FileStatus::Copied => first_added_lines(file),
        _ => base_text(&file.old_path).unwrap_or_default(),
    };
    if has_generated_mark(&head) {
        return Some(SkipReason::Generated);
    }
    is_minified(file).then_some(SkipReason::Minified)
}

/// The beginning of a new file, as far as a mark could stand.
fn first_added_lines(file: &FileDiff) -> Vec<u8> {
    let lines = file.hunks().first().map(|hunk| hunk.lines.as_slice()).unwrap_or_default();
    let mut head = Vec::new();
    for line in lines.iter().take(MARK_LINES) {
        head.extend_from_slice(&line.bytes()[..line.bytes().len().min(MARK_BYTES)]);
        head.push(b'\n');
    }
    head
}

/// A mark stands in the first lines of a file, and those are not long.
const MARK_LINES: usize = 12;
const MARK_BYTES: usize = 200;

/// The marks that generators write: Go's convention, `@generated`, and the usual sentences.
pub(crate) fn has_generated_mark(text: &[u8]) -> bool {
    text.split(|&b| b == b'\n').take(MARK_LINES).any(|line| {
        let line = String::from_utf8_lossy(&line[..line.len().min(MARK_BYTES)]).to_ascii_lowercase();
        let is_comment = line.trim_start().starts_with(['/', '#', '*', '<', ';', '-', '%', '\'', '"']);
        is_comment
            && ((line.contains("generated") && line.contains("do not edit"))
                || line.contains("@generated")
                || line.contains("<auto-generated")
                || line.contains("this file was automatically generated"))
    })
}

/// Scripts and style sheets whose added lines are far longer than anyone writes.
fn is_minified(file: &FileDiff) -> bool {
    if !matches!(file.path().extension().as_str(), "js" | "mjs" | "cjs" | "css") {
        return false;
    }
    let added = || file.hunks().iter().flat_map(|hunk| hunk.lines.iter()).filter(|line| line.kind == LineKind::Added);
    let (lines, bytes) = added().fold((0, 0), |(lines, bytes), line| (lines + 1, bytes + line.bytes().len()));
    bytes >= 2000 && bytes / lines.max(1) > 300
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::parse;
    use globset::{Glob, GlobSetBuilder};

    fn globs(patterns: &[&str]) -> GlobSet {
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            set.add(Glob::new(pattern).unwrap());
        }
        set.build().unwrap()
    }

    fn modified(path: &str, added: &str) -> Diff {
        parse(format!("diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -5 +5 @@\n-a\n+{added}\n")).unwrap()
    }

    fn new(path: &str, text: &str) -> Diff {
        let lines: String = text.lines().map(|line| format!("+{line}\n")).collect();
        let count = text.lines().count();
        parse(format!(
            "diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{count} @@\n{lines}"
        ))
        .unwrap()
    }

    #[track_caller]
    fn check(diff: Diff, rules: &Rules, expected: Option<SkipReason>) {
        let lines = diff.changed_lines();
        let (kept, skipped) = apply(diff, rules, &|_| None);
        assert_eq!(skipped.first().map(|s| s.reason), expected);
        assert_eq!(kept.changed_lines() + skipped.iter().map(|s| s.changed_lines).sum::<usize>(), lines);
    }

    #[test]
    fn names() {
        use SkipReason::*;
        let rules = Rules::default();
        for (path, expected) in [
            ("Cargo.lock", Some(Lockfile)),
            ("web/yarn.lock", Some(Lockfile)),
            ("src/lock.rs", None),
            ("vendor/a/b.go", Some(Vendored)),
            ("src/vendor.rs", None),
            ("app/vendored/x.c", Some(Vendored)),
            ("js/app.min.js", Some(Minified)),
            ("js/admin.js", None),
            ("api/v1/x.pb.go", Some(Generated)),
            ("k8s/zz_generated.deepcopy.go", Some(Generated)),
            ("src/generated_code.rs", None),
        ] {
            check(modified(path, "b"), &rules, expected);
        }
    }

    #[test]
    fn what_the_team_says_wins() {
        use SkipReason::*;
        let attributes =
            Attributes::parse("", b"gen.rs linguist-generated\nvendor/ours/** -linguist-vendored\n*.dat binary\n");
        let rules = Rules { include: None, exclude: globs(&["docs/**"]), attributes };
        check(modified("docs/a.md", "b"), &rules, Some(Excluded));
        check(modified("gen.rs", "b"), &rules, Some(Generated));
        check(modified("vendor/ours/a.rs", "b"), &rules, None);
        check(modified("vendor/theirs/a.rs", "b"), &rules, Some(Vendored));
        check(modified("x.dat", "b"), &rules, Some(Binary));
        let only = Rules { include: Some(globs(&["vendor/**"])), ..Rules::default() };
        check(modified("vendor/theirs/a.rs", "b"), &only, None);
        check(modified("src/a.rs", "b"), &only, Some(NotIncluded));
    }

    #[test]
    fn content() {
        use SkipReason::*;
        let rules = Rules::default();
        check(new("a.go", "// Code generated by x. DO NOT EDIT.\npackage a"), &rules, Some(Generated));
        check(new("a.py", "print('generated, do not edit')"), &rules, None);
        check(new("app.js", &"var a=1;".repeat(400)), &rules, Some(Minified));
        check(new("data.json", &"[1,2],".repeat(400)), &rules, None);
        check(new("a.bin", "x\0y"), &rules, Some(Binary));
        check(
            parse("diff --git a/i b/i\nindex 1..2\nBinary files a/i and b/i differ\n").unwrap(),
            &rules,
            Some(Binary),
        );
        let submodule = "diff --git a/s b/s\nindex 1..2 160000\n--- a/s\n+++ b/s\n@@ -1 +1 @@\n-Subproject commit 1\n+Subproject commit 2\n";
        check(parse(submodule).unwrap(), &rules, Some(Submodule));
    }

    #[test]
    fn a_change_cannot_mark_an_existing_file_as_generated() {
        let marked = "// Code generated by x. DO NOT EDIT.";
        check(modified("a.go", marked), &Rules::default(), None);
        let (_, skipped) = apply(modified("a.go", "x"), &Rules::default(), &|_| Some(format!("{marked}\n").into()));
        assert_eq!(skipped[0].reason, SkipReason::Generated);
    }
}

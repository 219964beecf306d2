//! What a release is made of: the archives and their checksums, the version, the manual pages and completions, the package.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::CommandFactory as _;
use prudence::cli::Cli;
use regex::Regex;
use tempfile::TempDir;

use crate::install::{Action, find, missing, sha256};
use crate::support::program::Run;

#[allow(dead_code, reason = "its `main` is the example's")]
#[path = "../../examples/docs.rs"]
mod docs;

const VERSION: &str = env!("CARGO_PKG_VERSION");

const TARGETS: [&str; 5] = [
    "aarch64-apple-darwin",
    "aarch64-unknown-linux-musl",
    "x86_64-apple-darwin",
    "x86_64-pc-windows-msvc",
    "x86_64-unknown-linux-musl",
];

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("`{}`: {error}", path.display()))
}

/// The files of the project that a release is made from, elsewhere, so that a test can change them.
struct Project {
    folder: TempDir,
}

impl Project {
    /// `None`, with a notice, where a program is missing that every runner has.
    fn new() -> Option<Project> {
        if missing(&["bash", "tar", "gzip", "awk", "sed"]) || !has_gnu_tar() {
            return None;
        }
        let folder = TempDir::with_prefix("prudence-release-").expect("a temporary folder");
        fs::create_dir(folder.path().join("scripts")).expect("a folder");
        let scripts = ["scripts/build", "scripts/release", "scripts/propose-release", "scripts/dist", "scripts/pack"];
        let texts = ["Cargo.toml", "README.md", "CHANGELOG.md", "LICENSE", "LICENSE-APACHE", "LICENSE-MIT"];
        for file in scripts.into_iter().chain(texts) {
            fs::copy(source(file), folder.path().join(file)).expect(file);
        }
        let project = Project { folder }.program("scripts/third-party", "echo \"texts for $1\"");
        docs::write(&project.at("docs")).expect("manual pages");
        Some(project)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn file(self, path: &str, text: &str) -> Project {
        fs::write(self.at(path), text).expect("a file");
        self
    }

    /// A stand-in that is run.
    fn program(self, path: &str, text: &str) -> Project {
        let project = self.file(path, &format!("#!/usr/bin/env bash\n{text}\n"));
        fs::set_permissions(project.at(path), fs::Permissions::from_mode(0o755)).expect("a mode");
        project
    }

    fn run(&self, script: &str, arguments: &[&str]) -> Run {
        self.run_with(script, arguments, &[])
    }

    fn run_with(&self, script: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
        let mut command = Command::new(find("bash").expect("bash"));
        command.arg(self.at(script)).args(arguments).current_dir(self.folder.path()).env_remove("SOURCE_DATE_EPOCH");
        // stand-ins in the folder come first
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(self.folder.path().to_owned()).chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(path).expect("a path"));
        command.env("GITHUB_REPOSITORY", "o/r").env("BASE", "main").envs(variables.iter().copied());
        let output = command.output().expect("bash starts");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Packs a program with this text for a platform.
    fn pack(&self, target: &str, program: &str) -> PathBuf {
        fs::write(self.at("built"), program).expect("a program");
        let run = self.run("scripts/dist", &[target, "built", "docs"]).expect_code(0);
        PathBuf::from(run.stdout.trim_end())
    }
}

/// Whether archives can be packed, which a notice says where not: `tar` is another program on macOS.
fn has_gnu_tar() -> bool {
    let is_gnu = |tar: &PathBuf| {
        let output = Command::new(tar).arg("--version").output();
        output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("GNU"))
    };
    let found = ["gtar", "tar"].into_iter().filter_map(find).any(|tar| is_gnu(&tar));
    if !found {
        let _ = writeln!(std::io::stderr(), "notice: skipped, since there is no GNU tar");
    }
    found
}

/// The names in an archive, and what it says of modes and owners.
fn listed(archive: &Path) -> Vec<(String, String)> {
    let output = Command::new("tar").arg("-tvzf").arg(archive).env("TZ", "UTC").output().expect("tar starts");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let entry = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        (words.last().expect("a name").to_string(), format!("{} {}", words[0], words[1]))
    };
    text.lines().map(entry).collect()
}

#[test]
fn a_release_is_built_without_the_paths_of_the_machine() {
    let Some(project) = Project::new() else { return };
    let told = r#"printf '%s\n' "$@" "flags $CARGO_ENCODED_RUSTFLAGS" "C $CFLAGS_x86_64_unknown_linux_musl" >&2"#;
    let project = project.program("cargo", told);
    fs::create_dir_all(project.at("a home/registry/src/index-0")).expect("a folder");
    let variables = [("RUSTFLAGS", "-C target-feature=+crt-static"), ("CFLAGS_x86_64_unknown_linux_musl", "-O2")];
    let home = project.at("a home");
    let run = |target: &str| {
        let home = home.to_str().expect("UTF-8");
        project.run_with("scripts/build", &[target], &[&variables[..], &[("CARGO_HOME", home)]].concat()).expect_code(0)
    };
    let built = run("x86_64-unknown-linux-musl");
    let root = project.folder.path().canonicalize().expect("a folder").display().to_string();
    let program = built.stdout.trim_end();
    assert!(program.ends_with("target/x86_64-unknown-linux-musl/release/prudence"), "{built}");
    let crates = format!("{}/registry/src/index-0=/crates", home.display());
    let flags = format!(
        "flags -C\u{1f}target-feature=+crt-static\u{1f}--remap-path-prefix={root}=/prudence\u{1f}--remap-path-prefix={crates}\n"
    );
    assert!(built.stderr.contains(&flags), "{built}");
    let c_flags =
        format!("C -O2 -ffile-prefix-map={root}=/prudence -ffile-prefix-map={}\n", crates.replace(' ', "\\ "));
    assert!(built.stderr.contains(&c_flags) && built.stderr.contains("--locked"), "{built}");
    let windows = run("x86_64-pc-windows-msvc");
    assert!(windows.stdout.ends_with("/prudence.exe\n") && !windows.stderr.contains("file-prefix"), "{windows}");
}

#[test]
fn an_archive_has_the_program_at_its_root_and_what_belongs_to_it() {
    let Some(project) = Project::new() else { return };
    for (target, program) in [("x86_64-unknown-linux-musl", "prudence"), ("x86_64-pc-windows-msvc", "prudence.exe")] {
        let archive = project.pack(target, "#!/bin/sh\n");
        assert!(archive.ends_with(format!("target/dist/prudence-{VERSION}-{target}.tar.gz")), "{}", archive.display());
        let entries = listed(&archive);
        let has = |name: &str| entries.iter().any(|(entry, _)| entry == name);
        for name in
            [program, "README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE", "THIRD-PARTY.txt", "man/prudence.1"]
        {
            assert!(has(name), "{name}: {entries:?}");
        }
        for name in ["prudence.bash", "_prudence", "prudence.fish", "_prudence.ps1", "prudence.elv"] {
            assert!(has(&format!("completions/{name}")), "{name}: {entries:?}");
        }
        let texts = Command::new("tar").arg("-xOzf").arg(&archive).arg("THIRD-PARTY.txt").output().expect("tar starts");
        assert_eq!(String::from_utf8_lossy(&texts.stdout), format!("texts for {target}\n"));
        for (name, about) in &entries {
            let mode = if name.ends_with('/') { "drwxr-xr-x" } else { "-rw-r--r--" };
            let mode = if name == program { "-rwxr-xr-x" } else { mode };
            assert_eq!(about, &format!("{mode} 0/0"), "{name}");
        }
    }
}

#[test]
fn the_same_files_make_the_same_archive() {
    let Some(project) = Project::new() else { return };
    let first = fs::read(project.pack("x86_64-unknown-linux-musl", "program")).expect("an archive");
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(100);
    fs::File::options().write(true).open(project.at("README.md")).and_then(|f| f.set_modified(later)).expect("a time");
    fs::set_permissions(project.at("README.md"), fs::Permissions::from_mode(0o600)).expect("a mode");
    assert!(first == fs::read(project.pack("x86_64-unknown-linux-musl", "program")).expect("an archive"));
    assert!(first != fs::read(project.pack("x86_64-unknown-linux-musl", "another")).expect("an archive"));
}

#[test]
fn where_no_commit_gives_a_time_that_is_said() {
    let Some(project) = Project::new() else { return };
    let told = |name: &str, value: &str| {
        let mut bash = Command::new(find("bash").expect("bash"));
        let output = bash.arg(project.at("scripts/pack")).arg(project.at("docs")).env(name, value).output();
        String::from_utf8(output.expect("bash starts").stderr).expect("UTF-8")
    };
    let notice = "notice: the files get the time 0, since git tells of no commit; SOURCE_DATE_EPOCH sets another\n";
    assert_eq!([told("SOURCE_DATE_EPOCH", ""), told("SOURCE_DATE_EPOCH", "0")], [notice, ""]);
}

/// The platform of this machine, whose crates are here.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().expect("rustc starts");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().find_map(|line| line.strip_prefix("host: ")).expect("a platform").to_owned()
}

#[test]
fn the_licence_texts_are_of_what_is_in_the_program_each_once() {
    if missing(&["bash", "python3"]) {
        return;
    }
    let mut script = Command::new(find("bash").expect("bash"));
    script.arg(source("scripts/third-party")).arg(host()).env("CARGO_NET_OFFLINE", "true");
    let output = script.output().expect("bash starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let (list, texts) = text.split_once(&"=".repeat(80)).expect("texts");
    let lists = |name: &str| list.lines().any(|line| line.starts_with(&format!("{name} ")) && line.contains(": "));
    // a build dependency among them, and no crate of the tests alone
    for (name, is_there) in [("tokio", true), ("libgit2-sys", true), ("cc", true), ("prudence", false), ("axum", false)]
    {
        assert_eq!(lists(name), is_there, "{name}: {list}");
    }
    assert!(list.lines().any(|line| line.starts_with("ring ") && line.ends_with(": Apache-2.0 AND ISC")), "{list}");
    let libgit2 = Regex::new(r"\nlibgit2-sys \S+: libgit2/COPYING\n").unwrap();
    assert!(libgit2.is_match(texts) && texts.contains("LINKING EXCEPTION"), "no text of libgit2");
    let bodies: Vec<&str> = texts.split(&"=".repeat(80)).skip(1).step_by(2).collect();
    assert!(bodies.len() > 50 && bodies.iter().all(|body| body.len() > 20), "{}", bodies.len());
    assert_eq!(BTreeSet::from_iter(&bodies).len(), bodies.len(), "a text stands twice");
    let registry = std::env::var("HOME").expect("HOME");
    assert!(!list.contains(&registry) && !texts.contains("/registry/src/"), "a path of this machine");
}

#[test]
fn licence_texts_take_python() {
    let Some(project) = Project::new() else { return };
    fs::copy(source("scripts/third-party"), project.at("scripts/third-party")).expect("a script");
    let project = project.program("python3", "exit 9").program("python", "exit 9");
    fs::write(project.at("built"), "program").expect("a program");
    let run = project.run("scripts/dist", &["x86_64-apple-darwin", "built", "docs"]).expect_code(2);
    assert!(run.stderr.starts_with("error: this machine has no python3") && run.stderr.contains("\nhint: "), "{run}");
    assert!(!project.at("target").exists());
}

#[test]
fn an_archive_is_not_made_without_its_parts() {
    let Some(project) = Project::new() else { return };
    for (arguments, cause) in [
        (&["x86_64-apple-darwin", "missing", "docs"], "there is no program missing"),
        (&["x86_64-apple-darwin", "README.md", "scripts"], "there are no manual pages and completions in scripts"),
    ] {
        let run = project.run("scripts/dist", arguments).expect_code(2);
        assert!(run.stderr.starts_with(&format!("error: {cause}\nhint: ")), "{run}");
    }
    assert!(!project.at("target").exists());
}

/// From the archives of all platforms to their checksums, to the manifest, to the program that the action runs.
#[test]
fn the_action_installs_what_a_release_packs() {
    let Some(project) = Project::new() else { return };
    let program = "#!/bin/sh\necho \"prudence $(basename \"$0\")\"\ntouch \"$RAN\"\n";
    let archives: Vec<PathBuf> = TARGETS.iter().map(|target| project.pack(target, program)).collect();
    let sums: String = archives
        .iter()
        .map(|archive| format!("{}  {}\n", sha256(&fs::read(archive).unwrap()), archive.file_name().unwrap().display()))
        .collect();
    let project = project.file("SHA256SUMS", &format!("{sums}{:064}  prudence-{VERSION}.cdx.json\n", 0));
    let manifest = project.run("scripts/release", &["manifest", "SHA256SUMS"]).expect_code(0).stdout;
    assert_eq!(manifest.lines().count(), TARGETS.len(), "{manifest}");
    let linux = archives.last().expect("an archive");
    let Some(action) = Action::serving(fs::read(linux).expect("an archive"), &manifest) else { return };
    let run = action.install("", 0);
    assert!(run.stdout.ends_with("/prudence\n") && action.ran(), "{run}");
}

#[test]
fn the_manifest_is_made_of_this_versions_archives_alone() {
    let Some(project) = Project::new() else { return };
    let sum = "ab".repeat(32);
    let line = |name: &str| format!("{sum}  {name}\n");
    let sums = line(&format!("prudence-{VERSION}-aarch64-apple-darwin.tar.gz"))
        // as sha256sum marks a file that it read as binary
        + &format!("{sum} *prudence-{VERSION}-x86_64-pc-windows-msvc.tar.gz\n")
        + &line("prudence-9.9.9-x86_64-apple-darwin.tar.gz")
        + &line(&format!("prudence-{VERSION}-x86_64-apple-darwin.zip"))
        + &line(&format!("prudence-{VERSION}.cdx.json"));
    let project = project.file("SHA256SUMS", &sums).file("none", &line("prudence-9.9.9-x86_64-apple-darwin.tar.gz"));
    let run = project.run("scripts/release", &["manifest", "SHA256SUMS"]).expect_code(0);
    let expected = format!("{VERSION} aarch64-apple-darwin {sum}\n{VERSION} x86_64-pc-windows-msvc {sum}\n");
    assert_eq!(run.stdout, expected);
    let run = project.run("scripts/release", &["manifest", "none"]).expect_code(2);
    assert!(run.stderr.starts_with(&format!("error: none has no archive of {VERSION}\nhint: ")), "{run}");
}

/// A `gh` that has the branch `main`, perhaps the one that is proposed, and perhaps a request, as files of its folder. It
/// refuses what is there already, as GitHub does, and keeps what it was asked.
const GH: &str = r#"cd "$(dirname "$0")" || exit
echo "$*" >>asked
case "$*" in
"api repos/o/r/contents/releases.txt?ref=main --header "*) cat main ;;
"api repos/o/r/contents/releases.txt?ref=release-"*" --header "*) cat branch ;;
"api repos/o/r/contents/releases.txt?ref=release-"*" --jq .sha") echo blob ;;
"api repos/o/r/git/ref/heads/main "*) echo head ;;
"api repos/o/r/git/ref/heads/release-"*) test -e branch ;;
"api repos/o/r/git/refs -f ref=refs/heads/release-"*" -f sha=head --silent") test ! -e branch && cp main branch ;;
"api --method PUT repos/o/r/contents/releases.txt -f branch=release-"*" -f sha=blob "*)
    for argument; do case $argument in content=*) base64 -d <<<"${argument#content=}" >branch ;; esac; done ;;
"pr list "*) if [ -e request ]; then cat request; fi ;;
"pr create "*) test ! -e request && echo https://example.com/pull/1 | tee request ;;
*) exit 9 ;;
esac
"#;

#[test]
fn the_lines_of_the_manifest_are_proposed_once() {
    let Some(project) = Project::new() else { return };
    let sums = |sum: &str| format!("{}  prudence-{VERSION}-aarch64-apple-darwin.tar.gz\n", sum.repeat(32));
    let line = |sum: &str| format!("{VERSION} aarch64-apple-darwin {}\n", sum.repeat(32));
    let before = "# releases\n0.0.1 aarch64-apple-darwin 00\n";
    let project = project.file("SHA256SUMS", &sums("ab")).program("gh", GH).file("main", before);
    // what is written in a run, by the words of `gh`
    let propose = |said: &str| {
        let _ = fs::remove_file(project.at("asked"));
        let run = project.run("scripts/propose-release", &["SHA256SUMS"]).expect_code(0);
        assert!(run.stdout.starts_with(said) && run.stderr.is_empty(), "{run}");
        let asked = read(project.at("asked"));
        ["git/refs -f", "PUT", "pr create"].map(|word| asked.matches(word).count())
    };
    let request = "https://example.com/pull/1\n";
    assert_eq!(propose(request), [1, 1, 1]);
    assert_eq!(read(project.at("branch")), format!("{before}{}", line("ab")));
    assert_eq!(read(project.at("main")), before);
    assert_eq!(propose(request), [0, 0, 0], "run again");
    fs::remove_file(project.at("request")).expect("a request");
    assert_eq!(propose(request), [0, 0, 1], "a try that ended before the request");
    fs::write(project.at("SHA256SUMS"), sums("cd")).expect("a file");
    assert_eq!(propose(request), [0, 1, 0], "other archives");
    assert_eq!(read(project.at("branch")), format!("{before}{}", line("cd")));
    fs::rename(project.at("branch"), project.at("main")).expect("merged");
    let merged = format!("releases.txt of main has the lines of {VERSION} already\n");
    assert_eq!(propose(&merged), [0, 0, 0], "merged");
}

#[test]
fn the_tag_is_the_version() {
    let Some(project) = Project::new() else { return };
    let version = |arguments: &[&str]| project.run("scripts/release", &[&["version"], arguments].concat());
    assert_eq!(version(&[]).expect_code(0).stdout, format!("{VERSION}\n"));
    assert_eq!(version(&[&format!("v{VERSION}")]).expect_code(0).stdout, format!("{VERSION}\n"));
    for tag in [VERSION, "v9.9.9", "v", "main"] {
        let run = version(&[tag]).expect_code(2);
        assert!(run.stderr.starts_with(&format!("error: the tag is {tag} and the version in Cargo.toml {VERSION}\n")));
    }
}

#[test]
fn a_version_before_a_release_is_not_the_latest_image() {
    for (version, tags) in [("1.2.3", "1.2.3\n1.2\nlatest\n"), ("1.2.3-rc.1", "1.2.3-rc.1\n")] {
        let Some(project) = Project::new() else { return };
        let project = project.file("Cargo.toml", &format!("[package]\nname = \"prudence\"\nversion = \"{version}\"\n"));
        assert_eq!(project.run("scripts/release", &["tags"]).expect_code(0).stdout, tags);
    }
}

#[test]
fn the_notes_are_the_changelogs_section() {
    let Some(project) = Project::new() else { return };
    let changelog = |heading: &str| {
        format!(
            "# Changelog\n\n## [Unreleased]\n\n- later\n\n## {heading}\n\n### Added\n\n- this\n\n## [0.0.1]\n\n- before\n\n[0.0.1]: https://example.com\n"
        )
    };
    let project = project.file("CHANGELOG.md", &changelog(&format!("[{VERSION}] - 2030-01-02")));
    assert_eq!(project.run("scripts/release", &["notes"]).expect_code(0).stdout, "### Added\n\n- this\n");
    let project = project.file("CHANGELOG.md", &changelog("[9.9.9]"));
    let run = project.run("scripts/release", &["notes"]).expect_code(2);
    assert!(run.stderr.starts_with(&format!("error: CHANGELOG.md has no section {VERSION}\nhint: ")), "{run}");
}

/// The texts of the project that people or machines take a version from.
fn texts() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = ["README.md", "action.yml", "Dockerfile", "deny.toml"].map(source).into();
    let mut folders: Vec<PathBuf> = ["docs", ".github", ".ci", "scripts", "templates", "prompts"].map(source).into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("`{}`: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found
}

#[test]
fn the_version_stands_in_one_place() {
    let named = Regex::new(r"(?i)prudence(?: version)?[-:@/ ]v?(\d+\.\d+\.\d+)").unwrap();
    for form in ["prudencereview/prudence:1.2.3", "prudence-review/prudence@v1.2.3", "Prudence version 1.2.3"] {
        assert!(named.is_match(form), "{form}");
    }
    for path in texts() {
        let Ok(text) = fs::read_to_string(&path) else { continue }; // a picture
        let other = named.captures_iter(&text).find(|found| !VERSION.starts_with(&found[1]));
        assert!(other.is_none(), "`{}` names `{}`: Cargo.toml has the version", path.display(), &other.unwrap()[0]);
    }
    let changelog = read(source("CHANGELOG.md"));
    let has = changelog.contains(&format!("To become {VERSION}.")) || changelog.contains(&format!("## [{VERSION}]"));
    assert!(has, "CHANGELOG.md does not tell of {VERSION}");
}

#[test]
fn the_workflow_builds_each_platform_that_the_action_knows() {
    let target = Regex::new(r"\b(?:x86_64|aarch64)-(?:unknown|apple|pc)-[a-z]+(?:-[a-z]+)?\b").unwrap();
    let named = |text: &str| -> BTreeSet<String> { target.find_iter(text).map(|m| m.as_str().to_owned()).collect() };
    let expected: BTreeSet<String> = TARGETS.map(str::to_owned).into();
    assert_eq!(named(&read(source(".github/workflows/release.yml"))), expected);
    assert_eq!(named(&read(source("deny.toml"))), expected);
    let install = read(source("scripts/install")).replace("$arch-", "x86_64-")
        + &read(source("scripts/install")).replace("$arch-", "aarch64-");
    assert!(expected.iter().all(|target| install.contains(target.as_str())), "{install}");
}

/// All commands, by the words that name them, with their long flags.
fn commands() -> Vec<(Vec<String>, Vec<String>)> {
    fn flags(command: &clap::Command) -> Vec<String> {
        command.get_arguments().filter_map(|argument| Some(format!("--{}", argument.get_long()?))).collect()
    }
    fn all(command: &clap::Command, above: &[String]) -> Vec<(Vec<String>, Vec<String>)> {
        let words = [above, &[command.get_name().to_owned()]].concat();
        let below = command.get_subcommands().filter(|below| below.get_name() != "help");
        let below: Vec<_> = below.flat_map(|below| all(below, &words)).collect();
        std::iter::once((words, flags(command))).chain(below).collect()
    }
    let mut root = Cli::command();
    root.build(); // hands global flags on
    all(&root, &[])
}

#[test]
fn every_command_has_a_manual_page_with_its_flags() {
    let folder = TempDir::with_prefix("prudence-docs-").expect("a temporary folder");
    docs::write(folder.path()).expect("manual pages");
    let commands = commands();
    assert!(commands.len() > 5 && commands.iter().all(|(_, flags)| flags.len() > 3), "{commands:?}");
    for (words, flags) in &commands {
        let page = read(folder.path().join(format!("man/{}.1", words.join("-")))).replace("\\-", "-");
        for flag in flags {
            assert!(page.contains(flag.as_str()), "{words:?} {flag}\n{page}");
        }
        assert!(page.starts_with(".ie"), "{page}");
    }
    assert_eq!(fs::read_dir(folder.path().join("man")).unwrap().count(), commands.len());
}

#[test]
fn completions_know_every_flag() {
    let folder = TempDir::with_prefix("prudence-docs-").expect("a temporary folder");
    docs::write(folder.path()).expect("completions");
    for name in ["prudence.bash", "_prudence", "prudence.fish", "_prudence.ps1", "prudence.elv"] {
        let script = read(folder.path().join("completions").join(name));
        for (words, flags) in commands() {
            for flag in flags {
                // fish has them without their dashes
                let flag = if name == "prudence.fish" { format!("-l {}", &flag[2..]) } else { flag };
                assert!(script.contains(&flag), "{name}: {words:?} {flag}");
            }
        }
    }
}

/// What bash offers after these words, the last of which is not yet complete.
fn bash_completes(script: &Path, words: &[&str]) -> Vec<String> {
    let ask = "source \"$1\"; shift; complete -p prudence >/dev/null || exit 1; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
        _prudence prudence \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD - 1]}\"; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut bash = Command::new("bash");
    let output = bash.args(["--norc", "--noprofile", "-c", ask, "bash"]).arg(script).args(words).output();
    let output = output.expect("bash starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success() && stderr.is_empty(), "{stderr}");
    stdout.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_and_flags() {
    if missing(&["bash"]) {
        return;
    }
    let folder = TempDir::with_prefix("prudence-docs-").expect("a temporary folder");
    docs::write(folder.path()).expect("completions");
    let script = folder.path().join("completions/prudence.bash");
    assert_eq!(bash_completes(&script, &["prudence", "rev"]), ["review"]);
    assert_eq!(bash_completes(&script, &["prudence", "review", "--fail"]), ["--fail-on"]);
    let formats = bash_completes(&script, &["prudence", "review", "--format", ""]);
    assert_eq!(formats, ["terminal", "markdown", "json", "sarif", "codequality", "annotations", "html"]);
    assert_eq!(bash_completes(&script, &["prudence", "init", "--fo"]), ["--forks", "--force"]);
    for (words, flags) in commands() {
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        words.push("--");
        let offered = bash_completes(&script, &words);
        assert_eq!(BTreeSet::from_iter(offered), BTreeSet::from_iter(flags), "{words:?}");
    }
}

/// The files that the sources include, from the root of the project.
fn included(folder: &Path, found: &mut BTreeSet<String>) {
    let include = Regex::new(r#"include_(?:str|bytes)!\("([^"]+)"\)"#).unwrap();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            included(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            for file in include.captures_iter(&read(&path)) {
                let file = path.parent().expect("a folder").join(&file[1]).canonicalize().expect("an included file");
                let root = source("").canonicalize().expect("the project");
                found.insert(file.strip_prefix(root).expect("a file of the project").display().to_string());
            }
        }
    }
}

#[test]
fn the_package_has_what_the_build_needs_and_little_more() {
    let mut cargo = Command::new(env!("CARGO"));
    let output =
        cargo.args(["package", "--list", "--locked", "--offline", "--allow-dirty"]).current_dir(source("")).output();
    let output = output.expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8").replace('\\', "/");
    let packed: BTreeSet<&str> = text.lines().collect();
    let mut needed = BTreeSet::from(
        ["Cargo.lock", "Cargo.toml", "README.md", "src/main.rs", "src/lib.rs", "LICENSE-MIT"].map(str::to_owned),
    );
    let before = needed.len();
    included(&source("src"), &mut needed);
    assert!(needed.len() > before + 4, "{needed:?}");
    for file in &needed {
        assert!(packed.contains(file.as_str()), "`{file}` is not in the package: {packed:?}");
    }
    let size: u64 = packed.iter().filter_map(|file| fs::metadata(source(file)).ok()).map(|file| file.len()).sum();
    assert!(size < 2_500_000, "{size} bytes");
    assert!(!packed.iter().any(|file| file.starts_with("tests/") || file.starts_with(".git")), "{packed:?}");
}

//! `scripts/install`, which gets the program for the action, against a server with releases.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::support::program::Run;
use crate::support::server::{Reply, Server};

const LINUX: &str = "x86_64-unknown-linux-musl";

/// A released program that says its version, and that it ran.
const PROGRAM: &str = "#!/bin/sh\necho \"prudence $(basename \"$0\")\"\ntouch \"$RAN\"\n";

/// The action on a runner, and the server with its releases.
pub struct Action {
    folder: TempDir,
    server: Server,
    /// Of the archive that the server has.
    sum: String,
    env: HashMap<&'static str, String>,
}

impl Action {
    /// With this manifest, where `SUM` stands for the checksum of what the server has. `None`, with a notice, where a
    /// program is missing that every runner has.
    fn new(manifest: &str) -> Option<Action> {
        Action::with("prudence", PROGRAM, manifest)
    }

    /// With an archive that has this file.
    fn with(name: &str, content: &str, manifest: &str) -> Option<Action> {
        if missing(&["tar"]) {
            return None;
        }
        let made = TempDir::with_prefix("prudence-made-").expect("a temporary folder");
        program(&made.path().join(name), content);
        let tar =
            Command::new("tar").args(["-czf", "-", "-C"]).arg(made.path()).arg(name).output().expect("tar starts");
        assert!(tar.status.success());
        Action::serving(tar.stdout, manifest)
    }

    /// With this archive.
    pub fn serving(archive: Vec<u8>, manifest: &str) -> Option<Action> {
        if missing(&["bash", "curl", "tar"]) {
            return None;
        }
        let folder = TempDir::with_prefix("prudence-install-").expect("a temporary folder");
        let at = |path: &str| folder.path().join(path);
        for part in ["action/scripts", "temp", "bin"] {
            fs::create_dir_all(at(part)).expect("a folder");
        }
        let sum = sha256(&archive);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/install");
        fs::copy(script, at("action/scripts/install")).expect("the script");
        fs::write(at("action/releases.txt"), manifest.replace("SUM", &sum)).expect("a manifest");
        let server = Server::start(
            "releases",
            Box::new(move |request, _, _| match request.path.contains("gone") {
                true => Reply::html(404),
                false => Reply::bytes(200, "application/gzip", archive.clone()),
            }),
        );
        let env = HashMap::from([
            ("RUNNER_OS", "Linux".to_owned()),
            ("RUNNER_ARCH", "X64".to_owned()),
            ("RUNNER_TEMP", at("temp").display().to_string()),
            ("RAN", at("ran").display().to_string()),
            ("PRUDENCE_DOWNLOAD_ROOT", server.root.clone()),
        ]);
        let action = Action { folder, server, sum, env };
        Some(action.cargo("echo \"$PWD $*\" >\"$RAN.cargo\"\nmkdir -p target/release\nprintf '#!/bin/sh\\n' >target/release/prudence\nchmod +x target/release/prudence\n"))
    }

    /// Lets `cargo` do this.
    fn cargo(self, does: &str) -> Action {
        program(&self.at("bin/cargo"), &format!("#!/bin/sh\n{does}"));
        self
    }

    fn env(mut self, name: &'static str, value: &str) -> Action {
        self.env.insert(name, value.to_owned());
        self
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    #[track_caller]
    pub fn install(&self, version: &str, code: i32) -> Run {
        let mut path = OsString::from(self.at("bin"));
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        self.install_with(path, version, code)
    }

    /// Runs the script as the step of the action does.
    #[track_caller]
    fn install_with(&self, path: OsString, version: &str, code: i32) -> Run {
        let mut command = Command::new(find("bash").expect("bash"));
        command.arg(self.at("action/scripts/install")).env_clear().envs(&self.env);
        let output = command.env("PATH", path).env("INPUT_VERSION", version).output().expect("bash starts");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        let run = Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
        if code != 0 {
            assert_eq!(run.stdout, "", "no path where there is no program: {run}");
        }
        run.expect_code(code)
    }

    /// The paths that the server was asked for.
    fn asked(&self) -> Vec<String> {
        self.server.requests().into_iter().map(|request| request.path).collect()
    }

    /// Whether a released program ran.
    pub fn ran(&self) -> bool {
        self.at("ran").exists()
    }

    /// How `cargo` was called, if it was: its folder and its arguments.
    fn built(&self) -> Option<String> {
        fs::read_to_string(self.at("ran.cargo")).ok()
    }
}

fn program(path: &Path, text: &str) {
    fs::write(path, text).expect("a program");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a program");
}

/// Whether one of these programs is not there, which a notice then says.
pub fn missing(tools: &[&str]) -> bool {
    let missing = tools.iter().find(|tool| find(tool).is_none());
    if let Some(tool) = missing {
        // not `eprintln!`, which the test runner captures
        let _ = writeln!(std::io::stderr(), "notice: skipped, since there is no `{tool}`");
    }
    missing.is_some()
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn find(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(tool)).find(|file| file.is_file())
}

fn archive(version: &str, target: &str) -> String {
    format!("/v{version}/prudence-{version}-{target}.tar.gz")
}

#[test]
fn a_release_with_the_right_checksum_is_installed() {
    let manifest = format!("# comment\n\n1.0.0 {LINUX} SUM\n1.1.0 {LINUX} SUM\n2.0.0 aarch64-apple-darwin SUM\n");
    for (version, expected) in [("", "1.1.0"), ("1.0.0", "1.0.0"), ("v1.0.0", "1.0.0")] {
        let Some(action) = Action::new(&manifest) else { return };
        let run = action.install(version, 0);
        assert_eq!(action.asked(), [archive(expected, LINUX)], "{run}");
        let path = run.stdout.strip_suffix('\n').expect("one line");
        assert!(Path::new(path).starts_with(action.at("temp")) && Path::new(path).is_file(), "{run}");
        assert!(action.ran() && run.stderr.contains("prudence prudence\n"), "it is tried: {run}");
        assert_eq!(action.built(), None, "{run}");
    }
}

#[test]
fn each_platform_has_its_release() {
    let cases = [
        ("Linux", "X64", LINUX),
        ("Linux", "ARM64", "aarch64-unknown-linux-musl"),
        ("macOS", "X64", "x86_64-apple-darwin"),
        ("macOS", "ARM64", "aarch64-apple-darwin"),
        ("Windows", "X64", "x86_64-pc-windows-msvc"),
        // what `uname` says
        ("Linux", "x86_64", LINUX),
        ("Linux", "aarch64", "aarch64-unknown-linux-musl"),
        ("Darwin", "arm64", "aarch64-apple-darwin"),
        ("MINGW64_NT-10.0-26100", "x86_64", "x86_64-pc-windows-msvc"),
    ];
    let manifest: String = cases.iter().map(|(_, _, target)| format!("1.0.0 {target} SUM\n")).collect();
    for (os, arch, target) in cases {
        let name = if target.contains("windows") { "prudence.exe" } else { "prudence" };
        let Some(action) = Action::with(name, PROGRAM, &manifest) else { return };
        let action = action.env("RUNNER_OS", os).env("RUNNER_ARCH", arch);
        let run = action.install("", 0);
        assert_eq!(action.asked(), [archive("1.0.0", target)], "{run}");
        assert!(run.stdout.ends_with(&format!("/{name}\n")), "{run}");
    }
    for (os, arch) in [("Linux", "ARM"), ("Windows", "ARM64"), ("FreeBSD", "amd64")] {
        let Some(action) = Action::new(&manifest) else { return };
        let action = action.env("RUNNER_OS", os).env("RUNNER_ARCH", arch);
        // where the stand-in of cargo puts its program without the `.exe` of Windows
        let run = if os == "Windows" { action.install("", 2) } else { action.install("", 0) };
        assert!(action.asked().is_empty() && action.built().is_some(), "{run}");
    }
}

/// Ends with code 2 and these words; no program is run and none is built in its place.
#[track_caller]
fn check_refused(action: &Action, version: &str, expected: &str) {
    let run = action.install(version, 2);
    assert!(run.stderr.contains(&format!("error: {expected}")), "{expected}\n{run}");
    assert_eq!(run.stderr.matches("hint: ").count(), 1, "{run}");
    assert!(!action.ran() && action.built().is_none(), "{run}");
}

#[test]
fn a_wrong_checksum_is_an_error_and_no_reason_to_build() {
    let wrong = "0".repeat(64);
    let Some(action) = Action::new(&format!("1.0.0 {LINUX} {wrong}\n")) else { return };
    let url = format!("{}{}", action.server.root, archive("1.0.0", LINUX));
    check_refused(&action, "", &format!("the checksum of {url} is {} and not {wrong}", action.sum));
    assert_eq!(
        fs::read_dir(action.at("temp"))
            .unwrap()
            .flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap())
            .count(),
        0
    );
    let Some(action) = Action::new(&format!("1.0.0 {LINUX}\n")) else { return };
    check_refused(&action, "1.0.0", &format!("the checksum of {}", action.server.root));
}

#[test]
fn what_cannot_be_downloaded_is_an_error() {
    let manifest = format!("1.0.0 {LINUX} SUM\n");
    let Some(action) = Action::new(&manifest) else { return };
    let root = format!("{}/gone", action.server.root);
    check_refused(&action.env("PRUDENCE_DOWNLOAD_ROOT", &root), "", &format!("cannot download {root}/v1.0.0/"));
    let Some(action) = Action::new(&manifest) else { return };
    // any other host needs https: this one is not even asked
    let action = action.env("PRUDENCE_DOWNLOAD_ROOT", "http://prudence.invalid/");
    check_refused(&action, "", "cannot download http://prudence.invalid/v1.0.0/");
    let Some(action) = Action::with("other", PROGRAM, &manifest) else { return };
    check_refused(&action, "", &format!("{}/v1.0.0/prudence-1.0.0-{LINUX}.tar.gz has no prudence", action.server.root));
    let Some(action) = Action::with("prudence", "#!/bin/sh\nexit 1\n", &manifest) else { return };
    check_refused(&action, "", &action.at("temp").display().to_string());
}

#[test]
fn a_version_that_is_not_listed_is_an_error() {
    let manifest = format!("1.0.0 {LINUX} SUM\n1.1.0 aarch64-apple-darwin SUM\n");
    for (version, shown) in
        [("1.2.0", "1.2.0"), ("1.1.0", "1.1.0"), ("1", "1"), ("%\n::add-mask::$(id)", "????add-mask????id?")]
    {
        let Some(action) = Action::new(&manifest) else { return };
        check_refused(&action, version, &format!("there is no release {shown} for {LINUX} in the manifest"));
        assert!(action.asked().is_empty());
    }
    let Some(action) = Action::new(&manifest) else { return };
    let run = action.env("GITHUB_ACTIONS", "true").install("1.2.0", 2);
    assert!(
        run.stderr.contains("::error title=Prudence::there is no release 1.2.0") && run.stderr.contains("%0Ahint: "),
        "{run}"
    );
}

#[test]
fn without_a_release_it_is_built_from_source() {
    let other = "1.0.0 aarch64-apple-darwin SUM\n";
    let listed = format!("1.0.0 {LINUX} SUM\n");
    for (manifest, version) in [("# none yet\n", ""), (other, ""), (&listed, "source")] {
        let Some(action) = Action::new(manifest) else { return };
        let run = action.install(version, 0);
        let folder = action.at("action").canonicalize().unwrap();
        assert_eq!(run.stdout, format!("{}\n", folder.join("target/release/prudence").display()));
        let call = format!("{} build --release --locked --target-dir target\n", folder.display());
        assert_eq!(action.built(), Some(call), "{run}");
        assert!(action.asked().is_empty() && !action.ran(), "{run}");
        fs::remove_file(action.at("ran.cargo")).unwrap();
        assert_eq!(action.install(version, 0).stdout, run.stdout);
        assert_eq!(action.built(), None, "what is built is not built again");
    }
}

#[test]
fn a_build_that_fails_ends_with_code_2() {
    let Some(action) = Action::new("") else { return };
    let run = action.cargo("echo 'error: no' >&2\nexit 101\n").install("", 2);
    assert!(run.stderr.contains("error: no\nerror: Prudence could not be built from source\nhint: "), "{run}");
    let Some(action) = Action::new("") else { return };
    let tools = action.at("tools");
    fs::create_dir(&tools).unwrap();
    for tool in ["awk", "dirname", "tr"] {
        symlink(find(tool).expect(tool), tools.join(tool)).unwrap();
    }
    let run = action.install_with(tools.into(), "", 2);
    assert!(run.stderr.contains("error: no Rust toolchain on this runner"), "{run}");
    assert!(run.stderr.contains("hint: install one with rustup"), "{run}");
}

#[test]
fn the_manifest_of_the_action_is_one() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("releases.txt")).expect("a manifest");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let [_, target, sum] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("`{line}`") };
        assert!(target.split('-').count() >= 3 && sum.len() == 64, "`{line}`");
        assert!(sum.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "`{line}`");
    }
}

//! The container image, where `scripts/test-image` built one and `PRUDENCE_TEST_IMAGE` names it. Containers are started by
//! buildah without a container engine or a network, and by podman for a root that is read-only.

use std::io::Write as _;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::program::Run;
use crate::support::repo::Repo;

/// Who owns the mounted repository: neither root nor the user of the image.
const SOMEBODY: u32 = 4242;

/// A container of the image, removed with the value.
struct Container {
    name: String,
}

impl Container {
    /// `None`, with a notice, where there is no image.
    fn new() -> Option<Container> {
        let image = image()?;
        let name = run(Command::new("buildah").args(["from", "--pull-never", &image])).expect_code(0).stdout;
        Some(Container { name: name.trim().to_owned() })
    }

    /// Runs a program in it, with this folder mounted read-only where the image wants a repository.
    fn run(&self, mounted: &Path, command: &[&str]) -> Run {
        let volume = format!("{}:/work:ro", mounted.display());
        let mut buildah = Command::new("buildah");
        buildah.args(["run", "--network", "host", "--volume", &volume, &self.name, "--"]).args(command);
        run(&mut buildah)
    }

    /// Gives a script to its shell.
    fn script(&self, mounted: &Path, script: &str) -> Run {
        let volume = format!("{}:/work:ro", mounted.display());
        let mut shell = Command::new("buildah");
        shell.args(["run", "--network", "host", "--volume", &volume, &self.name, "--", "sh"]);
        let mut shell =
            shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("buildah");
        shell.stdin.take().expect("a pipe").write_all(script.as_bytes()).expect("the shell reads");
        ended(shell.wait_with_output().expect("buildah ends"))
    }

    /// What the image says of itself.
    fn inspect(&self) -> Value {
        run(Command::new("buildah").args(["inspect", "--type", "container", &self.name])).expect_code(0).json()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = Command::new("buildah").args(["rm", &self.name]).output();
    }
}

fn image() -> Option<String> {
    let image = std::env::var("PRUDENCE_TEST_IMAGE").ok();
    if image.is_none() {
        // not `eprintln!`, which the test runner captures
        let _ = writeln!(std::io::stderr(), "notice: skipped, since PRUDENCE_TEST_IMAGE names no container image");
    }
    image
}

fn run(command: &mut Command) -> Run {
    ended(command.output().unwrap_or_else(|error| panic!("{command:?}: {error}")))
}

fn ended(output: Output) -> Run {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A branch with a conflict mark, in a checkout that belongs to somebody else.
fn repository() -> Repo {
    let repo = Repo::new().file("notes.txt", "one\ntwo\n").commit("notes").branch("topic");
    let repo = repo.file("notes.txt", "one\n<<<<<<< HEAD\ntwo\n=======\n2\n>>>>>>> other\n").commit("merged");
    give_away(repo.path());
    repo
}

fn give_away(path: &Path) {
    chown(path, Some(SOMEBODY), Some(SOMEBODY)).expect("tests of the image run as root");
    if path.is_dir() {
        path.read_dir().expect("a folder").for_each(|entry| give_away(&entry.expect("an entry").path()));
    }
}

const REVIEW: [&str; 7] = ["review", "--provider", "offline", "--base", "main", "--format", "json"];

/// The one finding of the repository's branch.
#[track_caller]
fn check_finding(report: &Value) {
    let findings = report["findings"].as_array().expect("findings");
    assert_eq!((findings.len(), &report["status"]), (1, &Value::from("complete")), "{report}");
    let at = (&findings[0]["rule"], &findings[0]["path"], &findings[0]["start_line"]);
    assert_eq!(at, (&"conflict-marks".into(), &"notes.txt".into(), &2.into()), "{report}");
}

#[test]
fn the_image_reviews_a_mounted_repository_of_another_user() {
    let Some(container) = Container::new() else { return };
    let repo = repository();
    let program = [&["/usr/bin/prudence"], &REVIEW[..]].concat();
    let run = container.run(repo.path(), &program).expect_code(0);
    check_finding(&run.json());
    container.run(repo.path(), &[&program[..], &["--fail-on", "major"]].concat()).expect_code(1);
    let run = container.run(repo.path(), &["prudence", "review", "--provider", "offline", "--base", "nowhere"]);
    assert!(run.clone().expect_code(2).stderr.contains("`nowhere`"), "{run}");
}

/// As `docker run --read-only` does, which podman does not by itself: it leaves `/tmp` writable. In the namespaces of a real
/// runtime, by the entry point, and as any user.
#[test]
fn the_image_works_with_a_root_that_is_read_only() {
    let Some(image) = image() else { return };
    let repo = repository();
    let volume = format!("{}:/work:ro", repo.path().display());
    let podman = |before: &[&str], after: &[&str]| {
        let mut command = Command::new("podman");
        command.args(["run", "--rm", "--pull", "never", "--network", "none", "--volume", &volume]);
        command.args(["--read-only", "--read-only-tmpfs=false"]);
        run(command.args(before).arg(&image).args(after))
    };
    check_finding(&podman(&[], &REVIEW).expect_code(0).json());
    check_finding(&podman(&["--user", "1234:1234"], &REVIEW).expect_code(0).json());
    let gated = [&REVIEW[..], &["--fail-on", "critical"]].concat();
    podman(&[], &gated).expect_code(1);
    let shell = podman(&["--entrypoint", "sh"], &["-c", "! touch /tmp/file && ! touch /file && ! touch /work/file"]);
    assert_eq!(shell.expect_code(0).stderr.matches("Read-only file system").count(), 3);
}

/// What GitLab's runner does: a script to `sh`, in such forms of quoting, as the user of the image, who is asked for before.
const JOB: &str = r#"set -eo pipefail
set +o noclobber
: | eval $'export NOTES="notes.txt"\nid -u\nid -g\npwd\n echo "$HOME $PATH"\ntest -w "$HOME"\n'
mkdir -p /tmp/build
echo key >/tmp/build/key
chmod 600 /tmp/build/key
rm -r -f /tmp/build
grep -c '<<<' notes.txt
prudence --version
exit 0
"#;

/// Each program of the shell is there.
const APPLETS: &str = r#"for applet in $(ls /bin); do
    test "$applet" = busybox || busybox --list | grep -qxF -- "$applet" || exit 1
done"#;

#[test]
fn the_image_runs_scripts_of_a_job() {
    let Some(container) = Container::new() else { return };
    let repo = repository();
    let run = container.script(repo.path(), JOB).expect_code(0);
    let expected = ["10001", "10001", "/work", "/home/prudence /usr/bin:/bin", "1"];
    let version = concat!("prudence ", env!("CARGO_PKG_VERSION"));
    assert_eq!(run.stdout.lines().collect::<Vec<_>>(), [&expected[..], &[version]].concat(), "{run}");
    assert_eq!(container.script(repo.path(), "false | true\nset -o pipefail\nfalse | true\n").code, Some(1));
    container.script(repo.path(), APPLETS).expect_code(0);
    // nothing of the image can be changed by who runs in it
    container.script(repo.path(), "touch /file || touch /usr/bin/prudence || touch /bin/sh").expect_code(1);
    let certificates = "grep -c 'BEGIN CERTIFICATE' /etc/ssl/certs/ca-certificates.crt";
    let count = container.script(repo.path(), certificates).expect_code(0);
    assert!(count.stdout.trim().parse::<u32>().is_ok_and(|count| count > 50), "{count}");
}

#[test]
fn the_image_has_the_licences_of_what_is_in_it() {
    let Some(container) = Container::new() else { return };
    let repo = repository();
    let texts = ["prudence/THIRD-PARTY.txt", "prudence/LICENSE-MIT", "busybox/copyright", "ca-certificates/copyright"];
    for text in texts {
        container.script(repo.path(), &format!("test -s /usr/share/doc/{text}")).expect_code(0);
    }
    container.script(repo.path(), "grep -q 'LINKING EXCEPTION' /usr/share/doc/prudence/THIRD-PARTY.txt").expect_code(0);
    let source = container.script(repo.path(), "cat /usr/share/doc/busybox/source").expect_code(0).stdout;
    assert!(source.starts_with("busybox is built from the source package busybox 1:"), "{source}");
}

#[test]
fn the_image_says_what_it_is_and_is_small() {
    let Some(container) = Container::new() else { return };
    let inspected = container.inspect();
    let config = &inspected["OCIv1"]["config"];
    assert_eq!(config["User"], "10001:10001");
    assert_eq!(config["WorkingDir"], "/work");
    assert_eq!(config["Entrypoint"], serde_json::json!(["/usr/bin/prudence"]));
    let label = |name: &str| config["Labels"][format!("org.opencontainers.image.{name}")].as_str().unwrap_or_default();
    assert_eq!((label("title"), label("version")), ("Prudence", env!("CARGO_PKG_VERSION")));
    assert_eq!(label("source"), env!("CARGO_PKG_REPOSITORY"));
    for name in ["description", "licenses", "documentation"] {
        assert!(!label(name).is_empty(), "{name}: {config}");
    }
    assert!(label("revision").len() == 40 && label("revision").bytes().all(|b| b.is_ascii_hexdigit()), "{config}");
    assert_eq!(label("created"), inspected["OCIv1"]["created"]);
    let manifest: Value = serde_json::from_str(inspected["Manifest"].as_str().expect("a manifest")).expect("JSON");
    let size: u64 =
        manifest["layers"].as_array().expect("layers").iter().filter_map(|layer| layer["size"].as_u64()).sum();
    assert!(size > 1_000_000 && size <= 30_000_000, "{size} bytes");
}

#[test]
fn a_program_that_needs_libraries_makes_no_image() {
    if image().is_none() {
        return;
    }
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut script = Command::new(project.join("scripts/image"));
    let run = run(script.args(["root", "amd64", env!("CARGO_BIN_EXE_prudence")])).expect_code(2);
    assert!(run.stderr.starts_with("error: ") && run.stderr.contains("prudence needs libraries\nhint: "), "{run}");
}

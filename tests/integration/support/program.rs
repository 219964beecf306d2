//! The built program, run as a job would run it: with its own environment and nothing else.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::actions::Actions;
use super::github::GitHub;
use super::gitlab::GitLab;
use super::gitlab_ci::Job;
use super::openai::OpenAi;

/// A run that takes longer is a hang, and fails the test, unless it has a limit of its own.
const LIMIT: Duration = Duration::from_secs(180);

/// A run to be.
pub struct Prudence {
    args: Vec<OsString>,
    env: BTreeMap<String, String>,
    folder: Option<PathBuf>,
    stdin: Vec<u8>,
    stdout: Stdio,
    stderr: Stdio,
    home: TempDir,
    limit: Duration,
}

impl Prudence {
    /// The program with an empty environment (only `HOME`, an empty folder), in an empty folder, with nothing on its input.
    pub fn new() -> Prudence {
        let home = TempDir::with_prefix("prudence-home-").expect("a temporary folder");
        let (stdout, stderr) = (Stdio::piped(), Stdio::piped());
        let (args, env, stdin) = (Vec::new(), BTreeMap::new(), Vec::new());
        Prudence { args, env, folder: None, stdin, stdout, stderr, home, limit: LIMIT }
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Prudence {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    pub fn args<S: AsRef<OsStr>>(self, args: impl IntoIterator<Item = S>) -> Prudence {
        args.into_iter().fold(self, Prudence::arg)
    }

    pub fn env(mut self, name: &str, value: impl ToString) -> Prudence {
        self.env.insert(name.to_owned(), value.to_string());
        self
    }

    pub fn env_remove(mut self, name: &str) -> Prudence {
        self.env.remove(name);
        self
    }

    pub fn current_dir(mut self, folder: impl AsRef<Path>) -> Prudence {
        self.folder = Some(folder.as_ref().to_owned());
        self
    }

    pub fn stdin(mut self, text: impl AsRef<[u8]>) -> Prudence {
        self.stdin = text.as_ref().to_owned();
        self
    }

    /// Writes its results there instead; the run then has none.
    pub fn stdout(self, stdout: impl Into<Stdio>) -> Prudence {
        Prudence { stdout: stdout.into(), ..self }
    }

    /// Writes its messages there instead; the run then has none.
    pub fn stderr(self, stderr: impl Into<Stdio>) -> Prudence {
        Prudence { stderr: stderr.into(), ..self }
    }

    /// Gives the run this long, for a real model takes its time.
    pub fn limit(self, limit: Duration) -> Prudence {
        Prudence { limit, ..self }
    }

    /// Asks this model server, with a key that it takes, once about each chunk: then a test scripts one answer for each.
    /// Those of passes, votes and the second look set the effort themselves.
    pub fn openai(self, openai: &OpenAi) -> Prudence {
        self.env("OPENAI_API_KEY", super::openai::KEY).env("OPENAI_BASE_URL", &openai.url).env("PRUDENCE_EFFORT", "low")
    }

    /// Talks to this host outside of a job, with a token that it takes.
    pub fn github(self, github: &GitHub) -> Prudence {
        self.env("GITHUB_TOKEN", super::github::TOKEN).env("GITHUB_API_URL", github.api_url())
    }

    /// Runs as a step of this job, in its workspace.
    pub fn actions(mut self, actions: &Actions) -> Prudence {
        self.env.extend(actions.env());
        self.current_dir(actions.workspace())
    }

    /// Holds a token for this host outside of a job. The address of a request says which host it is; for a request
    /// that is named shortly, `GITLAB_URL` does.
    pub fn gitlab(self, gitlab: &GitLab) -> Prudence {
        self.env("GITLAB_TOKEN", super::gitlab::TOKEN).env("GITLAB_URL", gitlab.web_root())
    }

    /// Runs as the script of this job, in its workspace.
    pub fn gitlab_job(mut self, job: &Job) -> Prudence {
        self.env.extend(job.env());
        self.current_dir(job.workspace())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_prudence"));
        command.args(&self.args).env_clear().env("HOME", self.home.path()).envs(&self.env);
        command.current_dir(self.folder.as_deref().unwrap_or(self.home.path()));
        command
    }

    /// Starts the program and ends it by force when this is so, or else when it ends by itself. Whether it was ended.
    pub fn run_until(self, is_time: impl Fn() -> bool) -> bool {
        let mut command = self.command();
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a run");
        let end = Instant::now() + self.limit;
        while child.try_wait().expect("the state of the program").is_none() {
            if is_time() || Instant::now() > end {
                child.kill().expect("the program can be killed");
                child.wait().expect("the program has ended");
                return true;
            }
            thread::sleep(Duration::from_micros(200));
        }
        false
    }

    /// Runs the program to its end. Fails the test when it does not end.
    #[track_caller]
    pub fn run(self) -> Run {
        self.run_with(|_| ())
    }

    /// Runs the program, and sends it these signals (`TERM`, `INT`) when it is time, with a pause between them. Fails the
    /// test when it does not end.
    #[track_caller]
    pub fn run_until_told(self, signals: &[&str], is_time: impl Fn() -> bool) -> Run {
        let limit = self.limit;
        self.run_with(|child| {
            let end = Instant::now() + limit;
            while !is_time() && Instant::now() < end {
                assert!(
                    child.try_wait().expect("the state of the program").is_none(),
                    "it ended before it was told to"
                );
                thread::sleep(Duration::from_millis(1));
            }
            for signal in signals {
                let kill = format!("kill -{signal} {}; sleep 0.2", child.id());
                assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success(), "{kill}");
            }
        })
    }

    /// Runs the program to its end, and says how much memory it took at most, in MB: as the kernel tells, and 0 where there
    /// is no such kernel.
    #[track_caller]
    pub fn run_measured(self) -> (Run, u64) {
        let (mut peak_kb, limit) = (0, self.limit);
        let run = self.run_with(|child| {
            let (status, end) = (format!("/proc/{}/status", child.id()), Instant::now() + limit);
            while Instant::now() < end && child.try_wait().expect("the state of the program").is_none() {
                let text = std::fs::read_to_string(&status).unwrap_or_default();
                let line =
                    text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
                peak_kb = peak_kb.max(line.unwrap_or(0));
                thread::sleep(Duration::from_millis(5));
            }
        });
        (run, peak_kb >> 10)
    }

    /// Runs the program to its end, with something that happens to it meanwhile.
    #[track_caller]
    fn run_with(self, meanwhile: impl FnOnce(&mut Child)) -> Run {
        let mut command = self.command();
        command.stdin(Stdio::piped()).stdout(self.stdout).stderr(self.stderr);
        let mut child = command.spawn().expect("the program starts");
        let (stdin, text) = (child.stdin.take(), self.stdin.clone());
        // The program may end without reading its input.
        let feeder = thread::spawn(move || stdin.map(|mut pipe| pipe.write_all(&text)));
        let (stdout, stderr) = (drain(child.stdout.take()), drain(child.stderr.take()));
        meanwhile(&mut child);
        let status = wait(&mut child, self.limit);
        let _ = feeder.join();
        let (stdout, stderr) = (text_of(stdout), text_of(stderr));
        let Some(status) = status else {
            panic!("`prudence` with {:?} was still running after {:?}\n{stdout}\n{stderr}", self.args, self.limit);
        };
        Run { code: status.code(), stdout, stderr }
    }
}

/// A run that has ended.
#[derive(Debug, Clone)]
pub struct Run {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}\n{self}"))
    }

    /// Fails the test, with all that the program said, unless it ended with this code.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Run {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit code {:?}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}

/// A JSON file that the program wrote.
#[track_caller]
pub fn read_json(path: impl AsRef<Path>) -> Value {
    let path = path.as_ref();
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("`{}`: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("`{}`: {error}", path.display()))
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_end(&mut bytes).expect("the program's output");
        }
        bytes
    })
}

fn text_of(bytes: JoinHandle<Vec<u8>>) -> String {
    String::from_utf8(bytes.join().expect("the program's output")).expect("the program writes UTF-8")
}

/// The status of the child when it ends in time; else it is killed.
fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let end = Instant::now() + limit;
    while Instant::now() < end {
        if let Some(status) = child.try_wait().expect("the state of the program") {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().expect("the program can be killed");
    let _ = child.wait();
    None
}

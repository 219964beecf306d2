//! Many reviews in a row in one process, while a fifth of all requests goes wrong: nothing is lost, nothing is posted twice,
//! and the process does not grow.
//!
//! The process that reviews is this test program once more, since the doubles keep what they were asked and so grow. It takes
//! one review after the other from files in a folder. `PRUDENCE_SOAK=200` sets how many there are.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use prudence::random::Random;
use prudence::source::World;
use prudence::stop::Stop;
use serde_json::{Value, json};

use crate::support::actions::{Actions, Event};
use crate::support::github::Fault;
use crate::support::openai::{Answer, KEY, Script};
use crate::support::pull::{Pull, late, mean, state};

/// Reviews where nobody says how many.
const FEW: usize = 20;

/// How many of a hundred requests go wrong.
const PERCENT: usize = 20;

/// Reviews after which the process has all that it will keep.
const WARM: usize = 10;

/// The folder of the process that reviews; in the other it is not set.
const FOLDER: &str = "PRUDENCE_SOAK_FOLDER";

#[test]
fn many_reviews_in_a_row() {
    match std::env::var_os(FOLDER) {
        Some(folder) => review_all(Path::new(&folder)),
        None => soak(),
    }
}

/// Reviews what files tell, until one says that it is over. Says of each how it ended and how much memory there is.
fn review_all(folder: &Path) {
    for number in 1.. {
        let task = wait_for(&folder.join(format!("task-{number}")));
        if task["is_over"] == true {
            return;
        }
        let texts = |name: &str| -> Vec<String> { serde_json::from_value(task[name].clone()).expect("texts") };
        let env: BTreeMap<String, String> = serde_json::from_value(task["env"].clone()).expect("an environment");
        let cli = prudence::cli::parse(texts("args").iter().map(std::ffi::OsString::from)).expect("arguments");
        let env = |name: &str| env.get(name).cloned();
        let world = World { env: &env, cwd: PathBuf::from(&texts("cwd")[0]), stop: Stop::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let exit = runtime.block_on(prudence::run::run(cli, &world)).map_or(2, |exit| exit as u8);
        put(&folder.join(format!("done-{number}")), &json!({"exit": exit, "kb": resident_kb()}));
    }
}

/// Writes beside the file and moves it there: nobody reads half of it.
fn put(path: &Path, value: &Value) {
    let beside = path.with_extension("part");
    fs::write(&beside, value.to_string()).and_then(|()| fs::rename(&beside, path)).expect("a file");
}

#[track_caller]
fn wait_for(path: &Path) -> Value {
    let end = Instant::now() + Duration::from_secs(120);
    while Instant::now() < end {
        if let Ok(text) = fs::read(path) {
            return serde_json::from_slice(&text).expect("JSON");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("no {}", path.display());
}

/// Memory of this process, as Linux tells it; 0 elsewhere.
fn resident_kb() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    text.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// The process that reviews.
struct Reviewer {
    folder: tempfile::TempDir,
    process: Child,
    number: usize,
}

impl Reviewer {
    fn start() -> Reviewer {
        let folder = tempfile::tempdir().expect("a folder");
        let program = std::env::current_exe().expect("this program");
        let mut command = Command::new(program);
        command.args(["--exact", "soak::many_reviews_in_a_row"]).env(FOLDER, folder.path());
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("this program again");
        Reviewer { folder, process, number: 0 }
    }

    fn send(&mut self, task: &Value) {
        self.number += 1;
        put(&self.folder.path().join(format!("task-{}", self.number)), task);
    }

    /// A review of this request; its exit code, and how much memory the process has afterwards.
    fn review(&mut self, pull: &Pull) -> (u64, u64) {
        let job = Actions::new(&pull.github, &Event::Opened);
        let mut env = job.env();
        env.insert("OPENAI_API_KEY".to_owned(), KEY.to_owned());
        env.insert("OPENAI_BASE_URL".to_owned(), pull.openai.url.clone());
        let args = ["prudence", "review", "--effort", "low", "--quiet", "--deadline", "20"];
        self.send(&json!({"args": args, "env": env, "cwd": [job.workspace()]}));
        let done = wait_for(&self.folder.path().join(format!("done-{}", self.number)));
        (done["exit"].as_u64().expect("a code"), done["kb"].as_u64().expect("a number"))
    }
}

/// Answers of a model of which a fifth is none.
fn model(random: &mut Random) -> Script {
    let bad = [Answer::Reset, Answer::Html(502), Answer::Truncated, Answer::overloaded().header("retry-after-ms", "1")];
    let mut script = Script::new();
    while random.below(100) < PERCENT {
        script = script.first(1, bad[random.below(bad.len())].clone());
    }
    script.always(Answer::findings(vec![mean(), late()]))
}

fn soak() {
    let count = std::env::var("PRUDENCE_SOAK").map_or(FEW, |text| text.parse().expect("a number of reviews"));
    let faults = [
        Fault::Html502,
        Fault::Reset,
        Fault::ApplyThenReset,
        Fault::ApplyThenHtml502,
        Fault::Truncated,
        Fault::Html200,
        Fault::SecondaryLimit(Some(0)),
    ];
    let mut random = Random::new(20);
    let mut reviewer = Reviewer::start();
    let (mut sizes, mut codes) = (Vec::new(), BTreeMap::new());
    for number in 0..count {
        let pull = Pull::of_pay(Vec::new());
        pull.openai.set_script(model(&mut random));
        pull.github.fault_by_chance(number as u64, PERCENT, &faults);
        let (code, kb) = reviewer.review(&pull);
        *codes.entry(code).or_insert(0) += 1;
        sizes.push(kb);
        // the next run is left alone, and finds or makes all whole
        pull.github.heal();
        pull.openai.set_script(Script::new().always(Answer::findings(vec![mean(), late()])));
        let (again, _) = reviewer.review(&pull);
        assert_eq!(again, 0, "review {number}, which ended with {code} first");
        let summaries = pull.github.issue_comments();
        assert_eq!(summaries.len(), 1, "review {number}");
        let listed = state(&summaries[0].body)["listed"].as_array().map_or(0, Vec::len);
        assert_eq!(pull.github.review_comments().len() + listed, 2, "review {number}: nothing lost, nothing twice");
    }
    reviewer.send(&json!({"is_over": true}));
    assert!(reviewer.process.wait().expect("an end").success());
    println!("{count} reviews with faults ended with {codes:?}; memory after each in kB: {sizes:?}");
    if let (Some(warm), Some(last)) = (sizes.get(WARM), sizes.last()) {
        assert!(last * 10 <= warm * 11, "memory grew from {warm} to {last} kB");
    }
}

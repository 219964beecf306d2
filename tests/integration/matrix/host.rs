//! What the matrices of both code hosts have in common: a request with two findings, of which everything is asked.

use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;

use super::{all, check_document, check_no_secrets, said};
use crate::life::{check_once, title_of};
use crate::support::fault::Fault;
use crate::support::openai::{Answer, OpenAi, Script};
use crate::support::program::Prudence;
use crate::support::pull::{self, Reviewed, late, mean, pay, state};
use crate::support::repo::Repo;
use crate::support::server::Request;

/// A double of a host, as far as the matrices need it.
pub trait Double: Send + Sync + Sized + 'static {
    /// What can be asked.
    type Route: Copy + PartialEq + Sync;

    /// A request that brings the branch `feature` of this repository into `main`.
    fn of(repo: &Repo) -> Self;
    /// Runs this program in a job of the request.
    fn run(&self, program: Prudence, report: &std::path::Path) -> Reviewed<()>;
    fn fault_once(&self, route: Self::Route, fault: Fault);
    fn fault_always(&self, route: Self::Route, fault: Fault);
    fn heal(&self);
    /// Somebody pushes this commit.
    fn push(&self, sha: &str);
    /// Somebody takes this comment away.
    fn take_away(&self, comment: u64);
    /// How often this was asked.
    fn count(&self, route: Self::Route) -> usize;
    /// How much was asked.
    fn count_all(&self) -> usize;
    fn writes(&self) -> Vec<Request>;
    /// The comments on lines that everybody sees, with their numbers.
    fn comments(&self) -> Vec<(u64, String)>;
    /// The comments on the request as a whole.
    fn notes(&self) -> Vec<(u64, String)>;
}

/// What is asked of a host.
pub struct Asked<R> {
    /// The name that it has in the document.
    pub what: &'static str,
    pub route: R,
    /// What the model finds.
    pub findings: fn() -> Vec<Value>,
    pub writes: bool,
}

/// How a request goes wrong.
pub struct Wrong {
    /// The name that it has in the document.
    pub name: &'static str,
    pub fault: Fault,
    /// Whether only what is written can go wrong so.
    pub of_writes: bool,
    pub lasts: Lasts,
}

/// How long a fault lasts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lasts {
    /// One request.
    Once,
    /// All requests.
    Always,
    /// All requests, and each is waited for: the run has a short deadline.
    BeyondTheDeadline,
}

pub fn wrong(name: &'static str, fault: Fault) -> Wrong {
    Wrong { name, fault, of_writes: false, lasts: Lasts::Always }
}

/// A limit that asks for a short pause.
pub fn short(name: &'static str, fault: Fault) -> Wrong {
    Wrong { lasts: Lasts::Once, ..wrong(name, fault) }
}

/// What would be waited for too long.
pub fn long(name: &'static str, fault: Fault) -> Wrong {
    Wrong { lasts: Lasts::BeyondTheDeadline, ..wrong(name, fault) }
}

/// What only something that is written can meet.
pub fn of_writes(name: &'static str, fault: Fault) -> Wrong {
    Wrong { of_writes: true, ..wrong(name, fault) }
}

/// The faults that each host has, and that are the same on the wire.
pub fn on_the_wire() -> Vec<Wrong> {
    vec![
        wrong("403 with a page", Fault::Html403),
        wrong("502 with a page", Fault::Html502),
        of_writes("502 with a page, applied", Fault::ApplyThenHtml502),
        wrong("a page with 200", Fault::Html200),
        of_writes("a page with 200, applied", Fault::ApplyThenHtml200),
        wrong("connection dropped", Fault::Reset),
        of_writes("connection dropped, applied", Fault::ApplyThenReset),
        wrong("an answer that breaks off", Fault::Truncated),
        long("silence", Fault::Hang),
        Wrong { of_writes: true, ..long("silence, applied", Fault::ApplyThenHang) },
    ]
}

/// A finding alone, and two of them: a host may post one another way than several.
pub fn one() -> Vec<Value> {
    vec![mean()]
}

pub fn two() -> Vec<Value> {
    vec![mean(), late()]
}

/// A request under review, its model, and runs on it.
pub struct Tried<D> {
    /// Shared, so that something can happen to it while the model thinks.
    pub double: Arc<D>,
    repo: Repo,
    openai: OpenAi,
    folder: TempDir,
    /// The titles of what the model finds.
    titles: Vec<String>,
    /// The one of these whose comment somebody took away.
    taken: Option<String>,
}

impl<D: Double> Tried<D> {
    /// The request of [`pay`], in which the model finds this.
    pub fn new(findings: Vec<Value>) -> Tried<D> {
        let titles = findings.iter().filter_map(|finding| finding["title"].as_str().map(str::to_owned)).collect();
        let (repo, folder) = (pay(), TempDir::with_prefix("prudence-tried-").expect("a temporary folder"));
        let openai = OpenAi::start(Script::new().always(Answer::findings(findings)));
        Tried { double: Arc::new(D::of(&repo)), repo, openai, folder, titles, taken: None }
    }

    /// A commit on the branch, that nobody has pushed yet.
    pub fn commit(&self, change: impl FnOnce(Repo) -> Repo) -> String {
        change(self.repo.clone()).commit("more").sha("HEAD")
    }

    /// Somebody pushes a commit that has nothing to do with the findings.
    pub fn push_more(&self) {
        self.double.push(&self.commit(more));
    }

    /// Somebody pushes a commit in which the model finds nothing any more.
    pub fn push_repair(&mut self) {
        let sha = self.commit(|repo| repo.file("src/pay.rs", "let nothing = 1;\n"));
        self.double.push(&sha);
        self.titles.clear();
        self.openai.set_script(Script::new().always(Answer::findings(Vec::new())));
    }

    /// This happens once, while the model thinks.
    pub fn meanwhile(&self, happens: impl Fn(&D) + Send + Sync + 'static) {
        let double = Arc::clone(&self.double);
        let Answer::Json(answer) = Answer::findings(two()) else { unreachable!("findings are JSON") };
        let first = Answer::with(move |_| {
            happens(&double);
            answer.clone()
        });
        self.openai.set_script(Script::new().first(1, first).always(Answer::findings(two())));
    }

    /// Runs the program, and checks what must hold after every run: no secret is seen, nothing stands twice, and every
    /// finding is somewhere. How it ended, and where the findings are.
    pub fn run(&self, args: &[&str], what: &str) -> (Reviewed<()>, String) {
        let report = self.folder.path().join("report.json");
        let asked = self.openai.completions().len();
        let program = pull::reviewer(&report, &self.openai).args(args);
        let reviewed = self.double.run(program, &report);
        check_no_secrets(&self.double.writes(), &reviewed, what);
        let (comments, notes) = (self.double.comments(), self.double.notes());
        check_once(comments.iter().map(|(_, body)| body.as_str()), notes.iter().map(|(_, body)| body.as_str()));
        // what was paid for is shown somewhere
        let is_paid = self.openai.completions().len() > asked;
        assert!(reviewed.run.code != Some(2) || !is_paid, "{what}: {}", reviewed.run);
        let places = self.titles.iter().map(|title| match self.place(title) {
            None if self.taken.as_ref() == Some(title) => "taken away",
            None if reviewed.run.code == Some(2) => "nowhere",
            None if is_paid && reviewed.run.stdout.contains(title) => "the log",
            place => place.unwrap_or("lost"),
        });
        let mut places: Vec<&str> = places.collect();
        places.dedup();
        (reviewed, if places.is_empty() { "–".to_owned() } else { places.join(", ") })
    }

    /// Where a finding stands on the request.
    fn place(&self, title: &str) -> Option<&'static str> {
        let is_on_line = self.double.comments().iter().any(|(_, body)| title_of(body) == Some(title));
        let is_listed = self.double.notes().iter().any(|(_, body)| {
            state(body)["listed"].as_array().is_some_and(|listed| listed.iter().any(|row| row[8] == title))
        });
        match (is_on_line, is_listed) {
            (true, true) => Some("twice"),
            (true, false) => Some("lines"),
            (false, true) => Some("summary"),
            (false, false) => None,
        }
    }

    /// The comment on the first of the findings, which is to be taken away.
    pub fn comment_to_take(&mut self) -> u64 {
        let title = self.titles[0].clone();
        let comments = self.double.comments();
        let (id, _) = comments.iter().find(|(_, body)| title_of(body) == Some(&title)).expect("a comment");
        self.taken = Some(title);
        *id
    }

    /// The one summary.
    pub fn summary(&self) -> u64 {
        self.double.notes()[0].0
    }

    /// The next run, which is left alone: nothing is lost or there twice, and there is one summary. Where the findings
    /// are then.
    pub fn next(&self, what: &str) -> String {
        self.double.heal();
        let (again, places) = self.run(&[], what);
        assert_eq!(again.run.code, Some(0), "{what}: {}", again.run);
        assert_eq!(self.double.notes().len(), 1, "{what}: {}", again.run);
        let is_whole = !["nowhere", "lost", "twice", "the log"].iter().any(|bad| places.contains(bad));
        assert!(is_whole, "{what}: {places} {}", again.run);
        places
    }
}

/// What a run did in a cell.
struct Ended {
    exit: i32,
    requests: usize,
    /// Where the findings are.
    places: String,
    /// Where they are after the next run.
    then: String,
    said: String,
}

/// A file more.
pub fn more(repo: Repo) -> Repo {
    repo.file("README", "More.\n")
}

/// A run in which all requests of this kind go wrong; then one without, which must leave what an undisturbed run leaves.
fn try_one<D: Double>(asked: &Asked<D::Route>, wrong: &Wrong) -> Ended {
    let what = format!("{}: {}", asked.what, wrong.name);
    let tried: Tried<D> = Tried::new((asked.findings)());
    match wrong.lasts {
        Lasts::Once => tried.double.fault_once(asked.route, wrong.fault.clone()),
        _ => tried.double.fault_always(asked.route, wrong.fault.clone()),
    }
    let deadline: &[&str] = if wrong.lasts == Lasts::BeyondTheDeadline { &["--deadline", "5"] } else { &[] };
    let (reviewed, places) = tried.run(deadline, &what);
    let exit = reviewed.run.code.unwrap_or_else(|| panic!("{what}: {}", reviewed.run));
    assert!([0, 2, 4].contains(&exit), "{what}: {}", reviewed.run);
    let requests = tried.double.count(asked.route);
    assert!((1..=12).contains(&requests), "{what}: {requests} requests");
    // where nothing was written, the next run is one like any other
    let then = if tried.double.writes().is_empty() { "lines".to_owned() } else { tried.next(&what) };
    Ended { exit, requests, places, then, said: said(&reviewed) }
}

/// Tries every fault with everything that is asked, and compares the document.
pub fn check_faults<D: Double>(name: &str, asked: &[Asked<D::Route>], faults: &[Wrong]) {
    let of = |asked: &&Asked<D::Route>, wrong: &Wrong| asked.writes || !wrong.of_writes;
    let cells: Vec<_> = asked
        .iter()
        .flat_map(|asked| faults.iter().filter(move |wrong| of(&asked, wrong)).map(move |wrong| (asked, wrong)))
        .collect();
    // those that wait begin first, so that others fill their time
    let mut order: Vec<usize> = (0..cells.len()).collect();
    order.sort_by_key(|&at| cells[at].1.lasts != Lasts::BeyondTheDeadline);
    let ended = all(&order, |&at| try_one::<D>(cells[at].0, cells[at].1));
    let mut rows: Vec<(usize, Ended)> = order.into_iter().zip(ended).collect();
    rows.sort_by_key(|(at, _)| *at);
    let mut table =
        "| what goes wrong with | fault | exit code, requests | where the findings are; after the next run | what is said |\n|---|---|---|---|---|\n".to_owned();
    for ((asked, wrong), (_, Ended { exit, requests, places, then, said })) in cells.iter().zip(&rows) {
        table += &format!("| {} | {} | {exit}, {requests} | {places}; {then} | {said} |\n", asked.what, wrong.name);
    }
    check_document(name, &table);
}

/// Something that happens to a request, and a run to which it does; and its name in the document.
pub type Happening<D> = (&'static str, fn(&str) -> (Tried<D>, Reviewed<()>, String));

/// What can happen to a request on either host.
pub fn happenings<D: Double>() -> Vec<Happening<D>> {
    vec![
        ("somebody pushes while the model thinks", |what| {
            let tried = Tried::new(two());
            let sha = tried.commit(more);
            tried.meanwhile(move |double: &D| double.push(&sha));
            ended(tried, what)
        }),
        ("a finding's comment was taken away before the run", |what| {
            let mut tried: Tried<D> = reviewed_before(what);
            let id = tried.comment_to_take();
            tried.double.take_away(id);
            tried.push_more();
            ended(tried, what)
        }),
        ("the summary was taken away before the run", |what| {
            let tried: Tried<D> = reviewed_before(what);
            tried.double.take_away(tried.summary());
            ended(tried, what)
        }),
        ("a finding's comment is taken away while the model thinks", |what| {
            let mut tried: Tried<D> = reviewed_before(what);
            tried.push_more();
            let id = tried.comment_to_take();
            tried.meanwhile(move |double: &D| double.take_away(id));
            ended(tried, what)
        }),
        ("the summary is taken away while the model thinks", |what| {
            let tried: Tried<D> = reviewed_before(what);
            tried.push_more();
            let id = tried.summary();
            tried.meanwhile(move |double: &D| double.take_away(id));
            ended(tried, what)
        }),
    ]
}

/// A request that was reviewed once.
pub fn reviewed_before<D: Double>(what: &str) -> Tried<D> {
    let tried = Tried::new(two());
    let (first, places) = tried.run(&[], what);
    assert_eq!((first.run.code, places.as_str()), (Some(0), "lines"), "{what}: {}", first.run);
    tried
}

/// The run to which it happens.
pub fn ended<D: Double>(tried: Tried<D>, what: &str) -> (Tried<D>, Reviewed<()>, String) {
    let (reviewed, places) = tried.run(&[], what);
    (tried, reviewed, places)
}

/// Lets everything happen, and compares the document.
pub fn check_happenings<D: Double>(name: &str, happenings: &[Happening<D>]) {
    let rows = all(happenings, |(what, happens)| {
        let (tried, reviewed, places) = happens(what);
        let requests = tried.double.count_all();
        assert!(requests <= 80, "{what}: {requests} requests");
        let exit = reviewed.run.code.unwrap_or_else(|| panic!("{what}: {}", reviewed.run));
        Ended { exit, requests, places, then: tried.next(what), said: said(&reviewed) }
    });
    let mut table =
        "| what happens | exit code | where the findings are; after the next run | what is said |\n|---|---|---|---|\n"
            .to_owned();
    for ((what, _), Ended { exit, places, then, said, .. }) in happenings.iter().zip(&rows) {
        table += &format!("| {what} | {exit} | {places}; {then} | {said} |\n");
    }
    check_document(name, &table);
}

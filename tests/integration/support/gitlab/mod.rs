//! A double of GitLab: a merge request made from a repository on disk, that refuses what the host refuses.

mod award;
mod body;
mod command;
mod draft;
mod people;
mod position;
mod push;
mod read;
mod refusal;
mod route;
mod scenario;
mod shape;
mod state;
mod write;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

pub use position::Position;
pub use route::Route;
pub use scenario::{DEVELOPER, Identity, Limits, MAINTAINER, MEMBER, Quirks, Scenario};
pub use shape::{is_bot, person_id};
pub use state::{Award, Command, Discussion, Draft, Kind, Note, Status, Version};

use self::route::Found;
use self::state::State;
pub use super::fault::Fault;
use super::fault::Planted;
use super::server::{Reply, Request, Server, Wire, lock};

/// An access token that the double takes: any that does not start with `bad`.
pub const TOKEN: &str = "glpat-test0123456789abcd";
/// The token of a job, which may read a little.
pub const JOB_TOKEN: &str = "glcbt-64_test0123456789";

/// A running double.
pub struct GitLab {
    /// The host, without the path that GitLab may be under.
    pub root: String,
    server: Server,
    state: Arc<Mutex<State>>,
}

impl GitLab {
    pub fn start(scenario: Scenario) -> GitLab {
        let state = Arc::new(Mutex::new(State::new(scenario)));
        let shared = Arc::clone(&state);
        let handler = move |request: &Request, root: &str, violations: &mut Vec<String>| {
            let mut state = lock(&shared);
            let reply = state.handle(request, root, violations).unwrap_or_else(|refused| refused);
            state.dress(reply)
        };
        let server = Server::start("GitLab", Box::new(handler));
        GitLab { root: server.root.clone(), server, state }
    }

    /// `CI_API_V4_URL`
    pub fn api_url(&self) -> String {
        format!("{}/api/v4", self.web_root())
    }

    /// `CI_SERVER_URL`, the address of the host for people.
    pub fn web_root(&self) -> String {
        format!("{}{}", self.root, self.state().scenario.prefix)
    }

    /// The address of the merge request for people.
    pub fn merge_url(&self) -> String {
        shape::merge_url(&self.web_root(), &self.scenario())
    }

    /// What the merge request is like.
    pub fn scenario(&self) -> Scenario {
        self.state().scenario.clone()
    }

    /// Whether the request is open.
    pub fn is_open(&self) -> bool {
        self.state().open
    }

    /// The present head.
    pub fn head(&self) -> String {
        self.state().head().to_owned()
    }

    /// All versions, the newest last.
    pub fn versions(&self) -> Vec<Version> {
        self.state().versions.clone()
    }

    /// Makes the `nth` request of a route from now on (1 is the next) go wrong.
    pub fn fault(&self, route: Route, nth: usize, fault: Fault) {
        self.state().faults.push(Planted::new(route, nth, 1, fault));
    }

    /// Makes all requests of a route from now on go wrong.
    pub fn fault_always(&self, route: Route, fault: Fault) {
        self.state().faults.push(Planted::new(route, 1, usize::MAX, fault));
    }

    /// Ends everything that goes wrong.
    pub fn heal(&self) {
        self.state().faults.clear();
    }

    /// Knows no drafts from now on, as hosts before 15.9.
    pub fn without_drafts(&self) {
        for route in [
            Route::ListDrafts,
            Route::GetDraft,
            Route::CreateDraft,
            Route::EditDraft,
            Route::DeleteDraft,
            Route::PublishDraft,
            Route::PublishDrafts,
        ] {
            self.fault_always(route, Fault::Unknown);
        }
    }

    /// Knows no whole diff as text from now on, as hosts before 16.4.
    pub fn without_raw_diffs(&self) {
        self.fault_always(Route::GetRawDiffs, Fault::Unknown);
    }

    /// The threads, without what the host said of the request.
    pub fn discussions(&self) -> Vec<Discussion> {
        let mut discussions = self.state().discussions.clone();
        discussions.retain(|discussion| !discussion.individual);
        discussions
    }

    /// The notes on the request as a whole, without those of the host.
    pub fn notes(&self) -> Vec<Note> {
        let single = self.all_discussions().into_iter().filter(|discussion| discussion.individual);
        single.flat_map(|discussion| discussion.notes).filter(|note| !note.system).collect()
    }

    /// Everything that was written, by people, programs and the host, as the listing of discussions has it.
    pub fn all_discussions(&self) -> Vec<Discussion> {
        self.state().discussions.clone()
    }

    /// The drafts of everybody.
    pub fn drafts(&self) -> Vec<Draft> {
        self.state().drafts.clone()
    }

    pub fn awards(&self) -> Vec<Award> {
        let notes = self.all_discussions().into_iter().flat_map(|discussion| discussion.notes);
        notes.flat_map(|note| note.awards).collect()
    }

    pub fn statuses(&self) -> Vec<Status> {
        self.state().statuses.clone()
    }

    /// The quick actions that were executed; no program should ever start one.
    pub fn commands(&self) -> Vec<Command> {
        self.state().commands.clone()
    }

    /// How often people were told of something that came over the API.
    pub fn notifications(&self) -> usize {
        self.state().notifications
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.server.requests()
    }

    /// The requests of one route so far.
    pub fn requests_to(&self, route: Route) -> Vec<Request> {
        let mut requests = self.requests();
        requests.retain(|request| Route::of(request).is_some_and(|found| found.route == route));
        requests
    }

    /// The requests that would change something, whether they succeeded or not.
    pub fn writes(&self) -> Vec<Request> {
        let mut requests = self.requests();
        requests.retain(|request| request.method != "GET");
        requests
    }

    /// How many requests were being answered at the same time, at most.
    pub fn peak(&self) -> usize {
        self.server.peak()
    }

    pub fn violations(&self) -> Vec<String> {
        self.server.violations()
    }

    /// The violations so far, which no longer fail the test.
    pub fn take_violations(&self) -> Vec<String> {
        self.server.take_violations()
    }

    #[track_caller]
    pub fn assert_no_violations(&self) {
        self.server.assert_no_violations();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    fn handle(&mut self, request: &Request, root: &str, violations: &mut Vec<String>) -> Result<Reply, Reply> {
        let is_job = check_credentials(request, violations)?;
        self.count()?;
        if request.path.ends_with('/') {
            violations.push(format!("{} {}: a slash at the end", request.method, request.path));
        }
        let prefix = format!("{}/api/v4/", self.scenario.prefix);
        let found = if request.path.starts_with(&prefix) { Route::of(request) } else { None };
        let found = found.ok_or_else(|| refusal::error(404, "404 Not Found"))?;
        self.check_rights(&found, is_job, request)?;
        self.check_target(&found)?;
        let fault = self.faults.iter_mut().find_map(|planted| planted.strike(&found.route));
        if let Some(Fault::HeadMoves(sha)) = &fault {
            self.push(sha);
        }
        if let Some(Fault::Vanishes) = &fault {
            self.take_away(&found);
        }
        if let Some(instead) = fault.as_ref().and_then(|fault| fault.instead(refusal::planted)) {
            return Ok(instead);
        }
        let answer = self.answer(&found, request, root, violations).unwrap_or_else(|refused| refused);
        Ok(fault.map_or(answer.clone(), |fault| fault.after(answer)))
    }

    fn answer(
        &mut self,
        found: &Found,
        request: &Request,
        root: &str,
        violations: &mut Vec<String>,
    ) -> Result<Reply, Reply> {
        let params = body::parameters(request, found, violations)?;
        if request.method != "GET" {
            return self.write(found, &params, root);
        }
        if matches!(found.route, Route::GetMerge | Route::ListVersions) {
            self.reads += 1;
        }
        self.read(found, &params, request, root)
    }

    /// 429 for more requests in a minute than the host takes.
    fn count(&mut self) -> Result<(), Reply> {
        self.asked.retain(|at| at.elapsed() < Duration::from_secs(60));
        if self.asked.len() >= self.scenario.limits.requests {
            return Err(refusal::retry_later(60));
        }
        self.asked.push(Instant::now());
        Ok(())
    }

    /// A job's token reads a little; a token with the scope `read_api` reads all.
    fn check_rights(&self, found: &Found, is_job: bool, request: &Request) -> Result<(), Reply> {
        if is_job && !found.route.for_jobs() {
            return Err(refusal::unauthorized());
        }
        if !is_job && self.scenario.read_only && request.method != "GET" {
            return Err(refusal::insufficient_scope());
        }
        Ok(())
    }

    /// The project and the merge request of the scenario, and its fork, are all that there is; the request is in the
    /// project that it goes into.
    fn check_target(&self, found: &Found) -> Result<(), Reply> {
        let sc = &self.scenario;
        let Some(named) = &found.project else { return Ok(()) };
        let is = |id: u64, name: String| *named == id.to_string() || named.eq_ignore_ascii_case(&name);
        let is_target = is(sc.project, sc.full_name());
        if !is_target && !is(sc.source_project(), sc.source_name()) {
            return Err(refusal::missing("Project"));
        }
        match found.number {
            Some(number) if !is_target || number != sc.number => Err(refusal::missing("")),
            _ => Ok(()),
        }
    }

    /// The headers of every answer.
    fn dress(&self, reply: Reply) -> Reply {
        if matches!(reply.wire, Wire::Hang | Wire::Reset) {
            return reply;
        }
        let (limit, used) = (self.scenario.limits.requests, self.asked.len());
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |now| now.as_secs());
        [
            ("x-request-id", format!("01TEST{used:020}")),
            ("x-gitlab-meta", "{\"version\":\"1\"}".to_owned()),
            ("ratelimit-limit", limit.to_string()),
            ("ratelimit-remaining", limit.saturating_sub(used).to_string()),
            ("ratelimit-observed", used.to_string()),
            ("ratelimit-reset", (now + 60).to_string()),
        ]
        .into_iter()
        .fold(reply, |reply, (name, value)| reply.header(name, value))
    }
}

/// Whether a request comes with a job's token; 401 for one with none, or with a bad one.
fn check_credentials(request: &Request, violations: &mut Vec<String>) -> Result<bool, Reply> {
    let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let given = [request.header("private-token"), bearer, request.header("job-token")];
    let given: Vec<&str> = given.into_iter().flatten().map(str::trim).filter(|token| !token.is_empty()).collect();
    match given.as_slice() {
        [token] if !token.starts_with("bad") => Ok(request.header("job-token").is_some()),
        [_] => Err(refusal::unauthorized()),
        several => {
            violations.push(format!("{} {}: {} tokens", request.method, request.path, several.len()));
            Err(refusal::unauthorized())
        }
    }
}

//! A double of GitHub: a pull request made from a repository on disk, that refuses what the host refuses.

mod anchor;
mod check_run;
mod graphql;
mod people;
mod query;
mod reaction;
mod read;
mod refusal;
mod route;
mod scenario;
mod schema;
mod shape;
mod state;
mod validate;
mod walk;
mod withdraw;
mod write;

use std::sync::{Arc, Mutex, MutexGuard};

use prudence::random::Random;
use serde_json::{Value, json};

pub use anchor::Place;
pub use route::Route;
pub use scenario::{Identity, Limits, MEMBER, Scenario};
pub use state::{CheckRun, IssueComment, Reaction, Review, ReviewComment};

use self::refusal::problem;
use self::route::Found;
use self::state::State;
pub use super::change::Side;
pub use super::fault::Fault;
use super::fault::Planted;
use super::openapi::GITHUB;
use super::server::{Reply, Request, Server, Wire, lock};

/// A token that the double takes: any that does not start with `bad`.
pub const TOKEN: &str = "ghs_test0123456789";

/// A running double.
pub struct GitHub {
    /// The host: its web pages, and the API without a prefix.
    pub root: String,
    server: Server,
    state: Arc<Mutex<State>>,
}

impl GitHub {
    pub fn start(scenario: Scenario) -> GitHub {
        let state = Arc::new(Mutex::new(State::new(scenario)));
        let shared = Arc::clone(&state);
        let handler = move |request: &Request, root: &str, violations: &mut Vec<String>| {
            let mut state = lock(&shared);
            let reply = state.handle(request, root, violations).unwrap_or_else(|refused| refused);
            state.dress(reply)
        };
        let server = Server::start("GitHub", Box::new(handler));
        GitHub { root: server.root.clone(), server, state }
    }

    /// `GITHUB_API_URL`, as an enterprise server has it.
    pub fn api_url(&self) -> String {
        format!("{}/api/v3", self.root)
    }

    /// `GITHUB_GRAPHQL_URL`, as an enterprise server has it.
    pub fn graphql_url(&self) -> String {
        format!("{}/api/graphql", self.root)
    }

    /// The address of the pull request for people.
    pub fn pull_url(&self) -> String {
        let scenario = self.scenario();
        format!("{}/{}/pull/{}", self.root, scenario.full_name(), scenario.number)
    }

    /// What the pull request is like.
    pub fn scenario(&self) -> Scenario {
        self.state().scenario.clone()
    }

    /// Whether the request is open.
    pub fn is_open(&self) -> bool {
        self.state().open
    }

    /// The present head.
    pub fn head(&self) -> String {
        self.state().head.clone()
    }

    /// Makes the `nth` request of a route from now on (1 is the next) go wrong.
    pub fn fault(&self, route: Route, nth: usize, fault: Fault) {
        self.state().faults.push(Planted::new(route, nth, 1, fault));
    }

    /// Makes all requests of a route from now on go wrong.
    pub fn fault_always(&self, route: Route, fault: Fault) {
        self.state().faults.push(Planted::new(route, 1, usize::MAX, fault));
    }

    /// So many of a hundred requests go wrong from now on, in one of these ways; the same ones for the same seed.
    pub fn fault_by_chance(&self, seed: u64, percent: usize, faults: &[Fault]) {
        self.state().chance = Some((Random::new(seed), percent, faults.to_vec()));
    }

    /// Ends everything that goes wrong.
    pub fn heal(&self) {
        self.state().faults.clear();
        self.state().chance = None;
    }

    /// Takes no GraphQL from now on: 403 for a token that may not, 404 where there is none.
    pub fn close_graphql(&self, status: u16) {
        let message = if status == 403 { self.state().not_accessible() } else { "Not Found".to_owned() };
        self.fault_always(Route::GraphQl, Fault::Status(status, json!({"message": message})));
    }

    /// Changes the token's permissions from now on.
    pub fn set_permissions(&self, given: &[(&str, &str)]) {
        self.change(|scenario| *scenario = scenario.clone().permissions(given));
    }

    /// The reviews that were posted as such, without those that stand behind single comments.
    pub fn reviews(&self) -> Vec<Review> {
        self.state().reviews.iter().filter(|review| !review.implicit).cloned().collect()
    }

    pub fn review_comments(&self) -> Vec<ReviewComment> {
        self.state().comments.clone()
    }

    pub fn check_runs(&self) -> Vec<CheckRun> {
        self.state().check_runs.clone()
    }

    pub fn issue_comments(&self) -> Vec<IssueComment> {
        self.state().notes.clone()
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
        requests.retain(|request| match request.path.ends_with("/graphql") {
            true => is_mutation(&request.body),
            false => request.method != "GET",
        });
        requests
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

fn is_mutation(body: &Value) -> bool {
    body["query"].as_str().is_some_and(|query| query.trim_start().starts_with("mutation"))
}

impl State {
    fn handle(&mut self, request: &Request, root: &str, violations: &mut Vec<String>) -> Result<Reply, Reply> {
        check_headers(request)?;
        self.used += 1;
        if self.used > self.scenario.limits.requests {
            return Err(refusal::primary_limit());
        }
        let found = Route::of(request).ok_or_else(|| problem(404, "Not Found", ""))?;
        let (route, doc) = (found.route, found.route.doc());
        self.check_target(&found)?;
        self.permit(found.permissions(), doc)?;
        let fault = self.faults.iter_mut().find_map(|planted| planted.strike(&route)).or_else(|| self.chance());
        if let Some(Fault::HeadMoves(sha)) = &fault {
            self.push(sha);
        }
        if let Some(Fault::Vanishes) = &fault {
            self.take_away(found.id);
        }
        if let Some(instead) = fault.as_ref().and_then(|fault| fault.instead(|own| refusal::planted(own, doc))) {
            return Ok(instead);
        }
        let body = checked_body(request, &found, violations)?;
        let answer = match request.method.as_str() {
            "GET" => self.read(&found, request, root),
            _ if route == Route::GraphQl => Ok(self.graphql(&body, root)),
            _ => self.write(&found, &body, root),
        };
        let reply = answer.unwrap_or_else(|refused| refused);
        check_answer(&reply, &found, violations);
        Ok(fault.map_or(reply.clone(), |fault| fault.after(reply)))
    }

    /// What goes wrong by chance.
    fn chance(&mut self) -> Option<Fault> {
        let (random, percent, faults) = self.chance.as_mut()?;
        let strikes = random.below(100) < *percent;
        strikes.then(|| faults[random.below(faults.len())].clone())
    }

    /// The repository and the pull request of the scenario are all that there is.
    fn check_target(&self, found: &Found) -> Result<(), Reply> {
        let sc = &self.scenario;
        let same = |(owner, name): &(String, String)| {
            owner.eq_ignore_ascii_case(&sc.owner) && name.eq_ignore_ascii_case(&sc.name)
        };
        if found.repo.as_ref().is_none_or(same) && found.number.is_none_or(|number| number == sc.number) {
            return Ok(());
        }
        Err(problem(404, "Not Found", found.route.doc()))
    }

    /// The headers of every answer.
    fn dress(&self, reply: Reply) -> Reply {
        if matches!(reply.wire, Wire::Hang | Wire::Reset) {
            return reply;
        }
        let (limit, used) = (self.scenario.limits.requests, self.used);
        let reset =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |now| now.as_secs()) + 3600;
        let mut dressed = reply.header("x-github-request-id", format!("{used:04X}:TEST"));
        for (name, value) in [
            ("x-ratelimit-limit", limit.to_string()),
            ("x-ratelimit-remaining", limit.saturating_sub(used).to_string()),
            ("x-ratelimit-used", used.to_string()),
            ("x-ratelimit-reset", reset.to_string()),
            ("x-ratelimit-resource", "core".to_owned()),
        ] {
            if !dressed.headers.iter().any(|(given, _)| given == name) {
                dressed = dressed.header(name, value);
            }
        }
        dressed
    }
}

fn check_headers(request: &Request) -> Result<(), Reply> {
    if request.header("user-agent").is_none_or(str::is_empty) {
        let text = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header \
                    (https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required).";
        return Err(Reply::bytes(403, "text/html", text.as_bytes().to_vec()));
    }
    let token = request.header("authorization").and_then(|value| value.split_once(' ')).map(|(_, token)| token.trim());
    match token {
        None | Some("") => return Err(problem(401, "Requires authentication", "")),
        Some(token) if token.starts_with("bad") => return Err(problem(401, "Bad credentials", "")),
        Some(_) => {}
    }
    match request.header("x-github-api-version") {
        None | Some("2022-11-28" | "2026-03-10") => Ok(()),
        Some(other) => {
            let text = format!(
                "\"{other}\" is not a supported version. Supported versions are: \"2022-11-28\", \"2026-03-10\"."
            );
            Err(problem(400, &text, ""))
        }
    }
}

/// The body of a request, which must be what the published description says.
fn checked_body(request: &Request, found: &Found, violations: &mut Vec<String>) -> Result<Value, Reply> {
    if matches!(request.method.as_str(), "GET" | "DELETE") {
        return Ok(Value::Null);
    }
    let doc = found.route.doc();
    let not_json = || problem(400, "Problems parsing JSON", doc);
    let body: Value = serde_json::from_slice(&request.raw).map_err(|_| not_json())?;
    if !body.is_object() {
        return Err(problem(400, "Body should be a JSON object", doc));
    }
    let Some((method, path)) = found.operation() else { return Ok(body) };
    let problems = GITHUB.request_problems(method, path, &body);
    if problems.is_empty() {
        return Ok(body);
    }
    let text = format!("{method} {path}: {}", problems.join("; "));
    violations.push(text.clone());
    Err(Reply::json(599, &json!({"message": text})))
}

/// What the host sends against its own description: outdated comments have no line, deleted forks no repository, and
/// people who are gone no name.
const KNOWN_DEVIATIONS: [&str; 4] =
    ["/line: null is not", "/position: null is not", "/head/repo: null is not", "/user: null is not"];

/// The double must not lie either.
fn check_answer(reply: &Reply, found: &Found, violations: &mut Vec<String>) {
    let is_json =
        reply.headers.iter().any(|(name, value)| name == "content-type" && value.starts_with("application/json"));
    let (Some((method, path)), true) = (found.operation(), is_json) else { return };
    let body = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
    let problems = GITHUB.answer_problems(method, path, reply.status, &body);
    let problems = problems.iter().filter(|problem| !KNOWN_DEVIATIONS.iter().any(|known| problem.contains(known)));
    violations.extend(problems.map(|problem| format!("the double's own answer to {method} {path}: {problem}")));
}

//! `prudence doctor`: each trouble has its line, its remedy and its exit code, and nothing is posted.

use serde_json::json;

use crate::support::actions::{Actions, Event};
use crate::support::github::{Fault, GitHub, Route, Scenario, TOKEN};
use crate::support::openai::{KEY, OpenAi, Script};
use crate::support::program::{Prudence, Run};
use crate::support::pull::pay;
use crate::support::repo::Repo;
use crate::support::server::{Reply, Server, Wire};

/// The program on a branch, with nothing else in its environment.
fn doctor(repo: &Repo) -> Prudence {
    Prudence::new().current_dir(repo.path()).arg("doctor")
}

/// The state of each check, in their order: `config ok, key fail`.
pub fn states(run: &Run) -> String {
    let lines = run.stdout.lines().filter(|line| !line.starts_with(' '));
    let words = lines.map(|line| line.split_whitespace().take(2).collect::<Vec<_>>());
    words.map(|words| format!("{} {}", words[1], words[0])).collect::<Vec<_>>().join(", ")
}

/// The line of a check and, below it, its remedy.
#[track_caller]
pub fn said(run: &Run, name: &str) -> String {
    let lines: Vec<&str> = run.stdout.lines().collect();
    let at = lines.iter().position(|line| line.split_whitespace().nth(1) == Some(name));
    let at = at.unwrap_or_else(|| panic!("no line on {name}\n{run}"));
    let hint = lines.get(at + 1).filter(|line| line.starts_with("      hint: "));
    std::iter::once(lines[at]).chain(hint.copied()).collect::<Vec<_>>().join("\n")
}

/// Runs it; the line on `name` has this state and these parts, and the exit code follows from all states.
#[track_caller]
pub fn check(program: Prudence, state: &str, name: &str, parts: &[&str]) -> Run {
    let run = program.run();
    let failed = run.stdout.lines().any(|line| line.starts_with("fail "));
    assert_eq!(run.code, Some(if failed { 2 } else { 0 }), "{run}");
    let said = said(&run, name);
    assert!(said.starts_with(&format!("{state} ")), "not {state}: {said}\n{run}");
    for part in parts {
        assert!(said.contains(part), "no `{part}` in\n{said}\n{run}");
    }
    assert!(!matches!(state, "fail" | "warn") || said.contains("\n      hint: "), "no remedy\n{run}");
    assert!(!format!("{run}").contains(&KEY[3..]) && !format!("{run}").contains(TOKEN), "a key is shown\n{run}");
    run
}

/// Nothing was created, and nobody was asked but for a list of models.
#[track_caller]
fn assert_untouched(github: &GitHub, openai: Option<&OpenAi>) {
    assert!(github.reviews().is_empty() && github.review_comments().is_empty(), "a review was posted");
    assert!(github.issue_comments().is_empty(), "a comment was posted");
    github.assert_no_violations();
    if let Some(openai) = openai {
        let asked: Vec<String> = openai.requests().iter().map(|r| format!("{} {}", r.method, r.path)).collect();
        assert_eq!(asked, ["GET /v1/models"]);
    }
}

#[test]
fn all_is_well_on_a_branch() {
    let (repo, openai) = (pay(), OpenAi::start(Script::new()));
    let run = check(doctor(&repo).openai(&openai), "ok", "key", &["variable `OPENAI_API_KEY`"]);
    assert_eq!(states(&run), "config ok, key ok, endpoint ok, model ok, request skip, history ok");
    assert!(said(&run, "model").contains("`gpt-4o-mini` is there"), "{run}");
    assert!(said(&run, "request").contains("`--pr OWNER/REPO#N`"), "{run}");
    assert!(said(&run, "history").contains("leaves `main` at "), "{run}");
    assert!(run.stderr.is_empty(), "{run}");
    assert_eq!(openai.requests().len(), 1, "one listing of models");
    assert_eq!(openai.completions().len(), 0);
}

#[test]
fn lines_are_coloured_where_that_is_wanted() {
    let repo = pay();
    let run = doctor(&repo).args(["--provider", "offline", "--color", "always"]).run().expect_code(0);
    assert!(run.stdout.starts_with("\u{1b}[32mok  \u{1b}[0m  config "), "{run}");
    let run = doctor(&repo).args(["--provider", "offline"]).run().expect_code(0);
    assert!(run.stdout.starts_with("ok    config "), "{run}");
    assert_eq!(states(&run), "config ok, model skip, request skip, history ok");
}

// --- the key

#[test]
fn a_key_with_something_around_it_works_and_is_told() {
    let (repo, openai) = (pay(), OpenAi::start(Script::new()));
    for (raw, part) in [
        (format!(" {KEY}"), "white space at its beginning"),
        (format!("{KEY}\n"), "a line break at its end"),
        (format!("\"{KEY}\""), "quotes around it"),
    ] {
        let program = doctor(&repo).openai(&openai).env("OPENAI_API_KEY", raw);
        let run = check(program, "warn", "key", &[part, "save it again"]);
        assert_eq!(states(&run), "config ok, key warn, endpoint ok, model ok, request skip, history ok");
    }
}

#[test]
fn a_text_that_is_no_key_is_not_sent() {
    let repo = pay();
    let with = |key: &str| doctor(&repo).env("OPENAI_API_KEY", key);
    check(with("sk-..."), "fail", "key", &["placeholder"]);
    check(with("${{ secrets.OPENAI_API_KEY }}"), "fail", "key", &["expression"]);
    // the address is OpenAI's own, where these tests must not go
    let run = check(with("sk-ant-api03-0123456789"), "fail", "key", &["a key of Anthropic", "was not sent"]);
    assert_eq!(states(&run), "config ok, key fail, endpoint skip, model skip, request skip, history ok");
}

#[test]
fn no_key_is_a_failure_with_its_remedy() {
    let repo = pay();
    check(doctor(&repo), "fail", "key", &["`OPENAI_API_KEY` is not set", "`.env`", "--provider offline"]);
    check(doctor(&repo).env("OPENAI_API_KEY", " \n"), "fail", "key", &["is set and empty"]);
    let azure = ["--provider", "azure", "--base-url", "https://r.openai.azure.com"];
    check(doctor(&repo).args(azure), "fail", "key", &["`AZURE_OPENAI_API_KEY`"]);
    check(doctor(&repo).args(["--provider", "azure"]), "fail", "endpoint", &["`AZURE_OPENAI_ENDPOINT`"]);
}

#[test]
fn a_key_in_the_env_file_is_found() {
    let openai = OpenAi::start(Script::new());
    let repo = pay().file(".env", format!("OPENAI_API_KEY=\"{KEY}\"\n"));
    check(doctor(&repo).args(["--base-url", &openai.url]), "ok", "key", &["in `.env`"]);
}

#[test]
fn a_server_on_this_machine_needs_no_key() {
    let (repo, openai) = (pay(), OpenAi::start(Script::new().needs_no_key()));
    let run = check(doctor(&repo).args(["--base-url", &openai.url]), "ok", "key", &["needs none"]);
    assert!(said(&run, "endpoint").starts_with("ok"), "{run}");
}

#[test]
fn a_wrong_key_is_told_from_a_wrong_address() {
    let (repo, openai) = (pay(), OpenAi::start(Script::new()));
    let program = doctor(&repo).openai(&openai).env("OPENAI_API_KEY", "sk-0123456789-0123456789");
    let run = check(program, "fail", "key", &["refused the key (401", "set `OPENAI_API_KEY` to a valid key"]);
    assert_eq!(states(&run), "config ok, key fail, endpoint ok, model skip, request skip, history ok");
    assert!(!run.stdout.contains("6789"), "a part of the key is shown\n{run}");
}

// --- the endpoint

/// A server that gives this answer to everything.
fn server(reply: Reply) -> Server {
    Server::start("model server", Box::new(move |_, _, _| reply.clone()))
}

fn asking(repo: &Repo, base_url: &str) -> Prudence {
    doctor(repo).env("OPENAI_API_KEY", KEY).args(["--base-url", base_url])
}

#[test]
fn a_wrong_address_is_named_with_the_right_one() {
    let (repo, openai) = (pay(), OpenAi::start(Script::new()));
    let root = openai.azure_endpoint();
    let right = format!("set `--base-url` to `{root}/v1`");
    let run = check(asking(&repo, &root), "fail", "endpoint", &["(404)", "`/v1` seems to be missing", &right]);
    assert_eq!(states(&run), "config ok, key skip, endpoint fail, model skip, request skip, history ok");
    check(asking(&repo, &format!("{root}/v1/chat/completions")), "fail", "endpoint", &["(404)", &right]);
    check(asking(&repo, &format!("{root}/v2")), "fail", "endpoint", &["(404)", "check `--base-url`"]);
}

#[test]
fn what_is_no_model_server_is_told() {
    let repo = pay();
    let reply = |reply: Reply, parts: &[&str]| {
        let server = server(reply);
        check(asking(&repo, &format!("{}/v1", server.root)), "fail", "endpoint", parts);
        assert_eq!(server.requests().len(), 1, "one attempt");
    };
    reply(Reply::html(200), &["a web page instead of JSON (200)", "proxy"]);
    reply(Reply::html(404), &["a web page instead of JSON (404)"]);
    reply(Reply::html(502), &["502", "try again later"]);
    reply(Reply::json(200, &json!({"hello": 1})), &["does not answer as a model server"]);
    reply(
        Reply::json(308, &json!({})).header("location", "https://elsewhere.test/v1/models"),
        &["redirects", "elsewhere.test"],
    );
    reply(Reply::on_the_wire(Wire::Reset), &["no answer", "check `--base-url`"]);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    check(asking(&repo, &format!("http://{closed}/v1")), "fail", "endpoint", &["cannot reach", "check `--base-url`"]);
}

#[test]
fn an_account_without_money_and_a_restricted_key() {
    let repo = pay();
    let error = |status: u16, code: &str, message: &str| {
        server(Reply::json(status, &json!({"error": {"message": message, "type": code, "code": code}})))
    };
    let quota = error(429, "insufficient_quota", "You exceeded your current quota.");
    check(asking(&repo, &format!("{}/v1", quota.root)), "fail", "key", &["no quota left", "billing"]);
    let limited = error(429, "rate_limit_exceeded", "Rate limit reached.");
    check(asking(&repo, &format!("{}/v1", limited.root)), "warn", "endpoint", &["limits the rate", "later"]);
    let scope = error(403, "forbidden", "You have insufficient permissions. Missing scopes: api.model.read.");
    let run = check(asking(&repo, &format!("{}/v1", scope.root)), "warn", "key", &["its list of models", "may still"]);
    assert!(said(&run, "model").starts_with("skip"), "{run}");
    let country = error(403, "unsupported_country", "Country, region, or territory not supported");
    check(asking(&repo, &format!("{}/v1", country.root)), "fail", "key", &["Country", "from where"]);
}

// --- the model

#[test]
fn a_model_that_is_not_there_has_near_names() {
    let (repo, openai) = (pay(), OpenAi::start(Script::new()));
    let with = |flags: &[&str]| doctor(&repo).openai(&openai).args(flags);
    let parts = ["`gpt-4o-mni` is not in the server's list", "set `model` to `gpt-4o-mini`"];
    check(with(&["--model", "gpt-4o-mni"]), "fail", "model", &parts);
    check(with(&["--model", "claude"]), "fail", "model", &["such as `gpt-4o-mini`"]);
    let file = repo.file(".prudence.toml", "verify-model = 'gpt-5-nan'\nfallback-models = ['gpt-4o', 'gpt-44']\n");
    let run = check(doctor(&file).openai(&openai), "fail", "verify-model", &["`gpt-5-nano`"]);
    assert_eq!(
        states(&run),
        "config ok, key ok, endpoint ok, model ok, verify-model fail, fallback ok, fallback warn, request skip, history ok"
    );
}

#[test]
fn a_model_without_a_price_is_told() {
    let model = crate::support::openai::Model::new("house-model", 128_000, 4096);
    let (repo, openai) = (pay(), OpenAi::start(Script::new().model(model)));
    let program = doctor(&repo).openai(&openai).args(["--model", "house-model"]);
    check(program, "warn", "model", &["no known price", "[prices.\"house-model\"]"]);
}

// --- the configuration

#[test]
fn a_broken_configuration_is_named_with_line_and_key() {
    let openai = OpenAi::start(Script::new());
    let with = |text: &str| {
        let repo = pay().file(".prudence.toml", text);
        (doctor(&repo).openai(&openai), repo)
    };
    let (program, _repo) = with("model = 'gpt-4o'\nmax-comment = 3\n");
    let run = check(program, "fail", "config", &[".prudence.toml:2", "max-comment"]);
    assert_eq!(states(&run), "config fail, key skip, endpoint skip, model skip, request skip, history ok");
    let (program, _repo) = with("model = gpt-4o\n");
    check(program, "fail", "config", &[".prudence.toml:1", "`model`"]);
    let (program, _repo) = with("concurrency = 'many'\n");
    check(program, "fail", "config", &[".prudence.toml:1", "concurrency"]);
    assert_eq!(openai.requests().len(), 0, "the file may have named another server");
    let repo = pay();
    check(doctor(&repo).env("PRUDENCE_CHUNK_TOKENS", "1"), "fail", "config", &["PRUDENCE_CHUNK_TOKENS"]);
    check(doctor(&repo).args(["--config", "none.toml"]), "fail", "config", &["none.toml"]);
    let repo = repo.file("prudence.toml", "");
    check(doctor(&repo), "warn", "config", &["rename it to `.prudence.toml`"]);
}

#[test]
fn a_key_that_a_file_sends_elsewhere_is_told() {
    let repo = pay().file(".prudence.toml", "base-url = 'http://model.invalid/v1'\n");
    check(
        doctor(&repo).env("OPENAI_API_KEY", "key-0123456789"),
        "warn",
        "key",
        &["model.invalid", "a file of the repository"],
    );
}

// --- the host

fn scenario() -> Scenario {
    Scenario::new(&pay(), "main", "feature")
}

/// The program as a step of a job on the double's request, in an empty workspace.
fn step(github: &GitHub, openai: &OpenAi) -> (Prudence, Actions) {
    let job = Actions::new(github, &Event::Opened);
    (Prudence::new().arg("doctor").openai(openai).actions(&job), job)
}

/// In a job on this request, the line on `name` has this state and these parts; nothing is posted.
#[track_caller]
fn check_job(scenario: Scenario, prepare: impl FnOnce(&GitHub), state: &str, name: &str, parts: &[&str]) -> Run {
    let (github, openai) = (GitHub::start(scenario), OpenAi::start(Script::new()));
    prepare(&github);
    let (program, _job) = step(&github, &openai);
    let run = check(program, state, name, parts);
    assert_untouched(&github, None);
    run
}

#[test]
fn all_is_well_in_a_job() {
    let (github, openai) = (GitHub::start(scenario()), OpenAi::start(Script::new()));
    let (program, _job) = step(&github, &openai);
    let run = check(program, "ok", "permissions", &["reviews and comments"]);
    let all = "config ok, key ok, endpoint ok, model ok, token ok, request ok, permissions ok, history ok";
    assert_eq!(states(&run), all);
    assert!(said(&run, "history").contains("none is needed"), "{run}");
    assert_untouched(&github, Some(&openai));
    let refused: Vec<u16> = github.writes().iter().map(|write| write.status).collect();
    assert_eq!(refused, [422, 422], "what could write was refused for its content");
}

#[test]
fn a_request_can_be_named() {
    let (github, openai, repo) = (GitHub::start(scenario()), OpenAi::start(Script::new()), pay());
    let named = |name: &str| doctor(&repo).openai(&openai).github(&github).args(["--pr", name]);
    check(named(&github.pull_url()), "ok", "request", &["/octo/demo/pull/7 can be read"]);
    check(named("octo/demo#7"), "ok", "permissions", &[]);
    check(named("octo/demo#8"), "fail", "request", &["`octo/demo#8` does not exist, or the token may not see it"]);
    check(named("octo/secret#1"), "fail", "request", &["the token may not see it", "`pull-requests: read`"]);
    assert_untouched(&github, None);
}

#[test]
fn a_missing_permission_has_its_name_of_the_workflow() {
    let read = scenario().permissions(&[("contents", "read"), ("pull_requests", "read")]);
    let run = check_job(read, |_| {}, "fail", "permissions", &["403", "`pull-requests: write` under `permissions:`"]);
    assert!(said(&run, "request").starts_with("ok"), "{run}");
    let none = scenario().permissions(&[("contents", "read")]);
    let run = check_job(none, |_| {}, "fail", "request", &["`pull-requests: read`"]);
    assert!(said(&run, "permissions").contains("`pull-requests: write`"), "{run}");
    let blind = scenario().permissions(&[("pull_requests", "write")]);
    check_job(blind, |_| {}, "fail", "config", &["`contents: read`"]);
}

#[test]
fn a_request_from_a_fork_is_expected_to_be_read_only() {
    let run = check_job(scenario().fork(), |_| {}, "warn", "permissions", &["403", "annotations"]);
    assert!(said(&run, "request").contains("from a fork"), "{run}");
    let github = GitHub::start(scenario().fork());
    let (program, _job) = step(&github, &OpenAi::start(Script::new()));
    let program = program.env("OPENAI_API_KEY", "").env_remove("OPENAI_BASE_URL");
    check(program, "warn", "key", &["is set and empty", "forks get no secrets"]);
}

#[test]
fn a_wrong_token_and_none() {
    let (github, openai) = (GitHub::start(scenario()), OpenAi::start(Script::new()));
    let with = |token: &str| {
        let (program, job) = step(&github, &openai);
        (program.env("GITHUB_TOKEN", token), job)
    };
    let (program, _job) = with("bad-token");
    let run = check(program, "fail", "token", &["refused the token (401", "`${{ github.token }}`"]);
    assert!(said(&run, "permissions").starts_with("skip"), "{run}");
    assert_eq!(github.writes().len(), 0);
    let (program, _job) = with("");
    check(program, "fail", "token", &["there is no token", "set `GITHUB_TOKEN`"]);
    let (program, _job) = with("sk-proj-0123456789");
    check(program, "fail", "token", &["a key of OpenAI", "was not sent"]);
    let (program, _job) = with(&format!("{TOKEN}\n"));
    check(program, "warn", "token", &["a line break at its end"]);
    let (program, _job) = with(&format!("{TOKEN}\n"));
    let run = check(program.env("INPUT_GITHUB-TOKEN", TOKEN), "ok", "token", &["the action's input `github-token`"]);
    assert!(said(&run, "permissions").starts_with("ok"), "{run}");
    assert_untouched(&github, None);
}

#[test]
fn a_host_that_does_not_tell_is_not_well() {
    let skip = |fault| {
        check_job(
            scenario(),
            |github| github.fault_always(Route::CreateReview, fault),
            "skip",
            "permissions",
            &["could not look"],
        )
    };
    skip(Fault::Html502);
    skip(Fault::PrimaryLimit);
    let down = |github: &GitHub| {
        github.fault_always(Route::GraphQl, Fault::Html502);
        github.fault_always(Route::GetPull, Fault::Html502);
    };
    let run = check_job(scenario(), down, "fail", "request", &["502", "try again later"]);
    assert!(said(&run, "permissions").starts_with("skip"), "{run}");
    let repo = pay();
    let program = doctor(&repo).args(["--provider", "offline", "--pr", "o/r#1"]);
    let program = program.env("GITHUB_TOKEN", TOKEN).env("GITHUB_API_URL", "http://127.0.0.1:9");
    check(program, "fail", "request", &["cannot reach http://127.0.0.1:9", "`GITHUB_API_URL`"]);
}

#[test]
fn a_request_that_is_left_out_is_told() {
    check_job(scenario().draft(), |_| {}, "warn", "request", &["is a draft", "`skip.drafts`"]);
    check_job(scenario().labels(&["no-review"]), |_| {}, "warn", "request", &["`no-review`", "`skip.labels`"]);
}

#[test]
fn the_configuration_of_a_request_is_that_of_the_base_commit() {
    let broken = |text: &str| {
        let base = Repo::new().file(".prudence.toml", text).file("a.rs", "one\n").commit("base");
        base.branch("feature").file(".prudence.toml", "model = 1").file("a.rs", "two\n").commit("change")
    };
    let fine = Scenario::new(&broken("max-comments = 3\n"), "main", "feature");
    check_job(fine, |_| {}, "ok", "config", &["is read in the base commit"]);
    let bad = Scenario::new(&broken("max-comments = -3\n"), "main", "feature");
    check_job(bad, |_| {}, "fail", "config", &[".prudence.toml:1", "max-comments", "in the base commit"]);
}

#[test]
fn an_event_without_a_request_leaves_nothing_to_look_at() {
    let (github, openai) = (GitHub::start(scenario()), OpenAi::start(Script::new()));
    let job = Actions::new(&github, &Event::Opened);
    let program = |name: &str| {
        let program = Prudence::new().arg("doctor").openai(&openai).actions(&job);
        program.env("GITHUB_EVENT_NAME", name).env("GITHUB_EVENT_PATH", "").env("GITHUB_REF", "refs/heads/main")
    };
    check(program("push"), "skip", "request", &["`push` has no pull request"]);
    check(program("merge_group"), "skip", "request", &["merge group"]);
    check(program("pull_request"), "fail", "request", &["has no pull request"]);
    assert_eq!(github.requests().len(), 0);
}

// --- history

#[test]
fn a_shallow_clone_matters_only_without_a_request() {
    let (github, openai) = (GitHub::start(scenario()), OpenAi::start(Script::new()));
    let checkout = github.scenario().repo.actions_checkout("main", "feature");
    let job = Actions::in_checkout(&github, &Event::Opened, &checkout);
    let program = || Prudence::new().arg("doctor").openai(&openai).actions(&job);
    check(program(), "ok", "history", &["shallow", "does not matter"]);
    let push =
        program().env("GITHUB_EVENT_NAME", "push").env("GITHUB_EVENT_PATH", "").env("GITHUB_REF", "refs/heads/main");
    check(push, "warn", "history", &["shallow", "`fetch-depth: 0`"]);
    check(doctor(&checkout).openai(&openai), "fail", "history", &["default branch", "`fetch-depth: 0`"]);
    let gitlab = doctor(&checkout).openai(&openai).env("GITLAB_CI", "true").env("CI", "true");
    check(gitlab, "fail", "history", &["`GIT_DEPTH: 0`"]);
}

#[test]
fn missing_history_is_told() {
    let openai = OpenAi::start(Script::new());
    check(Prudence::new().arg("doctor").openai(&openai), "fail", "history", &["in no git repository", "--repo DIR"]);
    let alone = Repo::new().file("a", "1").commit("one").branch("topic");
    alone.git().find_branch("main", git2::BranchType::Local).and_then(|mut main| main.delete()).expect("no `main`");
    check(doctor(&alone).openai(&openai), "fail", "history", &["cannot find the default branch", "`--base REF`"]);
    let apart = Repo::new().file("a", "1").commit("one");
    apart.git().set_head("refs/heads/apart").expect("a branch without a commit");
    let apart = apart.file("a", "2").commit("two");
    check(doctor(&apart).openai(&openai), "fail", "history", &["no common ancestor", "`--base REF`"]);
    let empty = Repo::new();
    check(doctor(&empty).openai(&openai), "ok", "history", &["no commit yet"]);
    let elsewhere = Prudence::new().arg("doctor").arg("--repo").arg(pay().path()).openai(&openai);
    check(elsewhere, "fail", "history", &["no git repository"]);
    let repo = pay();
    check(Prudence::new().arg("doctor").arg("--repo").arg(repo.path()).openai(&openai), "ok", "history", &["`main`"]);
}

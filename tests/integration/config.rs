//! Settings: where they come from, and what they reach.

use std::path::Path;

use serde_json::Value;

use crate::support::openai::{KEY, OpenAi, Script};
use crate::support::program::{Prudence, Run};
use crate::support::repo::Repo;

fn repo() -> Repo {
    let repo = Repo::new().file("a.rs", "one\n").commit("Base").branch("topic");
    repo.file("a.rs", "one\ntwo\n").file("db/001.sql", "drop table a;\n").commit("Change")
}

/// The line of a key in the effective configuration, with single blanks.
fn shown(run: &Run, key: &str) -> String {
    let line = run.stdout.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap_or_default();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_flag_beats_a_variable_beats_the_file_beats_the_default() {
    let cases = [
        (vec!["--model", "gpt-4o"], "gpt-4.1", "gpt-4.1-mini", "gpt-4o", "flag --model"),
        (vec![], "gpt-4.1", "gpt-4.1-mini", "gpt-4.1", "variable PRUDENCE_MODEL"),
        (vec!["--model="], "", "gpt-4.1-mini", "gpt-4.1-mini", ".prudence.toml:1"),
        (vec![], "", "", "gpt-4o-mini", "default"),
    ];
    for (flags, variable, file, model, origin) in cases {
        let repo = repo().file(".prudence.toml", format!("model = \"{file}\"\n"));
        let openai = OpenAi::start(Script::new());
        let program = |command: &str| {
            let program = Prudence::new().current_dir(repo.path()).openai(&openai).env("PRUDENCE_MODEL", variable);
            program.arg(command).args(&flags).run().expect_code(0)
        };
        assert_eq!(shown(&program("config"), "model"), format!("model = \"{model}\" # {origin}"));
        assert_eq!(openai.requests().len(), 0, "`config` asks nobody");
        program("review");
        assert_eq!(openai.completions()[0].body["model"], model);
    }
}

#[test]
fn the_effective_configuration_is_a_configuration() {
    let repo = repo().file(".prudence.toml", "exclude = [\"**/gen/**\"]\n[checks]\nsecrets = false\n");
    let config = |args: &[&str]| {
        Prudence::new()
            .current_dir(repo.path())
            .env("OPENAI_API_KEY", KEY)
            .arg("config")
            .args(args)
            .run()
            .expect_code(0)
    };
    let run = config(&["--max-cost", "2.5", "--language", "vi"]);
    assert!(run.stdout.contains("# the key of the model server is set: variable OPENAI_API_KEY"), "{run}");
    assert!(!format!("{run}").contains(KEY), "the key is shown\n{run}");
    std::fs::write(repo.path().join("again.toml"), &run.stdout).unwrap();
    let again = config(&["--config", "again.toml"]);
    let values = |text: &str| -> Vec<String> {
        text.lines().filter_map(|line| line.split("  # ").next()).map(|line| line.trim_end().to_owned()).collect()
    };
    assert_eq!(values(&run.stdout), values(&again.stdout));
    assert_eq!(shown(&again, "max-cost-usd"), "max-cost-usd = 2.5 # again.toml:6");
}

#[test]
fn the_schema_describes_every_key() {
    let run = Prudence::new().args(["config", "--schema"]).run().expect_code(0);
    let schema = run.json();
    assert_eq!(schema["additionalProperties"], false);
    let names: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
    for key in ["model", "max-cost-usd", "fail-on", "paths", "prices", "checks", "skip", "instructions"] {
        assert!(names.iter().any(|name| *name == key), "{key} {names:?}");
    }
    assert_eq!(run.stderr, "");
}

/// A configuration that is not taken names file, line and key, and nothing is asked.
#[track_caller]
fn check_refused(text: impl AsRef<[u8]>, expected: &str) {
    for command in ["config", "plan", "review"] {
        let repo = repo().file(".prudence.toml", &text);
        let run = Prudence::new().current_dir(repo.path()).arg(command).run().expect_code(2);
        assert_eq!(run.stdout, "", "{run}");
        assert!(run.stderr.starts_with(&format!("error: .prudence.toml:{expected}")), "{expected}\n{run}");
        assert_eq!(run.stderr.matches("hint: ").count(), 1, "{run}");
    }
}

#[test]
fn a_wrong_configuration_names_file_line_and_key() {
    check_refused("model = 'm'\nmodle = 'm'\n", "2: unknown key `modle`\nhint: did you mean `model`?");
    check_refused("\n[[paths]]\nglob = '*'\ninstruction = 'x'\n", "4: unknown key `paths.instruction`");
    check_refused("[checks]\nsecret = true\n", "2: unknown check `checks.secret`");
    check_refused(
        "fail-on = 'hihg'\n",
        "1: `fail-on` must be one of `never`, `critical`, `major`, `minor`, `info`, found",
    );
    check_refused("# first\nmax-cost-usd = 'a lot'\n", "2: `max-cost-usd` must be ");
    check_refused(
        "chunk-tokens = 1\n",
        "1: `chunk-tokens` must be an integer from 200 to 1000000, found the integer 1",
    );
    check_refused("model = m\n", "1: this is not TOML");
    check_refused("exclude = ['a[']\n", "1: `exclude` must be");
    check_refused(b"model = 'm'\n# \xff\n", "2: the file is not UTF-8");
    check_refused("api-key = 'sk-x'\n", "1: unknown key `api-key`\nhint: a key does not belong into a file");
}

#[test]
fn in_ci_the_change_does_not_configure_its_own_review() {
    let repo = Repo::new().file("a.rs", "one\n").file(".prudence.toml", "model = 'gpt-4.1'\n").commit("Base");
    let repo = repo.branch("topic").file("a.rs", "two\n").file(".prudence.toml", "exclude = ['**']\n").commit("Change");
    for (ci, model, files) in [("true", "gpt-4.1", 2), ("", "gpt-4o-mini", 0)] {
        let program = Prudence::new().current_dir(repo.path()).env("CI", ci);
        let plan = program.args(["plan", "--base", "main", "--format", "json"]).run().expect_code(0).json();
        let read = (plan["model"].as_str(), plan["coverage"]["files_reviewed"].as_u64());
        assert_eq!(read, (Some(model), Some(files)), "CI={ci:?} {plan:#}");
    }
}

#[test]
fn in_ci_a_patch_does_not_bring_its_configuration() {
    let check = |ci: &str, named: &[&str], is_read: bool| {
        let openai = OpenAi::start(Script::new().needs_no_key());
        let config = format!("base-url = '{}'\nexclude = ['docs/**']\n", openai.url);
        let repo = repo().file(".prudence.toml", config);
        let patch = ["a.rs", "docs/b.md"].map(|path| format!("--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-1\n+2\n"));
        let program = || {
            Prudence::new().current_dir(repo.path()).env("CI", ci).env("PRUDENCE_EFFORT", "low").stdin(patch.concat())
        };
        let flags = ["--patch", "-", "--format", "json"];
        let plan = program().arg("plan").args(flags).args(named).run().expect_code(0).json();
        assert_eq!(plan["coverage"]["files_reviewed"], if is_read { 1 } else { 2 }, "CI={ci} {named:?}");
        let run = program().arg("review").args(flags).args(named).run();
        let expected = (if is_read { Some(0) } else { Some(2) }, usize::from(is_read));
        assert_eq!((run.code, openai.completions().len()), expected, "CI={ci} {named:?}\n{run}");
    };
    check("true", &[], false);
    check("true", &["--config", ".prudence.toml"], true);
    check("", &[], true);
}

#[test]
fn a_file_that_sends_the_key_elsewhere_is_told_of() {
    let elsewhere = "https://models.example/v1";
    let check = |repo: Repo, env: &[(&str, &str)], is_told: bool| {
        let program = Prudence::new().current_dir(repo.path()).args(["plan", "--base", "HEAD"]);
        let run = env.iter().fold(program, |program, (name, value)| program.env(name, value)).run().expect_code(0);
        let notice = format!("note: the key goes to {elsewhere}, which a file of the repository names\n");
        assert_eq!(run.stderr.contains(&notice), is_told, "{env:?}\n{run}");
    };
    let key = ("OPENAI_API_KEY", KEY);
    let dotenv = || repo().file(".env", format!("OPENAI_BASE_URL={elsewhere}\n"));
    check(dotenv(), &[key], true);
    check(dotenv(), &[], false);
    check(dotenv(), &[key, ("CI", "true")], false);
    check(repo().file(".env", format!("OPENAI_BASE_URL={elsewhere}\nOPENAI_API_KEY={KEY}\n")), &[], true);
    check(repo().file(".prudence.toml", format!("base-url = '{elsewhere}'\n")), &[key], true);
    check(repo(), &[key, ("OPENAI_BASE_URL", elsewhere)], false);
}

/// The prompt of a review with these flags and this configuration.
fn prompt(args: &[&str], config: &str) -> String {
    let (repo, openai) = (repo().file(".prudence.toml", config), OpenAi::start(Script::new()));
    let program = Prudence::new().current_dir(repo.path()).openai(&openai);
    program.arg("review").args(args).run().expect_code(0);
    openai.prompts().into_iter().next().unwrap_or_default()
}

#[test]
fn the_team_and_the_language_reach_the_prompt() {
    let has = |prompt: &str, part: &str| assert!(prompt.contains(part), "{part}\n{prompt}");
    has(&prompt(&[], ""), "in this language: en.");
    has(&prompt(&["--language", "vi"], "language = 'fr'"), "in this language: vi.");
    has(&prompt(&[], "language = 'fr'"), "in this language: fr.");
    let team = "instructions = 'We target Rust 1.88.'\n\
                [[paths]]\nglob = 'db/**'\ninstructions = 'Every migration must be reversible.'\n\
                [[paths]]\nglob = 'web/**'\ninstructions = 'No inline styles.'\n";
    let text = prompt(&[], team);
    has(&text, "# From the team\n");
    has(&text, "\nWe target Rust 1.88.\nFor files that match `db/**`: Every migration must be reversible.\n");
    assert!(!text.contains("No inline styles."), "no file of the change is there\n{text}");
    assert!(!prompt(&[], "").contains("From the team"));
}

#[test]
fn what_is_configured_reaches_the_request() {
    let (repo, openai) = (repo().file(".prudence.toml", "max-output-tokens = 1234\n"), OpenAi::start(Script::new()));
    Prudence::new().current_dir(repo.path()).openai(&openai).arg("review").run().expect_code(0);
    let body = &openai.completions()[0].body;
    assert_eq!(body["max_completion_tokens"].as_u64().or(body["max_tokens"].as_u64()), Some(1234), "{body:#}");
    assert_eq!(body["response_format"]["json_schema"]["strict"], true);
}

/// Reviews in a folder with these variables, and returns the key that was sent.
fn sent_key(folder: &Path, env: &[(&str, &str)]) -> (Run, Option<String>) {
    let openai = OpenAi::start(Script::new());
    let program = Prudence::new().current_dir(folder).env("OPENAI_BASE_URL", &openai.url);
    let run = env.iter().fold(program, |program, (name, value)| program.env(name, value)).arg("review").run();
    let key = openai.completions().first().and_then(|r| r.header("authorization").map(str::to_owned));
    assert!(!format!("{run}").contains(KEY), "the key is shown\n{run}");
    (run, key)
}

#[test]
fn the_key_is_sent_without_what_pasting_adds() {
    let repo = repo();
    let bearer = Some(format!("Bearer {KEY}"));
    for noise in ["  KEY", "KEY\n", "\"KEY\"", " 'KEY' \r\n"] {
        let value = noise.replace("KEY", KEY);
        assert_eq!(sent_key(repo.path(), &[("OPENAI_API_KEY", &value)]).1, bearer, "{noise:?}");
    }
}

#[test]
fn a_dotenv_file_is_read_on_a_desk_and_never_in_ci() {
    let repo = repo().file(".env", format!("# mine\nexport OPENAI_API_KEY='{KEY}'\nOTHER=1\n"));
    let (run, key) = sent_key(repo.path(), &[]);
    assert_eq!(key, Some(format!("Bearer {KEY}")), "{run}");
    let (run, key) = sent_key(repo.path(), &[("OPENAI_API_KEY", "sk-other")]);
    assert_eq!(
        (key.as_deref(), run.code),
        (Some("Bearer sk-other"), Some(2)),
        "a variable stands above the file\n{run}"
    );
    let openai = OpenAi::start(Script::new());
    let ci = Prudence::new().current_dir(repo.path()).env("CI", "true").arg("review").run().expect_code(2);
    assert!(ci.stderr.starts_with("error: no key for the model in this CI run\nhint: "), "{ci}");
    assert_eq!((openai.requests().len(), ci.stdout.as_str()), (0, ""));
}

#[test]
fn offline_asks_nobody_even_with_a_key() {
    let (repo, openai) = (repo(), OpenAi::start(Script::new()));
    for (args, variable) in [(&["--provider", "offline"][..], ""), (&[], "offline")] {
        let program = Prudence::new().current_dir(repo.path()).openai(&openai).env("PRUDENCE_PROVIDER", variable);
        let run = program.args(["review", "--format", "json"]).args(args).run().expect_code(0);
        let report = run.json();
        assert_eq!((&report["chunks"], &report["usage"]["requests"]), (&Value::Array(vec![]), &Value::from(0)));
        assert_eq!(report["status"], "complete");
    }
    assert_eq!(openai.requests().len(), 0);
}

#[test]
fn a_server_on_this_machine_needs_no_key() {
    let (repo, openai) = (repo(), OpenAi::start(Script::new().needs_no_key()));
    let program = Prudence::new().current_dir(repo.path()).args(["review", "--base-url", &openai.url]);
    program.run().expect_code(0);
    assert_eq!(openai.completions()[0].header("authorization"), None);
}

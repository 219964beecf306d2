//! What `prudence init` writes, and what it leaves alone.

use std::fs;
use std::path::Path;

use crate::support::program::{Prudence, Run};
use crate::support::repo::Repo;

const WORKFLOW: &str = ".github/workflows/prudence.yml";
const PUBLISH: &str = ".github/workflows/prudence-publish.yml";
const CONFIG: &str = ".prudence.toml";

#[track_caller]
fn init(repo: &Repo, flags: &[&str], code: i32) -> Run {
    Prudence::new().current_dir(repo.path()).arg("init").args(flags).run().expect_code(code)
}

fn read(repo: &Repo, path: &str) -> Option<String> {
    fs::read_to_string(repo.path().join(path)).ok()
}

fn source(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}

#[test]
fn the_files_are_those_of_the_templates_and_it_says_what_comes_next() {
    let repo = Repo::new();
    let run = init(&repo, &[], 0);
    assert_eq!(read(&repo, WORKFLOW), Some(source("templates/github/prudence.yml")));
    assert_eq!(read(&repo, PUBLISH), None);
    assert!(run.stdout.starts_with(&format!("wrote `{WORKFLOW}`\nwrote `{CONFIG}`\n\nNext:\n")), "{run}");
    assert!(run.stdout.contains("secret `OPENAI_API_KEY`"), "{run}");

    let repo = Repo::new();
    let run = init(&repo, &["--forks"], 0);
    assert_eq!(read(&repo, WORKFLOW), Some(source("templates/github/forks/prudence.yml")));
    assert_eq!(read(&repo, PUBLISH), Some(source("templates/github/forks/prudence-publish.yml")));
    assert!(run.stdout.contains(&format!("wrote `{PUBLISH}`\n")), "{run}");
}

#[test]
fn the_configuration_says_what_holds_without_it() {
    let shown = |repo: &Repo| Prudence::new().current_dir(repo.path()).arg("config").run().expect_code(0).stdout;
    let repo = Repo::new();
    let before = shown(&repo);
    init(&repo, &[], 0);
    assert!(read(&repo, CONFIG).is_some_and(|text| text.contains("\n#model = \"gpt-4o-mini\"\n")));
    assert_eq!(shown(&repo), before);
}

#[test]
fn the_repository_is_the_one_around_the_folder_or_the_named_one() {
    let repo = Repo::new().file("src/a.rs", "");
    Prudence::new().current_dir(repo.path().join("src")).arg("init").run().expect_code(0);
    assert!(read(&repo, WORKFLOW).is_some());
    let repo = Repo::new();
    Prudence::new().args(["init", "--repo"]).arg(repo.path()).run().expect_code(0);
    assert!(read(&repo, WORKFLOW).is_some());
    let run = Prudence::new().args(["init", "--repo", "nowhere"]).run().expect_code(2);
    assert!(run.stderr.contains("nowhere` is not a folder\nhint: "), "{run}");
}

#[test]
fn another_workflow_is_never_overwritten_and_then_nothing_is_written() {
    let repo = Repo::new().file(WORKFLOW, "mine\n");
    let run = init(&repo, &["--forks"], 2);
    assert!(
        run.stderr.starts_with(&format!("error: there is another `{WORKFLOW}`, and nothing was written\n")),
        "{run}"
    );
    assert!(run.stderr.contains("hint: ") && run.stdout.is_empty(), "{run}");
    assert_eq!(read(&repo, WORKFLOW).as_deref(), Some("mine\n"));
    assert_eq!((read(&repo, PUBLISH), read(&repo, CONFIG)), (None, None));
    init(&repo, &["--forks", "--force"], 0);
    assert_eq!(read(&repo, WORKFLOW), Some(source("templates/github/forks/prudence.yml")));
}

#[test]
fn a_configuration_stays_and_the_workflow_is_written_beside_it() {
    let repo = Repo::new().file(CONFIG, "model = 'mine'\n");
    for flags in [&[][..], &["--force"]] {
        let run = init(&repo, flags, 0);
        assert!(run.stdout.contains("`.prudence.toml` is there and stays; delete it for a new one\n"), "{run}");
        assert_eq!(read(&repo, CONFIG).as_deref(), Some("model = 'mine'\n"));
        assert!(read(&repo, WORKFLOW).is_some());
    }
    fs::remove_file(repo.path().join(CONFIG)).expect("a configuration");
    init(&repo, &[], 0);
    assert!(read(&repo, CONFIG).is_some_and(|text| text.starts_with('#')));
}

#[test]
fn running_again_changes_nothing() {
    let repo = Repo::new();
    init(&repo, &[], 0);
    let run = init(&repo, &[], 0);
    assert!(!run.stdout.contains("wrote") && run.stdout.contains(&format!("`{WORKFLOW}` is there already\n")), "{run}");
}

/// Lines with something in them, without their comments.
fn lines(yaml: &str) -> Vec<&str> {
    let without_comment = |line| str::split(line, " #").next().unwrap_or_default().trim_end();
    yaml.lines().map(without_comment).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// What keeps a stranger's change from the key and from the token that writes.
#[test]
fn the_workflows_for_forks_divide_key_and_writing() {
    let (review, publish) =
        (source("templates/github/forks/prudence.yml"), source("templates/github/forks/prudence-publish.yml"));
    let has = |yaml: &str, text: &str| lines(yaml).iter().any(|line| line.contains(text));
    assert!(has(&review, "secrets.") && !has(&review, "write"), "{review}");
    assert!(has(&publish, "pull-requests: write") && !has(&publish, "secrets."), "{publish}");
    assert!(has(&publish, "workflows: [Prudence]") && has(&review, "name: Prudence"));
    for yaml in [&review, &publish] {
        assert!(!has(yaml, "checkout") && !has(yaml, " run:"), "{yaml}");
        assert!(has(yaml, "permissions: {}"), "{yaml}");
        let pinned = |line: &str| line.split_once('@').is_some_and(|(_, sha)| sha.len() == 40);
        let others = lines(yaml).into_iter().filter(|line| line.contains("uses: actions/"));
        assert!(others.clone().count() > 0 && others.into_iter().all(pinned), "{yaml}");
    }
}

const JOB: &str = ".gitlab/prudence.yml";
const PIPELINE: &str = ".gitlab-ci.yml";
const INCLUDE: &str = "include:\n  - local: .gitlab/prudence.yml\n";

#[test]
fn the_job_of_gitlab_is_written_with_the_lines_that_include_it() {
    let repo = Repo::new();
    let run = init(&repo, &["--gitlab"], 0);
    let written = format!("wrote `{JOB}`\nwrote `{PIPELINE}`\nwrote `{CONFIG}`\n\nNext:\n");
    assert!(run.stdout.starts_with(&written) && run.stderr.is_empty(), "{run}");
    let words = ["Settings > CI/CD > Variables", "`GITLAB_TOKEN`", "`OPENAI_API_KEY`", "role Developer", "scope `api`"];
    for word in words.into_iter().chain(["before the first release", "`image:`", "`prudence` and a shell"]) {
        assert!(run.stdout.contains(word), "no {word} in {run}");
    }
    assert_eq!(read(&repo, PIPELINE).as_deref(), Some(INCLUDE));
    assert!(read(&repo, CONFIG).is_some() && read(&repo, WORKFLOW).is_none());
    // each line of the job is one of the template, but for the head and the inputs
    let (template, job) = (source("templates/prudence.yml"), read(&repo, JOB).expect("a job"));
    assert!(job.starts_with("# Prudence reviews the merge requests") && !job.contains("$[["), "{job}");
    let of_template = lines(&template);
    let filled: Vec<&str> = lines(&job).into_iter().filter(|line| !of_template.contains(line)).collect();
    assert_eq!(filled.len(), 4, "job-name, stage, image and allow-failure: {filled:#?}");
    assert_eq!(filled[0], "prudence:");

    let again = init(&repo, &["--gitlab"], 0);
    assert!(!again.stdout.contains("wrote") && !again.stdout.contains(INCLUDE), "{again}");
}

#[test]
fn a_pipeline_is_never_touched_and_the_lines_to_add_are_shown() {
    for flags in [&["--gitlab"][..], &["--gitlab", "--force"]] {
        let repo = Repo::new().file(PIPELINE, "test: {script: make}\n");
        let run = init(&repo, flags, 0);
        assert_eq!(read(&repo, PIPELINE).as_deref(), Some("test: {script: make}\n"));
        assert!(read(&repo, JOB).is_some(), "{run}");
        assert!(run.stdout.contains(&format!("`{PIPELINE}` is there and stays. ")), "{run}");
        assert!(run.stdout.contains(&format!("\n\n{INCLUDE}\nNext:")), "{run}");
    }
    let has_it = "include:\n  - local: lint.yml\n  - local: /.gitlab/prudence.yml\n";
    let repo = Repo::new().file(PIPELINE, has_it);
    let run = init(&repo, &["--gitlab"], 0);
    assert!(run.stdout.contains(&format!("`{PIPELINE}` is there and names `{JOB}` already\n")), "{run}");
    assert!(!run.stdout.contains(INCLUDE), "{run}");
    let repo = Repo::new().file(PIPELINE, format!("# {JOB}\n"));
    assert!(init(&repo, &["--gitlab"], 0).stdout.contains(INCLUDE), "a comment includes nothing");
}

#[test]
fn another_job_is_never_overwritten_and_then_nothing_is_written() {
    let repo = Repo::new().file(JOB, "mine\n");
    let run = init(&repo, &["--gitlab"], 2);
    assert!(run.stderr.starts_with(&format!("error: there is another `{JOB}`, and nothing was written\n")), "{run}");
    assert_eq!((read(&repo, PIPELINE), read(&repo, CONFIG)), (None, None));
    init(&repo, &["--gitlab", "--force"], 0);
    assert!(read(&repo, JOB).is_some_and(|text| text.contains("\nprudence:\n")));
}

#[test]
fn the_host_is_the_one_that_the_repository_speaks_of() {
    #[track_caller]
    fn check(repo: Repo, origin: Option<&str>, flags: &[&str], expected: &str, note: &str) {
        if let Some(url) = origin {
            repo.git().remote("origin", url).expect("a remote");
        }
        let run = init(&repo, flags, 0);
        let written = [JOB, WORKFLOW].map(|path| run.stdout.contains(&format!("wrote `{path}`\n")));
        assert_eq!(written, [JOB == expected, WORKFLOW == expected], "{run}");
        assert_eq!(run.stderr, note, "{run}");
    }
    let gitlab = Some("git@gitlab.example.com:octo/demo.git");
    let with_pipeline = || Repo::new().file(PIPELINE, "test: {script: make}\n");
    let for_gitlab =
        |why: &str| format!("note: the files are for GitLab, since {why}; `--github` writes those for GitHub\n");
    let for_github =
        |why: &str| format!("note: the files are for GitHub, since {why}; `--gitlab` writes those for GitLab\n");
    check(Repo::new(), gitlab, &[], JOB, &for_gitlab("`origin` is on gitlab.example.com"));
    check(Repo::new(), gitlab, &["--github"], WORKFLOW, "");
    let elsewhere = Some("https://git.example.com/octo/demo");
    check(with_pipeline(), elsewhere, &[], JOB, &for_gitlab("there is a `.gitlab-ci.yml`"));
    let github = Some("https://github.com/octo/demo.git");
    check(with_pipeline(), github, &[], WORKFLOW, &for_github("`origin` is on github.com"));
    check(Repo::new(), github, &["--gitlab"], JOB, "");
    let nothing = for_github("no `origin` and no `.gitlab-ci.yml` says otherwise");
    check(Repo::new(), elsewhere, &[], WORKFLOW, &nothing);
    check(Repo::new(), None, &[], WORKFLOW, &nothing);
    check(Repo::new(), None, &["--quiet"], WORKFLOW, "");
}

#[test]
fn forks_of_gitlab_need_something_else() {
    let repo = Repo::new();
    let run = init(&repo, &["--gitlab", "--forks"], 2);
    assert!(run.stderr.starts_with("error: `--forks` is for GitHub") && run.stderr.contains("\nhint: "), "{run}");
    assert!(run.stderr.contains("`prudence review --mr GROUP/PROJECT!N`"), "{run}");
    assert!(read(&repo, JOB).is_none() && read(&repo, CONFIG).is_none());
    repo.git().remote("origin", "https://gitlab.com/octo/demo.git").expect("a remote");
    init(&repo, &["--forks"], 2);
    init(&repo, &["--forks", "--github"], 0);
    let both = init(&Repo::new(), &["--github", "--gitlab"], 2);
    assert!(both.stderr.contains("cannot be used with"), "{both}");
}

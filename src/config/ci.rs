//! In which CI system the program runs, and what that says of the run.

use std::path::PathBuf;

use crate::secret::Secret;

/// A CI system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ci {
    /// GitHub Actions.
    GitHub(Box<GitHub>),
    /// GitLab CI.
    GitLab(Box<GitLab>),
    /// Any other one, which sets `CI`.
    Other,
}

/// The variables of GitHub Actions. Each is `None` where it is not set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitHub {
    /// Name of the event that started the run (`pull_request`).
    pub event_name: Option<String>,
    /// The file with the event's payload, in JSON.
    pub event_path: Option<PathBuf>,
    /// The repository, `owner/name`.
    pub repository: Option<String>,
    /// Root of the REST API, without a slash at its end; of github.com where not set.
    pub api_url: String,
    /// The GraphQL endpoint; of the same host as the REST API where not set, so that the token goes to one host.
    pub graphql_url: String,
    /// Root of the web pages, without a slash at its end; of github.com where not set.
    pub server_url: String,
    /// The run's number, unique in the repository.
    pub run_id: Option<String>,
    /// The folder of the checkout.
    pub workspace: Option<PathBuf>,
    /// The file that takes the step's outputs.
    pub output_path: Option<PathBuf>,
    /// The file that takes the step's summary.
    pub step_summary_path: Option<PathBuf>,
    /// The token of the API.
    pub token: Option<Secret>,
    /// The ref that the run is for (`refs/pull/7/merge`).
    pub git_ref: Option<String>,
}

/// The variables of GitLab CI. Each is `None` where it is not set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitLab {
    /// Root of the web pages, without a slash at its end; of gitlab.com where not set.
    pub server_url: String,
    /// Root of the REST API, without a slash at its end.
    pub api_url: String,
    /// The access token of a project, a group or a person, which may post.
    pub token: Option<Secret>,
    /// The token of the job, which may read some things and post nothing.
    pub job_token: Option<Secret>,
    /// Number of the merge request that the pipeline is for.
    pub iid: Option<String>,
    /// The project that the request goes into, by its number. The pipeline of a fork runs in another one.
    pub target_project: Option<String>,
    /// The same by its path (`group/project`).
    pub target_path: Option<String>,
    /// The project that the request comes from, by its number.
    pub source_project: Option<String>,
    /// Path of the project that the pipeline runs in (`group/project`).
    pub project_path: Option<String>,
    /// The merge requests that a branch pipeline's branch is the source of (`group/project!7`).
    pub open_requests: Vec<String>,
    /// The merge base of the request.
    pub diff_base: Option<String>,
    /// The tip of the source branch: in a merged-results pipeline the commit that runs is another.
    pub head: Option<String>,
    /// Title of the request.
    pub title: Option<String>,
    /// The job's page.
    pub job_url: Option<String>,
    /// A file with the authority that signed the host's certificate.
    pub ca_file: Option<PathBuf>,
}

impl Ci {
    /// The run of GitHub Actions, where it is one.
    pub fn actions(&self) -> Option<&GitHub> {
        match self {
            Ci::GitHub(actions) => Some(actions),
            _ => None,
        }
    }

    /// The job of GitLab, where it is one.
    pub fn gitlab(&self) -> Option<&GitLab> {
        match self {
            Ci::GitLab(job) => Some(job),
            _ => None,
        }
    }

    /// The page of this run.
    pub fn run_url(&self) -> Option<String> {
        match self {
            Ci::GitHub(actions) => {
                let (repository, run_id) = (actions.repository.as_ref()?, actions.run_id.as_ref()?);
                Some(format!("{}/{repository}/actions/runs/{run_id}", actions.server_url))
            }
            Ci::GitLab(job) => job.job_url.clone(),
            Ci::Other => None,
        }
    }

    /// The CI system that the environment tells of; `None` for a local run.
    pub fn detect(env: &dyn Fn(&str) -> Option<String>) -> Option<Ci> {
        let is_on =
            |name: &str| env(name).is_some_and(|v| !matches!(v.trim(), "" | "0") && !v.eq_ignore_ascii_case("false"));
        if is_on("GITHUB_ACTIONS") {
            Some(Ci::GitHub(Box::new(GitHub::read(env))))
        } else if is_on("GITLAB_CI") {
            Some(Ci::GitLab(Box::new(GitLab::read(env))))
        } else {
            is_on("CI").then_some(Ci::Other)
        }
    }
}

/// A variable; empty counts as not set.
fn var(env: &dyn Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    env(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// A variable that is the root of something, without a slash at its end.
fn root(env: &dyn Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    var(env, name).map(|url| url.trim_end_matches('/').to_owned())
}

impl GitLab {
    /// Reads the variables, in a job of GitLab or not: the token and the host are set by hand, too.
    pub fn read(env: &dyn Fn(&str) -> Option<String>) -> GitLab {
        let var = |name: &str| var(env, name);
        let secret = |name: &str| var(name).and_then(|token| Secret::new(&token));
        let server_url = root(env, "CI_SERVER_URL").or_else(|| root(env, "GITLAB_URL"));
        let server_url = server_url.unwrap_or_else(|| "https://gitlab.com".to_owned());
        let open = var("CI_OPEN_MERGE_REQUESTS").unwrap_or_default();
        GitLab {
            api_url: root(env, "CI_API_V4_URL").unwrap_or_else(|| api_of(&server_url)),
            server_url,
            token: secret("GITLAB_TOKEN"),
            job_token: secret("CI_JOB_TOKEN"),
            iid: var("CI_MERGE_REQUEST_IID"),
            target_project: var("CI_MERGE_REQUEST_PROJECT_ID"),
            target_path: var("CI_MERGE_REQUEST_PROJECT_PATH"),
            source_project: var("CI_MERGE_REQUEST_SOURCE_PROJECT_ID"),
            project_path: var("CI_PROJECT_PATH"),
            open_requests: open.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            diff_base: var("CI_MERGE_REQUEST_DIFF_BASE_SHA"),
            head: var("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA").or_else(|| var("CI_COMMIT_SHA")),
            title: var("CI_MERGE_REQUEST_TITLE"),
            job_url: var("CI_JOB_URL"),
            ca_file: var("CI_SERVER_TLS_CA_FILE").map(PathBuf::from),
        }
    }

    /// Whether the request comes from another project than it goes into.
    pub fn is_fork(&self) -> bool {
        let ends = self.source_project.as_ref().zip(self.target_project.as_ref());
        ends.is_some_and(|(source, target)| source != target)
    }
}

/// The REST API of a GitLab host with these pages.
pub fn api_of(server_url: &str) -> String {
    format!("{server_url}/api/v4")
}

impl GitHub {
    /// Reads the variables, in a run of GitHub Actions or not: tokens and roots are set by hand, too.
    pub fn read(env: &dyn Fn(&str) -> Option<String>) -> GitHub {
        let var = |name: &str| var(env, name);
        let path = |name: &str| var(name).map(PathBuf::from);
        let root = |name: &str, default: &str| root(env, name).unwrap_or_else(|| default.to_owned());
        let api_url = root("GITHUB_API_URL", "https://api.github.com");
        let token = [input(env, "github-token"), var("GITHUB_TOKEN"), var("GH_TOKEN")];
        GitHub {
            event_name: var("GITHUB_EVENT_NAME"),
            event_path: path("GITHUB_EVENT_PATH"),
            repository: var("GITHUB_REPOSITORY"),
            graphql_url: root("GITHUB_GRAPHQL_URL", &graphql_beside(&api_url)),
            api_url,
            server_url: root("GITHUB_SERVER_URL", "https://github.com"),
            run_id: var("GITHUB_RUN_ID"),
            workspace: path("GITHUB_WORKSPACE"),
            output_path: path("GITHUB_OUTPUT"),
            step_summary_path: path("GITHUB_STEP_SUMMARY"),
            token: token.into_iter().flatten().find_map(|token| Secret::new(&token)),
            git_ref: var("GITHUB_REF"),
        }
    }
}

/// The GraphQL endpoint of the host with this REST API: `/api/graphql` beside `/api/v3` on Enterprise Server.
fn graphql_beside(api_url: &str) -> String {
    format!("{}/graphql", api_url.strip_suffix("/v3").unwrap_or(api_url))
}

/// An input of the GitHub Action: `INPUT_` and its name in upper case, where a runner keeps the dashes and a step that
/// hands inputs on by `env:` may not.
pub(super) fn input(get: &dyn Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    get("GITHUB_ACTIONS").filter(|value| value == "true")?;
    let name = format!("INPUT_{}", name.to_uppercase());
    [name.clone(), name.replace('-', "_")].iter().find_map(|name| get(name).filter(|value| !value.trim().is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(variables: &[(&str, &str)]) -> Option<Ci> {
        Ci::detect(&|name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_system_is_what_the_variables_say() {
        assert_eq!(detect(&[]), None);
        assert_eq!(detect(&[("CI", "")]), None);
        assert_eq!(detect(&[("CI", "false"), ("GITHUB_ACTIONS", "false")]), None);
        assert_eq!(detect(&[("CI", "true")]), Some(Ci::Other));
        assert_eq!(detect(&[("CI", "woodpecker")]), Some(Ci::Other));
        assert!(matches!(detect(&[("CI", "true"), ("GITLAB_CI", "true")]), Some(Ci::GitLab(_))));
        assert!(matches!(detect(&[("CI", "true"), ("GITHUB_ACTIONS", "true")]), Some(Ci::GitHub(_))));
    }

    #[test]
    fn github_tells_of_the_run() {
        let Some(Ci::GitHub(run)) = detect(&[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_EVENT_NAME", "pull_request"),
            ("GITHUB_EVENT_PATH", "/github/workflow/event.json"),
            ("GITHUB_REPOSITORY", "o/r"),
            ("GITHUB_API_URL", "https://ghe.example/api/v3/"),
            ("GITHUB_RUN_ID", "12"),
            ("GITHUB_REF", "refs/pull/7/merge"),
            ("GITHUB_STEP_SUMMARY", ""),
        ]) else {
            panic!("not detected")
        };
        assert_eq!(run.event_name.as_deref(), Some("pull_request"));
        assert_eq!(run.event_path, Some("/github/workflow/event.json".into()));
        assert_eq!(run.repository.as_deref(), Some("o/r"));
        assert_eq!(run.api_url, "https://ghe.example/api/v3");
        assert_eq!(run.graphql_url, "https://ghe.example/api/graphql");
        assert_eq!(GitHub::read(&|_| None).graphql_url, "https://api.github.com/graphql");
        assert_eq!(run.server_url, "https://github.com");
        assert_eq!(run.run_id.as_deref(), Some("12"));
        assert_eq!(run.git_ref.as_deref(), Some("refs/pull/7/merge"));
        assert_eq!((run.step_summary_path, run.output_path, run.token), (None, None, None));
    }

    fn gitlab(variables: &[(&str, &str)]) -> GitLab {
        GitLab::read(&|name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn gitlab_tells_of_the_job() {
        let job = gitlab(&[
            ("CI_SERVER_URL", "https://host/gitlab/"),
            ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", ""),
            ("CI_COMMIT_SHA", "c"),
            ("CI_MERGE_REQUEST_PROJECT_ID", "1"),
            ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "2"),
            ("GITLAB_TOKEN", " glpat-1\n"),
        ]);
        assert_eq!(
            (job.server_url.as_str(), job.api_url.as_str()),
            ("https://host/gitlab", "https://host/gitlab/api/v4")
        );
        assert_eq!(job.head.as_deref(), Some("c"), "the source branch has no commit of its own");
        assert!(job.is_fork() && job.iid.is_none() && job.open_requests.is_empty());
        assert_eq!(job.token.as_ref().map(Secret::expose), Some("glpat-1"));
        let merged = gitlab(&[
            ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "s"),
            ("CI_COMMIT_SHA", "c"),
            ("CI_OPEN_MERGE_REQUESTS", "g/p!1, g/p!2"),
            ("CI_API_V4_URL", "https://api.host/v4"),
        ]);
        assert_eq!((merged.head.as_deref(), merged.api_url.as_str()), (Some("s"), "https://api.host/v4"));
        assert_eq!(merged.open_requests, ["g/p!1", "g/p!2"]);
        assert_eq!((merged.server_url.as_str(), merged.is_fork()), ("https://gitlab.com", false));
        assert_eq!(gitlab(&[("GITLAB_URL", "https://h")]).api_url, "https://h/api/v4");
    }

    #[track_caller]
    fn check_token(variables: &[(&str, &str)], expected: Option<&str>) {
        let run = GitHub::read(&|name: &str| {
            variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        });
        assert_eq!(run.token.as_ref().map(Secret::expose), expected, "{variables:?}");
    }

    #[test]
    fn the_input_is_the_token_before_the_variables() {
        let actions = ("GITHUB_ACTIONS", "true");
        check_token(&[actions, ("INPUT_GITHUB-TOKEN", "a"), ("GITHUB_TOKEN", "b")], Some("a"));
        check_token(&[actions, ("INPUT_GITHUB_TOKEN", "a")], Some("a"));
        check_token(&[actions, ("INPUT_GITHUB-TOKEN", ""), ("GITHUB_TOKEN", "b")], Some("b"));
        check_token(&[("INPUT_GITHUB-TOKEN", "a"), ("GH_TOKEN", "c")], Some("c"));
        check_token(&[("GITHUB_TOKEN", "\n"), ("GH_TOKEN", "c\n")], Some("c"));
        check_token(&[], None);
    }
}

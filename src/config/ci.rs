//! In which CI system the program runs, and what that says of the run.

use std::path::PathBuf;

use crate::secret::Secret;

/// A CI system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ci {
    /// GitHub Actions.
    GitHub(Box<GitHub>),
    /// GitLab CI.
    GitLab,
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

impl Ci {
    /// The CI system that the environment tells of; `None` for a local run.
    pub fn detect(env: &dyn Fn(&str) -> Option<String>) -> Option<Ci> {
        let is_on =
            |name: &str| env(name).is_some_and(|v| !matches!(v.trim(), "" | "0") && !v.eq_ignore_ascii_case("false"));
        if is_on("GITHUB_ACTIONS") {
            Some(Ci::GitHub(Box::new(GitHub::read(env))))
        } else if is_on("GITLAB_CI") {
            Some(Ci::GitLab)
        } else {
            is_on("CI").then_some(Ci::Other)
        }
    }
}

impl GitHub {
    /// Reads the variables, in a run of GitHub Actions or not: tokens and roots are set by hand, too.
    pub fn read(env: &dyn Fn(&str) -> Option<String>) -> GitHub {
        let var = |name: &str| env(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let path = |name: &str| var(name).map(PathBuf::from);
        let root = |name: &str, default: &str| {
            var(name).map_or_else(|| default.to_owned(), |url| url.trim_end_matches('/').to_owned())
        };
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
        assert_eq!(detect(&[("CI", "true"), ("GITLAB_CI", "true")]), Some(Ci::GitLab));
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

//! The request that a report is about, on the host that the environment names: a report cannot send the token elsewhere.

use anyhow::{Result, anyhow, bail};

use crate::cli;
use crate::config::ci;
use crate::config::merge::MergeRef;
use crate::config::provider::origin;
use crate::config::pull::PullRef;
use crate::report::{Report, Source};
use crate::source::World;

/// The request, as flags would name it.
///
/// # Errors
/// The report names none, or another than the run or the flags.
pub fn of(report: &Report, args: &cli::Publish, world: &World<'_>) -> Result<cli::Change> {
    let url = report.change.url.as_deref().unwrap_or_default();
    let (pr, mr) = match report.change.source {
        Source::GitHub => (Some(pull(url, args.pr.as_ref(), &ci::GitHub::read(world.env))?), None),
        Source::GitLab => (None, Some(merge(url, args.mr.as_ref(), &ci::GitLab::read(world.env))?)),
        _ => bail!("it is not about a pull or merge request\nhint: review one with `--pr` or `--mr`, or in CI"),
    };
    if (args.pr.is_some() && pr.is_none()) || (args.mr.is_some() && mr.is_none()) {
        bail!("it is about {url}, and not about the request that is named");
    }
    Ok(cli::Change { pr, mr, repo: args.repo.clone(), ..cli::Change::default() })
}

fn pull(url: &str, named: Option<&PullRef>, actions: &ci::GitHub) -> Result<PullRef> {
    let pull: PullRef = url.parse().map_err(|_| anyhow!("its `change.url` names no pull request"))?;
    if pull.server_url.as_deref().map(origin) != Some(origin(&actions.server_url)) {
        bail!(
            "it is about a request on another host than {}\nhint: set `GITHUB_SERVER_URL` for an enterprise server",
            actions.server_url
        );
    }
    let same_repository =
        |owner: &str, repo: &str| pull.owner.eq_ignore_ascii_case(owner) && pull.repo.eq_ignore_ascii_case(repo);
    if let Some((owner, repo)) = actions.repository.as_deref().and_then(|name| name.split_once('/'))
        && !same_repository(owner, repo)
    {
        bail!("it is about a request of `{}/{}`, and this run is one of `{owner}/{repo}`", pull.owner, pull.repo);
    }
    if let Some(named) = named
        && !(same_repository(&named.owner, &named.repo) && named.number == pull.number)
    {
        bail!(
            "it is about `{}/{}#{}`, and not about the request that `--pr` names",
            pull.owner,
            pull.repo,
            pull.number
        );
    }
    Ok(PullRef { server_url: None, ..pull })
}

fn merge(url: &str, named: Option<&MergeRef>, job: &ci::GitLab) -> Result<MergeRef> {
    let merge: MergeRef = url.parse().map_err(|_| anyhow!("its `change.url` names no merge request"))?;
    if !merge.is_on(&job.server_url) {
        bail!(
            "it is about a request on another host than {}\nhint: set `GITLAB_URL` for a self-managed host",
            job.server_url
        );
    }
    let found = MergeRef::new(merge.project(&job.server_url), merge.iid);
    let (project, iid) = (found.project(&job.server_url), found.iid);
    // outside of a pipeline for a request, the pipeline's own project is the only one
    if let Some(own) = job.target_path.as_ref().or(job.project_path.as_ref())
        && !own.eq_ignore_ascii_case(project)
    {
        bail!("it is about a request of `{project}`, and this job is one of `{own}`");
    }
    if let Some(own) = job.iid.as_ref()
        && *own != iid.to_string()
    {
        bail!("it is about `{project}!{iid}`, and this job is one of `!{own}`");
    }
    if let Some(named) = named
        && !(named.is_on(&job.server_url)
            && named.project(&job.server_url).eq_ignore_ascii_case(project)
            && named.iid == iid)
    {
        bail!("it is about `{project}!{iid}`, and not about the request that `--mr` names");
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(variables: &[(&str, &str)]) -> ci::GitLab {
        ci::GitLab::read(&|name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[track_caller]
    fn check(url: &str, named: Option<&str>, variables: &[(&str, &str)], expected: Result<(&str, u64), &str>) {
        let named: Option<MergeRef> = named.map(|text| text.parse().expect("a request"));
        let found = merge(url, named.as_ref(), &job(variables)).map_err(|err| err.to_string());
        match (found, expected) {
            (Ok(found), Ok((project, iid))) => assert_eq!((found.project(""), found.iid), (project, iid)),
            (Err(text), Err(part)) => assert!(text.contains(part), "{text}"),
            (found, expected) => panic!("{found:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn a_report_is_about_the_request_of_the_job() {
        let url = "https://h/gitlab/g/p/-/merge_requests/7";
        let host = ("CI_SERVER_URL", "https://h/gitlab");
        let in_job = [
            host,
            ("CI_MERGE_REQUEST_PROJECT_PATH", "g/p"),
            ("CI_PROJECT_PATH", "fork/p"),
            ("CI_MERGE_REQUEST_IID", "7"),
        ];
        check(url, None, &in_job, Ok(("g/p", 7)));
        check(url, Some("g/p!7"), &[host], Ok(("g/p", 7)));
        check(url, Some("g/p!8"), &[host], Err("`--mr`"));
        check(url, None, &[], Err("another host"));
        check(url, None, &[host, ("CI_PROJECT_PATH", "g/other")], Err("`g/other`"));
        check(url, None, &[host, ("CI_MERGE_REQUEST_IID", "8")], Err("`!8`"));
        check("https://h/gitlab/g/p/-/issues/7", None, &[host], Err("no merge request"));
    }
}

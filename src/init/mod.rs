//! `prudence init`: the workflows of GitHub Actions or the job of GitLab CI, and a commented `.prudence.toml`.

mod configuration;
mod host;
mod job;

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::cli::InitArgs;
use crate::config::file;
use crate::console::Console;
use crate::forge::Host;
use crate::git::Repo;
use crate::source::World;
use crate::status::Exit;

const WORKFLOW: &str = ".github/workflows/prudence.yml";
const PUBLISH_WORKFLOW: &str = ".github/workflows/prudence-publish.yml";
const JOB: &str = ".gitlab/prudence.yml";
/// What GitLab runs. Where there is one, it is the team's own and is never written.
const PIPELINE: &str = ".gitlab-ci.yml";
const INCLUDE: &str = "include:\n  - local: .gitlab/prudence.yml\n";

/// A file to be: its path in the repository, and its text.
type NewFile = (&'static str, String);

/// What is to be written beside the configuration.
#[derive(Clone, Copy)]
enum Kind {
    Workflow,
    ForkWorkflows,
    Job,
}

/// Writes the files and tells what to do next. A file that is there stays as it is: a workflow or a job with another text
/// is an error unless `--force` is given, and then nothing is written at all; a configuration and a pipeline are the team's
/// own and are always kept.
///
/// # Errors
/// A workflow or a job is there already, or a file cannot be written.
pub fn init(args: &InitArgs, world: &World<'_>, console: &Console) -> Result<Exit> {
    let folder = args.repo.as_ref().map_or_else(|| world.cwd.clone(), |repo| world.cwd.join(repo));
    if !folder.is_dir() {
        bail!("`{}` is not a folder\nhint: `--repo` names the folder of a repository", folder.display());
    }
    let repo = Repo::open(&folder).ok();
    let root = repo.as_ref().map_or(folder, Repo::root);
    let (host, why) = host::choose(args, repo.as_ref(), &root);
    let kind = kind(host, args.forks).inspect_err(|_| tell(host, why.as_deref(), console))?;
    let mut told = String::new();
    let mut to_write = Vec::new();
    let mut in_the_way = Vec::new();
    for (path, text) in files(kind) {
        match present(&root, path)? {
            Some(old) if old == text.as_bytes() => told += &format!("`{path}` is there already\n"),
            Some(old) if path == PIPELINE => told += &kept_pipeline(&old),
            Some(_) if path == file::NAME => told += &format!("`{path}` is there and stays; delete it for a new one\n"),
            Some(_) if args.force => to_write.push((path, text)),
            Some(_) => in_the_way.push(format!("`{path}`")),
            None => to_write.push((path, text)),
        }
    }
    if !in_the_way.is_empty() {
        let paths = in_the_way.join(" and ");
        bail!("there is another {paths}, and nothing was written\nhint: move it away, or overwrite it with `--force`");
    }
    let mut wrote = String::new();
    for (path, text) in to_write {
        write(&root.join(path), &text)?;
        wrote += &format!("wrote `{path}`\n");
    }
    tell(host, why.as_deref(), console);
    console.result(&(wrote + &told + next(kind)));
    Ok(Exit::Clean)
}

/// Tells which host was taken where no flag names one.
fn tell(host: Host, why: Option<&str>, console: &Console) {
    let (taken, flag, other) = match host {
        Host::GitHub => ("GitHub", "--gitlab", "GitLab"),
        Host::GitLab => ("GitLab", "--github", "GitHub"),
    };
    if let Some(why) = why {
        console.notice(format!("the files are for {taken}, since {why}; `{flag}` writes those for {other}"));
    }
}

fn kind(host: Host, forks: bool) -> Result<Kind> {
    match (host, forks) {
        (Host::GitHub, false) => Ok(Kind::Workflow),
        (Host::GitHub, true) => Ok(Kind::ForkWorkflows),
        (Host::GitLab, false) => Ok(Kind::Job),
        (Host::GitLab, true) => bail!(
            "`--forks` is for GitHub: GitLab runs the pipeline of a fork in the fork's project, without your key\nhint: leave `--forks` out, and the built-in checks run there; have a request from a fork reviewed by `prudence review --mr GROUP/PROJECT!N`, or by `Run pipeline` on its page after you read what it changes in your CI files"
        ),
    }
}

/// What is written.
fn files(kind: Kind) -> Vec<NewFile> {
    let mut files = match kind {
        Kind::Workflow => vec![(WORKFLOW, include_str!("../../templates/github/prudence.yml").to_owned())],
        Kind::ForkWorkflows => vec![
            (WORKFLOW, include_str!("../../templates/github/forks/prudence.yml").to_owned()),
            (PUBLISH_WORKFLOW, include_str!("../../templates/github/forks/prudence-publish.yml").to_owned()),
        ],
        Kind::Job => vec![(JOB, job::job()), (PIPELINE, INCLUDE.to_owned())],
    };
    files.push((file::NAME, configuration::text()));
    files
}

/// What is said of a pipeline that is there.
fn kept_pipeline(old: &[u8]) -> String {
    let includes = |line: &str| !line.trim_start().starts_with('#') && line.contains(JOB);
    if String::from_utf8_lossy(old).lines().any(includes) {
        return format!("`{PIPELINE}` is there and names `{JOB}` already\n");
    }
    format!(
        "`{PIPELINE}` is there and stays. Add these lines, or the last of them to the `include` that it has:\n\n{INCLUDE}"
    )
}

/// What stands at a path, if anything does.
fn present(root: &Path, path: &str) -> Result<Option<Vec<u8>>> {
    match std::fs::read(root.join(path)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(err) => Err(err).with_context(|| format!("cannot read `{path}`")),
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    folder.and_then(|()| std::fs::write(path, text)).with_context(|| format!("cannot write `{}`", path.display()))
}

fn next(kind: Kind) -> &'static str {
    match kind {
        Kind::Workflow => {
            "\nNext:
1. add the secret `OPENAI_API_KEY` to the repository: `gh secret set OPENAI_API_KEY`, or Settings > Secrets > Actions
2. commit the files and open a pull request; comments and runs by hand work once they are on the default branch
"
        }
        Kind::ForkWorkflows => {
            "\nNext:
1. add the secret `OPENAI_API_KEY` to the repository: `gh secret set OPENAI_API_KEY`, or Settings > Secrets > Actions
2. commit the files and merge them: they work once they are on the default branch
"
        }
        Kind::Job => {
            "\nNext:
1. make a project access token with the role Developer and the scope `api` (Settings > Access tokens), or one of your own where
   the plan has none for projects
2. add the variables `GITLAB_TOKEN` (that token) and `OPENAI_API_KEY`, masked and not protected: Settings > CI/CD > Variables,
   or `printf %s \"$OPENAI_API_KEY\" | glab variable set OPENAI_API_KEY --masked`, and the same for the other
3. see that the image is there which `.gitlab/prudence.yml` names: before the first release there is none, and its `image:` has
   to name one that has `prudence` and a shell
4. commit the files and open a merge request
"
        }
    }
}

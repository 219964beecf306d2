//! The change of a request on a host, and what the checkout has of it where the host does not tell.

use std::cell::RefCell;

use anyhow::{Context as _, Result, anyhow, bail};

use super::{Change, InGit};
use crate::diff::{self, Diff, FileDiff};
use crate::forge::{Conversation, Forge, ForgeError, Host, Request};
use crate::git::Repo;
use crate::marks::State;
use crate::report::{ChangeInfo, Source};

/// Reads a request and what stands on it, and fills in from `repo` what the host cannot give.
pub(super) async fn read(forge: &dyn Forge, repo: Option<&Repo>, local: Option<&InGit>) -> Result<Change> {
    // at once; the request's own error is the one that names what is wrong
    let (read, diff) = futures_util::future::join(forge.read(), forge.diff()).await;
    let ((request, conversation), mut diff) = match (read, diff, local) {
        (Err(err), _, Some(local)) if is_closed(&err) => return instead(&err, local, None, repo, forge.host()),
        (Ok((request, _)), Err(err), Some(local)) if is_closed(&err) => {
            return instead(&err, local, Some(request), repo, forge.host());
        }
        (read, diff, _) => (read?, diff?),
    };
    let without_patch =
        diff.files.iter().filter(|file| file.is_missing()).map(|file| file.path().to_string()).collect();
    fill_missing(&mut diff, repo, &request);
    Ok(Change {
        info: ChangeInfo {
            source: source_of(forge.host()),
            base_sha: Some(request.base_sha.clone()),
            head_sha: Some(request.head_sha.clone()),
            title: Some(request.title.clone()),
            url: Some(request.url.clone()),
        },
        description: request.description.clone(),
        diff,
        request: Some(request),
        state: state_of(&conversation),
        conversation,
        absent: RefCell::default(),
        read_ahead: RefCell::default(),
        without_patch,
        against: None,
        notice: None,
    })
}

/// What earlier runs left for later ones.
pub(super) fn state_of(conversation: &Conversation) -> State {
    conversation.summary.as_ref().and_then(|summary| State::read(&summary.body)).unwrap_or_default()
}

fn source_of(host: Host) -> Source {
    match host {
        Host::GitHub => Source::GitHub,
        Host::GitLab => Source::GitLab,
    }
}

/// Whether the host does not let the token read.
fn is_closed(err: &ForgeError) -> bool {
    match err {
        ForgeError::Forbidden(_) => true,
        ForgeError::Failed(text) => text.contains("(401"),
        _ => false,
    }
}

/// The change of a request by local git, where the host does not tell. What the host said of the request counts as long as
/// nobody has pushed since the job began.
fn instead(
    err: &ForgeError,
    known: &InGit,
    request: Option<Request>,
    repo: Option<&Repo>,
    host: Host,
) -> Result<Change> {
    let refusal = err.to_string().replace('\n', "; ");
    let repo = repo.ok_or_else(|| anyhow!("{err}"))?;
    if let Some(commit) = [&known.base, &known.head].into_iter().find(|commit| !repo.has_commit(commit)) {
        let cause = refusal.split("; hint: ").next().unwrap_or_default();
        bail!(
            "{cause}; and the checkout, which would do instead, lacks the commit {commit}\nhint: set the variable `GIT_DEPTH: 0` for the job, or give it a token that may read the request in `GITLAB_TOKEN`"
        );
    }
    let local = repo.two_dot(&known.base, &known.head)?;
    let diff = diff::parse_bounded(local.patch).context("cannot read git's own diff")?;
    let request = request.filter(|request| Some(&request.head_sha) == local.head.as_ref());
    let title = request.as_ref().map(|request| request.title.clone()).or_else(|| known.title.clone());
    let mut change = Change::local(source_of(host), diff, (local.base, local.head, title.or(local.title)));
    change.info.url = request.as_ref().map(|request| request.url.clone()).or_else(|| known.url.clone());
    change.description = request.as_ref().map(|request| request.description.clone()).unwrap_or_default();
    change.request = request;
    change.notice =
        Some(format!("the change comes from the checkout, and nothing is known of earlier reviews: {refusal}"));
    Ok(change)
}

/// Takes the files that the host could not give from git, where both commits are here.
fn fill_missing(diff: &mut Diff, repo: Option<&Repo>, request: &Request) {
    if !diff.files.iter().any(FileDiff::is_missing) {
        return;
    }
    let local = repo.and_then(|repo| repo.three_dot(&request.base_sha, &request.head_sha).ok());
    let Some(local) = local.and_then(|local| diff::parse_bounded(local.patch).ok()) else { return };
    diff.fill(local);
}

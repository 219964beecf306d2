//! The operations that the double serves.

use crate::support::server::Request;

/// An operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Route {
    GetVersion,
    GetUser,
    /// The token itself, with its scopes.
    GetToken,
    GetProject,
    ListMembers,
    /// A member by the id of the user.
    GetMember,
    /// The merge request.
    GetMerge,
    ListVersions,
    /// One version, with its files.
    GetDiffVersion,
    ListDiffs,
    GetRawDiffs,
    /// The commits of the request, the newest first.
    ListCommits,
    /// The issues that it closes.
    ListClosed,
    GetFile,
    GetRawFile,
    Compare,
    ListDiscussions,
    CreateDiscussion,
    GetDiscussion,
    ResolveDiscussion,
    ReplyToDiscussion,
    ListDiscussionNotes,
    GetDiscussionNote,
    /// Its text, or whether it is resolved.
    EditDiscussionNote,
    DeleteDiscussionNote,
    ListNotes,
    CreateNote,
    GetNote,
    EditNote,
    DeleteNote,
    ListAwards,
    CreateAward,
    DeleteAward,
    ListDrafts,
    GetDraft,
    CreateDraft,
    EditDraft,
    DeleteDraft,
    PublishDraft,
    /// All drafts of the identity at once.
    PublishDrafts,
    CreateStatus,
}

/// A request's operation, with what its path says.
#[derive(Debug, Clone)]
pub struct Found {
    pub route: Route,
    /// The number or the path of the project, where the request's path names one.
    pub project: Option<String>,
    /// The number of the merge request, where the path has one.
    pub number: Option<u64>,
    /// The id of a version, a draft, a user or a note.
    pub id: u64,
    /// The id of what belongs to a note.
    pub sub_id: u64,
    /// The id of a discussion, a file or a commit.
    pub tail: String,
}

impl Route {
    /// The operation of a request, under whatever prefix the host has.
    pub fn of(request: &Request) -> Option<Found> {
        let segments = request.segments();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        let start = path.windows(2).position(|pair| pair == ["api", "v4"])? + 2;
        let method = request.method.as_str();
        match &path[start..] {
            ["version"] if method == "GET" => Some(Found::new(Route::GetVersion)),
            ["user"] if method == "GET" => Some(Found::new(Route::GetUser)),
            ["personal_access_tokens", "self"] if method == "GET" => Some(Found::new(Route::GetToken)),
            ["projects", project, rest @ ..] => {
                Some(Found { project: Some((*project).to_owned()), ..in_project(method, rest)? })
            }
            _ => None,
        }
    }

    /// Whether a job's token may ask for it: some of what is read.
    pub fn for_jobs(self) -> bool {
        matches!(
            self,
            Route::GetProject
                | Route::GetMerge
                | Route::ListDiscussions
                | Route::GetDiscussion
                | Route::ListDiscussionNotes
                | Route::GetDiscussionNote
                | Route::ListNotes
                | Route::GetNote
        )
    }

    /// Whether it makes a note, of which there may be so many in a minute.
    pub fn creates_note(self) -> bool {
        matches!(self, Route::CreateDiscussion | Route::ReplyToDiscussion | Route::CreateNote)
    }

    /// The parameters that it knows, beside those of paging.
    pub fn parameters(self) -> &'static [&'static str] {
        match self {
            Route::GetProject => &["license", "statistics"],
            Route::ListMembers => &["query", "user_ids", "state", "show_seat_info"],
            Route::GetMerge => &["render_html", "include_diverged_commits_count", "include_rebase_in_progress"],
            Route::GetDiffVersion | Route::ListDiffs => &["unidiff"],
            Route::GetFile | Route::GetRawFile => &["ref", "lfs"],
            Route::Compare => &["from", "to", "straight", "unidiff", "from_project_id"],
            Route::CreateDiscussion => &["body", "position", "commit_id", "created_at"],
            Route::ResolveDiscussion => &["resolved"],
            Route::ReplyToDiscussion => &["body", "created_at"],
            Route::EditDiscussionNote => &["body", "resolved"],
            Route::ListNotes => &["order_by", "sort", "activity_filter"],
            Route::CreateNote => &["body", "internal", "confidential", "created_at", "merge_request_diff_head_sha"],
            Route::EditNote => &["body", "confidential"],
            Route::CreateAward => &["name"],
            Route::CreateDraft => &["note", "position", "in_reply_to_discussion_id", "resolve_discussion", "commit_id"],
            Route::EditDraft => &["note", "position"],
            Route::CreateStatus => {
                &["state", "name", "context", "ref", "description", "target_url", "coverage", "pipeline_id"]
            }
            _ => &[],
        }
    }
}

impl Found {
    fn new(route: Route) -> Found {
        Found { route, project: None, number: None, id: 0, sub_id: 0, tail: String::new() }
    }
}

fn in_project(method: &str, path: &[&str]) -> Option<Found> {
    let tailed = |route, tail: &str| Some(Found { tail: tail.to_owned(), ..Found::new(route) });
    match (method, path) {
        ("GET", []) => Some(Found::new(Route::GetProject)),
        ("GET", ["members", "all"]) => Some(Found::new(Route::ListMembers)),
        ("GET", ["members", "all", id]) => Some(Found { id: id.parse().ok()?, ..Found::new(Route::GetMember) }),
        ("GET", ["repository", "files", file]) => tailed(Route::GetFile, file),
        ("GET", ["repository", "files", file, "raw"]) => tailed(Route::GetRawFile, file),
        ("GET", ["repository", "compare"]) => Some(Found::new(Route::Compare)),
        ("POST", ["statuses", sha]) => tailed(Route::CreateStatus, sha),
        (_, ["merge_requests", number, rest @ ..]) => {
            Some(Found { number: Some(number.parse().ok()?), ..in_merge(method, rest)? })
        }
        _ => None,
    }
}

fn in_merge(method: &str, path: &[&str]) -> Option<Found> {
    let identified = |route, id: &str| Some(Found { id: id.parse().ok()?, ..Found::new(route) });
    match (method, path) {
        ("GET", []) => Some(Found::new(Route::GetMerge)),
        ("GET", ["versions"]) => Some(Found::new(Route::ListVersions)),
        ("GET", ["versions", id]) => identified(Route::GetDiffVersion, id),
        ("GET", ["diffs"]) => Some(Found::new(Route::ListDiffs)),
        ("GET", ["raw_diffs"]) => Some(Found::new(Route::GetRawDiffs)),
        ("GET", ["commits"]) => Some(Found::new(Route::ListCommits)),
        ("GET", ["closes_issues"]) => Some(Found::new(Route::ListClosed)),
        ("GET", ["draft_notes"]) => Some(Found::new(Route::ListDrafts)),
        ("POST", ["draft_notes"]) => Some(Found::new(Route::CreateDraft)),
        ("POST", ["draft_notes", "bulk_publish"]) => Some(Found::new(Route::PublishDrafts)),
        ("GET", ["draft_notes", id]) => identified(Route::GetDraft, id),
        ("PUT", ["draft_notes", id]) => identified(Route::EditDraft, id),
        ("DELETE", ["draft_notes", id]) => identified(Route::DeleteDraft, id),
        ("PUT", ["draft_notes", id, "publish"]) => identified(Route::PublishDraft, id),
        (_, ["discussions", rest @ ..]) => in_discussions(method, rest),
        (_, ["notes", rest @ ..]) => in_notes(method, rest),
        _ => None,
    }
}

fn in_discussions(method: &str, path: &[&str]) -> Option<Found> {
    let tailed = |route, tail: &str| Some(Found { tail: tail.to_owned(), ..Found::new(route) });
    let of_note = |route, tail: &str, id: &str| Some(Found { id: id.parse().ok()?, ..tailed(route, tail)? });
    match (method, path) {
        ("GET", []) => Some(Found::new(Route::ListDiscussions)),
        ("POST", []) => Some(Found::new(Route::CreateDiscussion)),
        ("GET", [discussion]) => tailed(Route::GetDiscussion, discussion),
        ("PUT", [discussion]) => tailed(Route::ResolveDiscussion, discussion),
        ("GET", [discussion, "notes"]) => tailed(Route::ListDiscussionNotes, discussion),
        ("POST", [discussion, "notes"]) => tailed(Route::ReplyToDiscussion, discussion),
        ("GET", [discussion, "notes", id]) => of_note(Route::GetDiscussionNote, discussion, id),
        ("PUT", [discussion, "notes", id]) => of_note(Route::EditDiscussionNote, discussion, id),
        ("DELETE", [discussion, "notes", id]) => of_note(Route::DeleteDiscussionNote, discussion, id),
        _ => None,
    }
}

fn in_notes(method: &str, path: &[&str]) -> Option<Found> {
    let identified = |route, id: &str| Some(Found { id: id.parse().ok()?, ..Found::new(route) });
    match (method, path) {
        ("GET", []) => Some(Found::new(Route::ListNotes)),
        ("POST", []) => Some(Found::new(Route::CreateNote)),
        ("GET", [id]) => identified(Route::GetNote, id),
        ("PUT", [id]) => identified(Route::EditNote, id),
        ("DELETE", [id]) => identified(Route::DeleteNote, id),
        ("GET", [id, "award_emoji"]) => identified(Route::ListAwards, id),
        ("POST", [id, "award_emoji"]) => identified(Route::CreateAward, id),
        ("DELETE", [id, "award_emoji", award]) => {
            Some(Found { sub_id: award.parse().ok()?, ..identified(Route::DeleteAward, id)? })
        }
        _ => None,
    }
}

//! The operations that the double serves.

use crate::support::server::Request;

/// An operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Route {
    GetRepo,
    GetUser,
    /// The pull request as JSON.
    GetPull,
    /// The pull request as a diff.
    GetDiff,
    ListFiles,
    ListReviews,
    CreateReview,
    ListReviewComments,
    CreateReviewComment,
    EditReviewComment,
    ListIssueComments,
    CreateIssueComment,
    EditIssueComment,
    /// Withdraws a review that is not submitted.
    DeleteReview,
    DeleteReviewComment,
    DeleteIssueComment,
    DismissReview,
    /// Of a review comment or of a comment on the request.
    CreateReaction,
    ListReactions,
    CreateCheckRun,
    EditCheckRun,
    GetCheckRun,
    /// Those of a commit.
    ListCheckRuns,
    /// What a person may do in the repository.
    GetPermission,
    GetContents,
    Compare,
    GraphQl,
}

/// A request's operation, with what its path says.
#[derive(Debug, Clone)]
pub struct Found {
    pub route: Route,
    /// `owner` and `name`, where the path names a repository.
    pub repo: Option<(String, String)>,
    /// The number of the pull request, where the path has one.
    pub number: Option<u64>,
    /// The id of a comment, a review or a check, where the path has one.
    pub id: u64,
    /// Whether the comment is one on the request as a whole.
    pub note: bool,
    /// What comes after a path's fixed part: a file, two commits, or a login.
    pub tail: String,
}

impl Route {
    /// The operation of a request; its path is the same with and without the prefix of an enterprise server.
    pub fn of(request: &Request) -> Option<Found> {
        let segments = request.segments();
        let mut path: Vec<&str> = segments.iter().map(String::as_str).collect();
        let method = request.method.as_str();
        if matches!((method, path.as_slice()), ("POST", ["graphql"] | ["api", "graphql"])) {
            return Some(Found::new(Route::GraphQl));
        }
        if path.starts_with(&["api", "v3"]) {
            path.drain(..2);
        }
        match path.as_slice() {
            ["user"] if method == "GET" => Some(Found::new(Route::GetUser)),
            ["repos", owner, name, rest @ ..] => {
                let found = in_repo(method, rest, request)?;
                Some(Found { repo: Some(((*owner).to_owned(), (*name).to_owned())), ..found })
            }
            _ => None,
        }
    }

    /// Method and path of the published description; GraphQL has none.
    fn operation(self) -> Option<(&'static str, &'static str)> {
        const REPO: &str = "/repos/{owner}/{repo}";
        const PULL: &str = "/repos/{owner}/{repo}/pulls/{pull_number}";
        Some(match self {
            Route::GetRepo => ("get", REPO),
            Route::GetUser => ("get", "/user"),
            Route::GetPull | Route::GetDiff => ("get", PULL),
            Route::ListFiles => ("get", "/repos/{owner}/{repo}/pulls/{pull_number}/files"),
            Route::ListReviews => ("get", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews"),
            Route::CreateReview => ("post", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews"),
            Route::ListReviewComments => ("get", "/repos/{owner}/{repo}/pulls/{pull_number}/comments"),
            Route::CreateReviewComment => ("post", "/repos/{owner}/{repo}/pulls/{pull_number}/comments"),
            Route::EditReviewComment => ("patch", "/repos/{owner}/{repo}/pulls/comments/{comment_id}"),
            Route::ListIssueComments => ("get", "/repos/{owner}/{repo}/issues/{issue_number}/comments"),
            Route::CreateIssueComment => ("post", "/repos/{owner}/{repo}/issues/{issue_number}/comments"),
            Route::EditIssueComment => ("patch", "/repos/{owner}/{repo}/issues/comments/{comment_id}"),
            Route::DeleteReview => ("delete", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}"),
            Route::DeleteReviewComment => ("delete", "/repos/{owner}/{repo}/pulls/comments/{comment_id}"),
            Route::DeleteIssueComment => ("delete", "/repos/{owner}/{repo}/issues/comments/{comment_id}"),
            Route::DismissReview => ("put", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/dismissals"),
            Route::CreateReaction => ("post", "/repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions"),
            Route::ListReactions => ("get", "/repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions"),
            Route::CreateCheckRun => ("post", "/repos/{owner}/{repo}/check-runs"),
            Route::EditCheckRun => ("patch", "/repos/{owner}/{repo}/check-runs/{check_run_id}"),
            Route::GetPermission => ("get", "/repos/{owner}/{repo}/collaborators/{username}/permission"),
            Route::GetContents => ("get", "/repos/{owner}/{repo}/contents/{path}"),
            Route::Compare => ("get", "/repos/{owner}/{repo}/compare/{basehead}"),
            Route::GetCheckRun | Route::ListCheckRuns | Route::GraphQl => return None,
        })
    }

    /// The page of the documentation that an error names.
    pub fn doc(self) -> &'static str {
        match self {
            Route::GetRepo => "repos/repos#get-a-repository",
            Route::GetUser => "users/users#get-the-authenticated-user",
            Route::GetPull | Route::GetDiff => "pulls/pulls#get-a-pull-request",
            Route::ListFiles => "pulls/pulls#list-pull-requests-files",
            Route::ListReviews => "pulls/reviews#list-reviews-for-a-pull-request",
            Route::CreateReview => "pulls/reviews#create-a-review-for-a-pull-request",
            Route::ListReviewComments => "pulls/comments#list-review-comments-on-a-pull-request",
            Route::CreateReviewComment => "pulls/comments#create-a-review-comment-for-a-pull-request",
            Route::EditReviewComment => "pulls/comments#update-a-review-comment-for-a-pull-request",
            Route::ListIssueComments => "issues/comments#list-issue-comments",
            Route::CreateIssueComment => "issues/comments#create-an-issue-comment",
            Route::EditIssueComment => "issues/comments#update-an-issue-comment",
            Route::DeleteReview => "pulls/reviews#delete-a-pending-review-for-a-pull-request",
            Route::DeleteReviewComment => "pulls/comments#delete-a-review-comment-for-a-pull-request",
            Route::DeleteIssueComment => "issues/comments#delete-an-issue-comment",
            Route::DismissReview => "pulls/reviews#dismiss-a-review-for-a-pull-request",
            Route::CreateReaction => "reactions/reactions#create-reaction-for-a-pull-request-review-comment",
            Route::ListReactions => "reactions/reactions#list-reactions-for-a-pull-request-review-comment",
            Route::CreateCheckRun => "checks/runs#create-a-check-run",
            Route::EditCheckRun => "checks/runs#update-a-check-run",
            Route::GetCheckRun => "checks/runs#get-a-check-run",
            Route::ListCheckRuns => "checks/runs#list-check-runs-for-a-git-reference",
            Route::GetPermission => "collaborators/collaborators#get-repository-permissions-for-a-user",
            Route::GetContents => "repos/contents#get-repository-content",
            Route::Compare => "commits/commits#compare-two-commits",
            Route::GraphQl => "",
        }
    }

    /// The permissions of which one is enough; none where no permission is needed.
    fn permissions(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Route::GetRepo | Route::GetUser | Route::GraphQl => &[],
            Route::GetContents | Route::Compare | Route::GetPermission => &[("contents", "read")],
            Route::GetPull
            | Route::GetDiff
            | Route::ListFiles
            | Route::ListReviews
            | Route::ListReviewComments
            | Route::ListReactions => &[("pull_requests", "read")],
            Route::CreateReview
            | Route::CreateReviewComment
            | Route::EditReviewComment
            | Route::DeleteReview
            | Route::DeleteReviewComment
            | Route::DismissReview
            | Route::CreateReaction => &[("pull_requests", "write")],
            Route::CreateCheckRun | Route::EditCheckRun => &[("checks", "write")],
            Route::GetCheckRun | Route::ListCheckRuns => &[("checks", "read")],
            Route::ListIssueComments => &[("issues", "read"), ("pull_requests", "read")],
            Route::CreateIssueComment | Route::EditIssueComment | Route::DeleteIssueComment => {
                &[("issues", "write"), ("pull_requests", "write")]
            }
        }
    }

    /// Whether it makes something that people are told about.
    pub fn creates_content(self) -> bool {
        matches!(self, Route::CreateReview | Route::CreateReviewComment | Route::CreateIssueComment)
    }
}

impl Found {
    fn new(route: Route) -> Found {
        Found { route, repo: None, number: None, id: 0, note: false, tail: String::new() }
    }

    /// Method and path of the published description; GraphQL has none.
    pub fn operation(&self) -> Option<(&'static str, &'static str)> {
        const REACTIONS: &str = "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions";
        let (method, path) = self.route.operation()?;
        Some((method, if self.note { REACTIONS } else { path }))
    }

    /// The permissions of which one is enough; none where no permission is needed.
    pub fn permissions(&self) -> &'static [(&'static str, &'static str)] {
        match self.route {
            Route::CreateReaction if self.note => Route::CreateIssueComment.permissions(),
            Route::ListReactions if self.note => Route::ListIssueComments.permissions(),
            route => route.permissions(),
        }
    }
}

fn in_repo(method: &str, path: &[&str], request: &Request) -> Option<Found> {
    let numbered = |route, number: &str| Some(Found { number: Some(number.parse().ok()?), ..Found::new(route) });
    let identified = |route, id: &str| Some(Found { id: id.parse().ok()?, ..Found::new(route) });
    let of_review = |route, n: &str, id: &str| Some(Found { id: id.parse().ok()?, ..numbered(route, n)? });
    let accept = request.header("accept").unwrap_or_default();
    let wants_diff = ["vnd.github.diff", "vnd.github.v3.diff"].iter().any(|kind| accept.contains(kind));
    match (method, path) {
        ("GET", []) => Some(Found::new(Route::GetRepo)),
        ("PATCH", ["pulls", "comments", id]) => identified(Route::EditReviewComment, id),
        ("PATCH", ["issues", "comments", id]) => identified(Route::EditIssueComment, id),
        ("DELETE", ["pulls", "comments", id]) => identified(Route::DeleteReviewComment, id),
        ("DELETE", ["issues", "comments", id]) => identified(Route::DeleteIssueComment, id),
        ("GET", ["pulls", n]) => numbered(if wants_diff { Route::GetDiff } else { Route::GetPull }, n),
        ("GET", ["pulls", n, "files"]) => numbered(Route::ListFiles, n),
        ("GET", ["pulls", n, "reviews"]) => numbered(Route::ListReviews, n),
        ("POST", ["pulls", n, "reviews"]) => numbered(Route::CreateReview, n),
        ("GET", ["pulls", n, "comments"]) => numbered(Route::ListReviewComments, n),
        ("POST", ["pulls", n, "comments"]) => numbered(Route::CreateReviewComment, n),
        ("DELETE", ["pulls", n, "reviews", id]) => of_review(Route::DeleteReview, n, id),
        ("PUT", ["pulls", n, "reviews", id, "dismissals"]) => of_review(Route::DismissReview, n, id),
        ("POST" | "GET", [kind @ ("issues" | "pulls"), "comments", id, "reactions"]) => {
            let route = if method == "POST" { Route::CreateReaction } else { Route::ListReactions };
            Some(Found { note: *kind == "issues", ..identified(route, id)? })
        }
        ("POST", ["check-runs"]) => Some(Found::new(Route::CreateCheckRun)),
        ("GET", ["check-runs", id]) => identified(Route::GetCheckRun, id),
        ("GET", ["commits", sha, "check-runs"]) => {
            Some(Found { tail: (*sha).to_owned(), ..Found::new(Route::ListCheckRuns) })
        }
        ("PATCH", ["check-runs", id]) => identified(Route::EditCheckRun, id),
        ("GET", ["collaborators", login, "permission"]) => {
            Some(Found { tail: (*login).to_owned(), ..Found::new(Route::GetPermission) })
        }
        ("GET", ["issues", n, "comments"]) => numbered(Route::ListIssueComments, n),
        ("POST", ["issues", n, "comments"]) => numbered(Route::CreateIssueComment, n),
        ("GET", ["contents", file @ ..]) if file.last() != Some(&"") => {
            Some(Found { tail: file.join("/"), ..Found::new(Route::GetContents) })
        }
        ("GET", ["compare", span @ ..]) => Some(Found { tail: span.join("/"), ..Found::new(Route::Compare) }),
        _ => None,
    }
}

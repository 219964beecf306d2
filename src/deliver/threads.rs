//! Comments of earlier runs: threads that end and open again, reviews that block no more, and what stands twice.

use super::Posting;
use super::now::Now;
use crate::findings::standing::Shown;
use crate::forge::{Conversation, ForgeError, Own, PostedComment};
use crate::marks;
use crate::report::Report;

/// Ends the threads of findings that are gone, opens those that are back, and takes back a review that blocks for nothing.
/// Whether all that is back is open again; nothing is opened where the review could not say so.
pub(super) async fn tidy(report: &mut Report, posting: &Posting<'_>, now: &Now<'_>, is_said: bool) -> bool {
    let of = |indices: &[usize]| -> Vec<&PostedComment> {
        let known = indices.iter().filter_map(|&index| match posting.standing[index].shown {
            Shown::OnLine(at) => posting.change.conversation.comments.get(at),
            _ => None,
        });
        // as it is now: a person may have answered
        known.filter_map(|known| now.conversation.comments.iter().find(|comment| comment.id == known.id)).collect()
    };
    let has_person = |comment: &&PostedComment| comment.replies.iter().any(|reply| !reply.is_bot);
    let untouched = |indices| of(indices).into_iter().filter(|comment| !has_person(comment)).collect::<Vec<_>>();
    remove_doubles(report, posting, &now.conversation).await;
    if now.has_moved {
        // the run for the new head knows what is gone there
        return true;
    }
    let (ended, reopened) = (untouched(&posting.judgement.ended), untouched(&posting.judgement.reopened));
    end(report, posting, &ended).await;
    let is_open = is_said && reopen(report, posting, &reopened).await;
    if posting.may_dismiss(report) {
        for &review in &now.conversation.blocking {
            if let Err(err) = posting.forge.dismiss(review, posting.words.findings_gone.as_str()).await {
                report.delivery.notes.push(posting.failed(|words| &words.review_not_dismissed, &err));
            }
        }
    }
    is_open
}

/// Reads the request once more after its summary was made: another run may have made one at the same time.
pub(super) async fn look_for_doubles(report: &mut Report, posting: &Posting<'_>) {
    if let Ok((_, conversation)) = posting.forge.read().await {
        remove_doubles(report, posting, &conversation).await;
    }
}

/// Takes away what two runs at the same time have posted twice: the earlier one of each stays.
async fn remove_doubles(report: &mut Report, posting: &Posting<'_>, conversation: &Conversation) {
    let lines = conversation.doubles().into_iter().map(Own::OnLine);
    for own in lines.chain(conversation.more_summaries.iter().copied().map(Own::OnRequest)) {
        if let Err(err) = posting.forge.remove(own).await {
            report.delivery.notes.push(posting.failed(|words| &words.double_not_removed, &err));
        }
    }
}

/// Marks threads as resolved; where the token may not, the comment itself says that it is outdated.
async fn end(report: &mut Report, posting: &Posting<'_>, comments: &[&PostedComment]) {
    let open: Vec<&&PostedComment> = comments.iter().filter(|comment| comment.resolved.is_none()).collect();
    let threads: Vec<String> = open.iter().filter_map(|comment| comment.thread.clone()).collect();
    let mut results = posting.forge.resolve(&threads, true).await.into_iter();
    for comment in open {
        match comment.thread.as_ref().and_then(|_| results.next()) {
            // where a person may have resolved it, too, the comment tells
            Some(Ok(())) if !comment.is_by_person => continue,
            Some(Err(err)) if !matches!(err, ForgeError::Forbidden(_)) => {
                report.delivery.notes.push(posting.failed(|words| &words.thread_not_resolved, &err));
                continue;
            }
            _ => {}
        }
        let edited = posting.forge.edit_comment(comment.id, &marks::outdated(&comment.body, posting.words)).await;
        // one that is gone is as good
        if let Err(err) = edited.or_else(|err| if err == ForgeError::Gone { Ok(()) } else { Err(err) }) {
            report.delivery.notes.push(posting.failed(|words| &words.not_marked_outdated, &err));
        }
    }
}

/// Undoes what [`end`] did. Whether it could.
async fn reopen(report: &mut Report, posting: &Posting<'_>, comments: &[&PostedComment]) -> bool {
    let resolved = comments.iter().filter(|comment| comment.resolved.is_some());
    let threads: Vec<String> = resolved.filter_map(|comment| comment.thread.clone()).collect();
    let mut results = posting.forge.resolve(&threads, false).await;
    for comment in comments {
        if let Some(body) = marks::restored(&comment.body) {
            results.push(posting.forge.edit_comment(comment.id, body).await);
        }
    }
    let is_open = results.iter().all(Result::is_ok);
    for err in results.into_iter().filter_map(Result::err) {
        report.delivery.notes.push(posting.failed(|words| &words.thread_stays_closed, &err));
    }
    is_open
}

//! The check run of a review.

use serde_json::{Value, json};

use super::GitHub;
use super::http::Method;
use crate::forge::{Annotation, CheckRun, ForgeError};

/// Its name among the checks of a request.
const NAME: &str = "Prudence";
/// Annotations that GitHub takes in one request.
const AT_ONCE: usize = 50;
/// Bytes that a text may have; GitHub counts 65,535 characters.
const LONGEST_TEXT: usize = 65_000;

/// Puts a finished check run on the head, its annotations in as many requests as they need.
pub async fn put(github: &GitHub, run: &CheckRun) -> Result<(), ForgeError> {
    let mut parts = run.annotations.chunks(AT_ONCE);
    let first = body(run, parts.next().unwrap_or_default());
    let id = match create(github, &first).await {
        Err(ForgeError::Unsure(_)) => match standing(github, run).await? {
            Some(id) => id,
            None => create(github, &first).await?,
        },
        result => result?,
    };
    for (index, part) in parts.enumerate() {
        let route = github.repo_route(&format!("check-runs/{id}"));
        match append(github, &route, run, part).await {
            // the answer was lost, but perhaps not the annotations
            Err(ForgeError::Unsure(_)) if count(github, &route).await? > (index + 1) * AT_ONCE => {}
            Err(ForgeError::Unsure(_)) => append(github, &route, run, part).await?,
            result => result?,
        }
    }
    Ok(())
}

/// Adds annotations to those that are there, so that doing it twice is not doing it once.
async fn append(github: &GitHub, route: &str, run: &CheckRun, part: &[Annotation]) -> Result<(), ForgeError> {
    let answer = github.api.send_once(Method::Patch, route, &json!({"output": output(run, part)})).await?.ok(WHAT)?;
    match answer.json() {
        Ok(json) if json["id"].is_u64() => Ok(()),
        _ => Err(unsure()),
    }
}

/// How many annotations there are.
async fn count(github: &GitHub, route: &str) -> Result<usize, ForgeError> {
    let json = github.api.get(route, None).await?.ok(WHAT)?.json()?;
    let count = json["output"]["annotations_count"].as_u64();
    count.and_then(|count| usize::try_from(count).ok()).ok_or_else(unsure)
}

fn unsure() -> ForgeError {
    ForgeError::Unsure(format!("GitHub's answer does not tell whether it took {WHAT}"))
}

const WHAT: &str = "the check run";

async fn create(github: &GitHub, body: &Value) -> Result<u64, ForgeError> {
    let answer = github.write(Method::Post, &github.repo_route("check-runs"), body).await?.ok(WHAT)?;
    answer.json().ok().and_then(|json| json["id"].as_u64()).ok_or_else(unsure)
}

/// The check run whose answer was lost.
async fn standing(github: &GitHub, run: &CheckRun) -> Result<Option<u64>, ForgeError> {
    let route = github.repo_route(&format!("commits/{}/check-runs?check_name={NAME}&per_page=100", run.head_sha));
    let json = github.api.get(&route, None).await?.ok(WHAT)?.json()?;
    let is_it = |check: &&Value| check["name"] == NAME && check["output"]["title"] == run.title.as_str();
    Ok(json["check_runs"].as_array().and_then(|runs| runs.iter().find(is_it)?["id"].as_u64()))
}

fn body(run: &CheckRun, annotations: &[Annotation]) -> Value {
    json!({"name": NAME, "head_sha": run.head_sha, "status": "completed", "conclusion": run.conclusion,
        "output": output(run, annotations)})
}

fn output(run: &CheckRun, annotations: &[Annotation]) -> Value {
    let list: Vec<Value> = annotations.iter().map(annotation).collect();
    json!({"title": run.title, "summary": cut(&run.summary, LONGEST_TEXT), "annotations": list})
}

fn annotation(annotation: &Annotation) -> Value {
    json!({"path": annotation.path, "start_line": annotation.start_line, "end_line": annotation.end_line,
        "annotation_level": annotation.level, "title": cut(&annotation.title, 255), "message": cut(&annotation.message, 60_000)})
}

/// A text of at most so many bytes; a cut is marked.
fn cut(text: &str, most: usize) -> String {
    const MARK: &str = "…";
    if text.len() <= most {
        return text.to_owned();
    }
    text[..text.floor_char_boundary(most - MARK.len())].to_owned() + MARK
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn texts_have_no_more_bytes_than_the_host_takes_and_a_cut_is_marked() {
        assert_eq!([cut("đường", 9), cut("đường", 8), cut("đường", 6)], ["đường", "đư…", "đ…"]);
    }
}

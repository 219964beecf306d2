//! Files of a commit by one question of GraphQL.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::GitHub;
use crate::forge::{ForgeError, Texts};
use crate::text::printable;

/// The texts of these files, and of the files in these folders.
///
/// # Errors
/// GraphQL does not tell.
pub async fn texts(github: &GitHub, commit: &str, files: &[&str], folders: &[&str]) -> Result<Texts, ForgeError> {
    let closed = || ForgeError::Forbidden("GraphQL gives this token no files".to_owned());
    // who was refused the fields of the first question is on a host, or has a token, that gives no objects either
    let is_open = github.background.get().is_some_and(|background| background.commits.is_some());
    if !is_open {
        return Err(closed());
    }
    let answer = github.api.graphql(&question(github, commit, files, folders)).await?;
    let json = answer.ok("the team's guides")?.json()?;
    let repository = &json["data"]["repository"];
    if let Some(refusal) = json["errors"][0]["message"].as_str() {
        // what is null for a refusal is not absent
        return Err(ForgeError::Forbidden(printable(&refusal.chars().take(200).collect::<String>())));
    }
    if repository.is_object() { Ok(told(repository, files, folders)) } else { Err(closed()) }
}

/// A field for each file and each folder; names go in as variables, since anything may stand in them.
fn question(github: &GitHub, commit: &str, files: &[&str], folders: &[&str]) -> Value {
    let mut parameters = String::from("$owner: String!, $name: String!");
    let mut fields = String::new();
    let mut variables =
        Map::from_iter([("owner".to_owned(), json!(github.owner)), ("name".to_owned(), json!(github.repo))]);
    let asked = files.iter().enumerate().map(|(at, path)| (format!("file{at}"), path, "... on Blob { text }"));
    let listing = "... on Tree { entries { name object { ... on Blob { text } } } }";
    let listed = folders.iter().enumerate().map(|(at, path)| (format!("folder{at}"), path, listing));
    for (alias, path, selection) in asked.chain(listed) {
        let _ = write!(parameters, ", ${alias}: String!");
        let _ = write!(fields, " {alias}: object(expression: ${alias}) {{ {selection} }}");
        variables.insert(alias, json!(format!("{commit}:{path}")));
    }
    let query = format!("query({parameters}) {{ repository(owner: $owner, name: $name) {{{fields} }} }}");
    json!({"query": query, "variables": variables})
}

/// The texts that an answer has. What is no text, or not there, is null in it.
fn told(repository: &Value, files: &[&str], folders: &[&str]) -> Texts {
    let text = |object: &Value| object["text"].as_str().map(|text| text.as_bytes().to_vec());
    let mut found: Texts = Vec::new();
    for (at, path) in files.iter().enumerate() {
        found.extend(text(&repository[format!("file{at}")]).map(|text| ((*path).to_owned(), text)));
    }
    for (at, folder) in folders.iter().enumerate() {
        for entry in repository[format!("folder{at}")]["entries"].as_array().into_iter().flatten() {
            let name = entry["name"].as_str().unwrap_or_default();
            found.extend(text(&entry["object"]).map(|text| (format!("{folder}/{name}"), text)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_not_there() {
        let entries = json!([{"name": "a", "object": {"text": "A"}}, {"name": "sub", "object": {}}, {"name": "z", "object": null}]);
        let answer = json!({"file0": {"text": "x"}, "file1": null, "file2": {"text": null}, "folder0": {"entries": entries}, "folder1": null});
        let found = told(&answer, &["X", "Y", "Z"], &["d", "e"]);
        assert_eq!(found, [("X".to_owned(), b"x".to_vec()), ("d/a".to_owned(), b"A".to_vec())]);
    }
}

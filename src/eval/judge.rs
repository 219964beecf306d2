//! A model that says whether a remark is a known defect: yes or no, with the words that decide.

use std::sync::{Arc, LazyLock};

use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::dataset::Reference;
use super::matching::{Remark, Table};
use crate::llm::{Client, LlmError, Request};
use crate::plan::Tokenizer;
use crate::prompt;
use crate::review::{AGAIN, again, schema};

/// Name of the schema in requests.
const NAME: &str = "same_defect";

/// Tokens that an answer may have: a sentence and a word. Models that think before they answer need more.
const ANSWER_TOKENS: u32 = 600;

/// A model that is asked.
pub struct Judge<'a> {
    /// Who is asked.
    pub client: &'a Client,
    /// Which model.
    pub model: &'a str,
    /// Stands before the ids of the requests.
    pub prefix: String,
    /// Requests at a time.
    pub concurrency: usize,
}

impl Judge<'_> {
    /// Asks about all pairs that stand in one place. Returns how many there were.
    ///
    /// # Errors
    /// A pair got no answer: then nobody knows what the remarks are worth.
    pub async fn decide(&self, remarks: &[Remark], known: &[Reference], table: &mut Table) -> Result<usize, LlmError> {
        let pairs = table.near();
        let asked = futures_util::stream::iter(&pairs).map(async |&(remark, index)| {
            let id = format!("{}judge/{}/{}", self.prefix, remark + 1, index + 1);
            self.same(id, &remarks[remark], &known[index]).await.map(|is_same| (remark, index, is_same))
        });
        let answers: Vec<_> = asked.buffered(self.concurrency.max(1)).collect().await;
        for answer in answers {
            let (remark, index, is_same) = answer?;
            table.judge(remark, index, is_same);
        }
        Ok(pairs.len())
    }

    /// Asks about a pair, and once more where the answer cannot be read.
    async fn same(&self, id: String, remark: &Remark, known: &Reference) -> Result<bool, LlmError> {
        let mut request = self.request(id, remark, known);
        let reply = self.client.complete(&request).await?;
        let error = match parse(&reply.text) {
            Ok(is_same) => return Ok(is_same),
            Err(error) => error,
        };
        request.id += AGAIN;
        request.about = prompt::hash_of(&[&request.about, &error]);
        request.user += &again(&error);
        let reply = self.client.complete(&request).await?;
        parse(&reply.text)
            .map_err(|error| LlmError::Failed(format!("the judge's answer could not be read twice: {error}")))
    }

    fn request(&self, id: String, remark: &Remark, known: &Reference) -> Request {
        let user = json!({
            "path": remark.path,
            "remark": {"lines": [remark.lines.0, remark.lines.1], "text": remark.text},
            "known": {"lines": known.lines().map(|(start, end)| [start, end]), "text": known.text},
        });
        let user = user.to_string();
        let tokenizer = Tokenizer::for_model(self.model);
        Request {
            id,
            about: prompt::hash_of(&[prompt::JUDGE_SYSTEM, &user]),
            model: self.model.to_owned(),
            system: prompt::JUDGE_SYSTEM.to_owned(),
            input_tokens: (tokenizer.count(prompt::JUDGE_SYSTEM) + tokenizer.count(&user) + 100) as u64,
            user,
            turns: Vec::new(),
            tools: &[],
            may_call: false,
            schema_name: NAME,
            schema: answer_schema(),
            max_output_tokens: ANSWER_TOKENS,
            temperature: Some(0.0),
            cache_key: None,
        }
    }
}

/// The schema, strict: first the words, then the decision.
fn answer_schema() -> Arc<Value> {
    static SCHEMA: LazyLock<Arc<Value>> = LazyLock::new(|| {
        let properties = vec![("evidence", json!({"type": "string"})), ("same", json!({"type": "boolean"}))];
        Arc::new(schema::object(properties))
    });
    SCHEMA.clone()
}

/// Reads an answer. A yes without evidence is a no.
fn parse(reply: &str) -> Result<bool, String> {
    let value = schema::json_object(reply)?;
    let is_same = value["same"].as_bool().ok_or("`same` is neither true nor false")?;
    Ok(is_same && !schema::text(&value["evidence"]).trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_with_evidence_is_one() {
        for (reply, expected) in [
            (r#"{"evidence": "both divide by zero", "same": true}"#, Some(true)),
            (r#"{"evidence": "", "same": true}"#, Some(false)),
            (r#"{"same": true}"#, Some(false)),
            (r#"{"evidence": "other line", "same": false}"#, Some(false)),
            ("```json\n{\"evidence\": \"e\", \"same\": true}\n```", Some(true)),
            (r#"{"evidence": "e", "same": "true"}"#, None),
            (r#"{"evidence": "e"}"#, None),
            ("yes", None),
        ] {
            assert_eq!(parse(reply).ok(), expected, "{reply}");
        }
    }
}

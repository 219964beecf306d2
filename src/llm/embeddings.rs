//! Embeddings on the wire: texts as vectors whose angle says how alike they are in meaning.

use serde_json::{Value, json};

use super::openai::{self, Answer, ApiError, Dialect};
use super::{Call, Client, Endpoint, LlmError};
use crate::prompt;
use crate::secret::Secret;
use crate::usage::Usage;

/// Texts that one request may have. OpenAI takes 2,048; others take less.
const MOST_TEXTS: usize = 256;

/// Bytes of one text that are sent: under the 8,192 tokens that a model takes, and more than a finding has.
const MOST_BYTES: usize = 4096;

/// A request for the vectors of some texts.
struct Embed<'a> {
    id: String,
    about: String,
    model: &'a str,
    texts: &'a [String],
}

impl Client {
    /// The vectors of texts, in their order; an empty one for what a server leaves out.
    ///
    /// # Errors
    /// As for [`Client::complete`].
    pub async fn embed(&self, id: &str, model: &str, texts: &[String]) -> Result<Vec<Vec<f32>>, LlmError> {
        let texts: Vec<String> = texts.iter().map(|text| shortened(text)).collect();
        let mut vectors = Vec::with_capacity(texts.len());
        for (index, texts) in texts.chunks(MOST_TEXTS).enumerate() {
            let about = prompt::hash_of(&texts.iter().map(String::as_str).collect::<Vec<_>>());
            let call = Embed { id: format!("{id}/{}", index + 1), about, model, texts };
            vectors.extend(self.call(&call, self.settings.deadline).await?.said);
        }
        Ok(vectors)
    }
}

impl Call for Embed<'_> {
    type Said = Vec<Vec<f32>>;

    const ENDPOINT: Endpoint = Endpoint::Embeddings;

    fn id(&self) -> &str {
        &self.id
    }

    fn about(&self) -> &str {
        &self.about
    }

    fn model(&self) -> &str {
        self.model
    }

    /// No token has less than a byte, and few have less than two.
    fn input_tokens(&self) -> u64 {
        self.texts.iter().map(|text| text.len().div_ceil(2) as u64).sum()
    }

    fn output_limit(&self) -> u32 {
        0
    }

    fn encode(&self, _: Dialect) -> Value {
        json!({"model": self.model, "input": self.texts, "encoding_format": "float"})
    }

    fn decode(&self, status: u16, body: &[u8], _: Option<&Secret>) -> Result<Answer<Self::Said>, ApiError> {
        let value = openai::success(status, body)?;
        let data = value["data"].as_array().ok_or_else(|| no_vectors(status))?;
        let mut vectors = vec![Vec::new(); self.texts.len()];
        for (position, entry) in data.iter().enumerate() {
            let index = entry["index"].as_u64().and_then(|index| usize::try_from(index).ok()).unwrap_or(position);
            let numbers = entry["embedding"].as_array().ok_or_else(|| no_vectors(status))?;
            if let Some(vector) = vectors.get_mut(index) {
                *vector = numbers.iter().filter_map(Value::as_f64).map(|number| number as f32).collect();
            }
        }
        let input_tokens = value.pointer("/usage/prompt_tokens").and_then(Value::as_u64);
        let usage = input_tokens.map(|input_tokens| Usage { requests: 1, input_tokens, ..Usage::default() });
        Ok(Answer { model: self.model.to_owned(), usage, said: Ok(vectors), bytes: 0 })
    }
}

/// What is sent of a text. An empty one is refused, and with it the whole request.
fn shortened(text: &str) -> String {
    match text.trim() {
        "" => "-".to_owned(),
        text => text[..text.floor_char_boundary(MOST_BYTES)].to_owned(),
    }
}

fn no_vectors(status: u16) -> ApiError {
    ApiError { status, message: "no `embedding` in the answer".to_owned(), ..ApiError::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(body: &str) -> Result<Vec<Vec<f32>>, String> {
        let texts = ["one".to_owned(), "two".to_owned()];
        let call = Embed { id: "embed/1".to_owned(), about: String::new(), model: "m", texts: &texts };
        call.decode(200, body.as_bytes(), None).map(|answer| answer.said.unwrap()).map_err(|error| error.message)
    }

    #[test]
    fn vectors_stand_where_their_index_says() {
        let body =
            r#"{"data":[{"index":1,"embedding":[0.5]},{"index":0,"embedding":[1]},{"index":9,"embedding":[2]}]}"#;
        assert_eq!(decode(body), Ok(vec![vec![1.0], vec![0.5]]));
        assert_eq!(decode(r#"{"data":[{"embedding":[1]}]}"#), Ok(vec![vec![1.0], Vec::new()]));
        for body in ["{}", r#"{"data":[{"embedding":"AAAA"}]}"#, "[]"] {
            assert_eq!(decode(body).unwrap_err(), "no `embedding` in the answer", "{body}");
        }
    }
}

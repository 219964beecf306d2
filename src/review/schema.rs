//! The answer asked of the model: its schema, and the one parser.

use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use crate::diff::Side;
use crate::severity::{Category, Severity};

/// What the model says of a chunk.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// What it found, nothing of it checked.
    pub drafts: Vec<Draft>,
    /// What this part of the change does.
    pub summary: String,
}

/// A finding as the model states it. Only `findings::anchor` makes a finding of it.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields of the interface, section 3")]
pub struct Draft {
    pub path: String,
    pub quote: String,
    pub line: Option<u32>,
    pub end_line: Option<u32>,
    pub side: Side,
    pub reasoning: String,
    pub category: Category,
    pub severity: Severity,
    pub confidence: u8,
    pub title: String,
    pub body: String,
    pub suggestion: Option<String>,
}

/// Name of the schema in requests.
pub const NAME: &str = "review";

/// The schema, strict: every object closed, every key required, in the order in which the model shall think.
pub fn schema() -> Arc<Value> {
    static SCHEMA: LazyLock<Arc<Value>> = LazyLock::new(|| {
        let text = || json!({"type": "string"});
        let words = |words: Vec<&str>| json!({"type": "string", "enum": words});
        let finding = object(vec![
            ("path", text()),
            ("quote", text()),
            ("line", json!({"type": "integer"})),
            ("end_line", json!({"type": "integer"})),
            ("side", words(vec!["RIGHT", "LEFT"])),
            ("reasoning", text()),
            ("category", words(Category::ALL.iter().map(|category| category.as_str()).collect())),
            ("severity", words(Severity::ALL.iter().map(|severity| severity.as_str()).collect())),
            ("confidence", json!({"type": "integer", "minimum": 0, "maximum": 100})),
            ("title", text()),
            ("body", text()),
            ("suggestion", json!({"type": ["string", "null"]})),
        ]);
        Arc::new(object(vec![
            ("analysis", text()),
            ("findings", json!({"type": "array", "items": finding})),
            ("summary", text()),
        ]))
    });
    SCHEMA.clone()
}

/// A closed object with these properties, all required.
pub fn object(properties: Vec<(&str, Value)>) -> Value {
    let required: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
    let properties: serde_json::Map<String, Value> =
        properties.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    json!({"type": "object", "additionalProperties": false, "required": required, "properties": properties})
}

/// Reads an answer. JSON inside a fence or between sentences is taken out; a finding with a wrong type or word keeps
/// what can be read of it.
///
/// # Errors
/// There is no JSON object with a list of findings in it; the text says what is wrong, for the model to mend.
pub fn parse(reply: &str) -> Result<Answer, String> {
    let value = json_object(reply)?;
    let findings = match &value["findings"] {
        Value::Array(findings) => findings.as_slice(),
        Value::Null => return Err("the answer has no `findings`".to_owned()),
        _ => return Err("`findings` is no list".to_owned()),
    };
    Ok(Answer { drafts: findings.iter().filter_map(draft).collect(), summary: text(&value["summary"]) })
}

/// The JSON object in a reply, also inside a fence or between sentences.
///
/// # Errors
/// There is none.
pub fn json_object(reply: &str) -> Result<Value, String> {
    candidates(reply).find_map(|text| serde_json::from_str::<Value>(text).ok().filter(Value::is_object)).ok_or_else(
        || match serde_json::from_str::<Value>(reply.trim()) {
            Ok(_) => "the answer is JSON, but no object".to_owned(),
            Err(err) => format!("the answer is no JSON object: {err}"),
        },
    )
}

/// Where JSON may stand in a reply: all of it, inside a fence, or from the first brace to the last.
fn candidates(reply: &str) -> impl Iterator<Item = &str> {
    let reply = reply.trim().trim_start_matches('\u{feff}');
    let fenced = reply.find("```").and_then(|start| {
        let inside = &reply[start + 3..];
        let inside = &inside[inside.find('\n')? + 1..];
        Some(&inside[..inside.rfind("```")?])
    });
    let braces =
        reply.find('{').zip(reply.rfind('}')).filter(|(from, to)| from < to).map(|(from, to)| &reply[from..=to]);
    [Some(reply), fenced, braces].into_iter().flatten()
}

fn draft(value: &Value) -> Option<Draft> {
    value.is_object().then(|| Draft {
        path: text(&value["path"]),
        quote: text(&value["quote"]),
        line: number(&value["line"]),
        end_line: number(&value["end_line"]),
        side: if text(&value["side"]).eq_ignore_ascii_case("left") { Side::Left } else { Side::Right },
        reasoning: text(&value["reasoning"]),
        category: word(&value["category"]).unwrap_or(Category::Bug),
        severity: word(&value["severity"]).unwrap_or(Severity::Minor),
        confidence: u8::try_from(number(&value["confidence"]).unwrap_or(50).min(100)).unwrap_or(100),
        title: text(&value["title"]),
        body: text(&value["body"]),
        suggestion: value["suggestion"].as_str().map(str::to_owned),
    })
}

/// A text, empty where the value is none.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A number, also as text or with a fraction, as weaker models write it.
fn number(value: &Value) -> Option<u32> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    // `as` saturates, and turns what is no number into 0
    (number >= 0.0).then_some(number as u32)
}

fn word<T: serde::de::DeserializeOwned>(value: &Value) -> Option<T> {
    let word = value.as_str()?.trim().to_ascii_lowercase().replace(['_', ' '], "-");
    serde_json::from_value(Value::String(word)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> String {
        json!({"analysis": "a", "findings": [{"path": "x", "quote": "q", "line": 3, "end_line": 4, "side": "LEFT",
            "reasoning": "r", "category": "data-loss", "severity": "major", "confidence": 80, "title": "t", "body": "b",
            "suggestion": null}], "summary": "s"})
        .to_string()
    }

    #[test]
    fn json_in_every_wrapping_is_found() {
        let plain = parse(&answer()).unwrap();
        assert_eq!((plain.drafts[0].side, plain.drafts[0].category), (Side::Left, Category::DataLoss));
        for wrapped in [
            format!("```json\n{}\n```", answer()),
            format!("Here is my review:\n```\n{}\n```\nHope this helps!", answer()),
            format!("Sure. {} Done.", answer()),
            format!("\u{feff}{}", answer()),
        ] {
            assert_eq!(parse(&wrapped).as_ref(), Ok(&plain), "{wrapped}");
        }
    }

    #[test]
    fn wrong_types_keep_what_can_be_read() {
        let reply = r#"{"findings": [{"path": "x", "line": "12", "confidence": 250.5, "severity": "BLOCKER", "category": "error_handling", "suggestion": 7, "extra": 1}, "odd"]}"#;
        let drafts = parse(reply).unwrap().drafts;
        assert_eq!(drafts.len(), 1);
        let draft = &drafts[0];
        assert_eq!((draft.line, draft.confidence, draft.severity), (Some(12), 100, Severity::Minor));
        assert_eq!((draft.category, draft.suggestion.as_deref()), (Category::ErrorHandling, None));
    }

    #[test]
    fn what_is_no_answer_says_why() {
        for (reply, expected) in [
            ("I found nothing.", "the answer is no JSON object"),
            ("", "the answer is no JSON object"),
            ("[]", "the answer is JSON, but no object"),
            ("{\"findings\": 3}", "`findings` is no list"),
            ("{\"summary\": \"\"}", "the answer has no `findings`"),
            ("{\"findings\": [", "the answer is no JSON object"),
        ] {
            assert!(parse(reply).unwrap_err().contains(expected), "{reply}");
        }
    }

    #[test]
    fn the_schema_keeps_the_rules_of_strict_mode() {
        fn check(schema: &Value) {
            if schema["type"] == "object" {
                assert_eq!(schema["additionalProperties"], false);
                let names: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
                assert_eq!(schema["required"], json!(names));
                schema["properties"].as_object().unwrap().values().for_each(check);
            } else if schema["type"] == "array" {
                check(&schema["items"]);
            }
        }
        check(&schema());
        let keys: Vec<&String> =
            schema()["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>().leak().iter().collect();
        assert_eq!(keys, ["analysis", "findings", "summary"]);
    }
}

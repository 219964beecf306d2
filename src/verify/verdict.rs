//! What the second look says: the answer's schema, its one parser, and whether the evidence is in the code.

use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use crate::findings::Verdict;
use crate::review::schema::{json_object, object, text};

/// Name of the schema in requests.
pub const NAME: &str = "verdicts";

/// What was decided about a claim.
#[derive(Debug, Clone, PartialEq)]
pub struct Ruling {
    /// The id of the claim.
    pub id: String,
    /// Lines of the code that decide, as the model quotes them.
    pub evidence: String,
    /// Why.
    pub reasoning: String,
    /// What was decided; `None` is refuted.
    pub verdict: Option<Verdict>,
}

/// The schema, strict, in the order in which the model shall think.
pub fn schema() -> Arc<Value> {
    static SCHEMA: LazyLock<Arc<Value>> = LazyLock::new(|| {
        let text = || json!({"type": "string"});
        let verdict = object(vec![
            ("id", text()),
            ("evidence", text()),
            ("reasoning", text()),
            ("verdict", json!({"type": "string", "enum": ["confirmed", "refuted", "uncertain"]})),
        ]);
        Arc::new(object(vec![("verdicts", json!({"type": "array", "items": verdict}))]))
    });
    SCHEMA.clone()
}

/// Reads an answer. A word that is none of the three counts as uncertain.
///
/// # Errors
/// There is no JSON object with a list of verdicts in it.
pub fn parse(reply: &str) -> Result<Vec<Ruling>, String> {
    let value = json_object(reply)?;
    let verdicts = value["verdicts"].as_array().ok_or("the answer has no `verdicts`")?;
    let ruling = |value: &Value| Ruling {
        id: match &value["id"] {
            Value::Number(number) => number.to_string(),
            other => text(other).trim().to_owned(),
        },
        evidence: text(&value["evidence"]),
        reasoning: text(&value["reasoning"]),
        verdict: match text(&value["verdict"]).trim().to_ascii_lowercase().as_str() {
            "confirmed" => Some(Verdict::Confirmed),
            "refuted" => None,
            _ => Some(Verdict::Uncertain),
        },
    };
    Ok(verdicts.iter().filter(|value| value.is_object()).map(ruling).collect())
}

/// The code that a second look was shown, for comparing evidence with it.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    /// Lines without number, mark and white space.
    lines: Vec<String>,
}

impl Shown {
    /// Takes a text that was shown.
    pub fn add(&mut self, text: &str) {
        self.lines.extend(text.lines().map(bare).filter(|line| !line.is_empty()));
    }

    /// Whether every line of the evidence is part of a line that was shown, and it is more than brackets.
    pub fn has(&self, evidence: &str) -> bool {
        let lines: Vec<String> = evidence.lines().map(bare).filter(|line| !line.is_empty()).collect();
        let says_something = lines.iter().any(|line| line.chars().filter(|c| c.is_alphanumeric()).count() >= 2);
        says_something && lines.iter().all(|line| self.lines.iter().any(|shown| shown.contains(line.as_str())))
    }
}

/// A line without the number and mark of a view, fences and white space.
fn bare(line: &str) -> String {
    let line = line.trim();
    if line.starts_with("```") {
        return String::new();
    }
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let rest = match line[digits..].strip_prefix(' ').or_else(|| line[digits..].strip_prefix(" |")) {
        Some(rest) if digits > 0 => rest,
        _ => line,
    };
    let rest = rest.strip_prefix(['+', '-']).unwrap_or(rest);
    rest.chars().filter(|c| !c.is_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_read_and_odd_words_are_uncertain() {
        let reply = r#"Sure: {"verdicts": [{"id": 1, "evidence": "x", "reasoning": "r", "verdict": "Refuted"},
            {"id": " 2 ", "verdict": "confirmed"}, {"id": "3", "verdict": "maybe"}, "odd"]}"#;
        let rulings = parse(reply).unwrap();
        let shape: Vec<(&str, Option<Verdict>)> = rulings.iter().map(|r| (r.id.as_str(), r.verdict)).collect();
        assert_eq!(shape, [("1", None), ("2", Some(Verdict::Confirmed)), ("3", Some(Verdict::Uncertain))]);
        assert!(parse("{}").unwrap_err().contains("no `verdicts`"));
        assert!(parse("no").is_err());
    }

    #[test]
    fn evidence_must_be_in_the_code_that_was_shown() {
        let mut shown = Shown::default();
        shown.add("=== a.rs (modified)\n@@ lines 1-3\n10 +    if x == 0 { return; }\n11  }\n12 -    let y = 1 / x;");
        for (evidence, expected) in [
            ("if x == 0 { return; }", true),
            ("x==0", true),
            ("10 +    if x == 0 { return; }\n12 -let y = 1 / x;", true),
            ("```rust\nlet y = 1 / x;\n```", true),
            ("if x == 1 { return; }", false),
            ("if x == 0 { return; }\nlet z = 2;", false),
            ("}", false),
            ("", false),
        ] {
            assert_eq!(shown.has(evidence), expected, "{evidence}");
        }
    }

    #[test]
    fn the_schema_is_strict() {
        let schema = schema();
        assert_eq!(schema["additionalProperties"], false);
        let item = &schema["properties"]["verdicts"]["items"];
        assert_eq!(item["required"], json!(["id", "evidence", "reasoning", "verdict"]));
    }
}

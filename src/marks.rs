//! The marks in posted text, by which the bot knows its own words again: section 7 of the interface.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// Marks a posted finding; the fingerprint follows.
const FINDING_MARK: &str = "<!-- prudence:finding v1 ";
/// Marks the summary comment.
pub const SUMMARY_MARK: &str = "<!-- prudence:summary v1 -->";
/// Holds the state of a request; base64 of JSON follows.
const STATE_MARK: &str = "<!-- prudence:state v1 ";

/// What the bot remembers of a request, at the end of its summary comment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The head that was reviewed.
    pub head: Option<String>,
    /// Whether all of it was reviewed, and delivered.
    pub complete: bool,
    /// Fingerprints of the findings that stand on the request.
    pub fingerprints: Vec<String>,
    /// Dollars spent on the request so far; `None` where a run had no price.
    pub cost_usd: Option<f64>,
}

impl State {
    /// Reads the state from the last line of a comment; `None` where there is none, or it was damaged.
    pub fn read(body: &str) -> Option<State> {
        let line = body.trim_end().lines().last()?;
        let encoded = line.trim().strip_prefix(STATE_MARK)?.strip_suffix(" -->")?;
        serde_json::from_slice(&STANDARD.decode(encoded.trim()).ok()?).ok()
    }

    /// The state as the last line of a comment.
    pub fn mark(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        format!("{STATE_MARK}{} -->", STANDARD.encode(json))
    }
}

/// The last line of a posted finding.
pub fn of_finding(fingerprint: &str) -> String {
    format!("{FINDING_MARK}{fingerprint} -->")
}

/// The fingerprint at the end of a posted finding.
pub fn fingerprint_of(body: &str) -> Option<&str> {
    let line = body.trim_end().lines().last()?;
    line.trim().strip_prefix(FINDING_MARK)?.strip_suffix(" -->").map(str::trim)
}

/// The title of a posted finding: the bold text of its first line.
pub fn title_of(body: &str) -> &str {
    body.lines().next().and_then(|line| line.split("**").nth(1)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_survives_its_comment_and_nothing_else_is_believed() {
        let state =
            State { head: Some("abc".into()), complete: true, fingerprints: vec!["f".into()], cost_usd: Some(0.25) };
        assert_eq!(State::read(&format!("## x\n{SUMMARY_MARK}\n{}", state.mark())), Some(state.clone()));
        for damaged in [
            "",
            "<!-- prudence:state v1 !!! -->",
            "<!-- prudence:state v1 e30= -->\nmore",
            "<!-- prudence:state v2 e30= -->",
        ] {
            assert_eq!(State::read(damaged), None, "{damaged}");
        }
        assert_eq!(State::read("<!-- prudence:state v1 e30= -->"), Some(State::default()));
    }

    #[test]
    fn a_fingerprint_counts_on_the_last_line_only() {
        assert_eq!(fingerprint_of(&format!("text\n\n{}\n", of_finding("abc"))), Some("abc"));
        assert_eq!(fingerprint_of(&format!("{}\nmore", of_finding("abc"))), None);
        assert_eq!(title_of("🔴 **Crashes** · major\n\nbody"), "Crashes");
    }
}

//! What the runner reads of a step: its outputs and its summary.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::config::ci::{self, Ci};
use crate::report::{Report, actions, clean, markdown};
use crate::status::Conclusion;
use crate::text::fenced;
use crate::words::Words;

/// Writes the step's outputs and its summary, where the runner has files for them. `files` are those of
/// [`actions::outputs`].
///
/// # Errors
/// A file cannot be written.
pub fn write_step_files(
    report: &Report,
    conclusion: Conclusion,
    actions: &ci::GitHub,
    files: [Option<&Path>; 3],
    words: &Words,
) -> Result<()> {
    if let Some(path) = &actions.output_path {
        let outputs = actions::outputs(report, conclusion, files);
        append(path, &actions::output_lines(&outputs))?;
    }
    if let Some(path) = &actions.step_summary_path {
        append(path, &markdown::step_summary(report, words))?;
    }
    Ok(())
}

/// Writes the outputs of a step that planned a review in shards, where the runner has a file for them.
///
/// # Errors
/// The file cannot be written.
pub fn write_shards(actions: &ci::GitHub, shards: &str) -> Result<()> {
    let outputs = [("conclusion", Conclusion::Planned.as_str().to_owned()), ("shards", shards.to_owned())];
    actions.output_path.as_ref().map_or(Ok(()), |path| append(path, &actions::output_lines(&outputs)))
}

/// Tells those who look at the run's page why a run of Actions reviewed nothing: its log is a click away.
pub fn tell_of_failure(env: &dyn Fn(&str) -> Option<String>, message: &str) {
    let Some(Ci::GitHub(actions)) = Ci::detect(env) else { return };
    let _ = anstream::stderr().write_all(actions::failure(message).as_bytes());
    if let Some(path) = &actions.output_path {
        let failed = [("conclusion", Conclusion::Failed.as_str().to_owned())];
        let _ = append(path, &actions::output_lines(&failed));
    }
    if let Some(path) = &actions.step_summary_path {
        let text = format!("## ⚠️ Prudence reviewed nothing\n\n{}\n", fenced("text", &clean::terminal(message)));
        // the exit code and the log tell it, too
        let _ = append(path, &text);
    }
}

fn append(path: &Path, text: &str) -> Result<()> {
    let open = std::fs::OpenOptions::new().append(true).create(true).open(path);
    open.and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write `{}`", path.display()))
}

//! What the model is told beside the change: what its author and others say of it, and what the team has written down.
//!
//! The guides of the team come from the base commit and count as instructions; everything else is data. Both have a share
//! of the prompt, and what has no room in it is told, to the model and to the reader.

mod front_matter;
mod guide;
mod guides;
mod share;
mod talk;
mod told;

use globset::Glob;

use crate::checks::steering::has_orders;
use crate::config::Config;
use crate::console::Console;
use crate::diff::Diff;
use crate::diff::filter::Skipped;
use crate::forge::{Background, MOST_COMMITS};
use crate::plan::{self, Tokenizer};
use crate::prompt::Orientation;
use crate::redact::{self, Redactions};
use crate::setup::Setup;
use crate::source::{Base, Change, Target, folders_of};
use crate::text::{cut, printable};
pub use guides::Guides;

/// The part of a prompt that guides get, and that everything else together gets: an eighth of it each.
const SHARE: usize = 8;
/// Characters of the title.
const LONGEST_TITLE: usize = 300;
/// Folders in which guides for the files below are looked for.
const MOST_FOLDERS: usize = 200;

/// The guides that the base commit has.
pub async fn guides(setup: &Setup, diff: &Diff) -> Guides {
    let base = Base::new(&setup.change, &setup.target, setup.repo.as_ref(), setup.ci.is_some());
    let mut folders: Vec<&str> = diff.files.iter().flat_map(|file| folders_of(file.path().as_str())).collect();
    folders.sort_unstable();
    folders.dedup();
    let nested =
        folders.iter().take(MOST_FOLDERS).flat_map(|folder| guide::NESTED.map(|name| format!("{folder}/{name}")));
    let found = base.texts(&guide::FILES, &guide::FOLDERS, &nested.collect::<Vec<_>>()).await;
    Guides::read(&found.texts, found.untold.into_iter().collect())
}

/// Why the change was made, by its host, or by the checkout where the host does not tell.
pub async fn background(setup: &Setup) -> Background {
    let mut told = match setup.target.forge() {
        Some(forge) => forge.background().await,
        None => Background { issues: Some(Vec::new()), ..Background::default() },
    };
    let (base, head) = (&setup.change.info.base_sha, &setup.change.info.head_sha);
    let is_patch = matches!(setup.target, Target::Patch(..) | Target::Nothing(_));
    if let (None, Some(repo), Some(base), false) = (&told.commits, &setup.repo, base, is_patch) {
        // what is not committed yet lies behind the last commit
        let head = head.as_deref().filter(|head| setup.target.forge().is_none() || repo.has_commit(head));
        let head = if setup.target.forge().is_some() { head } else { head.or(Some("HEAD")) };
        let messages = head.and_then(|head| repo.messages(base, head, MOST_COMMITS));
        (told.commits, told.commit_count) = messages.map_or((None, 0), |(messages, count)| (Some(messages), count));
    }
    told
}

/// What the model is told. What is left out of it goes to the console.
pub fn orientation(
    setup: &Setup,
    (diff, skipped): (&Diff, &[Skipped]),
    redactions: &Redactions,
    (guides, background): (&Guides, &Background),
    (tokenizer, console): (Tokenizer, &Console),
) -> Orientation {
    let (config, change) = (&setup.config, &setup.change);
    let share = config.chunk_tokens / SHARE;
    let masked = |text: &str| redactions.clean(&redact::text(text)).into_owned();
    let title = setup.masked_title().unwrap_or_else(|| "(none)".to_owned());
    let title = cut(&printable(&redactions.clean(&title)), LONGEST_TITLE);
    let whole = masked(talk::without_comments(&change.description).trim());
    let description =
        share::cut(&whole, share, tokenizer).map(|start| format!("{start}\n[cut: the description goes on]"));
    let mut sections = vec![told::discussions(talk::threads(change, diff))];
    sections.extend(background.issues.as_ref().map(|issues| told::issues(issues)));
    let count = background.commit_count;
    sections.extend(background.commits.as_ref().map(|texts| told::commits(texts, count, &title, &whole)));
    for section in &mut sections {
        section.entries.iter_mut().for_each(|entry| *entry = masked(entry));
    }
    let paths: Vec<&str> = diff.files.iter().map(|file| file.path().as_str()).collect();
    if let Some(places) = orders(change, &paths, &sections) {
        console.notice(format!(
            "text in {places} gives orders to the reviewer; it was read as data, and nobody followed it"
        ));
    }
    let (told, mut left_out) = told::shown(&sections, share, tokenizer);
    let shown = guides.shown(&paths, share, tokenizer);
    left_out.extend(description.is_some().then(|| "the description was cut".to_owned()));
    left_out.splice(0..0, shown.left_out);
    if let (Some(why), true) = (&background.untold, background.commits.is_none() || background.issues.is_none()) {
        let what = if background.commits.is_none() { "commit messages and linked issues" } else { "linked issues" };
        left_out.push(format!("{what} are not known ({why})"));
    }
    if !left_out.is_empty() {
        console.notice(format!("not all was shown to the model: {}", left_out.join("; ")));
    }
    Orientation {
        title,
        description: description.unwrap_or(whole),
        background: told,
        file_count: diff.files.len() + skipped.len(),
        files: plan::file_list(diff, skipped, tokenizer, config.chunk_tokens / 4),
        instructions: instructions(config, &paths),
        guides: shown.text,
        language: config.language.clone(),
    }
}

/// The places beside the code in which somebody tries to steer the review.
fn orders(change: &Change, paths: &[&str], sections: &[told::Section]) -> Option<String> {
    let is_in =
        |heading: &str| sections.iter().any(|s| s.heading == heading && s.entries.iter().any(|text| has_orders(text)));
    let places = [
        ("the title", change.info.title.as_deref().is_some_and(has_orders)),
        ("the description", has_orders(&change.description)),
        ("the commit messages", is_in(told::COMMITS)),
        ("the issues that it closes", is_in(told::ISSUES)),
        ("what was said on the files", is_in(told::DISCUSSIONS)),
        ("the names of files", paths.iter().any(|path| has_orders(path))),
    ];
    let named: Vec<&str> = places.into_iter().filter(|(_, has)| *has).map(|(place, _)| place).collect();
    (!named.is_empty()).then(|| named.join(", "))
}

/// What the team says in the configuration: for all files, and for those of its paths that the change touches.
fn instructions(config: &Config, paths: &[&str]) -> String {
    let mut parts: Vec<String> = config.instructions.iter().map(|text| text.trim().to_owned()).collect();
    for rule in &config.paths {
        let Some(text) = &rule.instructions else { continue };
        let Ok(glob) = Glob::new(&rule.glob).map(|glob| glob.compile_matcher()) else { continue };
        if paths.iter().any(|path| glob.is_match(path)) {
            parts.push(format!("For files that match `{}`: {}", rule.glob, text.trim()));
        }
    }
    parts.join("\n")
}

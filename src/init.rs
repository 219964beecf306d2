//! `prudence init`: the workflows of GitHub Actions and a commented `.prudence.toml`.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::cli::InitArgs;
use crate::config::file;
use crate::config::keys::{self, Key, Kind};
use crate::console::Console;
use crate::git::Repo;
use crate::setup::check_names;
use crate::source::World;
use crate::status::Exit;

const WORKFLOW: &str = ".github/workflows/prudence.yml";
const PUBLISH_WORKFLOW: &str = ".github/workflows/prudence-publish.yml";

/// A file to be: its path in the repository, and its text.
type NewFile = (&'static str, String);

/// Writes the files and tells what to do next. A file that is there stays as it is: a workflow with another text is an
/// error, and then nothing is written at all; a configuration is the team's own and is kept.
///
/// # Errors
/// A workflow is there already, or a file cannot be written.
pub fn init(args: &InitArgs, world: &World<'_>, console: &Console) -> Result<Exit> {
    let folder = args.repo.as_ref().map_or_else(|| world.cwd.clone(), |repo| world.cwd.join(repo));
    if !folder.is_dir() {
        bail!("`{}` is not a folder\nhint: `--repo` names the folder of a repository", folder.display());
    }
    let root = Repo::open(&folder).map_or(folder, |repo| repo.root());
    let mut told = String::new();
    let mut to_write = Vec::new();
    let mut in_the_way = Vec::new();
    for (path, text) in files(args.forks) {
        match present(&root, path)? {
            Some(old) if old == text.as_bytes() => told += &format!("`{path}` is there already\n"),
            Some(_) if args.force => to_write.push((path, text)),
            Some(_) if path == file::NAME => told += &format!("`{path}` is there and stays; `--force` overwrites it\n"),
            Some(_) => in_the_way.push(format!("`{path}`")),
            None => to_write.push((path, text)),
        }
    }
    if !in_the_way.is_empty() {
        let paths = in_the_way.join(" and ");
        bail!("there is another {paths}, and nothing was written\nhint: move it away, or overwrite it with `--force`");
    }
    for (path, text) in to_write {
        write(&root.join(path), &text)?;
        told += &format!("wrote `{path}`\n");
    }
    console.result(&(told + next(args.forks)));
    Ok(Exit::Clean)
}

/// What is written, by the kind of requests.
fn files(forks: bool) -> Vec<NewFile> {
    let workflows: &[(&str, &str)] = match forks {
        false => &[(WORKFLOW, include_str!("../templates/github/prudence.yml"))],
        true => &[
            (WORKFLOW, include_str!("../templates/github/forks/prudence.yml")),
            (PUBLISH_WORKFLOW, include_str!("../templates/github/forks/prudence-publish.yml")),
        ],
    };
    let workflows = workflows.iter().map(|(path, text)| (*path, (*text).to_owned()));
    workflows.chain([(file::NAME, configuration())]).collect()
}

/// What stands at a path, if anything does.
fn present(root: &Path, path: &str) -> Result<Option<Vec<u8>>> {
    match std::fs::read(root.join(path)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(err) => Err(err).with_context(|| format!("cannot read `{path}`")),
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    folder.and_then(|()| std::fs::write(path, text)).with_context(|| format!("cannot write `{}`", path.display()))
}

fn next(forks: bool) -> &'static str {
    match forks {
        false => {
            "\nNext:
1. add the secret `OPENAI_API_KEY` to the repository: `gh secret set OPENAI_API_KEY`, or Settings > Secrets > Actions
2. commit the files and open a pull request; comments and runs by hand work once they are on the default branch
"
        }
        true => {
            "\nNext:
1. add the secret `OPENAI_API_KEY` to the repository: `gh secret set OPENAI_API_KEY`, or Settings > Secrets > Actions
2. commit the files and merge them: they work once they are on the default branch
"
        }
    }
}

/// `.prudence.toml` with every key at its default, each in a comment of its own: `#key = value`, where `# ` begins prose.
fn configuration() -> String {
    let mut out =
        "# Configuration of Prudence. Every setting stands here with its default: to change one, take away its `#`.\n\
        # In CI this file is read from the base commit, so that a change cannot steer its own review.\n"
            .to_owned();
    for key in keys::ALL {
        out += &match key.kind.words() {
            [] => format!("\n# {}\n", key.about),
            words => format!("\n# {} One of {}.\n", key.about, words.join(", ")),
        };
        out += &match &key.kind {
            Kind::Table(keys) => format!("#[{}]\n{}", key.name, settings(keys, "#")),
            Kind::Checks => {
                let lines: String = check_names().iter().map(|name| format!("#{name} = true\n")).collect();
                format!("#[{}]\n{lines}", key.name)
            }
            // there are none by default, so that what they look like is prose
            Kind::Tables(keys) => format!("#   [[{}]]\n{}", key.name, settings(keys, "#   ")),
            Kind::Named(keys) => format!("#   [{}.\"my-model\"]\n{}", key.name, settings(keys, "#   ")),
            _ => setting(key, "#"),
        };
    }
    out
}

fn settings(keys: &[&Key], start: &str) -> String {
    keys.iter().map(|key| setting(key, start)).collect()
}

fn setting(key: &Key, start: &str) -> String {
    let value = match (key.default, &key.kind) {
        (Some(default), _) => default,
        // an empty text counts as not set
        (None, Kind::Text | Kind::Prose) => r#""""#,
        (None, _) => key.example(),
    };
    format!("{start}{} = {value}\n", key.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::layer::Layer;

    /// The configuration with the comments taken off that begin so.
    fn uncommented(is_setting: impl Fn(&str) -> bool) -> crate::config::Config {
        let text = configuration();
        let line = |line: &str| match line.strip_prefix('#').filter(|rest| is_setting(rest)) {
            Some(setting) => format!("{}\n", setting.trim_start()),
            None => format!("{line}\n"),
        };
        let text: String = text.lines().map(line).collect();
        let layer = file::parse(file::NAME, text.as_bytes(), &check_names());
        layer.unwrap_or_else(|error| panic!("{error}\n{text}")).resolve().0
    }

    #[test]
    fn the_configuration_changes_nothing() {
        let default = Layer::default().resolve().0;
        assert_eq!(uncommented(|_| false), default);
        let mut all = uncommented(|rest| !rest.starts_with(' '));
        assert!(all.checks.values().all(|on| *on) && all.checks.len() == check_names().len());
        all.checks.clear();
        assert_eq!(all, default);
    }

    #[test]
    fn the_configuration_has_every_key_and_its_examples_are_taken() {
        let all = uncommented(|rest| !rest.starts_with(' ') || rest.starts_with("   "));
        assert_eq!((all.paths.len(), all.prices.len()), (1, 1));
        let text = configuration();
        for key in [keys::ALL, keys::SKIP_KEYS, keys::PATHS_KEYS, keys::PRICES_KEYS].concat() {
            assert!(text.contains(key.name), "{}\n{text}", key.name);
        }
    }
}

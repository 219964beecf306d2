//! Writes the manual pages and the completions of the shells, for those who pack Prudence:
//!
//! ```sh
//! cargo run --example docs -- DIR    # DIR/man, DIR/completions
//! ```

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

use clap::{Command, CommandFactory, ValueEnum};
use clap_complete::Shell;
use prudence::cli::Cli;

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [folder] = arguments.as_slice() else {
        eprintln!("error: `docs` takes one folder\nhint: cargo run --example docs -- DIR");
        return ExitCode::from(2);
    };
    if let Err(error) = write(folder) {
        eprintln!("error: cannot write to `{}`: {error}\nhint: name a folder that can be made", folder.display());
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Writes `man` and `completions` in this folder.
pub fn write(folder: &Path) -> io::Result<()> {
    let (man, completions) = (folder.join("man"), folder.join("completions"));
    fs::create_dir_all(&man)?;
    fs::create_dir_all(&completions)?;
    clap_mangen::generate_to(Cli::command(), &man)?;
    for shell in Shell::value_variants() {
        clap_complete::generate_to(*shell, &mut without_hidden(&Cli::command()), "prudence", &completions)?;
    }
    Ok(())
}

/// What a completion needs of a command. The generators would offer hidden flags, and none can be taken from a command.
fn without_hidden(command: &Command) -> Command {
    let shown = Command::new(forever(command.get_name()))
        .about(command.get_about().cloned().unwrap_or_default())
        .args(command.get_arguments().filter(|argument| !argument.is_hide_set()).cloned())
        .subcommands(command.get_subcommands().filter(|command| !command.is_hide_set()).map(without_hidden))
        .disable_help_subcommand(true);
    match command.get_version() {
        Some(version) => shown.version(forever(version)),
        None => shown,
    }
}

/// The text for as long as the program runs, as clap wants it.
fn forever(text: &str) -> &'static str {
    text.to_owned().leak()
}

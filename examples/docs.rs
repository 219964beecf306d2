//! Writes the manual pages and the completions of the shells, for those who pack Prudence:
//!
//! ```sh
//! cargo run --example docs -- DIR    # DIR/man, DIR/completions
//! ```

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

use clap::{CommandFactory, ValueEnum};
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
        clap_complete::generate_to(*shell, &mut Cli::command(), "prudence", &completions)?;
    }
    Ok(())
}

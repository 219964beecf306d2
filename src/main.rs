//! Parses, runs, and turns the result into an exit code.

use std::io::Write as _;
use std::process::ExitCode;

use prudence::run::run;
use prudence::source::World;
use prudence::status::Exit;
use prudence::stop::Stop;

fn main() -> ExitCode {
    let cli = match prudence::cli::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(err) => {
            // clap's own exit would skip destructors; its codes are 0 for help and 2 for misuse
            let _ = err.print();
            return ExitCode::from(u8::try_from(err.exit_code()).unwrap_or(Exit::Failed as u8));
        }
    };
    let format = cli.console.log_format;
    let exit = start(cli).unwrap_or_else(|err| {
        let line = prudence::console::line(format, "error", &format!("{err:#}"), serde_json::json!({}));
        // nobody may be reading; the exit code still tells
        let _ = writeln!(anstream::stderr(), "{line}");
        prudence::deliver::tell_of_failure(&env, &format!("{err:#}"));
        Exit::Failed
    });
    exit.into()
}

fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn start(cli: prudence::cli::Cli) -> anyhow::Result<Exit> {
    let world = World { env: &env, cwd: std::env::current_dir()?, stop: Stop::on_signals()? };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(cli, &world))
}

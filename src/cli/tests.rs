use clap::error::ErrorKind;

use super::*;
use crate::config::{Effort, Provider};

fn words(line: &str) -> Vec<String> {
    // `''` is an empty argument, as a shell has it
    let word = |word: &str| if word == "''" { String::new() } else { word.to_owned() };
    std::iter::once("prudence".to_owned()).chain(line.split_whitespace().map(word)).collect()
}

fn command(line: &str) -> Command {
    parse(words(line)).unwrap_or_else(|error| panic!("{line}: {error}")).command
}

#[test]
fn the_first_way_to_name_a_change_wins() {
    check_source("--patch - --pr o/r#1 --base main", ChangeSource::Stdin);
    check_source("--pr o/r#1 --staged", ChangeSource::Pull("o/r#1".parse().expect("a pull request")));
}

#[track_caller]
fn check_source(flags: &str, expected: ChangeSource) {
    match command(&format!("review {flags}")) {
        Command::Review(review) => assert_eq!(review.change.source(), expected, "{flags}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn clap_finds_nothing_wrong_with_the_command_line() {
    Cli::command().debug_assert();
}

#[test]
fn the_change_is_what_the_flags_name() {
    let range =
        |base: &str, head: Option<&str>| ChangeSource::Range { base: base.to_owned(), head: head.map(str::to_owned) };
    check_source("", ChangeSource::Detect);
    check_source("--patch -", ChangeSource::Stdin);
    check_source("--patch a.diff", ChangeSource::Patch("a.diff".into()));
    check_source("--base main", range("main", None));
    check_source("--base main --head topic", range("main", Some("topic")));
    check_source("--staged", ChangeSource::Staged);
    check_source("--worktree", ChangeSource::Worktree);
    let pull = PullRef { server_url: None, owner: "o".to_owned(), repo: "r".to_owned(), number: 7 };
    check_source("--pr o/r#7", ChangeSource::Pull(pull));
    check_source("--pr '' --base= --head '' --patch ''", ChangeSource::Detect);
}

#[track_caller]
fn check_refused(line: &str, kind: ErrorKind) {
    let error = parse(words(line)).expect_err(line);
    assert_eq!((error.kind(), error.exit_code()), (kind, 2), "{line}: {error}");
}

#[test]
fn misuse_ends_with_exit_code_2() {
    use ErrorKind::{ArgumentConflict, InvalidSubcommand, InvalidValue, MissingRequiredArgument, UnknownArgument};
    check_refused("", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand);
    check_refused("frobnicate", InvalidSubcommand);
    check_refused("eval", MissingRequiredArgument);
    check_refused("review --requests f", UnknownArgument);
    check_refused("review --modle x", UnknownArgument);
    check_refused("review --mr g/p#1", ErrorKind::ValueValidation);
    check_refused("review --mr g/p!1 --pr o/r#1", ArgumentConflict);
    check_refused("review --format pdf", InvalidValue);
    for format in ["sarif", "codequality", "annotations", "html"] {
        check_refused(&format!("plan --format {format}"), InvalidValue);
        check_refused(&format!("plan --{format} f"), UnknownArgument);
    }
    check_refused("review --fail-on often", InvalidValue);
    check_refused("review --min-severity never", InvalidValue);
    check_refused("review --pr 7", ErrorKind::ValueValidation);
    check_refused("review --mr 7", ErrorKind::ValueValidation);
    check_refused("review --head x", MissingRequiredArgument);
    check_refused("plan --dry-run", UnknownArgument);
    check_refused("plan --responses f", MissingRequiredArgument);
    check_refused("batch", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand);
    check_refused("batch run f", MissingRequiredArgument);
    check_refused("batch run f --output g --deadline 0", ErrorKind::ValueValidation);
    check_refused("review -v -q", ArgumentConflict);
    for pair in ["--base main --staged", "--base main --worktree", "--staged --worktree"] {
        check_refused(&format!("review {pair}"), ArgumentConflict);
    }
}

#[test]
fn help_and_version_are_no_errors() {
    for (line, kind) in [("--help", ErrorKind::DisplayHelp), ("--version", ErrorKind::DisplayVersion)] {
        let error = parse(words(line)).expect_err(line);
        assert_eq!((error.kind(), error.exit_code()), (kind, 0));
    }
}

#[test]
fn help_fits_a_screen_with_one_line_for_each_flag() {
    for command in ["", "review", "publish", "plan", "doctor", "config", "init", "cost", "eval run", "batch run"] {
        let help = parse(words(&format!("{command} --help"))).expect_err("help").to_string();
        assert!(help.lines().count() <= 40, "{} lines\n{help}", help.lines().count());
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
        assert!(help.contains("prudence review --"), "{help}");
        for line in help.lines().filter(|line| line.trim_start().starts_with("--")) {
            assert!(line.trim_start().contains("  "), "no text beside the flag: {line}\n{help}");
        }
    }
}

#[test]
fn all_flags_stand_in_the_long_help() {
    let help = |line: &str| parse(words(line)).expect_err("help").to_string();
    let (short, long) = (help("review --help"), help("review --help-all"));
    let command = Cli::command();
    let review = command.find_subcommand("review").unwrap();
    for flag in review.get_arguments().filter_map(|argument| argument.get_long()) {
        assert!(long.contains(&format!("--{flag}")), "--{flag}");
    }
    for rare in ["--replay", "--context", "--concurrency", "--ledger"] {
        assert!(!short.contains(rare) && long.contains(rare), "{rare}");
    }
    assert!(short.contains("--help-all"), "{short}");
    assert_eq!(help("review -h"), short);
}

#[test]
fn the_near_word_is_suggested() {
    let check = |line: &str, near: &str| {
        let error = parse(words(line)).expect_err(line).to_string();
        assert!(error.contains(&format!("'{near}'")), "{error}");
    };
    check("reviw", "review");
    check("review --stagd", "--staged");
    check("review --format jsn", "json");
    check("review --fail-on critcal", "critical");
    check("batch runn", "run");
}

fn layer(flags: &str) -> Result<Layer, ConfigError> {
    match command(&format!("plan {flags}")) {
        Command::Plan(plan) => plan.settings.layer(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn flags_fill_a_layer_that_knows_them() {
    let flags = "--provider offline --model m --base-url http://h/v1/ --effort high --no-verify --context hunk --language vi \
         --max-cost 0.5 --chunk-tokens 900 --concurrency 2 --deadline 30 --max-comments 3 --min-severity info \
         --min-confidence 40 --fail-on major --include a --include {b,c} --exclude d";
    let layer = layer(flags).unwrap();
    let source = Cli::command();
    for key in keys::ALL.iter().filter(|key| key.flag.is_some()) {
        let flag = key.flag.unwrap().trim_start_matches("--");
        let plan = source.find_subcommand("plan").unwrap();
        assert!(plan.get_arguments().any(|arg| arg.get_long() == Some(flag)), "no flag --{flag}");
    }
    assert_eq!(layer.model.as_ref().unwrap().origin, Origin::Flag("--model"));
    let (config, origins) = layer.resolve();
    assert!(keys::ALL.iter().all(|key| key.flag.is_some() == (*origins.of(key) != Origin::Default)));
    assert_eq!((config.provider, config.effort, config.verify), (Provider::Offline, Effort::High, false));
    assert_eq!((config.base_url.as_str(), config.max_cost_usd), ("http://h/v1", Some(0.5)));
    assert_eq!((config.include.len(), config.exclude.len(), config.fail_on.is_some()), (2, 1, true));
}

#[test]
fn an_empty_value_counts_as_not_given() {
    let flags = "--model '' --base-url= --max-cost '' --fail-on '' --min-severity= --include '' --language ''";
    assert_eq!(layer(flags).unwrap(), Layer::default());
}

#[test]
fn a_value_out_of_range_names_the_flag() {
    let error = layer("--concurrency 65").unwrap_err().to_string();
    assert!(
        error.starts_with("flag --concurrency: `concurrency` must be an integer from 1 to 64, found `65`"),
        "{error}"
    );
    assert!(layer("--max-cost -1").unwrap_err().to_string().starts_with("flag --max-cost: "));
}

#[test]
fn console_flags_stand_anywhere() {
    let cli = parse(words("-vv plan --color never")).unwrap();
    assert_eq!(cli.console, Console { color: Color::Never, verbose: 2, ..Console::default() });
    assert!(parse(words("review -q")).unwrap().console.quiet);
}

//! The command line: one file a command, results on stdout, everything else on stderr.

mod args;
mod audit;
mod card;
mod cases;
mod check;
mod config;
mod connect;
mod explain;
mod external;
mod hit;
mod kibana;
mod listen;
mod look;
mod manual;
mod output;
mod pipes;
mod places;
mod progress;
mod range;
mod rules;
mod run;
mod scan;
mod setup;
mod summary;
mod task;
mod test;
mod triage;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use args::{Cli, Command};
use look::Look;

/// How a command ended.
enum Ending {
    /// Everything was done.
    Done,
    /// It ran, and something failed; said already.
    Failed,
    /// The command, a setting or a rule is wrong, and nothing was run.
    Wrong(anyhow::Error),
}

impl From<anyhow::Error> for Ending {
    fn from(error: anyhow::Error) -> Self {
        Self::Wrong(error)
    }
}

/// Runs the command that the process was started with: 0 done, 1 something failed, 2 nothing was run.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match parsed() {
        Ok(cli) => cli,
        Err(error) => {
            output::say(&format!("error: {error:#}"));
            return ExitCode::from(2);
        }
    };
    let color = cli.color.on_stderr();
    let look = Look::of_stdout(cli.color);
    start_logging(cli.verbose, cli.quiet, color);
    let ending = match cli.command {
        Command::Run(args) => run::run(&args, color, look),
        Command::Audit(args) => audit::audit(&args, color, look),
        Command::Explain(args) => explain::explain(&args, color),
        Command::Scan(args) => scan::scan(&args, color, look),
        Command::Test(args) => test::test(&args, color),
        Command::Check(args) => check::check(&args, color, look),
        Command::Completions(args) => manual::completions(args.shell),
        Command::Man => manual::page(),
        Command::Setup(args) => setup::setup(&args),
    };
    match ending {
        Ending::Done => ExitCode::SUCCESS,
        Ending::Failed => ExitCode::from(1),
        Ending::Wrong(error) => {
            output::say(&format!("error: {error:#}"));
            ExitCode::from(2)
        }
    }
}

/// What was typed, over what the configuration says; help and wrong arguments end the process here.
fn parsed() -> anyhow::Result<Cli> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let command = config::with_defaults(Cli::command(), &arguments)?;
    let matches = command.get_matches_from(&arguments);
    Ok(Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()))
}

fn start_logging(verbose: u8, quiet: bool, color: bool) {
    let (ours, others) = match (quiet, verbose) {
        (true, _) => (Level::ERROR, Level::ERROR),
        (false, 0) => (Level::INFO, Level::WARN),
        (false, 1) => (Level::DEBUG, Level::WARN),
        (false, _) => (Level::TRACE, Level::INFO),
    };
    let levels = Targets::new().with_default(others).with_target(env!("CARGO_CRATE_NAME"), ours);
    let lines =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(color).with_target(false);
    tracing_subscriber::registry().with(lines).with(levels).init();
}

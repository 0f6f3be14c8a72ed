//! The command line: one file a command, results on stdout, everything else on stderr.

mod args;
mod audit;
mod card;
mod cases;
mod check;
mod config;
mod connect;
mod copies;
mod doubt;
mod explain;
mod guide;
mod health;
mod hit;
mod kibana;
mod line;
mod listen;
mod log;
mod look;
mod manual;
mod output;
mod pipes;
mod places;
mod precedence;
mod progress;
mod range;
mod ready;
mod reload;
mod rules;
mod run;
mod scan;
mod schema;
mod serve;
mod setup;
mod summary;
mod task;
mod test;
mod timing;
mod triage;
mod watched;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

pub use config::check_settings;

use args::{Cli, Command};
use look::Look;

/// The command line as it can be typed: commands, flags, and the variables that stand for them.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

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
            output::fail(&error);
            return ExitCode::from(2);
        }
    };
    let color = cli.color.on_stderr();
    let look = Look::of_stdout(cli.color);
    let run_id = uuid::Uuid::new_v4().to_string();
    log::start(cli.log_format, cli.verbose, cli.quiet, color, &run_id);
    let ending = match cli.command {
        Command::Run(args) => run::run(&args, run_id, color, look),
        Command::Audit(args) => audit::audit(&args, run_id, color, look),
        Command::Explain(args) => explain::explain(&args, color),
        Command::Scan(args) => scan::scan(&args, color, look),
        Command::Test(args) => test::test(&args, color),
        Command::Check(args) => check::check(&args, color, look),
        Command::Health(args) => health::health(&args),
        Command::Completions(args) => manual::completions(args.shell),
        Command::Man => manual::page(),
        Command::Schema(args) => schema::schema(args.of),
        Command::Setup(args) => setup::setup(&args, color),
    };
    match ending {
        Ending::Done if !output::is_lost() => ExitCode::SUCCESS,
        Ending::Done | Ending::Failed => ExitCode::from(1),
        Ending::Wrong(error) => {
            output::fail(&error);
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

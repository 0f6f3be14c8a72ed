//! What can be typed: commands, flags, and the environment variables that stand for them.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::range::RangeText;
use crate::alert::AlertIndex;
use crate::rule::Timing;

mod connection;

pub use connection::{ConnectionArgs, TIMEOUTS};

/// Runs Elastic detection rules against Elasticsearch: nothing missed, nothing twice.
#[derive(Debug, Parser)]
#[command(name = "stakeout", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// Say more on stderr (twice: even more)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Say only errors on stderr
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// How lines on stderr are written: `text`, or `json` with rule, window and run on each line
    #[arg(long, global = true, value_name = "FORMAT", env = "STAKEOUT_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// Settings as a file; what flags and environment say goes before it
    #[arg(long, global = true, value_name = "FILE", env = "STAKEOUT_CONFIG")]
    pub config: Option<PathBuf>,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch: every rule on its own interval, or once, or over the past
    Run(RunArgs),
    /// Name every alert that should be there and is not; with --repair, write it
    Audit(AuditArgs),
    /// Show the query a rule will send, and what is left to evaluate here
    Explain(ExplainArgs),
    /// Find matches in files, with no cluster
    Scan(ScanArgs),
    /// Run each rule's own examples
    Test(TestArgs),
    /// Say whether everything is ready: connection, privileges, indices, fields, delays, alerts index, checkpoints
    Check(CheckArgs),
    /// Ask a running `stakeout run --listen` whether it is well
    Health(HealthArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Print the manual page
    Man,
    /// Print the JSON schema of rule files, of `stakeout.toml` or of files of what is expected, for editors
    Schema(SchemaArgs),
    /// Make the alerts index and Kibana's data view, saved search and dashboard, or print them as files
    Setup(SetupArgs),
}

#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub rules: RuleArgs,
    #[command(flatten)]
    pub timing: TimingArgs,
    /// One pass of every rule from its checkpoint to now, then exit
    #[arg(long, conflicts_with = "backfill")]
    pub once: bool,
    /// One shot over the past, then exit: `24h`, `7d`, `48h..24h`, `2026-11-01..2026-11-20` (both days whole),
    /// `2026-11-20T08:00:00Z..`; taken up again where it was interrupted; the daemon goes on
    /// from its own checkpoint, or from here where it has none
    #[arg(long, value_name = "FROM[..TO]")]
    pub backfill: Option<RangeText>,
    /// Print the alerts instead of writing them; no checkpoint moves
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub shown: ShownArgs,
    /// What is expected to happen, such as a planned test: a file with `[[stakeout.expected]]` (repeatable)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["events", "no_triage"])]
    pub expected: Vec<PathBuf>,
    #[command(flatten)]
    pub further: FurtherArgs,
    /// Ask none of the rules' questions about their alerts
    #[arg(long)]
    pub no_triage: bool,
    /// While it watches, answer `/metrics`, `/healthz` and `/readyz` here: a port of this machine alone, or `IP:PORT`
    #[arg(long, value_name = "[IP:]PORT", env = "STAKEOUT_LISTEN")]
    pub listen: Option<String>,
    /// How results are printed [default: human on a terminal, else json]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
    #[command(flatten)]
    pub places: PlaceArgs,
}

#[derive(Debug, Args)]
pub struct AuditArgs {
    /// The stretch of time: `24h`, `7d`, `48h..24h`, `2026-11-01..2026-11-20` (both days whole),
    /// `2026-11-20T08:00:00Z..`
    #[arg(value_name = "FROM[..TO]")]
    pub range: RangeText,
    #[command(flatten)]
    pub rules: RuleArgs,
    #[command(flatten)]
    pub timing: TimingArgs,
    /// Write the alerts that are not there; without it nothing is written
    #[arg(long)]
    pub repair: bool,
    #[command(flatten)]
    pub shown: ShownArgs,
    /// How results are printed [default: human on a terminal, else json]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
    #[command(flatten)]
    pub places: PlaceArgs,
}

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The rule: a file, or the id or name of a built-in rule
    #[arg(value_name = "RULE")]
    pub rule: String,
    /// Ask no cluster, take the types of the Elastic Common Schema
    #[arg(long)]
    pub offline: bool,
    /// How results are printed [default: human on a terminal, else json]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

#[derive(Debug, Args)]
pub struct ScanArgs {
    /// Files or folders: documents, exported hits, CloudTrail's own files; plain, gzip or zstd; `-` for standard input
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub rules: RuleArgs,
    /// Find what this EQL query matches instead of rules
    #[arg(long, value_name = "QUERY", conflicts_with = "rules")]
    pub eql: Option<String>,
    /// With --eql: the field that the query's category is compared with
    #[arg(long, value_name = "FIELD", default_value = "event.category", requires = "eql")]
    pub event_category_field: String,
    /// With --eql: the field by which `head` and `tail` put events in order
    #[arg(long, value_name = "FIELD", default_value = "@timestamp", requires = "eql")]
    pub timestamp_field: String,
    /// An Elasticsearch mapping that tells the fields' types; what it lacks has the types of ECS
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,
    /// Parse every line, even one that holds nothing a rule looks for, so that all that is not JSON is told
    #[arg(long)]
    pub every_line: bool,
    #[command(flatten)]
    pub shown: ShownArgs,
    /// How results are printed [default: human on a terminal, else json]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
}

#[derive(Debug, Args)]
pub struct TestArgs {
    /// The rules: files or folders, or ids or names of built-in rules [default: all built-in rules]
    #[arg(value_name = "RULE")]
    pub rules: Vec<String>,
    /// How results are printed [default: human on a terminal, else json]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    pub rules: RuleArgs,
    #[command(flatten)]
    pub timing: TimingArgs,
    /// Write alias of the alerts index
    #[arg(long, value_name = "NAME", default_value = "stakeout-alerts")]
    pub alerts_index: AlertIndex,
    /// How results are printed [default: human on a terminal, else json]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

#[derive(Debug, Args)]
pub struct HealthArgs {
    /// Where it answers, as `run --listen` names it: a port of this machine, or `IP:PORT`
    #[arg(value_name = "[IP:]PORT", env = "STAKEOUT_LISTEN")]
    pub listen: Option<String>,
}

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Whose schema
    #[arg(value_name = "OF")]
    pub of: SchemaOf,
}

/// What there are schemas of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// Rule files
    Rule,
    /// The settings, `stakeout.toml`
    Config,
    /// Files of what is expected, for `run --expected`
    Expected,
}

#[derive(Debug, Args)]
pub struct SetupArgs {
    /// Kibana's address, with base path and `/s/SPACE` where there is one; without it Kibana is left alone
    #[arg(long, value_name = "URL", env = "KIBANA_URL", hide_env_values = true)]
    pub kibana_url: Option<String>,
    /// The space of Kibana that gets data view, saved search and dashboard [default: the one in its address]
    #[arg(long, value_name = "SPACE", env = "KIBANA_SPACE")]
    pub kibana_space: Option<String>,
    /// Write alias of the alerts index
    #[arg(long, value_name = "NAME", default_value = "stakeout-alerts")]
    pub alerts_index: AlertIndex,
    /// Write everything as files into this folder instead, with the role and the API key that the rules need
    #[arg(long, value_name = "DIR")]
    pub print: Option<PathBuf>,
    #[command(flatten)]
    pub rules: RuleArgs,
    /// With --print: role and API key also hold what `run --security-alerts` needs in the space
    #[arg(long, env = "STAKEOUT_SECURITY_ALERTS", value_parser = BoolishValueParser::new())]
    pub security_alerts: bool,
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

/// Where events are read and alerts are kept: a cluster, or files.
#[derive(Debug, Clone, Args)]
pub struct PlaceArgs {
    /// Write alias of the alerts index
    #[arg(long, value_name = "NAME", default_value = "stakeout-alerts", conflicts_with_all = ["events", "alerts"])]
    pub alerts_index: AlertIndex,
    /// Read events from these files or folders instead of a cluster (`-`: standard input; repeatable)
    #[arg(long, value_name = "PATH")]
    pub events: Vec<PathBuf>,
    /// With --events: the file that takes the alerts; checkpoints lie beside it
    #[arg(long, value_name = "FILE", default_value = "alerts.ndjson", requires = "events")]
    pub alerts: PathBuf,
    /// Kibana's address, with base path and `/s/SPACE` where there is one: alerts then hold links into it
    #[arg(long, value_name = "URL", env = "KIBANA_URL", hide_env_values = true)]
    pub kibana_url: Option<String>,
    /// The space of Kibana that links lead to [default: the one in its address]
    #[arg(long, value_name = "SPACE", env = "KIBANA_SPACE")]
    pub kibana_space: Option<String>,
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

#[derive(Debug, Clone, Args)]
pub struct RuleArgs {
    /// Rule files or folders of them (repeatable) [default: the built-in rules]
    #[arg(long = "rules", value_name = "PATH")]
    pub rules: Vec<PathBuf>,
}

/// When rules run.
#[derive(Debug, Clone, Args)]
pub struct TimingArgs {
    /// How often a rule runs instead of as its file says, by its id or name, `*` for every rule: `10m`, or `off`
    /// (repeatable); a longer interval looks further back, so that nothing is missed
    #[arg(long, value_name = "RULE=INTERVAL")]
    pub schedule: Vec<Timing>,
}

/// What else is made of the alerts, for who works in Kibana.
#[derive(Debug, Clone, Args)]
pub struct FurtherArgs {
    /// Copy each alert to this data stream too, for Elastic's rule External Alerts: `logs-stakeout.alerts-default`
    #[arg(long, value_name = "DATA_STREAM", env = "STAKEOUT_EXTERNAL_ALERTS")]
    pub external_alerts: Option<String>,
    /// Write each alert among Kibana's own too, as Security → Alerts shows them, in the space that --kibana-space or
    /// --kibana-url names [default: the space `default`]
    #[arg(long, env = "STAKEOUT_SECURITY_ALERTS", value_parser = BoolishValueParser::new())]
    pub security_alerts: bool,
    /// Open a case in Kibana for each group of alerts once it is triaged; needs --kibana-url
    #[arg(long, conflicts_with_all = ["events", "no_triage", "dry_run"])]
    pub open_cases: bool,
}

/// What people get to see besides the results.
#[derive(Debug, Clone, Args)]
pub struct ShownArgs {
    /// Write the alerts as one page that is read without Kibana; with `run`, only for --once and --backfill
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// Print the investigation guide of each rule that found something (human format)
    #[arg(long)]
    pub guide: bool,
}

/// How lines on stderr are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

impl Color {
    /// Whether to colour what goes to stderr; `NO_COLOR` counts as in <https://no-color.org>.
    pub fn on_stderr(self) -> bool {
        self.on(&std::io::stderr())
    }

    /// The same for what goes to stdout.
    pub fn on_stdout(self) -> bool {
        self.on(&std::io::stdout())
    }

    #[expect(clippy::disallowed_methods, reason = "the command line is where the environment is read")]
    fn on(self, stream: &impl IsTerminal) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                !unwanted && stream.is_terminal()
            }
        }
    }
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

impl Format {
    /// What was asked for, else by whether stdout is a terminal.
    pub fn or_fitting(asked: Option<Self>) -> Self {
        asked.unwrap_or_else(|| if std::io::stdout().is_terminal() { Self::Human } else { Self::Json })
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, CommandFactory};

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }

    #[test]
    fn only_what_is_about_the_connection_stands_under_its_heading() {
        let connection = super::ConnectionArgs::augment_args(clap::Command::new(""));
        let ids = |command: &clap::Command| -> Vec<String> {
            let under = |arg: &&clap::Arg| arg.get_help_heading() == Some("Elasticsearch");
            command.get_arguments().filter(under).map(|arg| arg.get_id().to_string()).collect()
        };
        let own = ids(&connection);
        assert!(own.len() > 10, "{own:?}");
        let mut with = 0;
        for command in super::Cli::command().get_subcommands() {
            let found = ids(command);
            assert!(found.is_empty() || found == own, "{}: {found:?}", command.get_name());
            with += usize::from(!found.is_empty());
        }
        assert_eq!(with, 5, "run, audit, explain, check, setup");
    }
}

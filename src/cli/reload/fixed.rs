//! Settings that are taken at the start alone: where events come from, alerts go to and figures are told.

use crate::cli::args::{Cli, Command, LogFormat, RunArgs};

/// The arguments of `cli` with those settings as they are in force, and the names of those that say something else.
///
/// None where it is no command that watches, which it cannot be, as what was typed stays the same.
pub fn kept(cli: Cli, in_force: &RunArgs, log_format: LogFormat) -> Option<(RunArgs, Vec<&'static str>)> {
    let Command::Run(mut args) = cli.command else { return None };
    let mut others = Vec::new();
    let (new, old) = (&mut args.places.connection, &in_force.places.connection);
    keep("elasticsearch.url", &mut new.elasticsearch_url, &old.elasticsearch_url, &mut others);
    keep("elasticsearch.cloud_id", &mut new.cloud_id, &old.cloud_id, &mut others);
    keep("elasticsearch.request_timeout", &mut new.request_timeout, &old.request_timeout, &mut others);
    keep("alerts.index", &mut args.places.alerts_index, &in_force.places.alerts_index, &mut others);
    let (new, old) = (&mut args.further.external_alerts, &in_force.further.external_alerts);
    keep("alerts.external", new, old, &mut others);
    let (new, old) = (&mut args.further.security_alerts, &in_force.further.security_alerts);
    keep("alerts.security", new, old, &mut others);
    keep("watch.listen", &mut args.listen, &in_force.listen, &mut others);
    keep("log.format", &mut { cli.log_format }, &log_format, &mut others);
    Some((args, others))
}

/// Puts `old` in the place of `new`, and its name among `others` where they differ.
fn keep<T: Clone + PartialEq>(name: &'static str, new: &mut T, old: &T, others: &mut Vec<&'static str>) {
    if new != old {
        others.push(name);
        new.clone_from(old);
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::kept;
    use crate::cli::args::{Cli, Command, LogFormat, RunArgs};

    fn cli(arguments: &[&str]) -> Cli {
        Cli::try_parse_from([&["stakeout", "run"], arguments].concat()).expect("arguments")
    }

    fn args(arguments: &[&str]) -> RunArgs {
        match cli(arguments).command {
            Command::Run(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_needs_a_restart_stays_and_is_named() {
        let old = args(&["--alerts-index", "mine", "--elasticsearch-url", "http://a", "--username", "a"]);
        let new = cli(&[
            "--alerts-index",
            "other",
            "--elasticsearch-url",
            "http://b",
            "--cloud-id",
            "a:b",
            "--request-timeout",
            "5",
            "--external-alerts",
            "logs-a-b",
            "--security-alerts",
            "--listen",
            "1",
            "--log-format",
            "json",
            "--username",
            "b",
            "--rules",
            "c",
        ]);
        let (kept, names) = kept(new, &old, LogFormat::Text).expect("a command that watches");
        let expected = [
            "elasticsearch.url",
            "elasticsearch.cloud_id",
            "elasticsearch.request_timeout",
            "alerts.index",
            "alerts.external",
            "alerts.security",
            "watch.listen",
            "log.format",
        ];
        assert_eq!(names, expected);
        assert_eq!(kept.places.alerts_index, old.places.alerts_index);
        assert_eq!(kept.places.connection.elasticsearch_url.as_deref(), Some("http://a"));
        assert_eq!((kept.listen, kept.further.external_alerts), (None, None));
        assert!(!kept.further.security_alerts);
        // The others are taken.
        assert_eq!(kept.places.connection.username.as_deref(), Some("b"));
        assert_eq!(kept.rules.rules.len(), 1);
    }

    #[test]
    fn what_stays_the_same_is_not_named() {
        let arguments = ["--alerts-index", "mine", "--listen", "1"];
        let (_, names) =
            kept(cli(&arguments), &args(&arguments), LogFormat::Text).expect("a command that watches");
        assert!(names.is_empty(), "{names:?}");
    }
}

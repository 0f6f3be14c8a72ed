//! Rules and settings are read anew while the daemon runs: on SIGHUP at once, and when a file of them has changed and has
//! come to rest. What is broken is refused and said, and what was in force in its place stays.
//!
//! Nothing is changed in place: everything new becomes one value, which replaces the one that runs between two runs.

mod files;
mod fixed;
mod news;
mod settling;
mod words;

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use self::files::{Contents, Files};
use self::news::News;
use self::settling::Settling;
use super::args::{Cli, RunArgs};
use super::triage::Declared;
use super::watched::Watched;
use super::{config, connect, log, ready};
use crate::elastic::Observer;
use crate::metrics::Metrics;
use crate::rule;
use crate::schedule::{self, Reload, Work};

/// What the files held before anything of them was read.
pub struct Before {
    files: Files,
    contents: Contents,
}

/// Takes up what is new.
pub struct Reloader {
    /// What was typed, which never changes.
    arguments: Vec<OsString>,
    /// The settings in force.
    args: RunArgs,
    /// The settings that were asked for last, in force or refused: their files are looked at too.
    asked_for: RunArgs,
    declared: Declared,
    /// Ids of rules whose newer form was refused: their files do not hold what is in force.
    held: HashSet<String>,
    /// What the connection in force was made from.
    login: Login,
    work: watch::Sender<Work>,
    files: Files,
    settling: Settling,
    observer: Observer,
    metrics: Metrics,
    readiness: Option<Arc<ready::Readiness>>,
    color: bool,
}

/// What a connection is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Login {
    settings: [u8; 32],
    files: Contents,
}

impl Login {
    fn of(args: &RunArgs, contents: &Contents) -> Self {
        let connection = &args.places.connection;
        Self { settings: connect::digest(connection), files: contents.of(&connect::files(connection)) }
    }
}

impl Before {
    /// Looks at every file that `args` name. To be called before they are read, so that no change is missed.
    pub fn look(args: &RunArgs) -> Self {
        let mut files = Files::default();
        let contents = files.look(&places(&arguments(), &[args]));
        Self { files, contents }
    }
}

impl Reloader {
    /// Takes up what is new in the place of what `work` holds, which was made from `args` and `declared`.
    pub fn new(
        before: Before,
        args: &RunArgs,
        declared: Declared,
        work: watch::Sender<Work>,
        watched: &Watched,
        color: bool,
    ) -> Self {
        let Before { files, contents } = before;
        Self {
            arguments: arguments(),
            args: args.clone(),
            asked_for: args.clone(),
            declared,
            held: HashSet::new(),
            login: Login::of(args, &contents),
            work,
            files,
            settling: Settling::new(contents),
            observer: watched.observer(),
            metrics: watched.metrics(),
            readiness: watched.readiness(),
            color,
        }
    }

    /// What the files hold that are looked at now.
    fn see(&mut self) -> Contents {
        let places = self.places();
        self.files.look(&places)
    }

    fn places(&self) -> Vec<PathBuf> {
        places(&self.arguments, &[&self.args, &self.asked_for])
    }

    /// Everything as the files say it now, and what they held; none where they changed meanwhile and nobody `asked` for it
    /// at once.
    fn read(&mut self, seen: &Contents, asked: bool) -> Option<(News, Contents)> {
        let cli = config::read_again(&self.arguments);
        let wanted = cli.map(|cli: Cli| fixed::kept(cli, &self.args, log::format()));
        if let Ok(Some((args, _))) = &wanted {
            self.asked_for = args.clone();
        }
        let before = self.see();
        // Else the settings may be those before a change that `before` has.
        let is_sure = before.agree(seen);
        if !asked && !is_sure {
            return None;
        }
        let news = self.news(wanted, &before);
        if is_sure && self.see() == before {
            return Some((news, before));
        }
        // Nobody knows which of both was read: all of it is read again soon.
        asked.then(|| (news, Contents::default()))
    }

    fn put_in_force(&mut self, news: News, held: &Contents) {
        news.say(self.color);
        let News { args, login, declared, work, renewal, place, refusals, .. } = news;
        let now = schedule::utc_now();
        for rule in &renewal.added {
            work.runner.begun.begins(&rule.rule_id, now);
        }
        let refused = u32::try_from(refusals.len()).unwrap_or(u32::MAX);
        self.metrics.reloaded(&work.rules, refused, work.runner.now());
        if let Some((readiness, place)) = self.readiness.as_ref().zip(place) {
            readiness.moves_to(place);
        }
        self.held = renewal.held.iter().map(|rule| rule.rule_id.clone()).collect();
        (self.args, self.login, self.declared) = (args, login, declared);
        self.work.send_replace(work);
        // Files that were looked at for the settings before are not any more.
        self.settling.took(held.of(&self.places()));
    }
}

impl Reload for Reloader {
    fn look(&mut self, asked: bool) {
        let seen = self.see();
        let is_due = self.settling.is_due(&seen);
        if !asked && !is_due {
            return;
        }
        schedule::tell_reloading();
        if let Some((news, held)) = self.read(&seen, asked) {
            self.put_in_force(news, &held);
        }
        let rules = self.work.borrow().rules.len();
        schedule::tell_ready(rules);
    }

    fn failed(&mut self) {
        let (rules, now) = {
            let work = self.work.borrow();
            (work.rules.clone(), work.runner.now())
        };
        self.metrics.reloaded(&rules, 1, now);
        schedule::tell_ready(rules.len());
    }
}

fn arguments() -> Vec<OsString> {
    std::env::args_os().collect()
}

/// Every file that rules and settings come from.
fn places(arguments: &[OsString], all: &[&RunArgs]) -> Vec<PathBuf> {
    let rules: Vec<PathBuf> = all.iter().flat_map(|args| args.rules.rules.iter().cloned()).collect();
    let mut places = rule::places(&rules);
    places.extend(config::named(arguments));
    for args in all {
        places.extend(args.expected.iter().cloned());
        places.extend(connect::files(&args.places.connection));
    }
    places.sort();
    places.dedup();
    places
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser;

    use super::*;
    use crate::alert::Run;
    use crate::cli::args::Command;
    use crate::cli::{places, rules};
    use crate::detect::{Begun, Runner, Settings};

    /// A daemon's reloader by the settings in `config`, which name `folder`'s rules.
    fn reloader(config: &Path, folder: &Path) -> Reloader {
        let paths = [config, folder, &folder.join("alerts.ndjson")].map(|path| path.display().to_string());
        let [config, events, alerts] = &paths;
        let arguments = ["stakeout", "run", "--config", config, "--events", events, "--alerts", alerts]
            .map(OsString::from);
        let cli = Cli::try_parse_from(&arguments).expect("arguments");
        let Command::Run(args) = cli.command else { panic!("a command that watches") };
        let rules = rules::load(&args.rules.rules, false).expect("rules");
        let now = schedule::utc_now();
        let watched = Watched::of(&args, &rules, now).expect("nothing to listen at");
        let (source, sink, store) = places::to_write(&args.places, watched.observer()).expect("files");
        let run =
            Run { id: "r".to_owned(), kind: "run", places: places::looked_at(&args.places).expect("none") };
        let (settings, clock, begun) =
            (Settings::default(), schedule::utc_now as fn() -> _, Arc::new(Begun::at(now)));
        let runner =
            Arc::new(Runner { source, sink, copies: Vec::new(), store, settings, run, clock, begun });
        let (work, _) = watch::channel(Work { rules, runner, triager: None, cases: None });
        let declared = Declared::load(&[], false).expect("nothing declared");
        let reloader = Reloader::new(Before::look(&args), &args, declared, work, &watched, false);
        Reloader { arguments: arguments.to_vec(), ..reloader }
    }

    #[test]
    fn what_changes_between_a_look_and_the_reading_is_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("stakeout.toml");
        std::fs::write(&config, "[rules]\n").expect("settings");
        let mut reloader = reloader(&config, folder.path());
        let seen = reloader.see();
        let (_, held) = reloader.read(&seen, true).expect("it was asked for");
        assert_eq!(held, seen, "nothing changed, so it is known what was read");
        // Before the settings are read or after it: nobody can tell.
        std::fs::write(&config, "[rules]\nno_triage = true\n").expect("settings");
        let (_, held) = reloader.read(&seen, true).expect("it was asked for");
        assert_eq!(held, Contents::default(), "all of it is read again soon");
        assert!(reloader.read(&seen, false).is_none(), "nobody waits for it");
    }
}

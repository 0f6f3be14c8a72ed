//! What is new, ready to be put in force as a whole; and what of it is refused.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::Contents;
use super::{Login, Reloader};
use crate::alert::Run;
use crate::cli::args::RunArgs;
use crate::cli::ready::Place;
use crate::cli::triage::Declared;
use crate::cli::{cases, copies, output, places, ready, rules, timing, triage};
use crate::detect::{Copies, KibanaClient, Runner};
use crate::rule::{Found, Renewal, Report, Rule};
use crate::schedule::Work;

/// What will be in force.
pub(super) struct News {
    pub args: RunArgs,
    pub login: Login,
    pub declared: Declared,
    pub work: Work,
    pub renewal: Renewal,
    /// Warnings about rules that are new or changed.
    pub warnings: Vec<Report>,
    /// Where it is asked from now on whether runs can be made; none where that stays.
    pub place: Option<Place>,
    /// Settings that are taken, by name.
    pub taken: Vec<&'static str>,
    /// Settings that say something else than is in force, and need a restart.
    pub at_restart: Vec<&'static str>,
    /// What is refused and why, ready to be read.
    pub refusals: Vec<String>,
}

/// The settings that were read, and the names of those that need a restart; none where the file is broken.
type Wanted = anyhow::Result<Option<(RunArgs, Vec<&'static str>)>>;

/// Settings that can be used.
struct Settings {
    args: RunArgs,
    login: Login,
    runner: Arc<Runner>,
    cases: Option<KibanaClient>,
    place: Option<Place>,
    taken: Vec<&'static str>,
}

impl Reloader {
    /// Everything anew: by the settings that are `wanted` where they can be used, else by those in force. `held` is what
    /// the files hold.
    pub(super) fn news(&self, wanted: Wanted, held: &Contents) -> News {
        let (wanted, at_restart, mut refusals) = match wanted {
            Ok(Some((args, at_restart))) => (args, at_restart, Vec::new()),
            Ok(None) => (self.args.clone(), Vec::new(), Vec::new()),
            Err(error) => (self.args.clone(), Vec::new(), vec![settings_refused(&[output::told(&error)])]),
        };
        let found = self.found(&wanted, held);
        let (found, mistimed) = found;
        let (settings, found) = match self.settings(wanted, &found, mistimed, held) {
            Ok(settings) => (settings, found),
            Err(problems) => {
                refusals.push(settings_refused(&problems));
                (self.in_force(), self.found(&self.args, held).0)
            }
        };
        self.assembled(settings, found, at_restart, refusals)
    }

    /// The rules that `args` name, as they run by them, and what is wrong with when they run; only files that hold something
    /// new are read, and all of them where rules run at other times.
    fn found(&self, args: &RunArgs, held: &Contents) -> (Found, Vec<String>) {
        let work = self.work.borrow();
        let by_place: HashMap<&Path, &Arc<Rule>> =
            work.rules.iter().map(|rule| (Path::new(&rule.origin), rule)).collect();
        let timings = &args.timing.schedule;
        let are_timed_alike = *timings == self.args.timing.schedule;
        let mut found = rules::each(&args.rules.rules, |path| {
            let rule = by_place.get(path).filter(|rule| !self.held.contains(&rule.rule_id))?;
            (are_timed_alike && held.agree_on(self.settling.taken(), path)).then(|| Arc::clone(rule))
        });
        let problems = timing::applied_to_found(timings, &mut found, &work.rules);
        (found, problems)
    }

    /// Puts together what runs by these settings and rules.
    fn assembled(
        &self,
        settings: Settings,
        found: Found,
        at_restart: Vec<&'static str>,
        mut refusals: Vec<String>,
    ) -> News {
        let Settings { args, login, runner, cases, place, mut taken } = settings;
        let mut found = without_hindered(&args, found, &mut refusals);
        let reports =
            found.refused.iter().map(|refused| crate::rule::render_all(&refused.reports, self.color));
        refusals.extend(reports.filter(|report| !report.is_empty()));
        let now = self.work.borrow();
        let warnings = std::mem::take(&mut found.loaded.warnings);
        let renewal = Renewal::of(&now.rules, found);
        let (declared, problems) = self.declared.renewed(&args.expected, self.color);
        refusals.extend(problems);
        taken.extend((declared != self.declared).then_some("rules.expected"));
        let triager = triage::triager(&args, &runner.sink, &renewal.rules, declared.all());
        let cases =
            cases.and_then(|client| cases::taken_over(now.cases.as_deref(), client, &renewal.rules, &runner));
        let is_new = |report: &Report| {
            renewal.added.iter().chain(&renewal.changed).any(|rule| rule.origin == report.origin)
        };
        let warnings = warnings.into_iter().filter(is_new).collect();
        let work = Work { rules: renewal.rules.clone(), runner, triager, cases };
        News { args, login, declared, work, renewal, warnings, place, taken, at_restart, refusals }
    }

    /// The settings in force.
    fn in_force(&self) -> Settings {
        let (args, login, runner) =
            (self.args.clone(), self.login.clone(), self.work.borrow().runner.clone());
        // They could be used before; a file of theirs may be gone since.
        let cases = cases::client(&args).ok().flatten();
        Settings { args, login, runner, cases, place: None, taken: Vec::new() }
    }

    /// The settings of `args`, under which the rules were `found` and are `mistimed`; or everything that is wrong with them.
    fn settings(
        &self,
        args: RunArgs,
        found: &Found,
        mistimed: Vec<String>,
        held: &Contents,
    ) -> Result<Settings, Vec<String>> {
        let (before, runner) = (&self.args, self.work.borrow().runner.clone());
        let login = Login::of(&args, held);
        let (is_cluster, mut problems, mut taken) = (args.places.events.is_empty(), mistimed, Vec::new());
        let reconnects = is_cluster && login != self.login;
        taken.extend(reconnects.then_some("elasticsearch"));
        let kibana = |args: &RunArgs| (args.places.kibana_url.clone(), args.places.kibana_space.clone());
        taken.extend((kibana(&args) != kibana(before)).then_some("kibana"));
        taken.extend((args.no_triage != before.no_triage).then_some("rules.no_triage"));
        taken.extend((args.timing.schedule != before.timing.schedule).then_some("schedule"));
        if args.rules.rules != before.rules.rules {
            taken.push("rules.paths");
            problems.extend(unusable(&args.rules.rules, found));
        }
        problems.extend(found.known.iter().filter_map(|rule| copies::hinders(&args, rule)));
        let mut checked = |problem: anyhow::Error| problems.push(format!("{problem:#}"));
        let runner = self.runner(&args, &runner, reconnects).map_err(&mut checked).ok();
        let cases = cases::client(&args).map_err(&mut checked).ok();
        let place = if reconnects && self.readiness.is_some() {
            ready::place(&args.places).map(Some).map_err(&mut checked).ok()
        } else {
            Some(None)
        };
        match (runner, cases, place) {
            (Some(runner), Some(cases), Some(place)) if problems.is_empty() => {
                Ok(Settings { args, login, runner, cases, place, taken })
            }
            _ => {
                // What is wrong with the login is wrong for all who use it.
                problems.dedup();
                Err(problems)
            }
        }
    }

    /// The runner in force where it can go on, else one that takes over from it.
    fn runner(&self, args: &RunArgs, before: &Arc<Runner>, reconnects: bool) -> anyhow::Result<Arc<Runner>> {
        let looked_at = places::looked_at(&args.places)?;
        let (source, sink, store, copies) = if reconnects {
            let (source, sink, store) = places::of_run(args, self.observer.clone())?;
            let copies = copies::copies(args, &[], &sink)?;
            (source, before.sink.by_way_of(sink), store, copies)
        } else {
            // Another space has other alerts of Kibana's own.
            let copies = copies::copies(args, &[], &before.sink)?;
            let places_stay = copies.iter().map(Copies::place).eq(before.copies.iter().map(Copies::place));
            if places_stay && looked_at == before.run.places {
                return Ok(before.clone());
            }
            (before.source.clone(), before.sink.clone(), before.store.clone(), copies)
        };
        let (settings, clock, begun) = (before.settings, before.clock, before.begun.clone());
        let run = Run { places: looked_at, ..before.run.clone() };
        Ok(Arc::new(Runner { source, sink, copies, store, settings, run, clock, begun }))
    }
}

fn settings_refused(problems: &[String]) -> String {
    format!("the settings as a whole: {}", problems.join("\n"))
}

/// Why paths that were not there before cannot be used: what is named must be there, and have a rule.
fn unusable(paths: &[PathBuf], found: &Found) -> Vec<String> {
    let unreadable =
        found.refused.iter().filter(|refused| refused.is_unreadable() && paths.contains(&refused.place));
    let mut problems: Vec<String> =
        unreadable.map(|refused| crate::rule::render_all(&refused.reports, false)).collect();
    if problems.is_empty() && found.loaded.rules.is_empty() && found.known.is_empty() {
        problems.push("no rule of `rules.paths` can be used".to_owned());
    }
    problems
}

/// Leaves out rules that cannot run beside copies of alerts.
fn without_hindered(args: &RunArgs, mut found: Found, refusals: &mut Vec<String>) -> Found {
    for rule in std::mem::take(&mut found.loaded.rules) {
        match copies::hinders(args, &rule) {
            None => found.loaded.rules.push(rule),
            Some(problem) => {
                refusals.push(problem);
                found.refused.push(crate::rule::Refused {
                    place: rule.origin.into(),
                    rule_id: Some(rule.rule_id),
                    reports: Vec::new(),
                });
            }
        }
    }
    found
}

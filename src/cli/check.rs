//! `stakeout check`: is everything ready, and if not, what to do.

use anstyle::AnsiColor;
use tokio_util::sync::CancellationToken;

use super::Ending;
use super::args::{CheckArgs, Format};
use super::look::{Look, colored};
use super::{connect, output, rules, task, timing};
use crate::check::{Checkup, Finding, State};
use crate::schedule;

/// Looks at everything between the rules and their alerts.
pub fn check(args: &CheckArgs, color: bool, look: Look) -> Ending {
    match prepared(args, color) {
        Ok(checkup) => {
            let format = Format::or_fitting(args.format);
            task::run(|stop| go(checkup, format, look, stop))
        }
        Err(error) => Ending::Wrong(error),
    }
}

fn prepared(args: &CheckArgs, color: bool) -> anyhow::Result<Checkup> {
    Ok(Checkup {
        rules: timing::applied(&args.timing.schedule, rules::load(&args.rules.rules, color)?)?,
        cluster: connect::cluster(&args.connection)?,
        index: args.alerts_index.clone(),
        clock: schedule::utc_now,
    })
}

async fn go(checkup: Checkup, format: Format, look: Look, stop: CancellationToken) -> Ending {
    let mut counts = [0_usize; 3];
    let mut tell = |finding: Finding| {
        counts[finding.state as usize] += 1;
        let _ = match format {
            Format::Json => output::json(&finding),
            Format::Human => output::result(&words(&finding, look)),
        };
    };
    let ended = tokio::select! {
        biased;
        () = stop.cancelled() => false,
        () = checkup.run(&mut tell) => true,
    };
    let [ok, warnings, missing] = counts;
    if !ended {
        output::say("error: interrupted before everything was looked at");
        return Ending::Failed;
    }
    output::say(&format!("{ok} as they should be, {warnings} to look after, {missing} missing"));
    if missing == 0 { Ending::Done } else { Ending::Failed }
}

/// A finding as people read it: its mark, what was found, what was asked, and what to do.
fn words(finding: &Finding, look: Look) -> String {
    let (mark, color) = match finding.state {
        State::Ok => ("ok     ", AnsiColor::Green),
        State::Warning => ("look   ", AnsiColor::Yellow),
        State::Missing => ("MISSING", AnsiColor::Red),
    };
    let mark = look.paint(mark, colored(color));
    let mut text = format!("{mark} {}: {} (asked: {})", finding.subject, finding.found, finding.asked);
    if let Some(advice) = &finding.advice {
        text.push_str("\n          → ");
        text.push_str(advice);
    }
    text
}

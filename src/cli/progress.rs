//! The progress over the past (time gone over, events, alerts, rate, time left) and of a scan (bytes, rates, matches).

use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

use crate::detect::{BackfillRange, Watch};
use crate::local::Tally;

/// How often the bar is drawn.
const EVERY: Duration = Duration::from_millis(200);

/// A bar that goes away when dropped.
pub struct Bar {
    bar: ProgressBar,
    task: JoinHandle<()>,
}

impl Bar {
    /// What prints lines without tearing the bar: it is taken away for as long as `print` runs.
    pub fn aside(&self) -> impl Fn(&dyn Fn() -> bool) -> bool + Send + Sync + use<> {
        let bar = self.bar.clone();
        move |print| bar.suspend(print)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.task.abort();
        self.bar.finish_and_clear();
    }
}

/// Shows how far `watch` has come through `range` on stderr; nothing where that is no terminal. `found` says what the
/// alerts that it counts are.
pub fn show_progress(range: &BackfillRange, watch: &Watch, found: &'static str) -> Option<Bar> {
    let seconds = u64::try_from((range.to - range.from).num_seconds()).unwrap_or(0);
    let bar = ProgressBar::with_draw_target(Some(seconds), ProgressDrawTarget::stderr());
    if bar.is_hidden() {
        return None;
    }
    if let Ok(style) =
        ProgressStyle::with_template("{bar:30} {percent:>3}%  {msg}  {elapsed} gone, {eta} left")
    {
        bar.set_style(style);
    }
    let (shown, progress, from) = (bar.clone(), watch.progress.clone(), range.from.timestamp_millis());
    let task = tokio::spawn(async move {
        let mut tick = tokio::time::interval(EVERY);
        loop {
            tick.tick().await;
            let reached = progress.read_until_millis().saturating_sub(from) / 1000;
            shown.set_position(u64::try_from(reached).unwrap_or(0));
            let (events, alerts) = (progress.events(), progress.alerts());
            #[expect(clippy::cast_precision_loss, reason = "a rate for the eye")]
            let rate = events as f64 / shown.elapsed().as_secs_f64().max(0.001);
            shown.set_message(format!("{events} events, {alerts} {found}, {rate:.0} events/s"));
        }
    });
    Some(Bar { bar, task })
}

/// How far a scan has come; shows nothing where stderr is no terminal.
pub struct ScanBar(ProgressBar);

impl ScanBar {
    /// Begins with nothing read.
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}  {elapsed} gone") {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Shows what was gone over so far.
    pub fn show(&self, bytes: u64, tally: Tally, matches: u64) {
        if self.0.is_hidden() {
            return;
        }
        let events = tally.events + tally.passed_over;
        let seconds = self.0.elapsed().as_secs_f64().max(0.001);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate for the eye"
        )]
        let rates = ((bytes as f64 / seconds) as u64, events as f64 / seconds);
        let (read, rate) = (HumanBytes(bytes), HumanBytes(rates.0));
        let (done, pace) = (format!("{read}, {events} events, {matches} matches"), rates.1);
        self.0.set_message(format!("{done}, {rate}/s, {pace:.0} events/s"));
        self.0.tick();
    }

    /// Does `what` with the terminal to itself.
    pub fn suspend<T>(&self, what: impl FnOnce() -> T) -> T {
        self.0.suspend(what)
    }

    /// Goes away.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

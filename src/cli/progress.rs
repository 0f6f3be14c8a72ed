//! The progress bar over the past: time gone over, events, alerts, rate and time left.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

use crate::detect::{BackfillRange, Watch};

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

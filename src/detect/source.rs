//! Where events are read: a cluster, by points in time and pages, or files, by reading them through.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use thiserror::Error;

use super::question::{Ask, PrepareError, Question};
use super::search::search_for;
use crate::checkpoint::Window;
use crate::diagnostic::sanitize;
use crate::elastic::{Cluster, ElasticError, Opening, PointInTime};
use crate::eval::date;
use crate::event::Event;
use crate::local::{EventFiles, Located, Next, ProblemKind, ReadProblem, Searching};
use crate::rule::Rule;

/// How long a point in time outlives its last page.
const KEEP_ALIVE: Duration = Duration::from_mins(5);

/// Most events of one page of a cluster.
const PAGE: usize = 1_000;

/// Bytes of text after which a page of files is full: its events and their alerts are held at once.
const PAGE_BYTES: usize = 2 * 1024 * 1024;

/// How long files are searched for one page: short enough for the wish to stop to be heard.
const PATIENCE: Duration = Duration::from_millis(100);

/// A clock that is off by less is taken as right: answers tell their time in whole seconds.
const TOLERANCE: TimeDelta = TimeDelta::seconds(2);

/// A clock that is off by more is worth a warning.
const NOTABLE: TimeDelta = TimeDelta::seconds(10);

/// Unreadable lines that are shown one by one.
const SHOWN_PROBLEMS: u64 = 20;

/// Where events are read.
#[derive(Debug, Clone)]
pub enum Source {
    /// A cluster.
    Cluster(Cluster),
    /// Files and folders.
    Files(EventFiles),
}

/// Events of a window that may match, in no order that means anything.
#[derive(Debug, Default)]
pub struct Page {
    /// The events.
    pub events: Vec<Event>,
    /// How many documents or lines were looked at for them.
    pub read: u64,
    /// Whether another page may hold more.
    pub more: bool,
    /// Why something is missing from it; none where it is whole.
    pub incomplete: Option<String>,
}

/// A window could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The cluster does not answer or refuses.
    #[error(transparent)]
    Elastic(#[from] ElasticError),
}

impl ReadError {
    /// Whether the point in time has ended, so that the window must be begun anew.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        let Self::Elastic(error) = self;
        error.is_point_in_time_lost()
    }

    /// The failed request behind it.
    #[must_use]
    pub fn elastic(&self) -> &ElasticError {
        let Self::Elastic(error) = self;
        error
    }
}

impl Source {
    /// How far the source's clock is ahead of this machine's.
    #[must_use]
    pub fn clock_offset(&self) -> TimeDelta {
        match self {
            Self::Cluster(cluster) => {
                cluster.clock_offset().filter(|offset| offset.abs() >= TOLERANCE).unwrap_or_default()
            }
            Self::Files(_) => TimeDelta::zero(),
        }
    }

    /// Whether it answers, and which queries; compares the clocks on the way, and says where they cannot be trusted.
    ///
    /// # Errors
    /// The cluster is out of reach, or no Elasticsearch of a supported version.
    pub async fn ready(&self) -> Result<Option<String>, ElasticError> {
        let Self::Cluster(cluster) = self else { return Ok(None) };
        cluster.info().await?;
        cluster.allows_expensive_queries().await?;
        match cluster.measure_clock().await {
            Ok(offset) if offset.abs() < NOTABLE => Ok(None),
            Ok(offset) => {
                let (seconds, side) = (
                    offset.num_seconds().abs(),
                    if offset > TimeDelta::zero() { "behind" } else { "ahead of" },
                );
                Ok(Some(format!(
                    "this machine's clock is {seconds} s {side} the cluster's, whose time is used; set it right"
                )))
            }
            Err(error) if error.is_retryable() => Err(error),
            Err(error) => Ok(Some(format!(
                "this machine's clock is trusted, as the cluster's could not be asked for: {error}"
            ))),
        }
    }

    /// Plans what `rule` asks.
    ///
    /// # Errors
    /// The cluster does not answer, or the rule does not fit its indices.
    pub async fn prepare(&self, rule: &Rule) -> Result<Question, PrepareError> {
        match self {
            Self::Cluster(cluster) => Question::to_cluster(rule, cluster).await,
            Self::Files(_) => Question::to_files(rule),
        }
    }

    /// The windows in which a stretch of time is read, oldest first. Files are read through for each, so they get one.
    #[must_use]
    pub fn windows(&self, stretch: Window, longest: TimeDelta) -> Vec<Window> {
        match self {
            Self::Cluster(_) => stretch.split(longest),
            Self::Files(_) => vec![stretch],
        }
    }

    /// Opens a window to be read page by page.
    ///
    /// # Errors
    /// Nothing of it can be read.
    pub async fn open(&self, question: &Question, window: Window) -> Result<Reader, ReadError> {
        match (self, &question.ask) {
            (Self::Cluster(cluster), Ask::Cluster { plan, patterns, fields, blind }) => {
                let pit = match cluster.open_point_in_time(patterns, KEEP_ALIVE).await? {
                    Opening::Opened(pit) => pit,
                    Opening::NoIndices => return Ok(Reader::Empty(blind.clone())),
                };
                let query = serde_json::to_value(plan.window(window.from, window.to)).unwrap_or_default();
                let incomplete = blind.clone().or_else(|| pit.missing.clone());
                let fields = fields.clone();
                Ok(Reader::Cluster(Box::new(Pages {
                    cluster: cluster.clone(),
                    pit,
                    query,
                    fields,
                    incomplete,
                })))
            }
            (Self::Files(files), Ask::Files { set, time_field, fallback }) => {
                Ok(Reader::Files(Box::new(Lines {
                    searching: files.search(&Arc::new(search_for(set))),
                    read: 0,
                    time_field: time_field.clone(),
                    fallback: fallback.clone(),
                    window,
                    problems: 0,
                    without_time: 0,
                })))
            }
            (_, Ask::Nobody { blind }) => Ok(Reader::Empty(blind.clone())),
            (Self::Cluster(_), Ask::Files { .. }) | (Self::Files(_), Ask::Cluster { .. }) => {
                Ok(Reader::Empty(Some("the rule was planned for another source".to_owned())))
            }
        }
    }
}

/// An open window.
pub enum Reader {
    /// Nothing to read; the reason where something is out of reach.
    Empty(Option<String>),
    /// A point in time.
    Cluster(Box<Pages>),
    /// Files.
    Files(Box<Lines>),
}

/// The pages of a point in time.
pub struct Pages {
    cluster: Cluster,
    pit: PointInTime,
    query: Value,
    fields: Vec<String>,
    incomplete: Option<String>,
}

/// The lines of files.
pub struct Lines {
    searching: Searching,
    /// Events gone over when the last page was handed out.
    read: u64,
    time_field: String,
    fallback: Option<String>,
    window: Window,
    problems: u64,
    without_time: u64,
}

impl Reader {
    /// The next page; after one with `more` false there is none.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn next_page(&mut self) -> Result<Page, ReadError> {
        match self {
            Self::Empty(incomplete) => Ok(Page { incomplete: incomplete.take(), ..Page::default() }),
            Self::Cluster(pages) => pages.next_page().await,
            Self::Files(lines) => {
                tokio::task::yield_now().await;
                Ok(lines.next_page())
            }
        }
    }

    /// Gives back what it holds in the cluster.
    pub async fn close(self) {
        if let Self::Cluster(pages) = self {
            pages.cluster.close_point_in_time(pages.pit).await;
        }
    }
}

impl Pages {
    async fn next_page(&mut self) -> Result<Page, ReadError> {
        let page = self.cluster.next_page(&mut self.pit, &self.query, &self.fields, PAGE).await?;
        for document in &page.repaired {
            tracing::warn!("`{document}` is no proper JSON and was read with replacements");
        }
        let incomplete = self.incomplete.clone().or(page.partial);
        Ok(Page { read: page.events.len() as u64, events: page.events, more: page.more, incomplete })
    }
}

impl Lines {
    fn next_page(&mut self) -> Page {
        let (mut page, mut weight) = (Page { more: true, ..Page::default() }, 0);
        while page.more && page.events.len() < PAGE && weight < PAGE_BYTES {
            match self.searching.next_within(PATIENCE) {
                Next::Waiting => break,
                Next::End => {
                    self.say_rest();
                    page.more = false;
                }
                Next::Found(found) => match *found {
                    Ok(hit) if self.is_inside(&hit.located) => {
                        weight += self.searching.weight();
                        if let Some(remark) = hit.located.remark() {
                            tracing::warn!("{remark}");
                        }
                        page.events.push(hit.located.event);
                    }
                    Ok(_) => {}
                    Err(problem) => {
                        self.say(&problem);
                        // A line still being written is read by the next pass; a file that cannot be read is owed.
                        if problem.kind == ProblemKind::Unreadable {
                            page.incomplete.get_or_insert(problem.to_string());
                        }
                    }
                },
            }
        }
        let tally = self.searching.tally();
        let read = tally.events + tally.passed_over;
        page.read = read - std::mem::replace(&mut self.read, read);
        page
    }

    /// By the time field, and where the event lacks it, by the fallback; a match without either is in no window.
    fn is_inside(&mut self, located: &Located) -> bool {
        let times = times(&located.event, &self.time_field, self.fallback.as_deref());
        if times.is_empty() {
            self.without_time += 1;
            if self.without_time <= SHOWN_PROBLEMS {
                let path = sanitize(&located.path.display().to_string());
                tracing::warn!("{path}:{}: matches, but has no readable `{}`", located.line, self.time_field);
            }
        }
        times.iter().any(|time| (self.window.from..=self.window.to).contains(time))
    }

    fn say(&mut self, problem: &ReadProblem) {
        self.problems += 1;
        if self.problems <= SHOWN_PROBLEMS {
            tracing::warn!("{problem}");
        }
    }

    fn say_rest(&self) {
        if self.problems > SHOWN_PROBLEMS {
            tracing::warn!("{} lines could not be read, {SHOWN_PROBLEMS} of them shown", self.problems);
        }
        if self.without_time > SHOWN_PROBLEMS {
            tracing::warn!("{} matches are in no window for want of a time", self.without_time);
        }
    }
}

/// The event's times by `field`, or where it lacks that, by `fallback`.
pub(super) fn times(event: &Event, field: &str, fallback: Option<&str>) -> Vec<DateTime<Utc>> {
    let read = |field: &str| event.values(field).iter().filter_map(date::moment).collect::<Vec<_>>();
    match fallback {
        Some(fallback) if !event.any(field, |_| true) => read(fallback),
        _ => read(field),
    }
}

#[cfg(test)]
mod tests {
    use super::times;
    use crate::event::Event;
    use chrono::{DateTime, Utc};
    use serde_json::json;

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(millis).unwrap()
    }

    #[test]
    fn an_event_counts_by_its_arrival_or_else_by_when_it_happened() {
        let both = Event::of(
            json!({"@timestamp": "1970-01-01T00:00:01Z", "event": {"ingested": "1970-01-01T00:00:02.500Z"}}),
        );
        assert_eq!(times(&both, "event.ingested", Some("@timestamp")), [at(2500)]);
        let one = Event::of(json!({"@timestamp": "1970-01-01T00:00:01Z"}));
        assert_eq!(times(&one, "event.ingested", Some("@timestamp")), [at(1000)]);
        assert!(times(&one, "event.ingested", None).is_empty());
    }

    #[test]
    fn every_form_that_a_date_field_takes() {
        for (value, millis) in [
            (json!("1970-01-01T00:00:01.123456789Z"), 1123),
            (json!("1970-01-01T02:00:01+02:00"), 1000),
            (json!("1970-01-01"), 0),
            (json!("1970-01-01T00:01Z"), 60_000),
            (json!(1500), 1500),
        ] {
            assert_eq!(
                times(&Event::of(json!({"@timestamp": value})), "@timestamp", None),
                [at(millis)],
                "{value}"
            );
        }
        assert!(times(&Event::of(json!({"@timestamp": "yesterday"})), "@timestamp", None).is_empty());
    }
}

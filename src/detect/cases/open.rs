//! One group: its case is found or opened, told of the alerts that it does not tell of, and named in them.

use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::claim::Held;
use super::pending::PendingGroup;
use super::text::{Entry, comments, description, title};
use super::{CASE_IDS, CaseOpener, CasesError, CasesReport, TOLD_GRADE, top_grade};
use crate::detect::kibana::KibanaError;
use crate::elastic::PartialDocument;
use crate::kibana::{COMMENTS_A_PAGE, NewCase, OpenCase, case_tag, cases_in, cases_path, comments_in};
use crate::rule::RuleSeverity;

/// Most pages of comments that are read; Kibana keeps no more comments of a case.
const MOST_PAGES: usize = 100;

/// A group's case as it is.
struct CaseState {
    case: Option<OpenCase>,
    /// The alerts that it does not tell of.
    untold: Vec<Entry>,
}

impl CaseState {
    fn is_told(&self) -> bool {
        self.case.is_some() && self.untold.is_empty()
    }
}

impl CaseOpener {
    /// What is written into a space that is not there would be found by nobody.
    pub(super) async fn check_space(&self) -> Result<(), CasesError> {
        if !self.has_space.load(Ordering::Relaxed) {
            self.kibana.has_space().await?;
            self.has_space.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Sees to one group. What is wrong with it alone is counted, and does not stop the others.
    pub(super) async fn settle(
        &self,
        group: &PendingGroup,
        clock: &impl Fn() -> DateTime<Utc>,
        report: &mut CasesReport,
    ) -> Result<(), CasesError> {
        match self.see_to(group, clock, report).await {
            Err(CasesError::Kibana(error)) if error.is_about_the_request() => {
                fail(report, error.to_string());
            }
            Err(error @ CasesError::Unsettled { .. }) => fail(report, error.to_string()),
            Err(error @ CasesError::Elsewhere { .. }) => {
                tracing::debug!("{error}");
                report.elsewhere += 1;
            }
            other => return other,
        }
        Ok(())
    }

    async fn see_to(
        &self,
        group: &PendingGroup,
        clock: &impl Fn() -> DateTime<Utc>,
        report: &mut CasesReport,
    ) -> Result<(), CasesError> {
        let tag = case_tag(&group.id);
        let mut state = self.look(group, &tag).await?;
        if state.is_told() {
            self.release(&tag).await;
        } else {
            let mut held = self.claim(&tag, clock()).await?;
            let told = self.tell(state, group, &mut held, clock, report).await;
            self.part_with(held).await;
            state = told?;
        }
        if let Some(case) = &state.case {
            self.note(group, case, report).await;
        }
        Ok(())
    }

    /// What there is of the group's case.
    async fn look(&self, group: &PendingGroup, tag: &str) -> Result<CaseState, CasesError> {
        let case = self.find(group, tag).await?;
        let untold = match &case {
            Some(case) => self.untold(case, &group.alerts).await?,
            None => group.alerts.clone(),
        };
        Ok(CaseState { case, untold })
    }

    /// Opens the case where there is none, and tells it of every alert that it does not know of.
    async fn tell(
        &self,
        mut state: CaseState,
        group: &PendingGroup,
        held: &mut Held,
        clock: &impl Fn() -> DateTime<Utc>,
        report: &mut CasesReport,
    ) -> Result<CaseState, CasesError> {
        let tag = case_tag(&group.id);
        if held.again {
            state = self.look(group, &tag).await?;
        }
        let (case, untold) = if let Some(case) = state.case {
            (case, state.untold)
        } else {
            let (case, told) = self.open(&group.alerts, tag, held, clock()).await?;
            report.opened += 1;
            (case, group.alerts[told..].to_vec())
        };
        for comment in comments(&untold) {
            let (path, body) = (case.comment_path(), OpenCase::comment(&comment));
            self.write(held, clock(), &path, &body, "a comment on a case").await?;
        }
        Ok(CaseState { case: Some(case), untold: Vec::new() })
    }

    /// Sends something to Kibana under a claim, which holds from now on, and remembers whether it may still be carried out.
    async fn write(
        &self,
        held: &mut Held,
        now: DateTime<Utc>,
        path: &str,
        body: &Value,
        what: &str,
    ) -> Result<Value, CasesError> {
        self.renew(held, now).await?;
        let answer = self.kibana.post(path, body, what).await;
        held.unsettled = answer.as_ref().err().is_some_and(KibanaError::may_still_be_done);
        Ok(answer?)
    }

    /// The group's case, by its tag; or else the one that alerts of it are in, which came to this group only since.
    async fn find(&self, group: &PendingGroup, tag: &str) -> Result<Option<OpenCase>, CasesError> {
        let what = "the search for a case";
        let answer = self.kibana.get(&cases_path(tag), what).await?;
        let Some(cases) = cases_in(&answer, tag) else { return Err(self.unexpected(what)) };
        if let [oldest, others @ ..] = cases.as_slice() {
            if !others.is_empty() {
                tracing::warn!(
                    "{} cases have the tag `{tag}`; the oldest, `{}`, is used",
                    cases.len(),
                    oldest.id
                );
            }
            return Ok(Some(oldest.clone()));
        }
        for id in self.cases_of(&group.id).await? {
            match self.kibana.get(&OpenCase::path(&id), "the reading of a case").await {
                Ok(answer) => {
                    if let Some(case) = OpenCase::read(&answer) {
                        return Ok(Some(case));
                    }
                }
                // Somebody has deleted it, or it is of another space.
                Err(error) if error.is_about_the_request() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// Opens a case; how many of the alerts it tells of.
    async fn open(
        &self,
        alerts: &[Entry],
        tag: String,
        held: &mut Held,
        now: DateTime<Utc>,
    ) -> Result<(OpenCase, usize), CasesError> {
        let (description, told) = description(alerts);
        let severity = self.severity(alerts).as_str();
        let new = NewCase { title: title(alerts), description, severity, tag };
        let what = "a new case";
        let answer = self.write(held, now, NewCase::PATH, &new.body(), what).await?;
        let case = OpenCase::read(&answer).ok_or_else(|| self.unexpected(what))?;
        Ok((case, told))
    }

    fn unexpected(&self, what: &str) -> CasesError {
        let base = self.kibana.address().base().to_owned();
        KibanaError::Unexpected { base, what: what.to_owned() }.into()
    }

    /// Those of the alerts that neither the description of the case nor a comment tells of.
    async fn untold(&self, case: &OpenCase, alerts: &[Entry]) -> Result<Vec<Entry>, CasesError> {
        let mut untold: Vec<Entry> =
            alerts.iter().filter(|entry| !entry.is_told_in(&case.description)).cloned().collect();
        for page in 1..=MOST_PAGES {
            if untold.is_empty() {
                break;
            }
            let what = "the reading of a case's comments";
            let answer = self.kibana.get(&case.comments_path(page), what).await?;
            let Some((texts, count)) = comments_in(&answer) else { return Err(self.unexpected(what)) };
            untold.retain(|entry| !texts.iter().any(|text| entry.is_told_in(text)));
            if count < COMMENTS_A_PAGE {
                break;
            }
        }
        Ok(untold)
    }

    /// Names the case in the alerts, and what grade it tells. Where that fails, the next go finds them told of already.
    async fn note(&self, group: &PendingGroup, case: &OpenCase, report: &mut CasesReport) {
        let parts = |entry: &Entry| {
            let fields = Map::from_iter([
                (CASE_IDS.to_owned(), json!([case.id])),
                (TOLD_GRADE.to_owned(), json!(entry.grade().1)),
            ]);
            let id = entry.id.clone();
            entry.indices.clone().into_iter().map(move |index| {
                let (id, fields) = (id.clone(), fields.clone());
                PartialDocument { index, id, fields }
            })
        };
        let parts: Vec<PartialDocument> = group.alerts.iter().flat_map(parts).collect();
        let outcomes = self.cluster.bulk_update(parts).await;
        report.alerts += outcomes.iter().filter(|outcome| outcome.is_ok()).count() as u64;
        if let Some(reason) = outcomes.into_iter().find_map(Result::err) {
            fail(report, format!("a case could not be named in its alert: {reason}"));
        }
    }

    /// The highest severity of the alerts; the top grade of a rule makes it `critical`.
    fn severity(&self, alerts: &[Entry]) -> RuleSeverity {
        let is_top = |entry: &Entry| {
            let (rule, grade) = entry.grade();
            self.rules.get(rule).and_then(|rule| top_grade(rule)) == Some(grade)
        };
        if alerts.iter().any(is_top) {
            return RuleSeverity::Critical;
        }
        alerts.iter().filter_map(Entry::severity).max().unwrap_or(RuleSeverity::Low)
    }
}

fn fail(report: &mut CasesReport, reason: String) {
    report.failed += 1;
    report.problem.get_or_insert(reason);
}

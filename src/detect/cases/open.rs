//! One group: its case is found or opened, told of the alerts that it does not tell of, and named in them.

use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use serde_json::{Map, json};

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
        now: DateTime<Utc>,
        report: &mut CasesReport,
    ) -> Result<(), CasesError> {
        match self.see_to(group, now, report).await {
            Ok(()) => Ok(()),
            Err(CasesError::Kibana(error)) if error.is_about_the_request() => {
                fail(report, error.to_string());
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn see_to(
        &self,
        group: &PendingGroup,
        now: DateTime<Utc>,
        report: &mut CasesReport,
    ) -> Result<(), CasesError> {
        let tag = case_tag(&group.id);
        let mut state = self.look(group, &tag).await?;
        if !state.is_told() {
            let Some(held) = self.claim(&tag, now).await? else {
                tracing::debug!("another process is at work on the case with the tag `{tag}`");
                report.elsewhere += 1;
                return Ok(());
            };
            if held.again {
                state = self.look(group, &tag).await?;
            }
            let told = self.tell(state, group, tag.clone(), report).await;
            // Where an answer is lost nobody knows what Kibana still does: the claim then stands until that is seen.
            self.keep(&tag, held);
            if told.as_ref().err().is_none_or(is_certain) {
                self.release(&tag).await;
            }
            state = told?;
        }
        self.release(&tag).await;
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
        state: CaseState,
        group: &PendingGroup,
        tag: String,
        report: &mut CasesReport,
    ) -> Result<CaseState, CasesError> {
        let (case, untold) = if let Some(case) = state.case {
            (case, state.untold)
        } else {
            let (case, told) = self.open(&group.alerts, tag).await?;
            report.opened += 1;
            (case, group.alerts[told..].to_vec())
        };
        for comment in comments(&untold) {
            let body = OpenCase::comment(&comment);
            self.kibana.post(&case.comment_path(), &body, "a comment on a case").await?;
        }
        Ok(CaseState { case: Some(case), untold: Vec::new() })
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
    async fn open(&self, alerts: &[Entry], tag: String) -> Result<(OpenCase, usize), CasesError> {
        let (description, told) = description(alerts);
        let severity = self.severity(alerts).as_str();
        let new = NewCase { title: title(alerts), description, severity, tag };
        let what = "a new case";
        let answer = self.kibana.post(NewCase::PATH, &new.body(), what).await?;
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

/// Whether Kibana has certainly not done what failed.
fn is_certain(error: &CasesError) -> bool {
    matches!(error, CasesError::Kibana(KibanaError::Refused { status, .. }) if status.is_client_error())
}

fn fail(report: &mut CasesReport, reason: String) {
    report.failed += 1;
    report.problem.get_or_insert(reason);
}

//! The searches of a page's questions: events are read where there are few, counted by the cluster where there are not.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::Triager;
use crate::elastic::{ElasticError, SearchItem};
use crate::triage::{Batch, Outcome, READ, Reading, Search};

/// How long a page may be searched for; what is left then is owed, and asked again.
const LONGEST: Duration = Duration::from_secs(20);

/// How many searches that count go into one request.
const SEARCHES: usize = 100;

/// How many searches that read events go into one request: their answers are held in memory together.
const READINGS: usize = 8;

/// What of the answers of searches that count is looked at.
const COUNTED: [&str; 5] =
    ["aggregations", "hits.total", "hits.hits._id", "hits.hits.fields", "hits.hits.sort"];

/// What was asked.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asked {
    /// Searches.
    pub searches: u64,
    /// Requests that carried them.
    pub requests: u64,
}

impl Triager {
    /// The outcomes of the searches of `batch`, in order, one request after the other as long as there is time.
    pub(super) async fn outcomes(
        &self,
        batch: &Batch,
        asked: &mut Asked,
    ) -> Result<Vec<Outcome>, ElasticError> {
        let started = Instant::now();
        let mut outcomes = vec![Outcome::Owed; batch.len()];
        for readings in Reading::all(batch).chunks(READINGS) {
            if started.elapsed() > LONGEST {
                return Ok(outcomes);
            }
            let searches = readings.iter().map(|reading| reading.search.clone()).collect();
            // What could not be read is counted instead, and tells by itself what is wrong.
            let Ok(answers) = self.ask(searches, &READ, asked).await? else { continue };
            let read =
                readings.iter().zip(answers).filter_map(|(reading, answer)| reading.outcomes(batch, answer));
            for (number, outcome) in read.flatten() {
                outcomes[number] = outcome;
            }
        }
        let open: Vec<usize> =
            (0..outcomes.len()).filter(|number| outcomes[*number] == Outcome::Owed).collect();
        for numbers in open.chunks(SEARCHES) {
            if started.elapsed() > LONGEST {
                break;
            }
            let searches = numbers.iter().filter_map(|number| batch.search(*number)).collect();
            match self.ask(searches, &COUNTED, asked).await? {
                Ok(answers) => {
                    for (number, answer) in numbers.iter().zip(answers) {
                        outcomes[*number] = Outcome::Answered(answer);
                    }
                }
                Err(error) => {
                    for number in numbers {
                        outcomes[*number] = Outcome::Failed(error.to_string());
                    }
                }
            }
        }
        Ok(outcomes)
    }

    /// The answers to `searches`, or why there are none.
    ///
    /// # Errors
    /// The cluster cannot be reached, so nothing else need be tried.
    async fn ask(
        &self,
        searches: Vec<Search>,
        parts: &[&str],
        asked: &mut Asked,
    ) -> Result<Result<Vec<Value>, ElasticError>, ElasticError> {
        asked.requests += 1;
        asked.searches += searches.len() as u64;
        let item = |search: Search| SearchItem { indices: search.indices, body: search.body };
        let items: Vec<SearchItem> = searches.into_iter().map(item).collect();
        match self.cluster.multi_search(&items, parts).await {
            Err(error) if error.is_unreachable() => Err(error),
            answer => Ok(answer),
        }
    }
}

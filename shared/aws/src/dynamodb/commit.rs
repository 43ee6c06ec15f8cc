//! Conditional writes, twenty-five a request, each answering for itself.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{
    BatchStatementErrorCodeEnum as Code, BatchStatementResponse, ReturnConsumedCapacity,
};
use futures::stream::{self, StreamExt};
use millrace_domain::fold::KeyState;
use millrace_lambda::Deadline;
use millrace_lambda::meter::Usage;
use millrace_lambda::ports::{Commit, Read, Write};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::chunk::chunks;
use super::error_class::ErrorClass;
use super::item::{attributes, read};
use super::statement::{Statement, statement};
use super::{CONCURRENCY, DynamoStore, capacity_units};
use crate::backoff::Backoff;

/// Most statements of one `BatchExecuteStatement`.
const STATEMENTS_LIMIT: usize = 25;
/// Most bytes of one request; the service takes 16 MB, and a smaller one is repeated at less cost.
const BYTES_LIMIT: usize = 4 * 1024 * 1024;

/// What one statement came to, before a lost race on an insert is looked up.
enum Outcome<S> {
    Done(Commit<S>),
    /// There is an item already; DynamoDB does not hand it over for an insert.
    Exists,
}

impl<S: KeyState + Serialize + DeserializeOwned + Send + Sync> DynamoStore<S> {
    pub(super) async fn commit_all(&self, writes: &[Write<'_, S>], deadline: Deadline) -> Vec<Commit<S>> {
        let mut commits: BTreeMap<usize, Commit<S>> = BTreeMap::new();
        let mut ready: Vec<(usize, Statement)> = Vec::with_capacity(writes.len());
        for (index, write) in writes.iter().enumerate() {
            match self.statement(write) {
                Ok(statement) => ready.push((index, statement)),
                Err(why) => drop(commits.insert(index, Commit::Rejected(why))),
            }
        }
        let sizes: Vec<_> = ready.iter().map(|(_, statement)| statement.bytes).collect();
        let mut ready = ready.into_iter();
        let mut requests = Vec::new();
        for range in chunks(&sizes, STATEMENTS_LIMIT, BYTES_LIMIT) {
            requests.push(self.commit_chunk(writes, ready.by_ref().take(range.len()).collect(), deadline));
        }
        let mut exists = Vec::new();
        let mut outcomes = stream::iter(requests).buffer_unordered(CONCURRENCY);
        while let Some(chunk) = outcomes.next().await {
            for (index, outcome) in chunk {
                match outcome {
                    Outcome::Done(commit) => drop(commits.insert(index, commit)),
                    Outcome::Exists => exists.push(index),
                }
            }
        }
        let keys: Vec<_> =
            exists.iter().filter_map(|index| writes.get(*index)).map(|write| write.key).collect();
        let reads = self.read_all(&keys, deadline).await;
        commits.extend(exists.into_iter().zip(reads.into_iter().map(Commit::Conflict)));
        commits.into_values().collect()
    }

    fn statement(&self, write: &Write<'_, S>) -> Result<Statement, String> {
        let item = attributes(write).map_err(|error| error.to_string())?;
        statement(&self.table, write, item).map_err(|error| error.to_string())
    }

    /// Sends statements until each has an outcome, or there is no time left. A statement that is sent again is made
    /// again: keeping a copy of each would cost every request what only a throttled one needs.
    async fn commit_chunk(
        &self,
        writes: &[Write<'_, S>],
        mut chunk: Vec<(usize, Statement)>,
        deadline: Deadline,
    ) -> Vec<(usize, Outcome<S>)> {
        let mut backoff = Backoff::new(deadline);
        let mut outcomes = Vec::with_capacity(chunk.len());
        loop {
            let again = self.send(writes, chunk, &mut outcomes).await;
            if again.is_empty() {
                return outcomes;
            }
            if !backoff.wait().await {
                outcomes.extend(again.into_iter().map(|index| (index, Outcome::Done(Commit::Unavailable))));
                return outcomes;
            }
            self.meter.add(&Usage { request_retries: 1, ..Usage::default() });
            chunk = self.again(writes, again);
        }
    }

    fn again(&self, writes: &[Write<'_, S>], indexes: Vec<usize>) -> Vec<(usize, Statement)> {
        // What could be made once can be made again.
        let made = |index: usize| Some((index, self.statement(writes.get(index)?).ok()?));
        indexes.into_iter().filter_map(made).collect()
    }

    /// Sends one request; gives back the writes to send again.
    async fn send(
        &self,
        writes: &[Write<'_, S>],
        chunk: Vec<(usize, Statement)>,
        outcomes: &mut Vec<(usize, Outcome<S>)>,
    ) -> Vec<usize> {
        let (all, statements): (Vec<_>, Vec<_>) =
            chunk.into_iter().map(|(index, statement)| (index, statement.request)).unzip();
        let answer = self
            .client
            .batch_execute_statement()
            .set_statements(Some(statements))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        self.meter.add(&Usage { write_requests: 1, ..Usage::default() });
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                let class = ErrorClass::of(&error);
                tracing::warn!(table = self.table, ?class, "a write request failed");
                if ErrorClass::leaves_open(&error) {
                    outcomes.extend(all.into_iter().map(|index| (index, Outcome::Done(Commit::Unknown))));
                    return Vec::new();
                }
                if matches!(class, ErrorClass::Rejected(_)) && all.len() > 1 {
                    // One item spoils the request; its neighbours must not be rejected with it.
                    return self.send_one_by_one(writes, all, outcomes).await;
                }
                return settle(class, all.into_iter(), outcomes);
            }
        };
        let consumed = answer.consumed_capacity().iter().filter_map(|capacity| capacity.capacity_units);
        self.meter.add(&Usage { write_capacity_units: capacity_units(consumed), ..Usage::default() });
        let mut responses = answer.responses.unwrap_or_default().into_iter();
        let mut again = Vec::new();
        for index in all {
            match self.outcome(responses.next()) {
                Ok(outcome) => outcomes.push((index, outcome)),
                Err(class) => again.extend(settle(class, std::iter::once(index), outcomes)),
            }
        }
        again
    }

    async fn send_one_by_one(
        &self,
        writes: &[Write<'_, S>],
        indexes: Vec<usize>,
        outcomes: &mut Vec<(usize, Outcome<S>)>,
    ) -> Vec<usize> {
        let mut again = Vec::new();
        for index in indexes {
            let one = self.again(writes, vec![index]);
            again.extend(Box::pin(self.send(writes, one, outcomes)).await);
        }
        again
    }

    fn outcome(&self, response: Option<BatchStatementResponse>) -> Result<Outcome<S>, ErrorClass> {
        let Some(response) = response else { return Ok(Outcome::Done(Commit::Unknown)) };
        let Some(error) = response.error else { return Ok(Outcome::Done(Commit::Committed)) };
        if let Some(class) = ErrorClass::of_statement(&error) {
            return Err(class);
        }
        self.meter.add(&Usage { conflicts: 1, ..Usage::default() });
        match (error.code, error.item) {
            (_, Some(item)) => Ok(Outcome::Done(Commit::Conflict(read(item)))),
            (Some(Code::DuplicateItem), None) => Ok(Outcome::Exists),
            (_, None) => Ok(Outcome::Done(Commit::Conflict(Read::Absent))),
        }
    }
}

/// Gives writes that met the same trouble their outcome, or gives them back to be sent again.
fn settle<S>(
    class: ErrorClass,
    writes: impl Iterator<Item = usize>,
    outcomes: &mut Vec<(usize, Outcome<S>)>,
) -> Vec<usize> {
    match class {
        ErrorClass::Transient(_) => return writes.collect(),
        ErrorClass::Misconfigured(why) => {
            tracing::error!(error = why, "the table cannot be written");
            outcomes.extend(writes.map(|index| (index, Outcome::Done(Commit::Unavailable))));
        }
        ErrorClass::Rejected(why) => {
            outcomes.extend(writes.map(|index| (index, Outcome::Done(Commit::Rejected(why.clone())))));
        }
    }
    Vec::new()
}

//! One lane of a shard: batches in order, one in flight, each retried until it is done or discarded.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    Completion, Condition, Outcome, Record, Records, Settings, Token, Verdict,
    batch::{Batch, History},
    buffer::Buffer,
    response::interpret,
};

/// What a lane can do now.
#[derive(Debug)]
pub(crate) enum LaneStep {
    /// The front batch may be sent.
    Ready,
    /// These records are discarded; the lane holds them no longer.
    Discard { records: Records, condition: Condition, history: History },
    /// Nothing before this time.
    WaitUntil(u64),
    /// An invocation is in flight.
    InFlight,
    /// There are no records.
    Empty,
}

/// A lane. It blocks as a whole: a batch that fails holds back every key of the lane, and no other lane.
#[derive(Debug)]
pub(crate) struct Lane {
    buffer: Buffer,
    /// Parts of the batch that is being worked on, in order; only the first is ever in flight.
    parts: VecDeque<Batch>,
    in_flight: Option<Token>,
    failures_in_a_row: u32,
    retry_at_ms: u64,
}

impl Lane {
    pub(crate) fn new() -> Self {
        Self {
            buffer: Buffer::new(),
            parts: VecDeque::new(),
            in_flight: None,
            failures_in_a_row: 0,
            retry_at_ms: 0,
        }
    }

    pub(crate) fn push(&mut self, record: Record, size_bytes: usize, settings: &Settings, now_ms: u64) {
        self.buffer.push(record, size_bytes, settings, now_ms);
    }

    /// Records that are not done.
    pub(crate) fn len(&self) -> usize {
        self.buffer.len() + self.parts.iter().map(|part| part.records.len()).sum::<usize>()
    }

    /// The first record that is not done.
    pub(crate) fn first_undone(&self) -> Option<&Record> {
        let in_parts = self.parts.iter().find_map(|part| part.records.first());
        in_parts.or_else(|| self.buffer.front())
    }

    pub(crate) fn in_flight(&self) -> Option<Token> {
        self.in_flight
    }

    /// Decides what comes next. A batch is taken here, so that it holds all that arrived until it can be sent.
    pub(crate) fn poll(&mut self, settings: &Settings, is_closed: bool, now_ms: u64) -> LaneStep {
        if self.in_flight.is_some() {
            return LaneStep::InFlight;
        }
        if let Some(discard) = self.discard(settings, now_ms) {
            return discard;
        }
        if self.parts.is_empty()
            && let Some(records) = self.buffer.take_batch(settings, is_closed, now_ms)
        {
            self.parts.push_back(Batch::new(records));
        }
        let wake_ms = match self.parts.front() {
            Some(_) if self.retry_at_ms <= now_ms => return LaneStep::Ready,
            Some(_) => self.retry_at_ms,
            None => match self.buffer.window_end_ms(settings) {
                Some(window_end_ms) => window_end_ms,
                None => return LaneStep::Empty,
            },
        };
        let expiry_ms = self.first_undone().and_then(|record| record.expiry_ms(settings));
        LaneStep::WaitUntil(expiry_ms.map_or(wake_ms, |expiry_ms| expiry_ms.min(wake_ms)))
    }

    /// Puts the front batch in flight; the number of the attempt, from 1, and the records.
    pub(crate) fn start(&mut self, token: Token, request_id: &Arc<str>) -> Option<(u32, Records)> {
        let batch = self.parts.front_mut()?;
        batch.history.request_id = Some(Arc::clone(request_id));
        self.in_flight = Some(token);
        Some((batch.history.invocations.saturating_add(1), batch.records.clone()))
    }

    /// Forgets the invocation in flight; its batch may be sent again at once.
    pub(crate) fn abandon(&mut self) {
        self.in_flight = None;
    }

    /// Applies the outcome of the invocation in flight.
    pub(crate) fn complete(&mut self, outcome: Outcome<'_>, settings: &Settings, now_ms: u64) -> Completion {
        self.in_flight = None;
        let Some(mut batch) = self.parts.pop_front() else {
            return Completion::default();
        };
        if outcome == Outcome::NotInvoked {
            let retried = batch.records.len();
            self.parts.push_front(batch);
            self.back_off(settings, now_ms);
            return Completion { retried, ..Completion::default() };
        }
        batch.history.invocations = batch.history.invocations.saturating_add(1);
        batch.history.ended_in_function_error = outcome == Outcome::FunctionError;
        let verdict = match outcome {
            Outcome::Returned(body) if settings.report_batch_item_failures => interpret(body, &batch.records),
            Outcome::Returned(_) => Verdict::Success,
            Outcome::FunctionError | Outcome::NotInvoked => Verdict::CompleteFailure,
        };
        match verdict {
            Verdict::Success => {
                self.go_on();
                Completion { succeeded: batch.records.len(), ..Completion::default() }
            }
            Verdict::PartialBatchResponse { first_failed } => {
                self.complete_partially(batch, first_failed, settings, now_ms)
            }
            Verdict::CompleteFailure
                if settings.bisect_batch_on_function_error && batch.records.len() > 1 =>
            {
                let middle = batch.records.len() / 2;
                self.bisect(batch, middle, settings, now_ms)
            }
            Verdict::CompleteFailure => self.retry(batch, settings, now_ms),
        }
    }

    /// Moves the checkpoint; the rest keeps what the batch has used of its budget [LS-SNAP].
    fn complete_partially(
        &mut self,
        batch: Batch,
        first_failed: usize,
        settings: &Settings,
        now_ms: u64,
    ) -> Completion {
        let (done, rest) = batch.split_at(first_failed);
        let succeeded = done.records.len();
        if succeeded > 0 {
            self.failures_in_a_row = 0;
        }
        let is_split = succeeded > 0 && settings.bisect_batch_on_function_error;
        let completion = if is_split {
            // The batch is bisected at the returned number [L-BIF], and splitting is free [L-OF].
            let retried = rest.records.len();
            self.parts.push_front(rest);
            self.back_off(settings, now_ms);
            Completion { retried, ..Completion::default() }
        } else {
            self.retry(rest, settings, now_ms)
        };
        Completion { succeeded, ..completion }
    }

    fn bisect(&mut self, batch: Batch, middle: usize, settings: &Settings, now_ms: u64) -> Completion {
        let retried = batch.records.len();
        let (first, second) = batch.split_at(middle);
        self.parts.push_front(second);
        self.parts.push_front(first);
        self.back_off(settings, now_ms);
        Completion { retried, ..Completion::default() }
    }

    fn retry(&mut self, mut batch: Batch, settings: &Settings, now_ms: u64) -> Completion {
        let records = batch.records.len();
        batch.count_failure(settings);
        let is_exhausted = batch.is_exhausted;
        self.parts.push_front(batch);
        if is_exhausted {
            return Completion { discarded: records, ..Completion::default() };
        }
        self.back_off(settings, now_ms);
        Completion { retried: records, ..Completion::default() }
    }

    fn back_off(&mut self, settings: &Settings, now_ms: u64) {
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        self.retry_at_ms = now_ms.saturating_add(settings.backoff_ms(self.failures_in_a_row));
    }

    fn go_on(&mut self) {
        self.failures_in_a_row = 0;
        self.retry_at_ms = 0;
    }

    /// Takes what is to be discarded from the front of the lane.
    fn discard(&mut self, settings: &Settings, now_ms: u64) -> Option<LaneStep> {
        let Some(batch) = self.parts.pop_front() else {
            let (records, condition) = match self.buffer.take_oversized(settings) {
                Some(records) => (records, Condition::PayloadSizeExceeded),
                None => (self.buffer.take_over_age(settings, now_ms)?, Condition::RecordAgeExceeded),
            };
            return Some(LaneStep::Discard { records, condition, history: History::default() });
        };
        if batch.is_exhausted {
            self.go_on();
            let Batch { records, history, .. } = batch;
            return Some(LaneStep::Discard {
                records,
                condition: Condition::RetryAttemptsExhausted,
                history,
            });
        }
        let over_age = batch.records.iter().take_while(|record| record.is_over_age(settings, now_ms)).count();
        if over_age == 0 {
            self.parts.push_front(batch);
            return None;
        }
        let (expired, rest) = batch.split_at(over_age);
        if rest.records.is_empty() {
            self.go_on();
        } else {
            self.parts.push_front(rest);
        }
        let Batch { records, history, .. } = expired;
        Some(LaneStep::Discard { records, condition: Condition::RecordAgeExceeded, history })
    }
}

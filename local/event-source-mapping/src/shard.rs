//! One shard: records in, decisions out.

use std::sync::Arc;

use crate::{
    Action, Completion, Discarded, EventFrame, InvalidSettings, Invocation, MappingInfo, Outcome, Record,
    Settings, Token, compare_sequence_numbers,
    hash::{fnv1a_64, uuid_of},
    is_sequence_number,
    lane::{Lane, LaneStep},
    progress::Progress,
};

/// The processing of one shard.
///
/// Push records in the order of the shard, poll until the answer is to wait, and report every invocation's
/// outcome. A partition key always maps to the same lane, so its records are sent in order.
#[derive(Debug)]
pub struct Shard {
    settings: Settings,
    frame: Arc<EventFrame>,
    lanes: Vec<Lane>,
    progress: Progress,
    next_token: u64,
    is_closed: bool,
}

impl Shard {
    /// A shard without records.
    ///
    /// # Errors
    /// If a setting is out of its range.
    pub fn new(
        settings: Settings,
        mapping: Arc<MappingInfo>,
        shard_id: impl Into<Arc<str>>,
    ) -> Result<Self, InvalidSettings> {
        settings.validate()?;
        Ok(Self::with_valid_settings(settings, mapping, shard_id.into()))
    }

    pub(crate) fn with_valid_settings(
        settings: Settings,
        mapping: Arc<MappingInfo>,
        shard_id: Arc<str>,
    ) -> Self {
        Self {
            lanes: (0..settings.parallelization_factor).map(|_| Lane::new()).collect(),
            settings,
            frame: Arc::new(EventFrame::new(mapping, shard_id)),
            progress: Progress::default(),
            next_token: 0,
            is_closed: false,
        }
    }

    /// The id of the shard.
    pub fn shard_id(&self) -> &Arc<str> {
        self.frame.shard_id()
    }

    /// Takes a record that was read at `now_ms`, from which its batching window is counted.
    ///
    /// Equal sequence numbers may follow each other: those of an aggregate that was taken apart.
    ///
    /// # Errors
    /// If the shard is closed, or the sequence number is none or below that of the record before.
    pub fn push(&mut self, record: Record, now_ms: u64) -> Result<(), PushError> {
        let number = &record.sequence_number;
        if self.is_closed {
            return Err(PushError::Closed { shard_id: Arc::clone(self.shard_id()) });
        }
        if !is_sequence_number(number) {
            return Err(PushError::NotASequenceNumber { value: record.sequence_number });
        }
        if let Some(previous) = self.progress.last_pushed()
            && compare_sequence_numbers(number, previous).is_lt()
        {
            let previous = previous.to_owned();
            return Err(PushError::OutOfOrder { sequence_number: record.sequence_number, previous });
        }
        self.progress.push(number);
        let size_bytes = self.frame.record_size(&record);
        // Which lane AWS gives to a key is not published; any fixed choice keeps the order of the key.
        let lane_count = self.lanes.len().max(1) as u64;
        let lane = usize::try_from(fnv1a_64(record.partition_key.as_bytes()) % lane_count).unwrap_or(0);
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.push(record, size_bytes, &self.settings, now_ms);
        }
        Ok(())
    }

    /// Says that the shard's end was reached: what is buffered is sent without waiting for its window.
    pub fn close(&mut self) {
        self.is_closed = true;
    }

    /// Decides what is to be done at `now_ms`.
    ///
    /// Each call answers with one action; the caller carries it out and polls again until the answer is to wait.
    /// Records that [`Action::Discard`] hands out count as done, so their failure record must be written before
    /// [`Self::done_through`] is stored.
    pub fn poll(&mut self, now_ms: u64) -> Action {
        let mut wake_ms: Option<u64> = None;
        let mut is_in_flight = false;
        for index in 0..self.lanes.len() {
            let Some(lane) = self.lanes.get_mut(index) else { continue };
            match lane.poll(&self.settings, self.is_closed, now_ms) {
                LaneStep::Ready => {
                    if let Some(invocation) = self.invoke(index, now_ms) {
                        return Action::Invoke(invocation);
                    }
                }
                LaneStep::Discard { records, condition, history } => {
                    self.advance();
                    let frame = Arc::clone(&self.frame);
                    return Action::Discard(Discarded { lane: index, records, condition, history, frame });
                }
                LaneStep::WaitUntil(time_ms) => {
                    wake_ms = Some(wake_ms.map_or(time_ms, |earliest| earliest.min(time_ms)));
                }
                LaneStep::InFlight => is_in_flight = true,
                LaneStep::Empty => {}
            }
        }
        match wake_ms {
            Some(wake_ms) => Action::WaitUntil(wake_ms),
            None if is_in_flight => Action::WaitForInvocations,
            None if self.is_closed => Action::Finished(Arc::clone(self.shard_id())),
            None => Action::WaitForRecords,
        }
    }

    /// Reports how an invocation ended.
    ///
    /// # Errors
    /// If no such invocation is in flight: it was completed or abandoned before.
    pub fn complete(
        &mut self,
        token: Token,
        outcome: Outcome<'_>,
        now_ms: u64,
    ) -> Result<Completion, UnknownToken> {
        let lane = lane_in_flight(&mut self.lanes, token)
            .ok_or_else(|| UnknownToken { shard_id: Arc::clone(self.frame.shard_id()), token })?;
        let completion = lane.complete(outcome, &self.settings, now_ms);
        self.advance();
        Ok(completion)
    }

    /// Abandons an invocation whose outcome will never be known: its batch may be sent again at once, no attempt is
    /// counted, and the token is void.
    ///
    /// # Errors
    /// If no such invocation is in flight.
    pub fn abandon(&mut self, token: Token) -> Result<(), UnknownToken> {
        let lane = lane_in_flight(&mut self.lanes, token)
            .ok_or_else(|| UnknownToken { shard_id: Arc::clone(self.frame.shard_id()), token })?;
        lane.abandon();
        Ok(())
    }

    /// The highest sequence number at or below which every record is done, in all lanes; where a reader resumes
    /// after. `None` before the first progress.
    pub fn done_through(&self) -> Option<&str> {
        self.progress.done_through()
    }

    /// Records that were pushed and are not done, in flight or not; to bound how far a reader runs ahead.
    pub fn buffered(&self) -> usize {
        self.lanes.iter().map(Lane::len).sum()
    }

    fn invoke(&mut self, lane_index: usize, now_ms: u64) -> Option<Invocation> {
        let lane = self.lanes.get_mut(lane_index)?;
        let token = Token(self.next_token);
        self.next_token += 1;
        let first = lane.first_undone().map(|record| record.sequence_number.as_str()).unwrap_or_default();
        let (shard_id, mapping) = (self.frame.shard_id(), self.frame.mapping());
        let parts = [&mapping.mapping_uuid, &**shard_id, first, &token.to_string(), &now_ms.to_string()];
        let request_id: Arc<str> = uuid_of(&parts).into();
        let (attempt, records) = lane.start(token, &request_id)?;
        let frame = Arc::clone(&self.frame);
        Some(Invocation { token, lane: lane_index, attempt, request_id, records, frame })
    }

    fn advance(&mut self) {
        let undone = self.lanes.iter().filter_map(Lane::first_undone);
        let lowest = undone
            .map(|record| record.sequence_number.as_str())
            .min_by(|left, right| compare_sequence_numbers(left, right));
        self.progress.advance(lowest);
    }
}

fn lane_in_flight(lanes: &mut [Lane], token: Token) -> Option<&mut Lane> {
    lanes.iter_mut().find(|lane| lane.in_flight() == Some(token))
}

/// A record that a shard does not take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The end of the shard was announced before.
    #[error("shard {shard_id} is closed")]
    Closed {
        /// The shard.
        shard_id: Arc<str>,
    },
    /// The sequence number is not a decimal number.
    #[error("{value:?} is not a sequence number")]
    NotASequenceNumber {
        /// What was given.
        value: String,
    },
    /// The record belongs before one that was pushed already.
    #[error("sequence number {sequence_number} follows {previous}, which is higher")]
    OutOfOrder {
        /// Sequence number of the record.
        sequence_number: String,
        /// Sequence number of the record before it.
        previous: String,
    },
}

/// A token that names no invocation in flight.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no invocation {token} is in flight in shard {shard_id}")]
pub struct UnknownToken {
    /// The shard that was asked.
    pub shard_id: Arc<str>,
    /// The token.
    pub token: Token,
}

//! Faults that a host injects into put calls.

/// A put call that passed validation.
#[derive(Debug, Clone, Copy)]
pub struct CallInfo<'a> {
    /// The delivery stream.
    pub stream: &'a str,
    /// Number of the put call, from 1 and counting refused ones, over all streams.
    pub call: u64,
    /// Records in the call.
    pub records: usize,
}

/// What happens to a put call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallFault {
    /// Its records are judged one by one.
    Accept,
    /// Nothing is taken; the answer is 503 with `ServiceUnavailableException`.
    Throttle,
    /// Records are taken, yet the answer is 500: "the write might have completed or it might have failed".
    LoseAnswer,
}

/// What happens to a record of an accepted call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordFault {
    /// It is taken.
    Accept,
    /// It is not taken and its entry of the answer carries the code.
    Fail(RecordErrorCode),
}

/// The codes that an entry of a PutRecordBatch answer can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordErrorCode {
    /// Too many writes; to be retried.
    ServiceUnavailableException,
    /// An error inside Firehose; to be retried.
    InternalFailure,
}

impl RecordErrorCode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ServiceUnavailableException => "ServiceUnavailableException",
            Self::InternalFailure => "InternalFailure",
        }
    }
}

/// Decides the fate of calls and records. Called for PutRecord too, as a call of one record.
pub trait Faults: Send + Sync {
    /// Judges a call.
    fn on_call(&self, call: CallInfo<'_>) -> CallFault {
        let _ = call;
        CallFault::Accept
    }

    /// Judges the record at `index` of a call that was not throttled.
    fn on_record(&self, call: CallInfo<'_>, index: usize, data: &[u8]) -> RecordFault {
        let _ = (call, index, data);
        RecordFault::Accept
    }
}

/// No faults.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFaults;

impl Faults for NoFaults {}

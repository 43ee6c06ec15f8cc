//! A Kinesis event source mapping: the poller that AWS Lambda puts between a stream and a function.
//!
//! The crate decides and does nothing else. It opens no connection, reads no clock and draws no random number:
//! time is an argument in milliseconds since the Unix epoch, and every decision is an [`Action`] that the
//! caller carries out. The same library therefore serves a program that invokes real functions and a
//! simulation that repeats itself exactly.
//!
//! - [`Mapping`] is a whole stream with its lineage: a shard starts when its parents are done.
//! - [`Shard`] is one shard: batches, lanes, retries, what is discarded, and how far it is done.
//! - [`FailureRecord`] is the object that the on-failure destination receives.
//!
//! Tags in brackets name the source of a rule: `[L-BIF]`, `[L-OF]`, `[L-KIN]`, `[L-PAR]` are pages of the Lambda
//! developer guide (partial batch responses, on-failure destinations, Kinesis, parameters), `[K-LARGE]` the
//! Kinesis page on large records, `[LS-TEST]` and `[LS-SNAP]` LocalStack's tests and snapshots recorded on AWS,
//! and `[BC-KIN]`, `[BC-LAMBDA]` the API models.

mod action;
mod batch;
mod buffer;
mod event;
mod failure_record;
mod hash;
mod info;
mod json;
mod lane;
mod mapping;
mod progress;
mod record;
mod response;
mod settings;
mod shard;

pub use action::{Action, Completion, Invocation, Outcome, Token};
pub use event::EventFrame;
pub use failure_record::{Condition, Discarded, FailureRecord, FailureRecordError};
pub use info::{MappingInfo, ShardInfo};
pub use mapping::{Mapping, MappingError};
pub use record::{Record, Records, compare_sequence_numbers, is_sequence_number};
pub use response::{Verdict, interpret};
pub use settings::{
    BATCH_SIZE_MAX, BATCHING_WINDOW_MAX_MS, InvalidSettings, OutOfRange, PARALLELIZATION_FACTOR_MAX,
    PAYLOAD_LIMIT_BYTES, RECORD_AGE_MAX_MS, RECORD_AGE_MIN_MS, RETRY_ATTEMPTS_MAX, Settings,
};
pub use shard::{PushError, Shard, UnknownToken};

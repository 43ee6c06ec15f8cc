//! The batch loop that every stream consumer runs in: decode, read, fold, put, commit, answer.
//!
//! It chooses nothing about events, which is the business of `millrace-domain`, and knows no AWS service, which
//! is that of `millrace-aws`.

pub mod answer;
pub mod batch;
pub mod batch_event;
pub mod checkpoint;
pub mod clock;
pub mod config;
pub mod deadline;
pub mod emf;
pub mod function;
pub mod isolate;
pub mod json_lines;
pub mod kinesis_event;
pub mod kpl;
pub mod logging;
pub mod meter;
pub mod objects;
mod payload;
pub mod ports;
pub mod quarantine;
pub mod record_stream;
pub mod redrive_envelope;
pub mod reorder_points;
pub mod schema_registry;
pub mod signal_stream;
pub mod stateful;
pub mod tally;
pub mod timers;
pub mod trace;

pub use batch::{Batch, BatchEvents};
pub use batch_event::BatchEvent;
pub use checkpoint::Checkpoint;
pub use clock::Clock;
pub use deadline::Deadline;
pub use function::{Function, Report};
pub use json_lines::JsonLines;
pub use kinesis_event::KinesisBatch;
pub use meter::Meter;
pub use tally::Tally;

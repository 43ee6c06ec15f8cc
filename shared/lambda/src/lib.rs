//! The batch loop that every stream consumer runs in: decode, read, fold, put, commit, answer.
//!
//! It chooses nothing about events, which is the business of `millrace-domain`, and knows no AWS service, which
//! is that of `millrace-aws`.

pub mod answer;
pub mod batch;
pub mod carrier;
pub mod clock;
pub mod config;
pub mod cut;
pub mod deadline;
pub mod deaggregate;
pub mod emf;
pub mod function;

pub mod frame;
pub mod isolate;
pub mod kinesis_event;
pub mod lines;
pub mod logging;
pub mod meter;
pub mod objects;
mod payload;
pub mod ports;
pub mod quarantine;
pub mod record_stream;
pub mod reorder_points;
pub mod signal_stream;
pub mod stateful;
pub mod tally;
pub mod timers;
pub mod trace;
pub mod unit;

pub use batch::{Batch, Units};
pub use clock::Clock;
pub use cut::Cut;
pub use deadline::Deadline;
pub use function::{Function, Report};
pub use kinesis_event::KinesisBatch;
pub use lines::Lines;
pub use meter::Meter;
pub use tally::Tally;
pub use unit::Unit;

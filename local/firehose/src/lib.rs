//! A Firehose endpoint with the real limits that writes Parquet.
//!
//! It answers Amazon Data Firehose's Direct PUT API (AWS JSON 1.1) and delivers into a local folder what
//! Firehose would deliver into S3. It is a development tool: the aim is that a producer which works here does
//! not meet a new limit in production. Where Firehose is lenient, this is strict: a JSON value must have the
//! type of its column, while the OpenX deserializer would turn `"12"` into 12 without a word.
//!
//! A host either mounts [`Firehose::router`] or, when several AWS services share a port, hands the body of
//! each `Firehose_20150804.*` call to [`Firehose::respond`] (async) or [`Firehose::handle`] (blocking).

mod buffer;
mod columns;
mod config;
mod declaration;
mod error_output;
mod faults;
mod field;
mod files;
mod firehose;
mod glue;
pub mod limits;
mod partition;
mod protocol;
mod put;
mod read;
mod row;
mod server;
mod split_documents;
mod stats;
mod stream;
mod table;
mod timestamp;

pub use config::{
    Buffering, Clock, Destination, JsonLinesDestination, Options, ParquetDestination, StreamConfig,
    system_clock,
};
pub use declaration::ConfigError;
pub use faults::{CallFault, CallInfo, Faults, NoFaults, RecordErrorCode, RecordFault};
pub use files::DeliveryError;
pub use firehose::{Firehose, TARGET_PREFIX};
pub use glue::GlueTypeError;
pub use protocol::Response;
pub use read::read_rows;
pub use stats::Stats;

//! Brings back what was set aside, through the stream: each record becomes a `record.redriven` event under its own
//! key, so that it comes in line with everything else of that key.

pub mod answer;
mod burst;
mod carry;
pub mod config;
mod listing;
pub mod request;
mod run;
mod source;

use std::sync::Arc;

pub use answer::{Answer, Counts, Line, State};
use aws_sdk_kinesis::Client as Kinesis;
use aws_sdk_s3::Client as S3;
pub use config::Config;
pub use listing::{MARKS_ROOT, mark_of};
use millrace_aws::clients::SdkConfig;
use millrace_aws::{KinesisStream, S3Objects};
use millrace_lambda::Meter;
pub use request::{Mode, Request, Source};
pub use run::run;

/// The function's name, in metrics.
pub const NAME: &str = "redrive";

/// The bucket and the stream that the configuration names.
pub fn adapters(config: &Config, sdk: &SdkConfig) -> (S3Objects, KinesisStream) {
    let objects = S3Objects::new(S3::new(sdk), config.set_aside_bucket.clone());
    let (kinesis, stream) = (Kinesis::new(sdk), config.events_stream.clone());
    let stream = KinesisStream::new(kinesis, stream, config.record_limit_bytes, Arc::new(Meter::default()));
    (objects, stream)
}

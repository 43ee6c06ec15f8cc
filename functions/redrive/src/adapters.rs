//! What the deployed function reads from and writes to.

use std::sync::Arc;

use aws_sdk_kinesis::Client as Kinesis;
use aws_sdk_s3::Client as S3;
use millrace_aws::KinesisStream;
use millrace_aws::clients::SdkConfig;
use millrace_lambda::Meter;
use millrace_object_store::S3Objects;

use crate::config::Config;

/// The bucket and the stream that the configuration names.
pub fn adapters(config: &Config, sdk: &SdkConfig) -> (S3Objects, KinesisStream) {
    let objects = S3Objects::new(S3::new(sdk), config.dead_letter_bucket.clone());
    let (kinesis, stream) = (Kinesis::new(sdk), config.events_stream.clone());
    let stream = KinesisStream::new(kinesis, stream, config.record_limit_bytes, Arc::new(Meter::default()));
    (objects, stream)
}

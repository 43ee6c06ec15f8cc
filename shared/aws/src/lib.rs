//! Adapters to DynamoDB, Firehose, Kinesis and S3. SDK types do not leave this crate, but for the clients that it is given.

pub mod backoff;
pub mod clients;
mod describe;
pub mod dynamodb;
pub mod firehose;
pub mod kinesis;
#[cfg(feature = "s3")]
pub mod s3;

pub use dynamodb::{DynamoOpenSessions, DynamoReorderPoints, DynamoStore, DynamoTimers};
pub use firehose::FirehoseSink;
pub use kinesis::KinesisStream;
#[cfg(feature = "s3")]
pub use s3::S3Objects;

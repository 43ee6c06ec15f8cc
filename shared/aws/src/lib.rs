//! Adapters to DynamoDB, Firehose and Kinesis. SDK types do not leave this crate, but for the clients that it is given.
//! That to S3 is a crate of its own, `millrace-object-store`.

pub mod backoff;
pub mod clients;
pub mod describe;
pub mod dynamodb;
pub mod firehose;
pub mod kinesis;

pub use dynamodb::{DynamoOpenSessions, DynamoReorderPoints, DynamoStore, DynamoTimers};
pub use firehose::FirehoseSink;
pub use kinesis::KinesisStream;

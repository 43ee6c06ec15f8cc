//! Adapters to DynamoDB and Firehose. SDK types do not leave this crate, but for the clients that it is given.

pub mod backoff;
pub mod clients;
mod describe;
pub mod dynamodb;
pub mod firehose;

pub use dynamodb::DynamoStore;
pub use firehose::FirehoseSink;

//! Adapters to DynamoDB and Firehose.

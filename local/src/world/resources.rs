//! The stream and the table, as the template declares them.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_kinesis::types::StreamStatus;
use millrace_aws::dynamodb::KEY;

use crate::error::Error;
use crate::options::{EVENTS_STREAM, SESSIONS_TABLE};

pub(super) async fn create_stream(kinesis: &aws_sdk_kinesis::Client, shards: i32) -> Result<(), Error> {
    let create = kinesis.create_stream().stream_name(EVENTS_STREAM).shard_count(shards);
    create.send().await.map_err(Error::service("CreateStream"))?;
    loop {
        let described = kinesis.describe_stream_summary().stream_name(EVENTS_STREAM).send().await;
        let described = described.map_err(Error::service("DescribeStreamSummary"))?;
        let status = described.stream_description_summary().map(|summary| summary.stream_status().clone());
        if status == Some(StreamStatus::Active) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(super) async fn create_table(dynamodb: &aws_sdk_dynamodb::Client) -> Result<(), Error> {
    let key = KeySchemaElement::builder().attribute_name(KEY).key_type(KeyType::Hash).build();
    let attribute =
        AttributeDefinition::builder().attribute_name(KEY).attribute_type(ScalarAttributeType::S).build();
    dynamodb
        .create_table()
        .table_name(SESSIONS_TABLE)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(key.map_err(Error::service("CreateTable"))?)
        .attribute_definitions(attribute.map_err(Error::service("CreateTable"))?)
        .send()
        .await
        .map_err(Error::service("CreateTable"))?;
    Ok(())
}

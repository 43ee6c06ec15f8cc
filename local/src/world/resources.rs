//! The streams and the tables, as the template declares them.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_kinesis::types::StreamStatus;
use millrace_aws::dynamodb::KEY;

use crate::error::Error;
use crate::options::{
    EVENTS_STREAM, FRAUD_TABLE, REORDER_POINTS_TABLE, SESSIONS_TABLE, SIGNALS_STREAM, STOCK_TABLE,
    TIMERS_TABLE,
};

/// Each table, its partition key and its sort key.
const TABLES: [(&str, &str, Option<&str>); 5] = [
    (SESSIONS_TABLE, KEY, None),
    (FRAUD_TABLE, KEY, None),
    (STOCK_TABLE, KEY, None),
    (REORDER_POINTS_TABLE, "sku", None),
    (TIMERS_TABLE, "time_bucket", Some("timer")),
];

/// Creates both streams.
pub(super) async fn create_streams(kinesis: &aws_sdk_kinesis::Client, shards: i32) -> Result<(), Error> {
    create_stream(kinesis, EVENTS_STREAM, shards).await?;
    create_stream(kinesis, SIGNALS_STREAM, shards).await
}

/// Creates a stream, and waits until it is there.
pub(crate) async fn create_stream(
    kinesis: &aws_sdk_kinesis::Client,
    stream: &str,
    shards: i32,
) -> Result<(), Error> {
    let create = kinesis.create_stream().stream_name(stream).shard_count(shards);
    create.send().await.map_err(Error::service("CreateStream"))?;
    loop {
        let described = kinesis.describe_stream_summary().stream_name(stream).send().await;
        let described = described.map_err(Error::service("DescribeStreamSummary"))?;
        let status = described.stream_description_summary().map(|summary| summary.stream_status().clone());
        if status == Some(StreamStatus::Active) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Creates every table.
pub(super) async fn create_tables(dynamodb: &aws_sdk_dynamodb::Client) -> Result<(), Error> {
    for (table, partition_key, sort_key) in TABLES {
        let keys = [Some((partition_key, KeyType::Hash)), sort_key.map(|name| (name, KeyType::Range))];
        let mut create = dynamodb.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
        for (name, kind) in keys.into_iter().flatten() {
            let key = KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
            let attribute = AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(ScalarAttributeType::S)
                .build();
            create = create
                .key_schema(key.map_err(Error::service("CreateTable"))?)
                .attribute_definitions(attribute.map_err(Error::service("CreateTable"))?);
        }
        create.send().await.map_err(Error::service("CreateTable"))?;
    }
    Ok(())
}

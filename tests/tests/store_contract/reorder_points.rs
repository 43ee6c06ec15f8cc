//! The table of reorder points, on dynoxide over HTTP.

use std::sync::Arc;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use millrace_aws::DynamoReorderPoints;
use millrace_aws::dynamodb::SKU;
use millrace_domain::stock::ReorderPoint;
use millrace_lambda::Deadline;
use millrace_lambda::reorder_points::ReorderPointTable;

use crate::stores::Emulator;

const TABLE: &str = "reorder-points";

async fn points(emulator: &Emulator) -> DynamoReorderPoints {
    let key = KeySchemaElement::builder().attribute_name(SKU).key_type(KeyType::Hash).build().unwrap();
    let text = ScalarAttributeType::S;
    let attribute = AttributeDefinition::builder().attribute_name(SKU).attribute_type(text).build().unwrap();
    let table = emulator.client.create_table().table_name(TABLE).key_schema(key);
    let table = table.attribute_definitions(attribute).billing_mode(BillingMode::PayPerRequest);
    table.send().await.unwrap();
    DynamoReorderPoints::new(emulator.client.clone(), TABLE.to_owned(), Arc::clone(&emulator.meter))
}

#[tokio::test]
async fn what_is_loaded_is_read_in_requests_of_their_limits() {
    let emulator = Emulator::start().await;
    let points = points(&emulator).await;
    let loaded: Vec<_> = (0..101)
        .map(|number| (format!("p{number}"), ReorderPoint::new(number, number + 5).unwrap()))
        .collect();
    points.put_all(&loaded, Deadline::NONE).await.unwrap();
    assert_eq!(emulator.meter.take().write_requests, 5);
    points.put_all(&loaded, Deadline::NONE).await.unwrap();
    let skus: Vec<_> = loaded.iter().map(|(sku, _)| sku.as_str()).chain(["absent"]).collect();
    emulator.meter.take();
    let read = points.read(&skus, Deadline::NONE).await.unwrap();
    assert_eq!(emulator.meter.take().read_requests, 2);
    assert_eq!(read, loaded.into_iter().collect());
}

#[tokio::test]
async fn a_table_that_is_not_there_is_reported() {
    let emulator = Emulator::start().await;
    let points =
        DynamoReorderPoints::new(emulator.client.clone(), TABLE.to_owned(), Arc::clone(&emulator.meter));
    let unavailable = points.read(&["a"], Deadline::NONE).await.unwrap_err();
    assert!(unavailable.why.contains("ResourceNotFound"), "{}", unavailable.why);
    let one = [("a".to_owned(), ReorderPoint::default())];
    let rejected = points.put_all(&one, Deadline::NONE).await.unwrap_err();
    assert!(rejected.first == 0 && rejected.why.contains("ResourceNotFound"), "{}", rejected.why);
}

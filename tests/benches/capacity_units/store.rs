//! dynoxide over HTTP, with the functions' tables.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use dynoxide::Database;
use millrace_aws::clients::http_client;
use millrace_aws::dynamodb::timers::{TIME_BUCKET, TIMER};
use millrace_aws::dynamodb::{KEY, SKU};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Starts the database; it runs until the process ends.
pub(crate) async fn start() -> Client {
    let database = Database::memory().unwrap();
    let tables = [
        ("sessions", &[KEY][..]),
        ("fraud", &[KEY]),
        ("stock", &[KEY]),
        ("reorder-points", &[SKU]),
        ("timers", &[TIME_BUCKET, TIMER]),
    ];
    for (name, keys) in tables {
        let schema = keys.iter().zip(["HASH", "RANGE"]);
        let schema: Vec<Value> =
            schema.map(|(key, kind)| json!({"AttributeName": key, "KeyType": kind})).collect();
        let attributes: Vec<Value> =
            keys.iter().map(|key| json!({"AttributeName": key, "AttributeType": "S"})).collect();
        let create = json!({
            "TableName": name, "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": schema, "AttributeDefinitions": attributes,
        });
        database.create_table(serde_json::from_value(create).unwrap()).unwrap();
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(dynoxide::server::serve_on(listener, database));
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(format!("http://{address}"))
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "bench"))
        .retry_config(RetryConfig::disabled())
        .http_client(http_client());
    Client::from_conf(config.build())
}

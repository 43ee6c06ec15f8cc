//! DynamoDB as an emulator speaks it over HTTP.

use std::sync::Arc;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_dynamodb::{Client, Config};
use dynoxide::Database;
use millrace_aws::clients::http_client;
use millrace_aws::dynamodb::KEY;
use millrace_aws::dynamodb::timers::{TIME_BUCKET, TIMER};
use millrace_aws::{DynamoOpenSessions, DynamoStore, DynamoTimers};
use millrace_domain::session::SessionState;
use millrace_lambda::{Clock, Meter};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::harness::NOW_MS;

pub(crate) const TIMERS: &str = "timers";
pub(crate) const SESSIONS: &str = "sessions";

/// An emulator with the tables of timers and sessions, until it is dropped.
pub(crate) struct Emulator {
    pub(crate) client: Client,
    pub(crate) meter: Arc<Meter>,
    _server: JoinSet<()>,
}

impl Emulator {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = client(&format!("http://{}", listener.local_addr().unwrap()));
        let mut server = JoinSet::new();
        server.spawn(dynoxide::server::serve_on(listener, Database::memory().unwrap()));
        create_table(&client, TIMERS, &[(TIME_BUCKET, KeyType::Hash), (TIMER, KeyType::Range)]).await;
        create_table(&client, SESSIONS, &[(KEY, KeyType::Hash)]).await;
        Self { client, meter: Arc::default(), _server: server }
    }

    /// Timers by a clock that stands still at [`NOW_MS`].
    pub(crate) fn timers(&self) -> DynamoTimers {
        let clock = Clock::new(|| NOW_MS);
        DynamoTimers::new(self.client.clone(), TIMERS.to_owned(), clock, Arc::clone(&self.meter))
    }

    pub(crate) fn store(&self) -> DynamoStore<SessionState> {
        DynamoStore::new(self.client.clone(), SESSIONS.to_owned(), Arc::clone(&self.meter))
    }

    pub(crate) fn sessions(&self) -> DynamoOpenSessions {
        DynamoOpenSessions::new(self.client.clone(), SESSIONS.to_owned(), Arc::clone(&self.meter))
    }
}

async fn create_table(client: &Client, table: &str, keys: &[(&str, KeyType)]) {
    let mut request = client.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
    for (name, key_type) in keys {
        let key = KeySchemaElement::builder().attribute_name(*name).key_type(key_type.clone());
        let text = ScalarAttributeType::S;
        let attribute = AttributeDefinition::builder().attribute_name(*name).attribute_type(text);
        request = request.key_schema(key.build().unwrap()).attribute_definitions(attribute.build().unwrap());
    }
    request.send().await.unwrap();
}

/// A client of an endpoint on this machine, without the SDK's own retries.
pub(crate) fn client(endpoint: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .http_client(http_client())
        .build();
    Client::from_conf(config)
}

//! The adapters under test.

use std::sync::Arc;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_dynamodb::{Client, Config};
use dynoxide::Database;
use millrace_aws::DynamoStore;
use millrace_aws::clients::http_client;
use millrace_aws::dynamodb::KEY;
use millrace_domain::fold::{CannotApply, Emit, KeyState};
use millrace_domain::ledger::{Candidate, LedgerSettings};
use millrace_domain::{Class, Data, Event, Ledger, Position, SequenceNumber};
use millrace_lambda::Meter;
use millrace_lambda::ports::{Stored, Write};
use millrace_testkit::MemoryStore;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Largest item that DynamoDB takes, in bytes.
pub(crate) const ITEM_LIMIT_BYTES: usize = 400 * 1024;

/// A text, and an attribute that comes and goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<Vec<u64>>,
}

impl KeyState for Note {
    type Settings = ();

    const ATTRIBUTES: &'static [&'static str] = &["text", "session"];

    fn handles(_: &Data<'_>) -> bool {
        false
    }

    fn apply(&mut self, _: &Event<'_>, _: i64, _: &(), _: &mut Emit<'_>) -> Result<(), CannotApply> {
        Ok(())
    }
}

pub(crate) fn stored(version: u64, text: &str) -> Stored<Note> {
    Stored { version, ledger: ledger(version), state: Note { text: text.to_owned(), session: None } }
}

/// A ledger of one entry, and another one for every seed.
pub(crate) fn ledger(seed: u64) -> Ledger {
    let mut ledger = Ledger::default();
    let position = Position { sequence: SequenceNumber::parse("7").unwrap(), sub_sequence: 0, element: 0 };
    let candidate = Candidate {
        class: Class::Money,
        time_ms: 1_291_191_960_000,
        identity: seed,
        payload: 5,
        shard: 1,
        position: &position,
    };
    ledger.record(&candidate, &LedgerSettings::default());
    ledger
}

/// The write that puts `stored` in the place of `expected`.
pub(crate) fn write<'a, S>(key: &'a str, expected: Option<u64>, stored: &'a Stored<S>) -> Write<'a, S> {
    Write { key, expected, version: stored.version, ledger: &stored.ledger, state: &stored.state }
}

/// A table in memory that rejects what DynamoDB would find too large.
pub(crate) fn in_memory() -> MemoryStore<Note> {
    let store = MemoryStore::default();
    store.reject(|_, note: &Note| note.text.len() > ITEM_LIMIT_BYTES);
    store
}

/// An emulator of DynamoDB with one table, until it is dropped.
pub(crate) struct Emulator {
    pub(crate) client: Client,
    pub(crate) meter: Arc<Meter>,
    _server: JoinSet<()>,
}

pub(crate) const TABLE: &str = "items";

impl Emulator {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = client(&format!("http://{}", listener.local_addr().unwrap()));
        let mut server = JoinSet::new();
        server.spawn(dynoxide::server::serve_on(listener, Database::memory().unwrap()));
        let key = KeySchemaElement::builder().attribute_name(KEY).key_type(KeyType::Hash).build().unwrap();
        let text = ScalarAttributeType::S;
        let attribute =
            AttributeDefinition::builder().attribute_name(KEY).attribute_type(text).build().unwrap();
        let table = client.create_table().table_name(TABLE).key_schema(key).attribute_definitions(attribute);
        table.billing_mode(BillingMode::PayPerRequest).send().await.unwrap();
        Self { client, meter: Arc::default(), _server: server }
    }

    pub(crate) fn store<S>(&self) -> DynamoStore<S> {
        DynamoStore::new(self.client.clone(), TABLE.to_owned(), Arc::clone(&self.meter))
    }
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

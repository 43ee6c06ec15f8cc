//! The adapter that puts records into Kinesis: against an emulator, and against a service that fails by script.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::{BehaviorVersion, Config, Credentials, Region, retry::RetryConfig};
use axum::Router;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferrokinesis::store::StoreOptions;
use millrace_aws::KinesisStream;
use millrace_aws::clients::http_client;
use millrace_aws::kinesis::RECORD_LIMIT_BYTES;
use millrace_lambda::record_stream::{OutgoingRecord, Put, RecordStream};
use millrace_lambda::{Deadline, Meter};
use serde_json::{Value, json};
use tokio::task::JoinSet;

fn record(partition_key: &str, data: &'static str) -> OutgoingRecord {
    OutgoingRecord { partition_key: partition_key.to_owned(), data: data.into() }
}

/// Serves an app on loopback until the set is dropped.
pub(crate) async fn serve(servers: &mut JoinSet<()>, app: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    servers.spawn(async move { axum::serve(listener, app).await.unwrap() });
    format!("http://{address}")
}

fn client(endpoint: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .retry_config(RetryConfig::disabled())
        .http_client(http_client())
        .endpoint_url(endpoint);
    Client::from_conf(config.build())
}

fn stream(client: Client, meter: &Arc<Meter>) -> KinesisStream {
    KinesisStream::new(client, "events".to_owned(), RECORD_LIMIT_BYTES, Arc::clone(meter))
}

/// Status and error of a call's answer, and the error code of each record.
type Script = (u16, &'static str, Vec<Option<&'static str>>);

/// A service that answers each call by the next script.
#[derive(Clone, Default)]
struct Scripted {
    scripts: Arc<Mutex<VecDeque<Script>>>,
    calls: Arc<Mutex<Vec<Vec<String>>>>,
}

impl Scripted {
    fn app(&self) -> Router {
        let service = self.clone();
        Router::new().fallback(move |body: String| {
            let answer = service.answer(&serde_json::from_str(&body).unwrap());
            async move { answer }
        })
    }

    fn answer(&self, request: &Value) -> (StatusCode, String) {
        let records = request["Records"].as_array().unwrap();
        let data =
            |record: &Value| String::from_utf8(STANDARD.decode(record["Data"].as_str().unwrap()).unwrap());
        self.calls.lock().unwrap().push(records.iter().map(|record| data(record).unwrap()).collect());
        let script = self.scripts.lock().unwrap().pop_front();
        let (status, error, codes) = script.unwrap_or((200, "", vec![None; records.len()]));
        let result = |code: &Option<&str>| match code {
            None => json!({"SequenceNumber": "1", "ShardId": "shard"}),
            Some(code) => json!({"ErrorCode": code, "ErrorMessage": ""}),
        };
        let answer = match error {
            "" => json!({"Records": codes.iter().map(result).collect::<Vec<_>>()}),
            error => json!({"__type": error, "message": "by script"}),
        };
        (StatusCode::from_u16(status).unwrap(), answer.to_string())
    }
}

#[tokio::test]
async fn records_arrive_in_the_order_of_their_key() {
    let mut servers = JoinSet::new();
    let options = StoreOptions { create_stream_ms: 0, ..StoreOptions::default() };
    let client = client(&serve(&mut servers, ferrokinesis::create_app(options).0).await);
    client.create_stream().stream_name("events").shard_count(1).send().await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let records = [record("u", "1"), record("v", "2"), record("u", "3"), record("u", "4")];
    let meter = Arc::default();
    let puts = stream(client.clone(), &meter).put(&records, Deadline::NONE).await;
    assert_eq!(puts, vec![Put::Accepted; 4]);
    assert_eq!((meter.take().kinesis_put_requests, meter.take().kinesis_put_records), (3, 0));
    let iterator = client.get_shard_iterator().stream_name("events").shard_id("shardId-000000000000");
    let iterator = iterator.shard_iterator_type(aws_sdk_kinesis::types::ShardIteratorType::TrimHorizon);
    let iterator = iterator.send().await.unwrap().shard_iterator.unwrap();
    let got = client.get_records().shard_iterator(iterator).send().await.unwrap();
    let of_u = got.records().iter().filter(|record| record.partition_key() == Some("u"));
    assert_eq!(of_u.map(|record| record.data().as_ref()).collect::<Vec<_>>(), [b"1", b"3", b"4"]);
}

#[tokio::test]
async fn what_failed_is_put_again_before_the_rest_of_its_key_and_nothing_else_is() {
    let (mut servers, service) = (JoinSet::new(), Scripted::default());
    let throttled = Some("ProvisionedThroughputExceededException");
    service.scripts.lock().unwrap().extend([
        (500, "InternalFailure", vec![]),
        (200, "", vec![throttled, None]),
        (200, "", vec![throttled]),
    ]);
    let client = client(&serve(&mut servers, service.app()).await);
    let records = [record("u", "1"), record("v", "2"), record("u", "3")];
    let puts = stream(client, &Arc::default()).put(&records, Deadline::NONE).await;
    assert_eq!(puts, vec![Put::Accepted; 3]);
    let expected: [&[&str]; 5] = [&["1", "2"], &["1", "2"], &["1"], &["1"], &["3"]];
    assert_eq!(*service.calls.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_record_that_is_rejected_costs_its_key_and_no_other() {
    let (mut servers, service) = (JoinSet::new(), Scripted::default());
    let rejected = || (400, "ValidationException", vec![]);
    service.scripts.lock().unwrap().extend([rejected(), rejected()]);
    let client = client(&serve(&mut servers, service.app()).await);
    let records = [record("u", "1"), record("v", "2"), record("u", "3")];
    let puts = stream(client, &Arc::default()).put(&records, Deadline::NONE).await;
    assert!(matches!(&puts[..], [Put::Rejected(_), Put::Accepted, Put::NotAccepted(_)]), "{puts:?}");
    let expected: [&[&str]; 3] = [&["1", "2"], &["1"], &["2"]];
    assert_eq!(*service.calls.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_stream_that_is_missing_accepts_nothing_and_rejects_nothing() {
    let mut servers = JoinSet::new();
    let client = client(&serve(&mut servers, ferrokinesis::create_app(StoreOptions::default()).0).await);
    let deadline = Deadline::after(Duration::from_millis(300));
    let puts = stream(client, &Arc::default()).put(&[record("u", "1")], deadline).await;
    assert!(matches!(&puts[..], [Put::NotAccepted(why)] if why.contains("ResourceNotFound")), "{puts:?}");
}

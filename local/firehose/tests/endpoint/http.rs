//! Over a loopback socket: a raw request, and the AWS SDK.

use std::net::SocketAddr;
use std::sync::Arc;

use aws_sdk_firehose::Client;
use aws_sdk_firehose::config::{BehaviorVersion, Config, Credentials, Region, retry::RetryConfig};
use aws_sdk_firehose::primitives::Blob;
use aws_sdk_firehose::types::Record;
use local_firehose::Firehose;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::harness::{Harness, LINES, ROWS, batch, row};

/// Serves until the set is dropped.
async fn serve(firehose: &Arc<Firehose>) -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let (address, router) = (listener.local_addr().unwrap(), firehose.router());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
    (address, tasks)
}

async fn exchange(address: SocketAddr, target: &str, body: &str) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nx-amz-target: {target}\r\n\
         content-type: application/x-amz-json-1.1\r\ncontent-length: {length}\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

fn client(address: SocketAddr) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(format!("http://{address}"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

fn record(data: impl Into<Vec<u8>>) -> Record {
    Record::builder().data(Blob::new(data)).build().unwrap()
}

#[tokio::test]
async fn answers_a_raw_request() {
    let harness = Harness::new();
    let (address, _tasks) = serve(&harness.firehose).await;
    let body = batch(ROWS, &[row("a")]).to_string();
    let answer = exchange(address, "Firehose_20150804.PutRecordBatch", &body).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("content-type: application/x-amz-json-1.1\r\n"), "{answer}");
    let json = answer.rsplit("\r\n\r\n").next().unwrap();
    let expected = r#"{"FailedPutCount":0,"Encrypted":false,"RequestResponses":[{"RecordId":"rows-00000000000000000001"}]}"#;
    assert_eq!(json, expected);
    let answer = exchange(address, "Firehose_20150804.PutRecordBatch", "{}").await;
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
}

#[tokio::test]
async fn a_full_call_fits_through_http() {
    let harness = Harness::new();
    let (address, _tasks) = serve(&harness.firehose).await;
    let mut records = vec![vec![b'x'; 1_024_000]; 4];
    records.push(vec![b'x'; 98_304]);
    let answer =
        exchange(address, "Firehose_20150804.PutRecordBatch", &batch(LINES, &records).to_string()).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    records.push(vec![b'x']);
    let answer =
        exchange(address, "Firehose_20150804.PutRecordBatch", &batch(LINES, &records).to_string()).await;
    assert!(answer.contains("InvalidArgumentException"), "{answer}");
}

#[tokio::test]
async fn the_aws_sdk_can_put() {
    let harness = Harness::new();
    let (address, _tasks) = serve(&harness.firehose).await;
    let client = client(address);
    let put =
        client.put_record_batch().delivery_stream_name(ROWS).records(record(row("a"))).records(record("[]"));
    let output = put.send().await.unwrap();
    assert_eq!((output.failed_put_count(), output.request_responses().len()), (0, 2));
    assert!(output.request_responses()[0].record_id().is_some());
    let output = client.put_record().delivery_stream_name(LINES).record(record("x")).send().await.unwrap();
    assert!(!output.record_id().is_empty());
    harness.firehose.flush().unwrap();
    let stats = harness.firehose.stats();
    assert_eq!((stats.rows_delivered_total(), stats.error_rows_total()), (2, 1));
}

#[tokio::test]
async fn the_aws_sdk_reads_errors_and_descriptions() {
    let harness = Harness::new();
    let (address, _tasks) = serve(&harness.firehose).await;
    let client = client(address);
    let put = client.put_record_batch().delivery_stream_name("nowhere").records(record("x"));
    assert!(put.send().await.unwrap_err().into_service_error().is_resource_not_found_exception());
    let put = client.put_record_batch().delivery_stream_name(LINES).records(record(""));
    assert!(put.send().await.unwrap_err().into_service_error().is_invalid_argument_exception());

    let described = client.describe_delivery_stream().delivery_stream_name(ROWS).send().await.unwrap();
    let described = described.delivery_stream_description().unwrap();
    assert_eq!(
        (described.delivery_stream_name(), described.delivery_stream_status().as_str()),
        (ROWS, "ACTIVE")
    );
    let listed = client.list_delivery_streams().limit(1).send().await.unwrap();
    assert_eq!(
        (listed.delivery_stream_names(), listed.has_more_delivery_streams()),
        (&[LINES.to_owned()][..], true)
    );
    let listed =
        client.list_delivery_streams().exclusive_start_delivery_stream_name(LINES).send().await.unwrap();
    assert_eq!(
        (listed.delivery_stream_names(), listed.has_more_delivery_streams()),
        (&[ROWS.to_owned()][..], false)
    );
}

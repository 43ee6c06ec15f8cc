//! Whole invocations of the `sessions` binary through a Lambda Runtime API, with DynamoDB over HTTP behind it.
//!
//! `cargo bench -p sessions --bench invocation`
//!
//! The bench is the runtime API and hosts the DynamoDB emulator; the binary is a process of its own, whose CPU
//! time and memory the kernel reports. The table's share is what the function's own metrics say it waited.

#![expect(clippy::unwrap_used, reason = "a bench may stop at what it does not expect")]
#![expect(clippy::cast_precision_loss, reason = "figures for reading")]
#![expect(clippy::disallowed_methods, reason = "a bench measures wall time and runs servers beside it")]

mod support;

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue};
use axum::routing::{get, post};
use dynoxide::Database;
use serde_json::{Value, json};
use support::{RECORDS, lambda_event, records, table};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, mpsc};

const BATCHES: u64 = 60;
/// Batches before measuring: tables are empty and connections closed at first.
const WARM_UP: u64 = 10;
const STARTS: usize = 9;

/// A runtime API that hands out events and notes when they were asked for and answered.
struct RuntimeApi {
    events: Mutex<mpsc::Receiver<Vec<u8>>>,
    output: mpsc::Sender<(Instant, Option<Bytes>)>,
}

async fn next(State(api): State<Arc<RuntimeApi>>) -> (HeaderMap, Vec<u8>) {
    api.output.send((Instant::now(), None)).await.unwrap();
    let event = api.events.lock().await.recv().await;
    let Some(event) = event else { std::future::pending().await };
    let mut headers = HeaderMap::new();
    headers.insert("lambda-runtime-aws-request-id", HeaderValue::from_static("bench"));
    headers.insert("lambda-runtime-deadline-ms", HeaderValue::from_static("600000"));
    headers.insert("lambda-runtime-invoked-function-arn", HeaderValue::from_static("arn:bench"));
    headers.insert("lambda-runtime-trace-id", HeaderValue::from_static("bench"));
    (headers, event)
}

async fn answered(State(api): State<Arc<RuntimeApi>>, body: Bytes) -> axum::http::StatusCode {
    api.output.send((Instant::now(), Some(body))).await.unwrap();
    axum::http::StatusCode::ACCEPTED
}

/// A server with a runtime API: its address, where events go, and what it notes.
async fn runtime_api() -> (String, mpsc::Sender<Vec<u8>>, mpsc::Receiver<(Instant, Option<Bytes>)>) {
    let (events, receiver) = mpsc::channel(1);
    let (output, outputs) = mpsc::channel(16);
    let api = Arc::new(RuntimeApi { events: Mutex::new(receiver), output });
    let app = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(answered))
        .layer(axum::extract::DefaultBodyLimit::disable())
        .with_state(api);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, events, outputs)
}

async fn dynamodb() -> String {
    let database = Database::memory().unwrap();
    let create = json!({
        "TableName": "sessions", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "key", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "key", "AttributeType": "S"}],
    });
    database.create_table(serde_json::from_value(create).unwrap()).unwrap();
    let timers = json!({
        "TableName": "timers", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [
            {"AttributeName": "time_bucket", "KeyType": "HASH"},
            {"AttributeName": "timer", "KeyType": "RANGE"},
        ],
        "AttributeDefinitions": [
            {"AttributeName": "time_bucket", "AttributeType": "S"},
            {"AttributeName": "timer", "AttributeType": "S"},
        ],
    });
    database.create_table(serde_json::from_value(timers).unwrap()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(dynoxide::server::serve_on(listener, database));
    format!("http://{address}")
}

/// A stream that takes every record at once, so that what is measured is the function.
async fn kinesis() -> String {
    let put = |body: Bytes| async move {
        let request: Value = serde_json::from_slice(&body).unwrap();
        let count = request["Records"].as_array().unwrap().len();
        let record = json!({"SequenceNumber": "1", "ShardId": "shardId-000000000000"});
        json!({"FailedRecordCount": 0, "Records": vec![record; count]}).to_string()
    };
    let app = Router::new().route("/", post(put)).layer(axum::extract::DefaultBodyLimit::disable());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

fn start(runtime_api: &str, (dynamodb, kinesis): (&str, &str)) -> Child {
    Command::new(env!("CARGO_BIN_EXE_sessions"))
        .env_clear()
        .envs([("AWS_LAMBDA_RUNTIME_API", runtime_api), ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb)])
        .envs([
            ("AWS_ENDPOINT_URL_KINESIS", kinesis),
            ("TIMERS_TABLE", "timers"),
            ("SIGNALS_STREAM", "signals"),
        ])
        .envs([("AWS_LAMBDA_FUNCTION_NAME", "sessions"), ("AWS_LAMBDA_FUNCTION_VERSION", "1")])
        .envs([("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"), ("AWS_LAMBDA_LOG_STREAM_NAME", "bench")])
        .envs([("AWS_LAMBDA_LOG_GROUP_NAME", "bench"), ("AWS_REGION", "us-east-1")])
        .envs([("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local")])
        .envs([("SESSIONS_TABLE", "sessions"), ("QUARANTINE_DELIVERY_STREAM", "quarantine")])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

#[tokio::main]
async fn main() {
    let (dynamodb, kinesis) = (dynamodb().await, kinesis().await);
    let services = (dynamodb.as_str(), kinesis.as_str());
    let starts = starts(services).await;
    let (address, events, mut outputs) = runtime_api().await;
    let mut child = start(&address, services);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(outputs.recv().await.unwrap().1.is_none());

    let (mut walls, mut waits, mut usage) = (Vec::new(), Vec::new(), Usage::default());
    let mut cpu_before = Duration::ZERO;
    for number in 0..BATCHES {
        let records = records(number);
        let users = records.iter().map(|(user, _)| user).collect::<std::collections::BTreeSet<_>>().len();
        if number == WARM_UP {
            cpu_before = cpu(&child);
        }
        let event = lambda_event(&records, number);
        let sent = Instant::now();
        events.send(event).await.unwrap();
        let (at, answer) = outputs.recv().await.unwrap();
        assert_eq!(answer.as_deref(), Some(&br#"{"batchItemFailures":[]}"#[..]));
        let line = metrics(&mut lines).await;
        assert_eq!(line["applied"], RECORDS);
        assert!(outputs.recv().await.unwrap().1.is_none());
        if number >= WARM_UP {
            walls.push(at - sent);
            waits.push(Duration::from_micros(line["table_wait_us"].as_u64().unwrap()));
            usage.add(&line, users);
        }
    }
    let cpu = cpu(&child) - cpu_before;
    print(&starts, &mut walls, &mut waits, &usage, cpu, peak_memory_kib(&child));
}

/// Times from the start of the process to its first request for an event.
async fn starts(services: (&str, &str)) -> Vec<Duration> {
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let (address, _events, mut outputs) = runtime_api().await;
        let begun = Instant::now();
        let mut child = start(&address, services);
        let (at, _) = outputs.recv().await.unwrap();
        starts.push(at - begun);
        child.kill().await.unwrap();
    }
    starts
}

/// The next line of metrics; other log lines have no `_aws`.
async fn metrics(lines: &mut tokio::io::Lines<BufReader<tokio::process::ChildStdout>>) -> Value {
    loop {
        let line = lines.next_line().await.unwrap().unwrap();
        let value: Value = serde_json::from_str(&line).unwrap_or_default();
        if value.get("_aws").is_some() {
            return value;
        }
    }
}

#[derive(Default)]
struct Usage {
    read_requests: u64,
    write_requests: u64,
    write_capacity_units: u64,
    users: usize,
    batches: u64,
}

impl Usage {
    fn add(&mut self, line: &Value, users: usize) {
        let metric = |name: &str| line[name].as_u64().unwrap_or_default();
        self.read_requests += metric("read_requests");
        self.write_requests += metric("write_requests");
        self.write_capacity_units += metric("write_capacity_units");
        self.users += users;
        self.batches += 1;
    }
}

/// CPU time of the process, from the kernel's count of clock ticks, of which Linux has 100 a second.
fn cpu(child: &Child) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id().unwrap())).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

fn peak_memory_kib(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id().unwrap())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn print(
    starts: &[Duration],
    walls: &mut [Duration],
    waits: &mut [Duration],
    usage: &Usage,
    cpu: Duration,
    peak_kib: u64,
) {
    let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
    walls.sort_unstable();
    waits.sort_unstable();
    let mut starts = starts.to_vec();
    starts.sort_unstable();
    let each = |value: u64| format!("{:.1}", value as f64 / usage.batches as f64);
    let middle = |times: &[Duration]| ms(times[times.len() / 2]);
    let rows: Vec<Vec<String>> = [
        ("wall time a batch, median", middle(walls)),
        ("wall time a batch, 95 %", ms(walls[walls.len() * 95 / 100])),
        ("of which waiting for the table, median", middle(waits)),
        ("CPU a batch", ms(cpu / u32::try_from(usage.batches).unwrap())),
        ("users a batch", format!("{:.1}", usage.users as f64 / usage.batches as f64)),
        ("write capacity units a batch", each(usage.write_capacity_units)),
        ("write requests a batch", each(usage.write_requests)),
        ("read requests a batch", each(usage.read_requests)),
        ("start to first next, median", middle(&starts)),
        ("start to first next, longest", ms(starts[starts.len() - 1])),
        ("peak memory", format!("{:.1} MB", peak_kib as f64 / 1024.0)),
    ]
    .into_iter()
    .map(|(name, figure)| vec![name.to_owned(), figure])
    .collect();
    println!("{} batches of {RECORDS} records after {WARM_UP} to warm up", usage.batches);
    println!("{}", table(&["what", "figure"], &rows));
}

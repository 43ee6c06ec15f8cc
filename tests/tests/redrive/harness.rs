//! Redrive over a bucket and a stream in memory, and the consumers that read that stream.

use std::io::Write;
use std::sync::Arc;

use archive::Archive;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use millrace_domain::session::SessionState;
use millrace_lambda::{Deadline, KinesisBatch, Meter};
use millrace_testkit::{
    BatchBuilder, EventBuilder, Journal, MemoryObjects, MemorySignals, MemorySink, MemoryStore, MemoryStream,
};
use redrive::{Answer, Config, ObjectResult, Request};
use serde_json::{Value, json};
use sessions::Sessions;

use crate::on_failure::failure_object;

/// The dead-letter bucket, the stream, and both consumers.
pub(crate) struct World {
    pub(crate) objects: MemoryObjects,
    pub(crate) stream: MemoryStream,
    pub(crate) config: Config,
    pub(crate) store: MemoryStore<SessionState>,
    pub(crate) rows: MemorySink,
    pub(crate) quarantine: MemorySink,
    pub(crate) sessions: Sessions<MemoryStore<SessionState>, MemorySink, MemorySignals>,
    pub(crate) archive: Archive<MemorySink, MemorySink>,
}

impl World {
    pub(crate) fn new() -> Self {
        let store = MemoryStore::default();
        let rows = MemorySink::noting("row", Journal::default());
        let quarantine = MemorySink::noting("quarantine", Journal::default());
        let meter = || Arc::new(Meter::default());
        let sessions = Sessions::new(
            &sessions::Config::for_testing(),
            (store.clone(), quarantine.clone(), MemorySignals::default()),
            meter(),
        );
        let archive =
            Archive::new(&archive::Config::for_testing(), rows.clone(), quarantine.clone(), meter());
        Self {
            objects: MemoryObjects::default(),
            stream: MemoryStream::default(),
            config: Config::for_testing(),
            store,
            rows,
            quarantine,
            sessions,
            archive,
        }
    }

    /// Redrives as this request says.
    pub(crate) async fn call(&self, request: Value) -> Answer {
        self.call_until(request, Deadline::NONE).await
    }

    pub(crate) async fn call_until(&self, request: Value, deadline: Deadline) -> Answer {
        let request: Request = serde_json::from_value(request).unwrap();
        redrive::run(&self.objects, &self.stream, &self.config, &request, deadline).await
    }

    /// Puts an on-failure object of this function in place; gives back its key.
    pub(crate) fn add_failure(&self, name: &str, function: &str, batch: &KinesisBatch) -> String {
        let key = format!("aws/lambda/7d5a2f4e/{}/2026/01/02/{name}", batch.shard.id());
        self.objects.insert(&key, failure_object(function, Some(batch)).to_string());
        key
    }

    /// Puts lines of the quarantine in place, as Firehose writes them; gives back the object's key.
    pub(crate) fn add_quarantine(&self, name: &str, lines: &[Value]) -> String {
        let key = format!("quarantine/dt=2026-01-02/{name}.jsonl.gz");
        self.objects.insert(&key, gzip(&text(lines)));
        key
    }

    /// Takes what the stream accepted as one batch, whose first record has this number.
    pub(crate) fn delivered(&self, first: u64) -> KinesisBatch {
        self.stream.drain_into(BatchBuilder::starting_at(first)).build()
    }

    /// The keys and bytes of the records that redrive envelopes in the stream hold, in order.
    pub(crate) fn unwrapped(&self) -> Vec<(String, Bytes)> {
        let unwrapped = |record: millrace_lambda::record_stream::OutgoingRecord| {
            let redrive_envelope: Value = serde_json::from_slice(&record.data).unwrap();
            let payload = redrive_envelope["data"]["data_base64"].as_str().unwrap();
            (record.partition_key, STANDARD.decode(payload).unwrap().into())
        };
        self.stream.accepted().into_iter().map(unwrapped).collect()
    }

    /// One field of the data of every redrive envelope in the stream.
    pub(crate) fn redrive_envelope_data(&self, field: &str) -> Vec<Value> {
        let data = |record: &millrace_lambda::record_stream::OutgoingRecord| {
            serde_json::from_slice::<Value>(&record.data).unwrap()["data"][field].clone()
        };
        self.stream.accepted().iter().map(data).collect()
    }
}

/// Key, and what stands in the way.
pub(crate) fn reasons(answer: &Answer) -> Vec<(&str, &str)> {
    let reason = |result: &'_ ObjectResult| !result.error.is_empty();
    answer
        .results
        .iter()
        .filter(|line| reason(line))
        .map(|line| (line.key.as_str(), line.error.as_str()))
        .collect()
}

/// The key and bytes of an event's record.
pub(crate) fn record_of(event: &EventBuilder) -> (String, Bytes) {
    (event.subject().to_owned(), event.bytes())
}

/// A line of the quarantine for this event, with this sequence number.
pub(crate) fn entry(sequence: &str, event: &EventBuilder) -> Value {
    json!({
        "function": "archive", "stream": "events", "shard_id": "shardId-000000000000", "sequence_number": sequence,
        "sub_sequence_number": 0, "element": 0, "reason": "contract", "rule": "is what it is",
        "partition_key": event.subject(), "arrived_at": "2010-12-31T08:26:00.000Z", "part": 1, "parts": 1,
        "data_base64": STANDARD.encode(event.bytes()),
    })
}

/// An entry split into parts.
pub(crate) fn in_parts(entry: &Value, parts: usize) -> Vec<Value> {
    let bytes = STANDARD.decode(entry["data_base64"].as_str().unwrap()).unwrap();
    let chunks = bytes.chunks(bytes.len().div_ceil(parts));
    let part = |(number, chunk): (usize, &[u8])| {
        let mut part = entry.clone();
        part["part"] = number.into();
        part["parts"] = parts.into();
        part["data_base64"] = STANDARD.encode(chunk).into();
        part
    };
    (1..).zip(chunks).map(part).collect()
}

pub(crate) fn text(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

pub(crate) fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

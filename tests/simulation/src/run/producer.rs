//! What producers put becomes records, and what each record holds is noted for the judge.

use std::collections::BTreeMap;

use bytes::Bytes;
use millrace_lambda::kpl::{SubRecord, aggregate};

use crate::plan::{Content, EventSpec, user_key};
use crate::world::{RecordId, Services, Stream, names};

/// What one event's position in a record holds.
#[derive(Clone, Debug, PartialEq)]
pub enum ProducerRecord {
    /// An event.
    Event(EventSpec),
    /// Bytes that are none, rejected for this reason.
    Garbage(&'static str),
}

/// What each record that a producer put holds.
pub type Truths = BTreeMap<RecordId, Vec<ProducerRecord>>;

/// Puts a content into the stream of events, and lets the clock follow what is put.
pub(super) fn put(
    services: &mut Services,
    truths: &mut Truths,
    content: &Content,
    (now_ms, elapsed_ms): (u64, u64),
) {
    let arrived_at_ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
    for event in events(content).iter().filter(|event| event.invalid_reason(arrived_at_ms).is_none()) {
        // No clock of ours is ahead of the stream's.
        services.clock.follow(event.time_ms.min(arrived_at_ms), elapsed_ms);
    }
    let Some(stream) = services.stream_mut(names::EVENTS) else { return };
    match content {
        Content::Plain(event) => {
            let put = vec![ProducerRecord::Event(event.clone())];
            put_one(stream, truths, (&event.key(), &event.key()), event.text().into(), put, now_ms);
        }
        Content::Batch(events) => {
            let Some(key) = events.first().map(EventSpec::key) else { return };
            let texts: Vec<_> = events.iter().map(EventSpec::text).collect();
            let data = format!("[{}]", texts.join(","));
            put_one(stream, truths, (&key, &key), data.into(), producer_records(events), now_ms);
        }
        Content::Aggregate(events) => put_aggregates(stream, truths, events, now_ms),
        Content::Garbage { user, variant } => {
            let (data, reason): (&[u8], _) = match variant % 3 {
                0 => (&[0xff, 0xfe, 0xfd], "not_json"),
                1 => (b"{\"specversion\":\"1.0\",", "not_json"),
                _ => (&[3, 9, 9], "schema_registry_header"),
            };
            let key = user_key(*user);
            let data = Bytes::from_static(data);
            put_one(stream, truths, (&key, &key), data, vec![ProducerRecord::Garbage(reason)], now_ms);
        }
    }
}

fn events(content: &Content) -> &[EventSpec] {
    match content {
        Content::Plain(event) => std::slice::from_ref(event),
        Content::Batch(events) | Content::Aggregate(events) => events,
        Content::Garbage { .. } => &[],
    }
}

/// The producer library aggregates what goes to one shard, and sends it there by an explicit hash key.
fn put_aggregates(stream: &mut Stream, truths: &mut Truths, events: &[EventSpec], now_ms: u64) {
    let mut by_shard: BTreeMap<String, Vec<EventSpec>> = BTreeMap::new();
    for event in events {
        let Some(shard) = stream.shard_of(&event.key()) else { continue };
        by_shard.entry(shard.to_owned()).or_default().push(event.clone());
    }
    for events in by_shard.values() {
        let Some(hash_key) = events.first().map(EventSpec::key) else { continue };
        let sub_record =
            |event: &EventSpec| SubRecord { partition_key: event.key(), data: event.text().into() };
        let data = aggregate(&events.iter().map(sub_record).collect::<Vec<_>>());
        put_one(stream, truths, ("a", &hash_key), data, producer_records(events), now_ms);
    }
}

fn put_one(
    stream: &mut Stream,
    truths: &mut Truths,
    (partition_key, hash_key): (&str, &str),
    data: Bytes,
    put: Vec<ProducerRecord>,
    now_ms: u64,
) {
    if let Ok(id) = stream.put(partition_key, hash_key, data, now_ms) {
        truths.insert(id, put);
    }
}

fn producer_records(events: &[EventSpec]) -> Vec<ProducerRecord> {
    events.iter().cloned().map(ProducerRecord::Event).collect()
}

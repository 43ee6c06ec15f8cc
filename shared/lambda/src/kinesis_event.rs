//! The batch that Lambda hands to a consumer of a Kinesis stream.
//!
//! `aws_lambda_events::kinesis::KinesisEvent` is not used for input: up to version 1.2 it reads the arrival time
//! `1545084650.12` as 12 ms after the second instead of 120, refuses a batch whose arrival times have more than
//! three fraction digits, and copies every payload once more. The answer is its `KinesisEventResponse`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use millrace_domain::bounded_json;
use millrace_domain::decode::truncate;
use millrace_domain::json_object::{JsonObject, json_objects};
use millrace_domain::{SequenceNumber, Shard};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, Visitor};

/// Most bytes of an id that an error quotes.
const QUOTED_LIMIT_BYTES: usize = 200;

/// The records of one batch, in the order of their sequence numbers, all of one shard.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KinesisBatch {
    /// The shard. Its stream's name is empty where the batch does not tell it, its id in a batch without records.
    pub shard: Shard,
    /// The records.
    pub records: Vec<KinesisRecord>,
}

impl KinesisBatch {
    /// The sequence numbers of its first and its last record; `None` in a batch without records.
    pub fn ends(&self) -> [Option<&str>; 2] {
        [self.records.first(), self.records.last()].map(|record| Some(record?.sequence_number.as_str()))
    }
}

/// One record, its payload decoded from base64.
#[derive(Clone, Debug, PartialEq)]
pub struct KinesisRecord {
    /// Its sequence number; what a partial answer names.
    pub sequence_number: SequenceNumber,
    /// The key that it was put under.
    pub partition_key: String,
    /// When the stream took it, in epoch milliseconds.
    pub arrived_at_ms: i64,
    /// The payload.
    pub data: Bytes,
}

#[derive(Deserialize)]
struct WireBatch {
    #[serde(rename = "Records", deserialize_with = "json_objects")]
    records: Vec<WireRecord>,
}

#[derive(Deserialize)]
struct WireRecord {
    #[serde(rename = "eventID")]
    event_id: String,
    #[serde(rename = "eventSourceARN", default)]
    event_source_arn: String,
    kinesis: JsonObject<WirePayload>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WirePayload {
    sequence_number: String,
    /// Absent where the stream's distribution strategy is AUTO; no subject equals the empty key.
    #[serde(default)]
    partition_key: String,
    approximate_arrival_timestamp: f64,
    #[serde(deserialize_with = "decode_base64")]
    data: Bytes,
}

fn decode_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    struct Base64;
    impl Visitor<'_> for Base64 {
        type Value = Bytes;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("base64 text")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Bytes, E> {
            STANDARD.decode(text).map(Bytes::from).map_err(E::custom)
        }
    }
    deserializer.deserialize_str(Base64)
}

impl<'de> Deserialize<'de> for KinesisBatch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let JsonObject(wire) = bounded_json::deserialize::<JsonObject<WireBatch>, _>(deserializer)?;
        fn shard_of(record: &WireRecord) -> Option<&str> {
            record.event_id.split_once(':').map(|(shard, _)| shard)
        }
        let shard_id = match wire.records.first() {
            None => "",
            Some(first) => shard_of(first).ok_or_else(|| {
                let event_id = truncate(&first.event_id, QUOTED_LIMIT_BYTES);
                D::Error::custom(format!("eventID {event_id:?} is not <shard>:<sequence number>"))
            })?,
        };
        let stream =
            wire.records.first().map(|first| stream_name(&first.event_source_arn)).unwrap_or_default();
        let shard = Shard::new(stream, shard_id);
        let is_of_shard = |record: &WireRecord| {
            shard_of(record) == Some(shard_id) && stream_name(&record.event_source_arn) == stream
        };
        if !wire.records.iter().all(is_of_shard) {
            return Err(D::Error::custom("the batch holds records of more than one shard"));
        }
        let records = wire.records.into_iter().map(|record| {
            let JsonObject(kinesis) = record.kinesis;
            Ok(KinesisRecord {
                sequence_number: SequenceNumber::parse(&kinesis.sequence_number).map_err(D::Error::custom)?,
                partition_key: kinesis.partition_key,
                arrived_at_ms: epoch_ms(kinesis.approximate_arrival_timestamp),
                data: kinesis.data,
            })
        });
        Ok(Self { shard, records: records.collect::<Result<_, _>>()? })
    }
}

/// The stream's name in the ARN of a stream, or of a consumer of it with a share of its own; empty where it has none.
pub fn stream_name(arn: &str) -> &str {
    let behind = arn.split_once(":stream/").map(|(_, behind)| behind).unwrap_or_default();
    behind.split('/').next().unwrap_or_default()
}

/// Seconds with a fraction to whole milliseconds. A double holds milliseconds of our times exactly enough to be
/// rounded back.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a float to integer cast saturates, and no arrival time comes near"
)]
fn epoch_ms(seconds: f64) -> i64 {
    (seconds * 1_000.0).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const BATCH: &str = r#"{"Records":[{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"u",
        "sequenceNumber":"49590338271490256608559692538361571095921575989136588898","data":"SGVsbG8=",
        "approximateArrivalTimestamp":1545084650.12},"eventSource":"aws:kinesis",
        "eventID":"shardId-000000000006:49590338271490256608559692538361571095921575989136588898"}]}"#;

    #[test]
    fn a_batch_is_read() {
        let batch: KinesisBatch = serde_json::from_str(BATCH).unwrap();
        let record = batch.records.first().unwrap();
        assert_eq!((batch.shard.id(), record.arrived_at_ms), ("shardId-000000000006", 1_545_084_650_120));
        assert_eq!((record.partition_key.as_str(), &record.data[..]), ("u", &b"Hello"[..]));
    }

    #[test]
    fn a_batch_tells_its_stream_where_its_records_do() {
        let stream =
            |text: &str| serde_json::from_str::<KinesisBatch>(text).unwrap().shard.stream().to_owned();
        assert_eq!(stream(BATCH), "");
        let named = BATCH.replace(
            r#""eventSource":"aws:kinesis""#,
            r#""eventSourceARN":"arn:aws:kinesis:eu-central-1:123456789012:stream/signals""#,
        );
        assert_eq!(stream(&named), "signals");
        assert_eq!(stream(&named.replace("/signals", "/signals/consumer/inventory:1545084650")), "signals");
        assert_eq!(stream(&named.replace(":stream/", ":table/")), "");
    }

    #[test]
    fn what_lambda_would_not_send_is_refused_by_name() {
        let refusal = |old: &str, new: &str| {
            let text = BATCH.replace(old, new);
            serde_json::from_str::<KinesisBatch>(&text).unwrap_err().to_string()
        };
        assert!(refusal("SGVsbG8=", "not base64!").contains("Invalid"));
        assert!(refusal("\"SGVsbG8=\"", "5").contains("expected base64 text"));
        assert!(refusal("shardId-000000000006:", "").contains("<shard>:<sequence number>"));
        let (_, record) = BATCH.split_once('[').unwrap();
        let other = format!("[{},", record.trim_end_matches("]}").replace("000006", "000007"));
        assert!(refusal("[", &other).contains("more than one shard"));
        assert!(serde_json::from_str::<KinesisBatch>("[[]]").is_err(), "an array is no batch");
        assert!(refusal("\"sequenceNumber\":\"4", "\"sequenceNumber\":\"x").contains("sequence number"));
    }
}

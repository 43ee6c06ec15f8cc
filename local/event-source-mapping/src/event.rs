//! The event that a function receives for a batch.

use std::{fmt::Write as _, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{MappingInfo, Record, json};

const EVENT_START: &str = r#"{"Records":["#;
const EVENT_END: &str = "]}";
const BEFORE_PARTITION_KEY: &str = r#"{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":""#;
const BEFORE_SEQUENCE_NUMBER: &str = r#"","sequenceNumber":""#;
const BEFORE_DATA: &str = r#"","data":""#;
const BEFORE_ARRIVAL: &str = r#"","approximateArrivalTimestamp":"#;

/// Writes and measures the events of one shard.
///
/// What is the same for every record is encoded once, here.
#[derive(Clone, Debug)]
pub struct EventFrame {
    mapping: Arc<MappingInfo>,
    shard_id: Arc<str>,
    before_event_id: String,
    after_event_id: String,
}

impl EventFrame {
    /// The frame of a shard.
    pub fn new(mapping: Arc<MappingInfo>, shard_id: Arc<str>) -> Self {
        let mut before_event_id =
            r#"},"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":""#.to_owned();
        json::push_escaped(&mut before_event_id, &shard_id);
        before_event_id.push(':');

        let mut after_event_id = r#"","eventName":"aws:kinesis:record","invokeIdentityArn":"#.to_owned();
        json::push_string(&mut after_event_id, &mapping.invoke_identity_arn);
        after_event_id.push_str(r#","awsRegion":"#);
        json::push_string(&mut after_event_id, &mapping.aws_region);
        after_event_id.push_str(r#","eventSourceARN":"#);
        json::push_string(&mut after_event_id, &mapping.stream_arn);
        after_event_id.push('}');
        Self { mapping, shard_id, before_event_id, after_event_id }
    }

    /// The shard whose events these are.
    pub fn shard_id(&self) -> &Arc<str> {
        &self.shard_id
    }

    /// The mapping whose events these are.
    pub fn mapping(&self) -> &MappingInfo {
        &self.mapping
    }

    /// The event in UTF-8 JSON: `{"Records": [...]}` with base64 data and arrival in seconds [L-KIN].
    pub fn event(&self, records: &[Record]) -> Vec<u8> {
        self.event_text(records).into_bytes()
    }

    /// Size in bytes of the event of `records`, without encoding it.
    pub fn event_size(&self, records: &[Record]) -> usize {
        let commas = records.len().saturating_sub(1);
        Self::empty_event_size()
            + commas
            + records.iter().map(|record| self.record_size(record)).sum::<usize>()
    }

    /// Size in bytes of an event without records.
    pub(crate) fn empty_event_size() -> usize {
        EVENT_START.len() + EVENT_END.len()
    }

    /// Size in bytes that one record takes in an event, without the comma between records.
    pub(crate) fn record_size(&self, record: &Record) -> usize {
        let fixed = BEFORE_PARTITION_KEY.len()
            + BEFORE_SEQUENCE_NUMBER.len()
            + BEFORE_DATA.len()
            + BEFORE_ARRIVAL.len()
            + self.before_event_id.len()
            + self.after_event_id.len();
        let seconds_digits =
            (record.approximate_arrival_ms / 1_000).checked_ilog10().unwrap_or(0) as usize + 1;
        let fraction = ".000".len();
        fixed
            + json::escaped_len(&record.partition_key)
            + 2 * json::escaped_len(&record.sequence_number)
            + record.data.len().div_ceil(3) * 4
            + seconds_digits
            + fraction
    }

    /// The event as text.
    pub(crate) fn event_text(&self, records: &[Record]) -> String {
        let mut out = String::with_capacity(self.event_size(records));
        out.push_str(EVENT_START);
        for (index, record) in records.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            self.push_record(&mut out, record);
        }
        out.push_str(EVENT_END);
        out
    }

    fn push_record(&self, out: &mut String, record: &Record) {
        out.push_str(BEFORE_PARTITION_KEY);
        json::push_escaped(out, &record.partition_key);
        out.push_str(BEFORE_SEQUENCE_NUMBER);
        json::push_escaped(out, &record.sequence_number);
        out.push_str(BEFORE_DATA);
        STANDARD.encode_string(&record.data, out);
        out.push_str(BEFORE_ARRIVAL);
        let (seconds, millis) =
            (record.approximate_arrival_ms / 1_000, record.approximate_arrival_ms % 1_000);
        // Writing to a `String` cannot fail.
        let _ = write!(out, "{seconds}.{millis:03}");
        out.push_str(&self.before_event_id);
        json::push_escaped(out, &record.sequence_number);
        out.push_str(&self.after_event_id);
    }
}

#[cfg(test)]
mod tests {
    use aws_lambda_events::kinesis::KinesisEvent;
    use bytes::Bytes;

    use super::*;

    fn frame() -> EventFrame {
        let mapping = MappingInfo {
            mapping_uuid: "uuid".to_owned(),
            stream_arn: "arn:aws:kinesis:eu-central-1:123456789012:stream/events".to_owned(),
            aws_region: "eu-central-1".to_owned(),
            function_arn: "arn:aws:lambda:eu-central-1:123456789012:function:sessions".to_owned(),
            executed_version: "$LATEST".to_owned(),
            invoke_identity_arn: "arn:aws:iam::123456789012:role/lambda".to_owned(),
        };
        EventFrame::new(Arc::new(mapping), Arc::from("shardId-000000000006"))
    }

    fn record(sequence_number: &str, partition_key: &str, data: &[u8], arrival_ms: u64) -> Record {
        Record {
            sequence_number: sequence_number.to_owned(),
            partition_key: partition_key.to_owned(),
            data: Bytes::copy_from_slice(data),
            approximate_arrival_ms: arrival_ms,
        }
    }

    #[test]
    fn event_has_exactly_the_fields_of_the_lambda_guide() {
        let number = "49590338271490256608559692538361571095921575989136588898";
        let event = frame().event(&[record(number, "1", b"Hello, this is a test.", 1_545_084_650_987)]);
        let expected = serde_json::json!({"Records": [{
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": "1",
                "sequenceNumber": number,
                "data": "SGVsbG8sIHRoaXMgaXMgYSB0ZXN0Lg==",
                "approximateArrivalTimestamp": 1_545_084_650.987
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": format!("shardId-000000000006:{number}"),
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": "arn:aws:iam::123456789012:role/lambda",
            "awsRegion": "eu-central-1",
            "eventSourceARN": "arn:aws:kinesis:eu-central-1:123456789012:stream/events"
        }]});
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&event).unwrap(), expected);
    }

    #[test]
    fn event_is_read_by_the_function_library() {
        let records = [record("1", "a\"b\n", b"\x00\xff", 1_545_084_650_987), record("2", "k", b"", 1_000)];
        let event: KinesisEvent = serde_json::from_slice(&frame().event(&records)).unwrap();
        let read = &event.records[0];
        assert_eq!(read.kinesis.data.0, b"\x00\xff");
        assert_eq!(read.kinesis.partition_key, "a\"b\n");
        assert_eq!(read.kinesis.sequence_number, "1");
        assert_eq!(read.kinesis.approximate_arrival_timestamp.timestamp_millis(), 1_545_084_650_987);
        assert_eq!(read.event_id.as_deref(), Some("shardId-000000000006:1"));
        assert_eq!(event.records.len(), 2);
    }

    #[test]
    fn measured_size_is_the_size_written() {
        let frame = frame();
        let arrivals_ms = [0, 9, 999, 1_000, 9_999, 10_000, 1_545_084_650_987];
        let sample = |(length, arrival_ms): (usize, &u64)| {
            record(&"7".repeat(length + 1), "ä\u{1}\\", &vec![0; length], *arrival_ms)
        };
        let all: Vec<_> = arrivals_ms.iter().enumerate().map(sample).collect();
        for length in 0..=all.len() {
            let records = &all[..length];
            assert_eq!(frame.event_size(records), frame.event(records).len(), "{length} records");
        }
    }
}

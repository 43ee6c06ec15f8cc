//! `RedriveEnvelopeReader::open`: redrive envelopes of redriven records.

use bytes::Bytes;
use millrace_domain::redrive_envelope::{TYPE, read};
use millrace_domain::{Invalid, SequenceNumber, Shard};
use millrace_lambda::KinesisBatch;
use millrace_lambda::kinesis_event::KinesisRecord;
use millrace_lambda::redrive_envelope::{RedriveEnvelopeReader, Redriven, wrap};
use millrace_lambda::schema_registry::INFLATED_LIMIT_BYTES;
use serde_json::Value;

use super::event::{ARRIVED_AT_MS, key_of};
use super::redrive::redriven_of;
use super::{check, model, record};

/// The bytes as a redrive envelope, and as what a redrive envelope holds.
pub(super) fn run(bytes: &[u8]) {
    let key = key_of(bytes);
    match opened(bytes, &key) {
        None => is_none(bytes),
        Some(Err(invalid)) => check::rejection_alone(&invalid, "u"),
        Some(Ok((redriven, payload))) => {
            assert!(redriven.first.arrived_at_ms <= ARRIVED_AT_MS, "it came after its envelope");
            comes_back(&key, &redriven, &payload);
            rewritten(bytes, &key);
        }
    }
    for function in [None, Some("sessions")] {
        comes_back(&key_of(bytes), &redriven_of(bytes, function), bytes);
    }
}

fn opened(payload: &[u8], key: &str) -> Option<Result<(Redriven, Bytes), Invalid>> {
    let (mut left, mut left_again) = (INFLATED_LIMIT_BYTES, INFLATED_LIMIT_BYTES);
    let answer = RedriveEnvelopeReader::default().open(payload, key, ARRIVED_AT_MS, &mut left);
    assert_eq!(answer, RedriveEnvelopeReader::default().open(payload, key, ARRIVED_AT_MS, &mut left_again));
    assert_eq!(left, left_again);
    if let Some(Ok((_, bytes))) = &answer {
        assert!(
            bytes.len() as u64 <= payload.len() as u64 + INFLATED_LIMIT_BYTES - left,
            "more than its budget"
        );
    }
    answer
}

/// An event of the type is never ignored, unless its type is escaped: consumers find it by one scan.
fn is_none(bytes: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return };
    let is_of_type = value.get("type").and_then(Value::as_str) == Some(TYPE);
    let is_written_so = bytes.windows(TYPE.len()).any(|window| window == TYPE.as_bytes());
    assert!(
        !is_of_type || !is_written_so || model::has_a_name_twice(bytes, &value),
        "a redrive envelope is ignored"
    );
}

/// What was read is written, and reads as the same.
fn rewritten(bytes: &[u8], key: &str) {
    let text = std::str::from_utf8(bytes).expect("it was read");
    let redrive_envelope = read(text, key).expect("it was read").expect("it was taken");
    let again = redrive_envelope.write(key);
    assert_eq!(read(&again, key), Some(Ok(redrive_envelope)));
}

/// Wrapped, these bytes come back as they were, also through a batch; and not at all when the redrive envelope is torn.
fn comes_back(key: &str, redriven: &Redriven, bytes: &[u8]) {
    let text = wrap(redriven, key, bytes);
    assert_eq!(wrap(redriven, key, bytes), text);
    let expected = (redriven.clone(), Bytes::copy_from_slice(bytes));
    assert_eq!(opened(text.as_bytes(), key), Some(Ok(expected)));
    assert!(matches!(opened(text.as_bytes(), &format!("{key}x")), Some(Err(_))), "taken under another key");
    for torn in [text.len() / 3, text.len() / 2, text.len() - 1] {
        let answer = opened(&text.as_bytes()[..torn], key);
        assert!(!matches!(answer, Some(Ok(_))), "a redrive envelope torn at byte {torn} is taken");
    }
    let kinesis = KinesisRecord {
        sequence_number: SequenceNumber::parse("7").expect("digits"),
        partition_key: key.to_owned(),
        arrived_at_ms: ARRIVED_AT_MS,
        data: text.into(),
    };
    record::batch(&KinesisBatch {
        shard: Shard::new("events", "shardId-000000000001"),
        records: vec![kinesis],
    });
}

//! `KinesisBatch`: what Lambda hands over.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use millrace_lambda::KinesisBatch;
use serde_json::Value;

use super::record;

pub(super) fn run(bytes: &[u8]) {
    let answer = serde_json::from_slice::<KinesisBatch>(bytes);
    let again = serde_json::from_slice::<KinesisBatch>(bytes);
    let Ok(batch) = answer else {
        assert!(!again.expect_err("it was rejected before").to_string().is_empty());
        return;
    };
    assert_eq!(again.ok().as_ref(), Some(&batch));
    // Values have limits of their own, on numbers and depth, so some texts that are taken are none.
    if let Ok(value) = serde_json::from_slice::<Value>(bytes) {
        as_written(&value, &batch);
    }
    record::batch(&batch);
}

fn as_written(value: &Value, batch: &KinesisBatch) {
    let records = value.get("Records").and_then(Value::as_array).expect("a batch has records");
    assert_eq!(records.len(), batch.records.len());
    for (written, record) in records.iter().zip(&batch.records) {
        let text = |pointer| written.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        assert_eq!(text("/eventID").split_once(':').map(|(shard, _)| shard), Some(batch.shard.id()));
        let stream = text("/eventSourceARN").split(":stream/").nth(1).and_then(|rest| rest.split('/').next());
        assert_eq!(stream.unwrap_or_default(), batch.shard.stream());
        assert_eq!(text("/kinesis/sequenceNumber"), record.sequence_number.as_str());
        assert_eq!(text("/kinesis/partitionKey"), record.partition_key);
        assert_eq!(text("/kinesis/data"), STANDARD.encode(&record.data));
        let seconds = written.pointer("/kinesis/approximateArrivalTimestamp").and_then(Value::as_f64);
        let written_ms = seconds.expect("a record has a time") * 1_000.0;
        // Times that a float to integer cast would saturate do not come.
        if written_ms.abs() < 1e15 {
            assert!((written_ms - to_float(record.arrived_at_ms)).abs() <= 0.5);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "below 2 to the 53rd a double holds every integer")]
fn to_float(ms: i64) -> f64 {
    ms as f64
}

//! Injected faults.

use std::sync::Arc;

use local_firehose::{CallFault, CallInfo, Faults, RecordErrorCode, RecordFault};
use serde_json::json;

use crate::harness::{Harness, LINES, Settings, batch};

/// The first call is throttled, the second loses its answer, and records that say `fail` fail.
struct Script;

impl Faults for Script {
    fn on_call(&self, call: CallInfo<'_>) -> CallFault {
        match call.call {
            1 => CallFault::Throttle,
            2 => CallFault::LoseAnswer,
            _ => CallFault::Accept,
        }
    }

    fn on_record(&self, _: CallInfo<'_>, index: usize, data: &[u8]) -> RecordFault {
        match (data, index % 2) {
            (b"fail", 0) => RecordFault::Fail(RecordErrorCode::InternalFailure),
            (b"fail", _) => RecordFault::Fail(RecordErrorCode::ServiceUnavailableException),
            _ => RecordFault::Accept,
        }
    }
}

#[test]
fn a_throttled_call_takes_nothing_and_a_lost_answer_takes_all() {
    let harness = Harness::with(Settings { faults: Arc::new(Script), ..Settings::default() });
    let (status, body) = harness.put(LINES, &["a"]);
    assert_eq!((status, &body["__type"]), (503, &json!("ServiceUnavailableException")));
    assert_eq!(harness.firehose.stats().records, 0);

    let (status, body) = harness.put(LINES, &["a"]);
    assert_eq!((status, &body["__type"]), (500, &json!("InternalFailure")));
    let stats = harness.firehose.stats();
    assert_eq!((stats.records, stats.requests, stats.refused_requests), (1, 2, 1));
}

#[test]
fn failed_records_are_told_apart_in_the_order_of_the_request() {
    let harness = Harness::with(Settings { faults: Arc::new(Script), ..Settings::default() });
    let _ = (harness.put(LINES, &["throttled"]), harness.put(LINES, &["lost"]));
    let (status, body) = harness.put(LINES, &["fail", "fail", "ok", "ok"]);
    assert_eq!((status, &body["FailedPutCount"], &body["Encrypted"]), (200, &json!(2), &json!(false)));
    let entries = body["RequestResponses"].as_array().unwrap();
    assert_eq!(entries[0]["ErrorCode"], "InternalFailure");
    assert_eq!(entries[1]["ErrorCode"], "ServiceUnavailableException");
    assert!(entries[0].get("RecordId").is_none() && entries[2].get("ErrorCode").is_none());
    assert_ne!(entries[2]["RecordId"], entries[3]["RecordId"]);
    harness.firehose.flush().unwrap();
    assert_eq!(harness.text("lines/lines-000001.jsonl"), "lost\nok\nok\n");
    assert_eq!(harness.firehose.stats().failed_records, 2);
}

#[test]
fn put_record_fails_as_a_call() {
    let harness = Harness::with(Settings { faults: Arc::new(Script), ..Settings::default() });
    let put = |data: &str| {
        let record = &batch(LINES, &[data])["Records"][0];
        harness.call("PutRecord", &json!({ "DeliveryStreamName": LINES, "Record": record }))
    };
    assert_eq!((put("a").0, put("a").0), (503, 500));
    let (status, body) = put("fail");
    assert_eq!((status, &body["__type"]), (500, &json!("InternalFailure")));
    let (status, body) = put("ok");
    assert_eq!((status, body["RecordId"].is_string(), &body["Encrypted"]), (200, true, &json!(false)));
}

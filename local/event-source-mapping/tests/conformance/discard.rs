//! What is discarded, and what the on-failure destination receives.

use aws_lambda_events::kinesis::KinesisEvent;
use bytes::Bytes;
use event_source_mapping::{Action, Condition, Outcome, Settings};

use crate::harness::{
    ONE_LANE_KEY, SHARD_ID, SUCCESS, discarded, done_through, failure_record, invocation, mapping_info,
    numbers, push, push_record, record, run, sequence_number, settings, shard,
};

const MINUTE_MS: u64 = 60_000;
const NOVEMBER_2019_MS: u64 = 1_573_691_886_021;

fn with_maximum_record_age() -> Settings {
    Settings { maximum_record_age_ms: Some(MINUTE_MS), ..settings() }
}

// [L-PAR]: the maximum age of a record that is sent to the function.
#[test]
fn records_over_age_are_discarded_before_their_first_invocation() {
    let mut shard = shard(with_maximum_record_age());
    push_record(&mut shard, record(1, ONE_LANE_KEY, 0), 10);
    push_record(&mut shard, record(2, ONE_LANE_KEY, 0), 10);
    push_record(&mut shard, record(3, ONE_LANE_KEY, 1), 10);
    let discard = discarded(&mut shard, MINUTE_MS + 1);
    assert_eq!(numbers(&discard.records), [1, 2]);
    assert_eq!(discard.condition, Condition::RecordAgeExceeded);
    assert_eq!(done_through(&shard), Some(2));

    let (_, body) = failure_record(&discard, MINUTE_MS + 1);
    assert_eq!(body["requestContext"]["condition"], "RecordAgeExceeded");
    assert_eq!(body["requestContext"]["approximateInvokeCount"], 0);
    assert!(body.get("responseContext").is_none());
    assert!(body["payload"].is_string());
    run(&mut shard, MINUTE_MS + 1, &[3], SUCCESS);
}

#[test]
fn record_exactly_at_the_maximum_age_is_sent() {
    let mut shard = shard(with_maximum_record_age());
    push(&mut shard, 1..=1, 0);
    run(&mut shard, MINUTE_MS, &[1], SUCCESS);
}

// [L-OF]: retried until the records exceed the maximum age; throttles too.
#[test]
fn only_records_over_age_are_discarded_between_attempts() {
    for outcome in [Outcome::FunctionError, Outcome::NotInvoked] {
        let backoff = Settings {
            backoff_initial_ms: MINUTE_MS,
            backoff_max_ms: MINUTE_MS,
            ..with_maximum_record_age()
        };
        let mut shard = shard(backoff);
        push_record(&mut shard, record(1, ONE_LANE_KEY, 0), 0);
        push_record(&mut shard, record(2, ONE_LANE_KEY, 500), 500);
        run(&mut shard, 500, &[1, 2], outcome);
        // The wait ends when the first record is over age, not only when the pause is over.
        assert!(matches!(shard.poll(MINUTE_MS), Action::WaitUntil(time_ms) if time_ms == MINUTE_MS + 1));
        let discard = discarded(&mut shard, MINUTE_MS + 1);
        assert_eq!(numbers(&discard.records), [1]);
        run(&mut shard, MINUTE_MS + 500, &[2], SUCCESS);
    }
}

#[test]
fn pause_of_a_batch_over_age_does_not_hold_back_the_next() {
    let backoff =
        Settings { backoff_initial_ms: MINUTE_MS, backoff_max_ms: MINUTE_MS, ..with_maximum_record_age() };
    let mut shard = shard(Settings { batch_size: 1, ..backoff });
    push(&mut shard, 1..=1, 0);
    run(&mut shard, 500, &[1], Outcome::FunctionError);
    push(&mut shard, 2..=2, 500);
    assert_eq!(numbers(&discarded(&mut shard, MINUTE_MS + 1).records), [1]);
    run(&mut shard, MINUTE_MS + 1, &[2], SUCCESS);
}

#[test]
fn invocation_in_flight_is_not_discarded_for_its_age() {
    let mut shard = shard(with_maximum_record_age());
    push(&mut shard, 1..=1, 0);
    let slow = invocation(&mut shard, 0);
    assert!(matches!(shard.poll(2 * MINUTE_MS), Action::WaitForInvocations));
    shard.complete(slow.token, SUCCESS, 2 * MINUTE_MS).unwrap();
    assert_eq!(done_through(&shard), Some(1));
}

#[test]
fn failure_record_of_old_records_holds_at_most_one_batch() {
    let mut shard = shard(Settings { batch_size: 2, ..with_maximum_record_age() });
    push(&mut shard, 1..=3, 0);
    assert_eq!(numbers(&discarded(&mut shard, 2 * MINUTE_MS).records), [1, 2]);
    assert_eq!(numbers(&discarded(&mut shard, 2 * MINUTE_MS).records), [3]);
}

// [K-LARGE]: a record above the limit is never invoked; the destination receives its metadata.
#[test]
fn oversized_record_goes_to_the_destination_and_its_neighbours_are_sent() {
    let mut shard = shard(Settings { payload_limit_bytes: 2_000, batching_window_ms: 1_000, ..settings() });
    push(&mut shard, 1..=1, 0);
    let mut large = record(2, ONE_LANE_KEY, 0);
    large.data = Bytes::from(vec![0; 1_500]);
    push_record(&mut shard, large, 0);
    push(&mut shard, 3..=3, 0);

    run(&mut shard, 0, &[1], SUCCESS);
    let discard = discarded(&mut shard, 0);
    assert_eq!(numbers(&discard.records), [2]);
    assert_eq!(discard.condition, Condition::PayloadSizeExceeded);
    let (_, body) = failure_record(&discard, 0);
    assert!(body.get("payload").is_none());
    assert_eq!(body["KinesisBatchInfo"]["startSequenceNumber"], sequence_number(2));
    run(&mut shard, 1_000, &[3], SUCCESS);
    assert_eq!(done_through(&shard), Some(3));
}

// [L-OF]: all fields of KinesisBatchInfo are always present; S3 objects add the payload.
#[test]
fn failure_record_has_the_shape_and_key_of_an_s3_destination() {
    let now_ms = NOVEMBER_2019_MS;
    let mut shard = shard(Settings { maximum_retry_attempts: Some(0), ..settings() });
    push_record(&mut shard, record(1, "a\"b", now_ms - 1_186), now_ms);
    push_record(&mut shard, record(2, "a\"b", now_ms - 441), now_ms);
    let invocation = invocation(&mut shard, now_ms);
    shard.complete(invocation.token, Outcome::FunctionError, now_ms).unwrap();
    let discard = discarded(&mut shard, now_ms);
    let (written, body) = failure_record(&discard, now_ms);

    let mapping = mapping_info();
    let payload = String::from_utf8(invocation.event()).unwrap();
    let expected = serde_json::json!({
        "requestContext": {
            "requestId": *invocation.request_id,
            "functionArn": mapping.function_arn,
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 1
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "2019-11-14T00:38:06.021Z",
        "KinesisBatchInfo": {
            "shardId": SHARD_ID,
            "startSequenceNumber": sequence_number(1),
            "endSequenceNumber": sequence_number(2),
            "approximateArrivalOfFirstRecord": "2019-11-14T00:38:04.835Z",
            "approximateArrivalOfLastRecord": "2019-11-14T00:38:05.580Z",
            "batchSize": 2,
            "streamArn": mapping.stream_arn
        },
        "payload": payload
    });
    assert_eq!(body, expected);
    let event: KinesisEvent = serde_json::from_str(body["payload"].as_str().unwrap()).unwrap();
    assert_eq!(event.records.len(), 2);

    let uuid = &mapping.mapping_uuid;
    let prefix = format!("aws/lambda/{uuid}/{SHARD_ID}/2019/11/14/2019-11-14T00.38.06-");
    assert_eq!(written.key.strip_prefix(&prefix).map(str::len), Some(36));
    assert_eq!(failure_record(&discard, now_ms).0, written);
    assert_ne!(failure_record(&discard, now_ms + 1).0.key, written.key);
}

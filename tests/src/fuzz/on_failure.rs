//! Objects of the on-failure destination, as redrive reads them.

use std::sync::Arc;

use bytes::Bytes;
use event_source_mapping::{Action, MappingInfo, Outcome, Record, Settings, Shard};
use millrace_lambda::kpl::deaggregate;
use redrive::DeadLetters;

use super::event::ARRIVED_AT_MS;
use super::redrive::{Back, is_redrive_envelope, redriven, redriven_of};

const KEY: &str = "u \u{1}\"é";

/// The bytes as an object, and as a record in an object that the mapping writes.
pub(super) fn run(bytes: &[u8]) {
    let sound = discarded(b"sound");
    let (answer, back) = redriven(DeadLetters::OnFailure, &[Bytes::copy_from_slice(bytes), sound.clone()]);
    assert_eq!(back.last().map(|back| &back.bytes[..]), Some(&b"sound"[..]), "{answer:?}");
    assert!(
        back.iter().all(|back| back.redriven.target_function.is_some()),
        "a failed batch is for its function"
    );
    // Every record takes more of an object than this, but for those of aggregates.
    assert!(back.len() <= bytes.len() + 1);

    let data = Bytes::copy_from_slice(bytes);
    let mut expected = redriven_of(bytes, Some("archive"));
    expected.first.position.sub_sequence = 0;
    expected.first.position.element = 0;
    let object = discarded(bytes);
    if deaggregate(&data).is_none() && !is_redrive_envelope(KEY, &expected, &data) {
        let (answer, back) = redriven(DeadLetters::OnFailure, std::slice::from_ref(&object));
        let whole = Back { partition_key: KEY.to_owned(), redriven: expected, bytes: data };
        assert_eq!((answer.done, back), (1, vec![whole]));
    }
    let torn = object.slice(..object.len() - 1 - bytes.len() % (object.len() - 1));
    let (answer, back) = redriven(DeadLetters::OnFailure, &[torn, sound]);
    assert_eq!((answer.not_done, answer.done, back.len()), (1, 1, 1));
}

/// What the mapping writes when the only record of a batch outlives its attempts.
fn discarded(data: &[u8]) -> Bytes {
    let arn = |service: &str, name: &str| format!("arn:aws:{service}:eu-central-1:123456789012:{name}");
    let info = MappingInfo {
        mapping_uuid: "7d5a2f4e-0000-4000-8000-000000000001".to_owned(),
        stream_arn: arn("kinesis", "stream/events"),
        aws_region: "eu-central-1".to_owned(),
        function_arn: arn("lambda", "function:archive:live"),
        executed_version: "$LATEST".to_owned(),
        invoke_identity_arn: "arn:aws:iam::123456789012:role/lambda".to_owned(),
    };
    let settings =
        Settings { report_batch_item_failures: true, maximum_retry_attempts: Some(0), ..Settings::default() };
    let at_ms = ARRIVED_AT_MS.unsigned_abs();
    let mut shard = Shard::new(settings, Arc::new(info), "shardId-000000000000").expect("settings are sound");
    let record = Record {
        sequence_number: data.len().to_string(),
        partition_key: KEY.to_owned(),
        data: Bytes::copy_from_slice(data),
        approximate_arrival_ms: at_ms,
    };
    shard.push(record, at_ms).expect("a record");
    let Action::Invoke(invocation) = shard.poll(at_ms) else { unreachable!("a record is there") };
    shard.complete(invocation.token, Outcome::FunctionError, at_ms).expect("it runs");
    let Action::Discard(discarded) = shard.poll(at_ms) else { unreachable!("no attempt is left") };
    discarded.failure_record(at_ms).expect("a time of this century").body.into()
}

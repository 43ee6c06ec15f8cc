//! When a batch is taken.

use event_source_mapping::{Action, PushError, Settings};

use crate::harness::{
    SUCCESS, done_through, invocation, mapping_info, numbers, push, push_record, record, run,
    sequence_number, settings, shard,
};

// [L-KIN]: invoke when the batch is full.
#[test]
fn batch_is_sent_when_batch_size_is_reached() {
    let mut shard = shard(Settings { batch_size: 3, batching_window_ms: 1_000, ..settings() });
    push(&mut shard, 1..=2, 0);
    assert!(matches!(shard.poll(0), Action::WaitUntil(1_000)));
    push(&mut shard, 3..=4, 0);
    run(&mut shard, 0, &[1, 2, 3], SUCCESS);
    assert!(matches!(shard.poll(0), Action::WaitUntil(1_000)));
}

// [L-KIN]: invoke when the window is over.
#[test]
fn batch_is_sent_when_its_window_is_over() {
    let mut shard = shard(Settings { batching_window_ms: 1_000, ..settings() });
    push(&mut shard, 1..=1, 100);
    push(&mut shard, 2..=2, 900);
    assert!(matches!(shard.poll(1_099), Action::WaitUntil(1_100)));
    run(&mut shard, 1_100, &[1, 2], SUCCESS);
}

#[test]
fn window_restarts_with_the_first_record_of_the_next_batch() {
    let mut shard = shard(Settings { batch_size: 2, batching_window_ms: 1_000, ..settings() });
    push(&mut shard, 1..=1, 0);
    push(&mut shard, 2..=3, 400);
    run(&mut shard, 400, &[1, 2], SUCCESS);
    assert!(matches!(shard.poll(1_399), Action::WaitUntil(1_400)));
    run(&mut shard, 1_400, &[3], SUCCESS);
    assert!(matches!(shard.poll(1_400), Action::WaitForRecords));
    push(&mut shard, 4..=4, 5_000);
    assert!(matches!(shard.poll(5_000), Action::WaitUntil(6_000)));
}

// [L-PAR]: the default window is 0.
#[test]
fn without_a_window_whatever_is_there_is_sent() {
    let mut shard = shard(settings());
    push(&mut shard, 1..=1, 0);
    let first = invocation(&mut shard, 0);
    push(&mut shard, 2..=5, 0);
    assert!(matches!(shard.poll(0), Action::WaitForInvocations));
    shard.complete(first.token, SUCCESS, 0).unwrap();
    run(&mut shard, 0, &[2, 3, 4, 5], SUCCESS);
}

// [L-KIN], [K-LARGE]: invoke when the payload limit is reached, counted with base64 and metadata.
#[test]
fn batch_is_sent_when_the_payload_limit_is_reached() {
    let mut probe = shard(settings());
    push(&mut probe, 1..=2, 0);
    let size_of_two_bytes = invocation(&mut probe, 0).event().len();

    let limits = [(size_of_two_bytes, vec![1, 2]), (size_of_two_bytes - 1, vec![1])];
    for (payload_limit_bytes, sent) in limits {
        let mut shard = shard(Settings { payload_limit_bytes, batching_window_ms: 1_000, ..settings() });
        push(&mut shard, 1..=3, 0);
        let invocation = invocation(&mut shard, 0);
        assert_eq!(numbers(&invocation.records), sent);
        assert!(invocation.event().len() <= payload_limit_bytes);
    }
}

#[test]
fn rest_is_sent_at_once_when_the_shard_ends() {
    let mut shard = shard(Settings { batching_window_ms: 60_000, ..settings() });
    push(&mut shard, 1..=2, 0);
    shard.close();
    let last = invocation(&mut shard, 0);
    assert_eq!(numbers(&last.records), [1, 2]);
    assert!(matches!(shard.poll(0), Action::WaitForInvocations));
    shard.complete(last.token, SUCCESS, 0).unwrap();
    assert!(matches!(shard.poll(0), Action::Finished(_)));
    assert_eq!(done_through(&shard), Some(2));
}

#[test]
fn buffered_counts_records_until_they_are_done() {
    let mut shard = shard(Settings { batch_size: 2, ..settings() });
    push(&mut shard, 1..=3, 0);
    let first = invocation(&mut shard, 0);
    assert_eq!(shard.buffered(), 3);
    shard.complete(first.token, SUCCESS, 0).unwrap();
    assert_eq!(shard.buffered(), 1);
    assert_eq!(done_through(&shard), Some(2));
}

// [BC-KIN]: sequence numbers increase within a shard.
#[test]
fn records_out_of_order_or_after_the_end_are_refused() {
    let mut shard = shard(settings());
    push(&mut shard, [2, 2], 0);
    let error = shard.push(record(1, "key", 0), 0).unwrap_err();
    let (sequence_number, previous) = (sequence_number(1), sequence_number(2));
    assert_eq!(error, PushError::OutOfOrder { sequence_number, previous });

    let mut unnumbered = record(3, "key", 0);
    unnumbered.sequence_number = "LATEST".to_owned();
    let error = shard.push(unnumbered, 0).unwrap_err();
    assert_eq!(error, PushError::NotASequenceNumber { value: "LATEST".to_owned() });

    shard.close();
    assert!(matches!(shard.push(record(3, "key", 0), 0), Err(PushError::Closed { .. })));
}

#[test]
fn settings_out_of_range_are_refused() {
    let settings = Settings { batch_size: 0, ..settings() };
    assert!(event_source_mapping::Shard::new(settings, mapping_info(), "shardId-0").is_err());
}

// De-aggregated sub-records share their container's sequence number.
#[test]
fn the_shard_is_done_through_a_sequence_number_only_with_all_its_records() {
    let mut shard = shard(Settings { batch_size: 2, ..settings() });
    for number in [1, 2, 2] {
        push_record(&mut shard, record(number, "key", 0), 0);
    }
    run(&mut shard, 0, &[1, 2], SUCCESS);
    assert_eq!(done_through(&shard), Some(1));
    run(&mut shard, 0, &[2], SUCCESS);
    assert_eq!(done_through(&shard), Some(2));
}

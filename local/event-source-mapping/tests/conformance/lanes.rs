//! Parallelization within a shard.

use std::collections::BTreeMap;

use event_source_mapping::{Action, Invocation, Outcome, Settings, Shard};

use crate::harness::{SUCCESS, done_through, invocation, numbers, push_record, record, settings, shard};

fn with_lanes(parallelization_factor: usize) -> Settings {
    Settings { parallelization_factor, ..settings() }
}

/// A key of each lane, found by asking the shard.
fn key_of_each_lane(settings: &Settings) -> Vec<String> {
    let mut keys: BTreeMap<usize, String> = BTreeMap::new();
    for candidate in 0..1_000 {
        let key = format!("key-{candidate}");
        let mut probe = shard(settings.clone());
        push_record(&mut probe, record(1, &key, 0), 0);
        keys.entry(invocation(&mut probe, 0).lane).or_insert(key);
    }
    assert_eq!(keys.len(), settings.parallelization_factor);
    keys.into_values().collect()
}

fn invoke_all(shard: &mut Shard, now_ms: u64) -> Vec<Invocation> {
    std::iter::from_fn(|| match shard.poll(now_ms) {
        Action::Invoke(invocation) => Some(invocation),
        _ => None,
    })
    .collect()
}

// [L-KIN]: up to ten concurrent batches per shard, in order of the partition key.
#[test]
fn a_key_keeps_its_lane_and_its_order() {
    let settings = with_lanes(4);
    let keys = key_of_each_lane(&settings);
    let mut shard = shard(settings);
    for (number, key) in (1..=40).zip(keys.iter().cycle()) {
        push_record(&mut shard, record(number, key, 0), 0);
    }
    let invocations = invoke_all(&mut shard, 0);
    assert_eq!(invocations.iter().map(|invocation| invocation.lane).collect::<Vec<_>>(), [0, 1, 2, 3]);
    for invocation in &invocations {
        assert_eq!(invocation.records.len(), 10);
        assert!(numbers(&invocation.records).is_sorted());
        assert!(invocation.records.iter().all(|record| record.partition_key == keys[invocation.lane]));
    }
    assert!(matches!(shard.poll(0), Action::WaitForInvocations));
}

#[test]
fn each_lane_has_one_batch_in_flight() {
    let settings = Settings { batch_size: 1, ..with_lanes(2) };
    let keys = key_of_each_lane(&settings);
    let mut shard = shard(settings);
    for number in 1..=4 {
        push_record(&mut shard, record(number, &keys[0], 0), 0);
    }
    push_record(&mut shard, record(5, &keys[1], 0), 0);
    let invocations = invoke_all(&mut shard, 0);
    let sent: Vec<_> = invocations.iter().map(|invocation| numbers(&invocation.records)).collect();
    assert_eq!(sent, [[1], [5]]);
}

// One lane blocks, as a whole; the others go on, and the shard is done through no record behind it.
#[test]
fn a_failing_lane_holds_back_no_other_lane() {
    let settings = with_lanes(2);
    let keys = key_of_each_lane(&settings);
    let mut shard = shard(settings);
    for (number, key) in (1..=6).zip(keys.iter().rev().cycle()) {
        push_record(&mut shard, record(number, key, 0), 0);
    }
    let invocations = invoke_all(&mut shard, 0);
    shard.complete(invocations[0].token, Outcome::FunctionError, 0).unwrap();
    shard.complete(invocations[1].token, SUCCESS, 0).unwrap();
    assert_eq!(done_through(&shard), Some(1));
    assert_eq!(shard.buffered(), 3);

    push_record(&mut shard, record(7, &keys[1], 0), 0);
    let next = invocation(&mut shard, 0);
    assert_eq!((next.lane, numbers(&next.records)), (1, vec![7]));
    shard.complete(next.token, SUCCESS, 0).unwrap();
    assert_eq!(done_through(&shard), Some(1));

    let retried = invocation(&mut shard, 1);
    assert_eq!(numbers(&retried.records), [2, 4, 6]);
    shard.complete(retried.token, SUCCESS, 1).unwrap();
    assert_eq!(done_through(&shard), Some(7));
}

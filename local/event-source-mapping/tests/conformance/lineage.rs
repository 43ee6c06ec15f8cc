//! Shards of a stream that was split and merged.

use event_source_mapping::{Action, Mapping, MappingError, ShardInfo};

use crate::harness::{SUCCESS, mapping_info, record, settings};

fn mapping(shards: &[(&str, &[&str])]) -> Mapping {
    let mut mapping = Mapping::new(settings(), mapping_info()).unwrap_or_else(|error| panic!("{error}"));
    for (shard_id, parent_ids) in shards {
        assert!(mapping.add_shard(info(shard_id, parent_ids)));
    }
    mapping
}

fn info(shard_id: &str, parent_ids: &[&str]) -> ShardInfo {
    ShardInfo {
        shard_id: shard_id.to_owned(),
        parent_ids: parent_ids.iter().map(|id| (*id).to_owned()).collect(),
    }
}

fn start_all(mapping: &mut Mapping) -> Vec<String> {
    std::iter::from_fn(|| mapping.start_next()).map(|shard_id| shard_id.to_string()).collect()
}

// [K-RESHARD]: children read before the parent is drained break the order of a key.
#[test]
fn children_start_when_their_parent_is_drained_and_not_when_it_ends() {
    let mut mapping = mapping(&[("1", &["0"]), ("2", &["0"]), ("0", &[])]);
    assert_eq!(start_all(&mut mapping), ["0"]);
    let parent = mapping.shard_mut("0").unwrap();
    parent.push(record(1, "key", 0), 0).unwrap();
    parent.close();

    let Some(Action::Invoke(invocation)) = mapping.poll(0) else { panic!("nothing to invoke") };
    assert_eq!(&**invocation.shard_id(), "0");
    assert!(start_all(&mut mapping).is_empty());
    assert!(matches!(mapping.poll(0), Some(Action::WaitForInvocations)));

    mapping.shard_mut("0").unwrap().complete(invocation.token, SUCCESS, 0).unwrap();
    assert!(start_all(&mut mapping).is_empty());
    assert!(matches!(mapping.poll(0), Some(Action::Finished(shard_id)) if &*shard_id == "0"));
    assert_eq!(start_all(&mut mapping), ["1", "2"]);
}

#[test]
fn merged_shard_waits_for_both_parents() {
    let mut mapping = mapping(&[("0", &[]), ("1", &[]), ("2", &["0", "1"])]);
    assert_eq!(start_all(&mut mapping), ["0", "1"]);
    for parent_id in ["0", "1"] {
        assert!(start_all(&mut mapping).is_empty());
        mapping.shard_mut(parent_id).unwrap().close();
        assert!(matches!(mapping.poll(0), Some(Action::Finished(shard_id)) if &*shard_id == parent_id));
    }
    assert_eq!(start_all(&mut mapping), ["2"]);
}

#[test]
fn unknown_parents_hold_nothing_back() {
    assert_eq!(start_all(&mut mapping(&[("4", &["2", "3"])])), ["4"]);
}

#[test]
fn finished_shard_disappears_and_is_not_started_again() {
    let mut mapping = mapping(&[("0", &[]), ("1", &["0"])]);
    mapping.finish("0");
    assert!(!mapping.add_shard(info("0", &[])));
    assert_eq!(start_all(&mut mapping), ["1"]);
    assert!(!mapping.add_shard(info("1", &["0"])));
    assert!(start_all(&mut mapping).is_empty());

    mapping.shard_mut("1").unwrap().close();
    assert!(matches!(mapping.poll(0), Some(Action::Finished(_))));
    assert!(mapping.poll(0).is_none());
    assert!(!mapping.add_shard(info("1", &["0"])));
    assert_eq!(mapping.shard_ids().count(), 0);
}

#[test]
fn shards_that_cannot_be_used_are_named() {
    let mut mapping = mapping(&[("0", &[]), ("1", &["0"])]);
    mapping.finish("0");
    assert!(matches!(mapping.shard_mut("0"), Err(MappingError::Finished { .. })));
    assert!(matches!(mapping.shard_mut("1"), Err(MappingError::NotStarted { .. })));
    assert!(matches!(mapping.shard("2"), Err(MappingError::UnknownShard { .. })));
}

#[test]
fn all_shards_are_polled_and_the_earliest_time_wins() {
    let settings = event_source_mapping::Settings { batching_window_ms: 100, ..settings() };
    let mut mapping = Mapping::new(settings, mapping_info()).unwrap();
    for shard_id in ["0", "1", "2"] {
        mapping.add_shard(info(shard_id, &[]));
    }
    start_all(&mut mapping);
    assert!(matches!(mapping.poll(0), Some(Action::WaitForRecords)));
    mapping.shard_mut("1").unwrap().push(record(1, "key", 0), 70).unwrap();
    mapping.shard_mut("2").unwrap().push(record(1, "key", 0), 50).unwrap();
    assert!(matches!(mapping.poll(50), Some(Action::WaitUntil(150))));
    let Some(Action::Invoke(invocation)) = mapping.poll(150) else { panic!("nothing to invoke") };
    assert_eq!(&**invocation.shard_id(), "2");
    assert!(matches!(mapping.poll(150), Some(Action::WaitUntil(170))));
}

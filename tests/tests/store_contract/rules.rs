//! What every adapter does.

use millrace_lambda::Deadline;
use millrace_lambda::ports::{Commit, Read, Store, Stored, Write};

use crate::stores::{Emulator, ITEM_LIMIT_BYTES, Note, in_memory, stored, write};

/// Each rule runs against each adapter.
macro_rules! rules {
    ($($rule:ident),+ $(,)?) => {
        mod in_memory_store {
            $(#[tokio::test]
            async fn $rule() {
                super::$rule(&super::in_memory()).await;
            })+
        }
        mod dynamodb_store {
            $(#[tokio::test]
            async fn $rule() {
                let emulator = super::Emulator::start().await;
                super::$rule(&emulator.store()).await;
            })+
        }
    };
}

rules!(
    a_key_without_an_item_is_absent,
    an_inserted_item_reads_back_as_it_was_written,
    reads_answer_in_the_order_of_their_keys,
    an_update_at_the_right_version_is_written,
    an_update_at_another_version_conflicts_with_the_item_that_is_there,
    an_update_of_an_absent_key_conflicts_with_nothing,
    an_insert_of_a_present_key_conflicts_with_the_item_that_is_there,
    an_attribute_that_is_absent_from_the_new_state_is_removed,
    one_conflict_among_many_is_alone,
    an_item_too_large_is_rejected_alone,
    an_item_too_large_at_another_version_conflicts,
    nothing_is_asked_for_no_keys,
);

async fn read(store: &impl Store<Note>, key: &str) -> Read<Note> {
    store.read(&[key], Deadline::NONE).await.pop().unwrap()
}

async fn commit(store: &impl Store<Note>, write: Write<'_, Note>) -> Commit<Note> {
    store.commit(&[write], Deadline::NONE).await.pop().unwrap()
}

async fn insert(store: &impl Store<Note>, key: &str, item: &Stored<Note>) {
    assert_eq!(commit(store, write(key, None, item)).await, Commit::Committed);
}

async fn a_key_without_an_item_is_absent(store: &impl Store<Note>) {
    assert_eq!(read(store, "u").await, Read::Absent);
}

async fn an_inserted_item_reads_back_as_it_was_written(store: &impl Store<Note>) {
    let mut item = stored(1_291_191_960_000, "with \"quotes\", ümlauts and 'apostrophes'");
    item.state.session = Some(vec![0, u64::MAX]);
    insert(store, "u#1 'x' \"y\"", &item).await;
    assert_eq!(read(store, "u#1 'x' \"y\"").await, Read::Found(item));
}

async fn reads_answer_in_the_order_of_their_keys(store: &impl Store<Note>) {
    let (first, second) = (stored(1, "first"), stored(1, "second"));
    insert(store, "b", &first).await;
    insert(store, "a", &second).await;
    let reads = store.read(&["a", "none", "b"], Deadline::NONE).await;
    assert_eq!(reads, [Read::Found(second), Read::Absent, Read::Found(first)]);
}

async fn an_update_at_the_right_version_is_written(store: &impl Store<Note>) {
    insert(store, "u", &stored(1, "old")).await;
    let new = stored(2, "new");
    assert_eq!(commit(store, write("u", Some(1), &new)).await, Commit::Committed);
    assert_eq!(read(store, "u").await, Read::Found(new));
}

async fn an_update_at_another_version_conflicts_with_the_item_that_is_there(store: &impl Store<Note>) {
    let present = stored(2, "present");
    insert(store, "u", &present).await;
    let answer = commit(store, write("u", Some(1), &stored(2, "other"))).await;
    assert_eq!(answer, Commit::Conflict(Read::Found(present.clone())));
    assert_eq!(read(store, "u").await, Read::Found(present));
}

async fn an_update_of_an_absent_key_conflicts_with_nothing(store: &impl Store<Note>) {
    let answer = commit(store, write("u", Some(1), &stored(2, "new"))).await;
    assert_eq!(answer, Commit::Conflict(Read::Absent));
    assert_eq!(read(store, "u").await, Read::Absent);
}

async fn an_insert_of_a_present_key_conflicts_with_the_item_that_is_there(store: &impl Store<Note>) {
    let present = stored(1, "present");
    insert(store, "u", &present).await;
    let answer = commit(store, write("u", None, &stored(1, "other"))).await;
    assert_eq!(answer, Commit::Conflict(Read::Found(present)));
}

async fn an_attribute_that_is_absent_from_the_new_state_is_removed(store: &impl Store<Note>) {
    let mut open = stored(1, "open");
    open.state.session = Some(vec![1, 2, 3]);
    insert(store, "u", &open).await;
    let closed = stored(2, "closed");
    assert_eq!(commit(store, write("u", Some(1), &closed)).await, Commit::Committed);
    assert_eq!(read(store, "u").await, Read::Found(closed));
}

async fn one_conflict_among_many_is_alone(store: &impl Store<Note>) {
    let keys: Vec<_> = (0..60).map(|index| format!("user-{index}")).collect();
    let present = stored(9, "present");
    insert(store, "user-31", &present).await;
    let item = stored(1, "new");
    let writes: Vec<_> = keys.iter().map(|key| write(key, None, &item)).collect();
    for (index, answer) in store.commit(&writes, Deadline::NONE).await.into_iter().enumerate() {
        match index {
            31 => assert_eq!(answer, Commit::Conflict(Read::Found(present.clone()))),
            _ => assert_eq!(answer, Commit::Committed, "{index}"),
        }
    }
}

async fn an_item_too_large_is_rejected_alone(store: &impl Store<Note>) {
    insert(store, "grown", &stored(1, "small")).await;
    let (large, small) = (stored(2, &"x".repeat(ITEM_LIMIT_BYTES + 1)), stored(2, "small"));
    let writes = [
        write("a", None, &small),
        write("new", None, &large),
        write("grown", Some(1), &large),
        write("b", None, &small),
    ];
    let answers = store.commit(&writes, Deadline::NONE).await;
    assert!(
        matches!(
            &answers[..],
            [Commit::Committed, Commit::Rejected(_), Commit::Rejected(_), Commit::Committed]
        ),
        "{answers:?}"
    );
    assert_eq!(read(store, "new").await, Read::Absent);
    assert_eq!(read(store, "grown").await, Read::Found(stored(1, "small")));
    assert_eq!(read(store, "b").await, Read::Found(small));
}

async fn nothing_is_asked_for_no_keys(store: &impl Store<Note>) {
    assert_eq!(store.read(&[], Deadline::NONE).await, []);
    assert_eq!(store.commit(&[], Deadline::NONE).await, []);
}

async fn an_item_too_large_at_another_version_conflicts(store: &impl Store<Note>) {
    let present = stored(2, "present");
    insert(store, "u", &present).await;
    let large = stored(2, &"x".repeat(ITEM_LIMIT_BYTES + 1));
    assert_eq!(commit(store, write("u", Some(1), &large)).await, Commit::Conflict(Read::Found(present)));
}

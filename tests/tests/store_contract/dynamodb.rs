//! What only the real adapter can show: requests, capacity units, and a table that cannot be reached.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use millrace_aws::DynamoStore;
use millrace_aws::dynamodb::{FORMAT, KEY, LEDGER, VERSION};
use millrace_domain::ledger::{self, LedgerSettings};
use millrace_domain::session::{SessionSettings, SessionState};
use millrace_lambda::ports::{Commit, Read, Store};
use millrace_lambda::stateful::Stateful;
use millrace_lambda::{Batch, Deadline, KinesisBatch, Meter};
use millrace_testkit::{BatchBuilder, Journal, MemorySignals, MemorySink, MemoryStore, event};

use crate::stores::{Emulator, Note, TABLE, client, stored, write};

#[tokio::test]
async fn three_hundred_and_forty_five_keys_take_four_reads_and_fourteen_writes() {
    let emulator = Emulator::start().await;
    let store = emulator.store::<Note>();
    let keys: Vec<_> = (0..345).map(|index| format!("user-{index:03}")).collect();
    let names: Vec<_> = keys.iter().map(String::as_str).collect();

    assert!(store.read(&names, Deadline::NONE).await.iter().all(|read| *read == Read::Absent));
    assert_eq!(emulator.meter.take().read_requests, 4);

    let (first, second) = (stored(1, "first"), stored(2, "second"));
    for (expected, item) in [(None, &first), (Some(1), &second)] {
        let writes: Vec<_> = names.iter().map(|key| write(key, expected, item)).collect();
        let commits = store.commit(&writes, Deadline::NONE).await;
        assert_eq!(commits, vec![Commit::Committed; 345]);
        let usage = emulator.meter.take();
        assert_eq!(
            (usage.write_requests, usage.read_requests, usage.request_retries, usage.conflicts),
            (14, 0, 0, 0)
        );
        assert_eq!(usage.write_capacity_units, 345, "one capacity unit for each small item");
    }

    assert_eq!(store.read(&names, Deadline::NONE).await, vec![Read::Found(second); 345]);
    let usage = emulator.meter.take();
    assert_eq!(
        (usage.read_requests, usage.read_capacity_units),
        (4, 345),
        "a strongly consistent read is one capacity unit"
    );
}

#[tokio::test]
async fn a_request_is_bounded_in_bytes_too() {
    let emulator = Emulator::start().await;
    let store = emulator.store::<Note>();
    let keys: Vec<_> = (0..25).map(|index| format!("user-{index}")).collect();
    let large = stored(1, &"x".repeat(390 * 1024));
    let writes: Vec<_> = keys.iter().map(|key| write(key, None, &large)).collect();
    assert_eq!(store.commit(&writes, Deadline::NONE).await, vec![Commit::Committed; 25]);
    assert_eq!(emulator.meter.take().write_requests, 3, "ten items of 390 KB fit into 4 MB");
}

#[tokio::test]
async fn an_unreachable_store_is_unavailable_and_a_write_to_it_not_known_to_be_done() {
    let nobody = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let store: DynamoStore<Note> =
        DynamoStore::new(client(&format!("http://{nobody}")), TABLE.to_owned(), Arc::new(Meter::default()));
    let deadline = Deadline::after(Duration::from_millis(500));
    assert_eq!(store.read(&["u"], deadline).await, [Read::Unavailable]);
    let item = stored(1, "a");
    let commits = store.commit(&[write("u", None, &item)], deadline).await;
    assert!(matches!(commits[..], [Commit::Unknown | Commit::Unavailable]), "{commits:?}");
}

#[tokio::test]
async fn a_table_that_is_missing_is_unavailable_and_nothing_is_rejected() {
    let emulator = Emulator::start().await;
    let store: DynamoStore<Note> =
        DynamoStore::new(emulator.client.clone(), "missing".to_owned(), Arc::clone(&emulator.meter));
    assert_eq!(store.read(&["u"], Deadline::NONE).await, [Read::Unavailable]);
    let item = stored(1, "a");
    assert_eq!(store.commit(&[write("u", None, &item)], Deadline::NONE).await, [Commit::Unavailable]);
}

#[tokio::test]
async fn an_item_that_cannot_be_understood_is_corrupt_and_one_of_a_newer_release_waits() {
    let emulator = Emulator::start().await;
    let put = |key: &'static str, version: AttributeValue, ledger: Vec<u8>| {
        let put = emulator.client.put_item().table_name(TABLE).item(KEY, AttributeValue::S(key.to_owned()));
        let put = put.item(FORMAT, AttributeValue::N("1".to_owned()));
        put.item(VERSION, version).item(LEDGER, AttributeValue::B(ledger.into())).send()
    };
    let one = || AttributeValue::N("1".to_owned());
    put("no state", one(), millrace_domain::Ledger::default().pack()).await.unwrap();
    put("no version", AttributeValue::S("1".to_owned()), vec![ledger::FORMAT]).await.unwrap();
    put("no ledger", one(), vec![ledger::FORMAT, 9]).await.unwrap();
    put("newer", one(), vec![ledger::FORMAT + 1]).await.unwrap();
    let reads = emulator
        .store::<Note>()
        .read(&["no state", "no version", "no ledger", "newer"], Deadline::NONE)
        .await;
    assert!(
        matches!(reads[..], [Read::Corrupt(_), Read::Corrupt(_), Read::Corrupt(_), Read::Unavailable]),
        "{reads:?}"
    );
}

#[tokio::test]
async fn sessions_are_the_same_in_both_stores() {
    let emulator = Emulator::start().await;
    let (real, memory) = (emulator.store::<SessionState>(), MemoryStore::<SessionState>::default());
    let users = ["u", "v"];
    for batch in batches() {
        run(real.clone(), &batch).await;
        run(memory.clone(), &batch).await;
        for user in users {
            let read = real.read(&[user], Deadline::NONE).await.pop().unwrap();
            assert_eq!(read, memory.item(user).map_or(Read::Absent, Read::Found));
        }
    }
    let state = memory.item("u").unwrap().state;
    assert!(state.windows.open().len() == 1 && !state.cart.is_empty() && state.lifetime.orders == 1);
}

/// Windows open, touch and close, a cart is filled, bought and left.
fn batches() -> [KinesisBatch; 3] {
    let first = [
        event("1", "u").adds("a", 3).at_minute(0),
        event("2", "u").views("b").at_minute(1),
        event("3", "u").at_minute(36),
        event("4", "v").fails_to_pay(500).at_minute(1),
    ];
    let second = [event("5", "u").orders("a", 1, 700).at_minute(37), event("6", "u").at_minute(200)];
    let third =
        [event("7", "u").returns("a", 1, 700).at_minute(201), event("8", "v").removes("a", 1).at_minute(90)];
    [
        BatchBuilder::starting_at(1).events(&first).build(),
        BatchBuilder::starting_at(5).events(&second).build(),
        BatchBuilder::starting_at(7).events(&third).build(),
    ]
}

async fn run<T: Store<SessionState>>(store: T, batch: &KinesisBatch) {
    let quarantine: MemorySink = MemorySink::noting("quarantine", Journal::default());
    let adapters = (store, quarantine, MemorySignals::default());
    let consumer = Stateful::new("sessions", adapters, LedgerSettings::default(), 0);
    let tally = consumer.run(&Batch::open(batch), &SessionSettings::default(), Deadline::NONE).await;
    assert_eq!(tally.checkpoint.record(), None, "{}", tally.why);
}

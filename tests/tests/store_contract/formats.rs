//! A state whose attributes change from one release to the next: what an old release does with new items, and the
//! reverse.

use millrace_domain::fold::{CannotApply, Emit, KeyState};
use millrace_domain::{Data, Event};
use millrace_lambda::Deadline;
use millrace_lambda::ports::{Commit, Read, Store, Stored, Write};
use serde::{Deserialize, Serialize};

use crate::stores::{Emulator, TABLE, ledger};

/// A release of a state: its attributes, its formats, and those of others.
macro_rules! release_of_a_state {
    ($name:ident { $($attribute:ident),+ }, $format:literal, reads $reads:literal, retired $retired:expr) => {
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        struct $name {
            $(#[serde(default)] $attribute: u64,)+
        }

        impl KeyState for $name {
            type Settings = ();

            const ATTRIBUTES: &'static [&'static str] = &[$(stringify!($attribute)),+];
            const FORMAT: u32 = $format;
            const READS_FORMAT: u32 = $reads;
            const RETIRED: &'static [&'static str] = &$retired;

            fn handles(_: &Data<'_>) -> bool {
                false
            }

            fn apply(&mut self, _: &Event<'_>, _: i64, (): &(), _: &mut Emit<'_>) -> Result<(), CannotApply> {
                Ok(())
            }
        }
    };
}

release_of_a_state!(Old { orders, carts }, 1, reads 1, retired []);
release_of_a_state!(Between { orders, carts }, 1, reads 2, retired ["points"]);
release_of_a_state!(New { orders, points }, 2, reads 2, retired ["carts"]);

async fn put<S: KeyState + Sync>(store: &impl Store<S>, expected: Option<u64>, state: S) -> Commit<S> {
    let (version, ledger) = (expected.unwrap_or_default() + 1, ledger(1));
    let write = Write { key: "u", expected, version, ledger: &ledger, state: &state };
    store.commit(&[write], Deadline::NONE).await.remove(0)
}

async fn get<S>(store: &impl Store<S>) -> Read<S> {
    store.read(&["u"], Deadline::NONE).await.remove(0)
}

fn found<S>(version: u64, state: S) -> Read<S> {
    Read::Found(Stored { version, ledger: ledger(1), state })
}

/// The names of the attributes that lie in the table, in order.
async fn attributes(emulator: &Emulator) -> Vec<String> {
    let items = emulator.client.scan().table_name(TABLE).send().await.unwrap().items.unwrap();
    let mut names: Vec<_> = items[0].keys().cloned().collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_new_release_reads_an_old_item_and_leaves_nothing_of_it_behind() {
    let emulator = Emulator::start().await;
    put(&emulator.store::<Old>(), None, Old { orders: 3, carts: 2 }).await;
    let new = emulator.store::<New>();
    assert_eq!(get(&new).await, found(1, New { orders: 3, points: 0 }));
    assert_eq!(put(&new, Some(1), New { orders: 4, points: 5 }).await, Commit::Committed);
    assert_eq!(attributes(&emulator).await, ["format", "key", "ledger", "orders", "points", "version"]);
    assert_eq!(get(&new).await, found(2, New { orders: 4, points: 5 }));
}

#[tokio::test]
async fn an_old_release_leaves_a_new_item_alone_even_where_it_remembers_the_one_before() {
    let emulator = Emulator::start().await;
    let (old, new) = (emulator.store::<Old>(), emulator.store::<New>());
    put(&old, None, Old { orders: 3, carts: 2 }).await;
    put(&new, Some(1), New { orders: 4, points: 5 }).await;
    assert_eq!(get(&old).await, Read::Unavailable);
    // As after a rollback, from what its execution environment remembers.
    let commit = put(&old, Some(1), Old { orders: 4, carts: 2 }).await;
    assert_eq!(commit, Commit::Conflict(Read::Unavailable));
    assert_eq!(get(&new).await, found(2, New { orders: 4, points: 5 }));
}

#[tokio::test]
async fn a_release_that_reads_the_next_format_can_be_rolled_back_to() {
    let emulator = Emulator::start().await;
    let (between, new) = (emulator.store::<Between>(), emulator.store::<New>());
    put(&new, None, New { orders: 4, points: 5 }).await;
    assert_eq!(get(&between).await, found(1, Between { orders: 4, carts: 0 }));
    assert_eq!(put(&between, Some(1), Between { orders: 5, carts: 1 }).await, Commit::Committed);
    assert_eq!(attributes(&emulator).await, ["carts", "format", "key", "ledger", "orders", "version"]);
    assert_eq!(get(&emulator.store::<Old>()).await, found(2, Old { orders: 5, carts: 1 }));
}

//! State by key in a DynamoDB table, timers in another, and a table of reorder points.

mod batch_get;
mod batch_write;
mod chunk;
mod commit;
mod error_class;
mod item;
mod open_sessions;
mod read;
mod reorder_points;
mod statement;
pub mod timers;

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
pub use item::{FORMAT, KEY, LEDGER, VERSION, item_bytes};
use millrace_domain::fold::KeyState;
use millrace_lambda::meter::Usage;
use millrace_lambda::ports::{Commit, Read, Store, Write};
use millrace_lambda::{Deadline, Meter};
pub use open_sessions::DynamoOpenSessions;
pub use reorder_points::{DynamoReorderPoints, REORDER_POINT, SKU, TARGET};
use serde::Serialize;
use serde::de::DeserializeOwned;
pub use timers::DynamoTimers;
use tokio::time::Instant;

/// A table whose items hold key, version, ledger and the plain attributes of a state.
#[derive(Clone, Debug)]
pub struct DynamoStore<S> {
    client: Client,
    table: String,
    meter: Arc<Meter>,
    state: PhantomData<fn() -> S>,
}

/// Most requests under way at once.
const CONCURRENCY: usize = 8;

impl<S> DynamoStore<S> {
    /// The adapter to this table.
    pub fn new(client: Client, table: String, meter: Arc<Meter>) -> Self {
        Self { client, table, meter, state: PhantomData }
    }

    fn waited(&self, since: Instant) {
        self.meter.add(&Usage { table_wait_us: micros(since.elapsed()), ..Usage::default() });
    }
}

impl<S> Store<S> for DynamoStore<S>
where
    S: KeyState + Serialize + DeserializeOwned + Send + Sync,
{
    async fn read(&self, keys: &[&str], deadline: Deadline) -> Vec<Read<S>> {
        let start = Instant::now();
        let reads = self.read_all(keys, deadline).await;
        self.waited(start);
        reads
    }

    async fn commit(&self, writes: &[Write<'_, S>], deadline: Deadline) -> Vec<Commit<S>> {
        let start = Instant::now();
        let commits = self.commit_all(writes, deadline).await;
        self.waited(start);
        commits
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Capacity units as DynamoDB reports them, rounded up to whole ones.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float to integer cast saturates"
)]
fn capacity_units(reported: impl Iterator<Item = f64>) -> u64 {
    reported.sum::<f64>().ceil() as u64
}

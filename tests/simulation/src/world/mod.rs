//! The model world: streams, tables, Firehose, and the journal of what happened in them.

mod bucket;
mod clock;
mod firehose;
mod http;
mod item;
mod journal;
mod partiql;
mod record_id;
mod stream;
mod table;
mod timers;
mod witness;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use millrace_domain::timer::Minute;
use tokio::time::Instant;

pub use clock::ModelClock;
pub use firehose::Firehose;
pub use http::ModelHttp;
pub use item::Item;
pub use journal::{Accepted, Discard, Journal, Run, TableWrite};
pub use record_id::RecordId;
pub use stream::{PutError, Shard, Stream};
pub use table::{Table, TableSettings};
pub use timers::Timers;
pub use witness::Witness;

use crate::plan::{FIRST_EVENT_MS, START_MS, Settings};

/// Names of the model's resources.
pub mod names {
    /// The stream of events.
    pub const EVENTS: &str = "events";
    /// The stream of signals.
    pub const SIGNALS: &str = "signals";
    /// The table of session items.
    pub const SESSIONS: &str = "sessions";
    /// The table of what makes users suspect.
    pub const FRAUD: &str = "fraud";
    /// The table of stock.
    pub const STOCK: &str = "stock";
    /// The table of reorder points.
    pub const REORDER_POINTS: &str = "reorder-points";
    /// The table of timers.
    pub const TIMERS: &str = "timers";
    /// The bucket of dead letters.
    pub const DEAD_LETTERS: &str = "dead-letters";
    /// The Firehose stream of the lake.
    pub const LAKE: &str = "lake";
    /// The Firehose stream of the quarantine.
    pub const QUARANTINE: &str = "quarantine";
}

/// All services, and the time.
#[derive(Debug)]
pub struct World {
    began: Instant,
    services: Mutex<Services>,
}

/// The state of the services.
#[derive(Debug)]
pub struct Services {
    /// The streams, by name.
    pub streams: BTreeMap<&'static str, Stream>,
    /// The tables of items by key, by name.
    pub tables: BTreeMap<&'static str, Table>,
    /// The table of timers.
    pub timers: Timers,
    /// The clock by which timers are due.
    pub clock: ModelClock,
    /// Lake and quarantine.
    pub firehose: Firehose,
    /// The bucket of dead letters, by key.
    pub objects: BTreeMap<String, Bytes>,
    /// What happened.
    pub journal: Journal,
}

impl World {
    /// An empty world that begins now.
    pub fn new(settings: &Settings, seed: u64) -> Arc<Self> {
        let table =
            TableSettings { item_limit_bytes: settings.item_limit_bytes, stale_ms: settings.stale_ms };
        let streams = [(names::EVENTS, settings.shards), (names::SIGNALS, settings.signal_shards)];
        let streams = (0_u8..).zip(streams).map(|(number, (name, shards))| {
            (name, Stream::new(shards, seed.wrapping_add(number.into()), number))
        });
        let tables = [(names::SESSIONS, "key"), (names::FRAUD, "key"), (names::STOCK, "key")];
        let tables = tables.into_iter().chain([(names::REORDER_POINTS, "sku")]);
        let services = Services {
            streams: streams.collect(),
            tables: tables.map(|(name, key)| (name, Table::new(name, key, table))).collect(),
            timers: Timers::taken_until(Minute::of(FIRST_EVENT_MS).plus(-1)),
            clock: ModelClock::new(settings.timeout_ms),
            firehose: Firehose::default(),
            objects: BTreeMap::new(),
            journal: Journal::default(),
        };
        Arc::new(Self { began: Instant::now(), services: Mutex::new(services) })
    }

    /// The instant at which the run began.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// Milliseconds since the run began.
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The wall clock, in epoch milliseconds.
    pub fn now_ms(&self) -> i64 {
        START_MS.saturating_add_unsigned(self.elapsed_ms())
    }

    /// The clock by which timers are due, in epoch milliseconds.
    pub fn clock_ms(&self) -> i64 {
        let elapsed_ms = self.elapsed_ms();
        self.services().clock.now_ms(elapsed_ms)
    }

    /// Waits until a time since the run began.
    pub async fn sleep_until(&self, at_ms: u64) {
        tokio::time::sleep_until(self.began + Duration::from_millis(at_ms)).await;
    }

    /// The services. One task runs at a time, so nobody waits.
    pub fn services(&self) -> MutexGuard<'_, Services> {
        self.services.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Services {
    /// A stream; `None` where there is none of this name.
    pub fn stream_mut(&mut self, name: &str) -> Option<&mut Stream> {
        self.streams.get_mut(name)
    }
}

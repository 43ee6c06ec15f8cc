//! The model world: stream, table, Firehose, and the journal of what happened in them.

mod firehose;
mod http;
mod journal;
mod objects;
mod partiql;
mod stream;
mod table;
mod witness;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

pub use firehose::Firehose;
pub use http::ModelHttp;
pub use journal::{Accepted, Discard, Journal, Run, TableWrite};
pub use objects::ModelObjects;
pub use stream::{PutError, Shard, Stream};
pub use table::{Item, Table, TableSettings};
pub use witness::Witness;

use crate::plan::{START_MS, Settings};

/// Names of the model's resources.
pub mod names {
    /// The table of session items.
    pub const TABLE: &str = "sessions";
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
    /// The stream of events.
    pub stream: Stream,
    /// The table of session items.
    pub table: Table,
    /// Lake and quarantine.
    pub firehose: Firehose,
    /// The bucket of what was set aside, by key.
    pub objects: BTreeMap<String, Bytes>,
    /// What happened.
    pub journal: Journal,
}

impl World {
    /// An empty world that begins now.
    pub fn new(settings: &Settings, seed: u64) -> Arc<Self> {
        let table =
            TableSettings { item_limit_bytes: settings.item_limit_bytes, stale_ms: settings.stale_ms };
        let services = Services {
            stream: Stream::new(settings.shards, seed),
            table: Table::new(table),
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

    /// Waits until a time since the run began.
    pub async fn sleep_until(&self, at_ms: u64) {
        tokio::time::sleep_until(self.began + Duration::from_millis(at_ms)).await;
    }

    /// The services. One task runs at a time, so nobody waits.
    pub fn services(&self) -> MutexGuard<'_, Services> {
        self.services.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

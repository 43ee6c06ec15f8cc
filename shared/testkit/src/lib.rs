//! In-memory adapters, failure injection and builders for tests.
//!
//! The adapters keep the ports' contracts as the real ones do, and fail only when a test's script says so. All
//! adapters of one test may share a [`Journal`], which has the order of their calls.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a builder that cannot build ends its test"
)]

pub mod batch;
pub mod counter;
pub mod event;
pub mod faults;
pub mod journal;
pub mod objects;
pub mod reorder_points;
pub mod sink;
pub mod store;
pub mod stream;
pub mod timers;

pub use batch::{BatchBuilder, remainder};
pub use counter::{Counter, CounterSettings};
pub use event::{ARRIVED_AT_MS, EventBuilder, START_MS, event};
pub use faults::CommitFault;
pub use journal::{Journal, Step};
pub use objects::MemoryObjects;
pub use reorder_points::MemoryReorderPoints;
pub use sink::{MemorySignals, MemorySink};
pub use store::MemoryStore;
pub use stream::MemoryStream;
pub use timers::MemoryTimers;

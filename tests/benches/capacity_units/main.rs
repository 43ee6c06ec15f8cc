//! What each function reads and writes for 1,000 events, and what a session costs beside them.
//!
//! `cargo bench -p millrace-tests --bench capacity_units`
//!
//! The functions' own handlers over dynoxide, which reports consumed capacity as DynamoDB does, with a meter for each
//! part. Every user comes, makes some nine events in a quarter of an hour and goes; sessions close by their timers, for
//! which `close` runs once a batch. What products remember is of eight days, and here of two.

#![expect(clippy::unwrap_used, reason = "a bench may stop at what it does not expect")]
#![expect(clippy::disallowed_methods, reason = "the database runs beside the bench")]

mod report;
mod shop;
mod store;
mod traffic;

/// Batches of 1,000 events, one every five minutes of event time.
const BATCHES: u64 = 640;
/// Batches before measuring: two days, by when as many sessions close as open, and ledgers hold what they keep.
const WARM_UP: u64 = 600;

#[tokio::main]
async fn main() {
    report::print(shop::run(BATCHES, WARM_UP).await, BATCHES - WARM_UP, WARM_UP);
}

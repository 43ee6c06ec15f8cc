//! Timers around a moment, and runs at it.

use close::{Failed, Taken, run};
use millrace_domain::time::MINUTE_MS;
use millrace_domain::timer::{Minute, StoredTimer, TimeBucket, Timer, sort_key};
use millrace_lambda::Deadline;
use millrace_lambda::record_stream::{OutgoingRecord, RecordStream};
use millrace_lambda::timers::DueTimers;
use millrace_testkit::{MemoryStream, MemoryTimers};

/// Half past a minute: 2010-12-01T08:26:30Z.
pub(crate) const NOW_MS: i64 = 1_291_191_990_000;
/// More than any test sets.
pub(crate) const NO_LIMIT: usize = 1_000_000;

/// The time so many minutes from now, in epoch milliseconds.
pub(crate) fn at(minutes: i64) -> i64 {
    NOW_MS + minutes * MINUTE_MS
}

/// The text of the minute so many from now.
pub(crate) fn minute(minutes: i64) -> String {
    Minute::of(at(minutes)).to_string()
}

/// A timer due so many minutes from now.
pub(crate) fn timer(key: &str, minutes: i64) -> Timer {
    Timer { key: key.to_owned(), due_at_ms: at(minutes) }
}

/// Keys of this number that all lie in one time bucket.
pub(crate) fn neighbours(count: usize) -> Vec<String> {
    let time_bucket = |key: &String| TimeBucket::of(&timer(key, 0), 0);
    let of_first = time_bucket(&"user-0".to_owned());
    (0..)
        .map(|number| format!("user-{number}"))
        .filter(|key| time_bucket(key) == of_first)
        .take(count)
        .collect()
}

/// A table in which these were set long before they are due: each in the minute of its due time.
pub(crate) fn set_in_time(timers: &[Timer]) -> MemoryTimers {
    let table = MemoryTimers::at(at(0));
    for timer in timers {
        table.insert(&StoredTimer::new(timer.clone(), 0));
    }
    table
}

/// A run so many minutes from now.
pub(crate) async fn run_at(
    minutes: i64,
    timers: &impl DueTimers,
    stream: &impl RecordStream,
) -> Result<Taken, Failed<Taken>> {
    run(timers, stream, NO_LIMIT, at(minutes), Deadline::NONE).await
}

/// What a run did that met nothing on its way, the cursor being that of `minute(cursor)`.
pub(crate) fn taken(count: u64, cursor: i64) -> Taken {
    let cursor = Some(minute(cursor));
    Taken { due: count, put: count, deleted: count, complete: true, cursor, ..Taken::default() }
}

/// The keys under which something was accepted, in order.
pub(crate) fn put_keys(stream: &MemoryStream) -> Vec<String> {
    stream.accepted().into_iter().map(|record| record.partition_key).collect()
}

/// What the stream gets for a timer.
pub(crate) fn record(timer: &Timer) -> OutgoingRecord {
    OutgoingRecord { partition_key: timer.key.clone(), data: timer.event_text().unwrap().into() }
}

/// The sort keys that are left, in order.
pub(crate) fn left(timers: &MemoryTimers) -> Vec<String> {
    timers.items().into_iter().map(|(_, sort_key)| sort_key).collect()
}

/// The sort key of a timer due so many minutes from now.
pub(crate) fn sort(key: &str, minutes: i64) -> String {
    sort_key(&timer(key, minutes))
}

//! Where a timer is stored: partition and sort key of its item.

use std::fmt;

use xxhash_rust::xxh3::xxh3_64;

use super::{Minute, Timer};
use crate::envelope::SUBJECT_LIMIT_BYTES;
use crate::time::LARGEST_EPOCH_MS;

/// Time buckets of one minute. A partition of DynamoDB takes 1,000 writes a second, so a minute takes 4,000. Writers
/// and the function `close` must agree on it: fewer time buckets would leave timers unread, so it is no setting.
pub const SPREAD: u64 = 4;

/// Digits of a due time in a sort key: those of the last millisecond of the year 9999.
const DUE_DIGITS: usize = 15;

/// A time bucket: a part of a minute's timers, one partition of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeBucket {
    /// The minute in which `close` looks for it first.
    pub minute: Minute,
    /// From 0 to below [`SPREAD`].
    suffix: u64,
}

/// A timer and the time bucket that it is in. Of one timer there may be several, written at different times.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoredTimer {
    /// Where it is.
    pub time_bucket: TimeBucket,
    /// What it is.
    pub timer: Timer,
}

/// A sort key that no timer has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotATimer {
    /// It does not start with a due time.
    #[error("does not start with {DUE_DIGITS} digits of a due time and #")]
    Due,
    /// It does not go on with a key.
    #[error("does not go on with a key of 1 to {SUBJECT_LIMIT_BYTES} bytes")]
    Key,
}

impl TimeBucket {
    /// The time bucket of a timer that is written now, in epoch milliseconds: that of the minute in which it is due,
    /// and never one that `close` may have begun to take.
    pub fn of(timer: &Timer, now_ms: i64) -> Self {
        let minute = Minute::of(timer.due_at_ms).max(Minute::of(now_ms).plus(1));
        Self { minute, suffix: xxh3_64(timer.key.as_bytes()) % SPREAD }
    }

    /// The minute of a time bucket's partition key; `None` for other keys, such as the cursor's.
    pub fn minute_of(partition_key: &str) -> Option<Minute> {
        let (minute, _) = partition_key.split_once('#')?;
        Minute::parse(minute).ok()
    }

    /// All time buckets of a minute.
    pub fn all_of(minute: Minute) -> impl Iterator<Item = Self> {
        (0..SPREAD).map(move |suffix| Self { minute, suffix })
    }
}

impl fmt::Display for TimeBucket {
    /// The partition key, such as `2026-11-21T12:34#3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.minute, self.suffix)
    }
}

impl StoredTimer {
    /// A timer in the time bucket that it belongs to when it is written now, in epoch milliseconds.
    pub fn new(timer: Timer, now_ms: i64) -> Self {
        Self { time_bucket: TimeBucket::of(&timer, now_ms), timer }
    }
}

/// The sort key of a timer, such as `001291191960120#user-1`: text order is time order. A timer set for another time is
/// another item, so that deleting one never takes the other.
pub fn sort_key(timer: &Timer) -> String {
    format!("{}{}", due_text(timer.due_at_ms), timer.key)
}

/// What the sort keys of all timers due at `until_ms` or before lie below, in epoch milliseconds.
pub fn sort_key_beyond(until_ms: i64) -> String {
    match until_ms {
        // One digit more would lie below those of 15 digits.
        LARGEST_EPOCH_MS.. => ":".to_owned(),
        _ => due_text(until_ms.saturating_add(1)),
    }
}

fn due_text(due_at_ms: i64) -> String {
    format!("{:0DUE_DIGITS$}#", due_at_ms.clamp(0, LARGEST_EPOCH_MS))
}

/// The timer of a sort key: reads what [`sort_key`] writes.
///
/// # Errors
/// For every other text, and for keys that the stream would reject.
pub fn timer_of(sort_key: &str) -> Result<Timer, NotATimer> {
    let (due, key) = sort_key.split_at_checked(DUE_DIGITS).ok_or(NotATimer::Due)?;
    let due_at_ms = match due.bytes().all(|byte| byte.is_ascii_digit()) {
        true => due.parse().ok().filter(|due_at_ms| *due_at_ms <= LARGEST_EPOCH_MS).ok_or(NotATimer::Due)?,
        false => return Err(NotATimer::Due),
    };
    let key = key.strip_prefix('#').ok_or(NotATimer::Due)?;
    match key.len() {
        1..=SUBJECT_LIMIT_BYTES => Ok(Timer { key: key.to_owned(), due_at_ms }),
        _ => Err(NotATimer::Key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUE_MS: i64 = 1_291_191_960_120;

    fn timer(key: &str, due_at_ms: i64) -> Timer {
        Timer { key: key.to_owned(), due_at_ms }
    }

    #[test]
    fn a_timer_lies_in_the_minute_in_which_it_is_due() {
        let stored = StoredTimer::new(timer("user-1", DUE_MS), DUE_MS - 3_600_000);
        assert_eq!(stored.time_bucket.minute, Minute::of(DUE_MS));
        assert_eq!(
            stored.time_bucket.to_string(),
            "2010-12-01T08:26#1",
            "the hash is stored, so it must not change"
        );
    }

    #[test]
    fn a_time_bucket_tells_its_minute_and_other_keys_have_none() {
        for time_bucket in TimeBucket::all_of(Minute::of(DUE_MS)) {
            assert_eq!(TimeBucket::minute_of(&time_bucket.to_string()), Some(Minute::of(DUE_MS)));
        }
        assert_eq!(["cursor", "cursor#1"].map(TimeBucket::minute_of), [None, None]);
    }

    #[test]
    fn a_timer_due_in_the_writers_minute_or_before_lies_in_the_next() {
        for due_at_ms in [0, DUE_MS, DUE_MS + 59_000] {
            assert_eq!(TimeBucket::of(&timer("u", due_at_ms), DUE_MS).minute, Minute::of(DUE_MS).plus(1));
        }
    }

    #[test]
    fn keys_spread_over_all_time_buckets_of_a_minute() {
        let minute = Minute::of(DUE_MS);
        let mut filled: Vec<_> =
            (0..100).map(|user| TimeBucket::of(&timer(&format!("user-{user}"), DUE_MS), 0)).collect();
        filled.sort_unstable();
        filled.dedup();
        assert_eq!(filled, TimeBucket::all_of(minute).collect::<Vec<_>>());
    }

    #[test]
    fn a_sort_key_is_written_and_read() {
        for timer in [timer("u", 0), timer("a#b \"ü\"", DUE_MS), timer(&"x".repeat(256), LARGEST_EPOCH_MS)] {
            assert_eq!(timer_of(&sort_key(&timer)), Ok(timer));
        }
        assert_eq!(sort_key(&timer("user-1", DUE_MS)), "001291191960120#user-1");
    }

    #[test]
    fn sort_keys_are_in_the_order_of_time_and_end_where_they_are_asked_to() {
        for due_at_ms in [0, 9, 999, DUE_MS, LARGEST_EPOCH_MS - 1, LARGEST_EPOCH_MS] {
            let key = sort_key(&timer("\u{10ffff}", due_at_ms));
            assert!(key < sort_key_beyond(due_at_ms), "{due_at_ms}");
            assert!(key >= sort_key_beyond(due_at_ms - 1), "{due_at_ms}");
        }
    }

    #[test]
    fn what_is_no_timer_is_rejected() {
        let long = format!("001291191960120#{}", "x".repeat(257));
        for (text, error) in [
            ("", NotATimer::Due),
            ("cursor", NotATimer::Due),
            ("1291191960120#u", NotATimer::Due),
            ("+01291191960120#u", NotATimer::Due),
            ("999999999999999#u", NotATimer::Due),
            ("001291191960120", NotATimer::Due),
            ("00129119196012ü#u", NotATimer::Due),
            ("001291191960120#", NotATimer::Key),
            (long.as_str(), NotATimer::Key),
        ] {
            assert_eq!(timer_of(text), Err(error), "{text}");
        }
    }
}

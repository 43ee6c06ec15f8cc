//! Minutes of the clock, and which of them are read again.

use std::fmt;
use std::ops::RangeInclusive;

use crate::time::{LARGEST_EPOCH_MS, MINUTE_MS, format_rfc3339_ms, parse_rfc3339_ms};

/// How far before the cursor minutes are read again. A writer reads its clock, and its write takes effect no later than
/// its invocation ends, which AWS lets run for 15 minutes; one more is for clocks that differ.
pub const LOOK_BACK_MINUTES: i64 = 16;

/// Characters of a minute's text, such as `2026-11-21T12:34`.
const TEXT_CHARS: usize = 16;

/// A minute of the clock in UTC, of the years 1970 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minute(i64);

/// A text that is no minute.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no minute such as 2026-11-21T12:34")]
pub struct NotAMinute(pub String);

impl Minute {
    /// The minute that a moment lies in, in epoch milliseconds. What lies outside of the years 1970 to 9999 counts as
    /// their first or last minute.
    pub fn of(epoch_ms: i64) -> Self {
        Self(epoch_ms.clamp(0, LARGEST_EPOCH_MS).div_euclid(MINUTE_MS))
    }

    /// The minute so many later, or earlier.
    #[must_use]
    pub fn plus(self, minutes: i64) -> Self {
        Self::of(self.0.saturating_add(minutes).saturating_mul(MINUTE_MS))
    }

    /// Its first moment, in epoch milliseconds.
    pub fn starts_at_ms(self) -> i64 {
        self.0 * MINUTE_MS
    }

    /// Reads what [`fmt::Display`] writes.
    ///
    /// # Errors
    /// For every other text.
    pub fn parse(text: &str) -> Result<Self, NotAMinute> {
        let not = || NotAMinute(text.chars().take(TEXT_CHARS + 1).collect());
        let minute = Self::of(parse_rfc3339_ms(&format!("{text}:00.000Z")).ok_or_else(not)?);
        // Another spelling of the same minute would not be in the order of time.
        if minute.to_string() == text { Ok(minute) } else { Err(not()) }
    }
}

impl fmt::Display for Minute {
    /// RFC 3339 down to the minute, in UTC: text order is time order.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(format_rfc3339_ms(self.starts_at_ms()).get(..TEXT_CHARS).unwrap_or_default())
    }
}

/// Where the cursor stands before the first run: nothing lies in the minutes before the oldest time bucket.
pub fn first_cursor(oldest: Option<Minute>, now_ms: i64) -> Minute {
    let now = Minute::of(now_ms);
    oldest.map_or(now, |oldest| oldest.min(now)).plus(-1)
}

/// The minutes to read, when all up to `cursor` were taken whole before: those since, the present one included, and again
/// the last [`LOOK_BACK_MINUTES`] before, since a slow writer may write into the past.
pub fn minutes_to_take(cursor: Minute, now_ms: i64) -> impl Iterator<Item = Minute> {
    let first = cursor.plus(1 - LOOK_BACK_MINUTES);
    let minutes: RangeInclusive<i64> = first.0..=Minute::of(now_ms).0;
    minutes.map(Minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(cursor: &str, now: &str) -> Vec<String> {
        let now_ms = Minute::parse(now).unwrap().starts_at_ms() + 59_999;
        let cursor = Minute::parse(cursor).unwrap();
        minutes_to_take(cursor, now_ms).map(|minute| minute.to_string()).collect()
    }

    #[test]
    fn a_minute_is_written_and_read_and_in_the_order_of_its_text() {
        let minutes = [0, 59_999, 60_000, 1_291_191_960_120, LARGEST_EPOCH_MS].map(Minute::of);
        assert!(minutes.is_sorted_by_key(|minute| minute.to_string()));
        for minute in minutes {
            assert_eq!(Minute::parse(&minute.to_string()), Ok(minute));
        }
        assert_eq!(Minute::of(1_291_191_960_120).to_string(), "2010-12-01T08:26");
        assert_eq!(Minute::of(1_291_191_960_120).starts_at_ms(), 1_291_191_960_000);
    }

    #[test]
    fn what_is_no_minute_is_refused() {
        for text in
            ["", "cursor", "2010-12-01T08:26:00", "2010-12-01t08:26", "2010-12-01 08:26", "2010-13-01T08:26"]
        {
            assert_eq!(Minute::parse(text), Err(NotAMinute(text.chars().take(17).collect())));
        }
    }

    #[test]
    fn minutes_end_where_their_text_does() {
        assert_eq!(Minute::of(i64::MIN), Minute::of(0).plus(-1));
        assert_eq!(Minute::of(i64::MAX), Minute::of(LARGEST_EPOCH_MS).plus(1));
    }

    #[test]
    fn minutes_since_the_cursor_and_sixteen_before_are_taken() {
        let taken = texts("2010-12-01T08:25", "2010-12-01T08:26");
        assert_eq!(taken.len(), 17);
        assert_eq!((taken[0].as_str(), taken[16].as_str()), ("2010-12-01T08:10", "2010-12-01T08:26"));
        let after_hours = texts("2010-12-01T00:26", "2010-12-01T08:26");
        assert_eq!(after_hours.len(), 16 + 480);
        assert_eq!(after_hours[0], "2010-12-01T00:11");
    }

    #[test]
    fn the_first_run_begins_before_the_oldest_time_bucket() {
        let now_ms = 1_291_191_960_120;
        for (oldest, cursor) in [
            (None, "2010-12-01T08:25"),
            (Some("2010-12-01T08:27"), "2010-12-01T08:25"),
            (Some("2010-12-01T08:26"), "2010-12-01T08:25"),
            (Some("2010-11-28T20:00"), "2010-11-28T19:59"),
        ] {
            let oldest = oldest.map(|text| Minute::parse(text).unwrap());
            assert_eq!(first_cursor(oldest, now_ms).to_string(), cursor);
        }
    }

    #[test]
    fn a_clock_behind_the_cursor_takes_what_it_reaches() {
        assert_eq!(texts("2010-12-01T08:26", "2010-12-01T08:11"), ["2010-12-01T08:11"]);
        assert!(texts("2010-12-01T08:26", "2010-12-01T08:10").is_empty());
    }
}

//! The clock of a mapping, which may run faster than the wall clock.

use std::time::Duration;

use event_source_mapping::RECORD_AGE_MIN_MS;

/// The time of a mapping. AWS takes no maximum record age below a minute, and neither does the mapping. For a shorter
/// limit, its time runs faster by a whole factor from a fixed moment on. That holds for the present and for when
/// records arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MappingClock {
    origin_ms: u64,
    factor: u64,
}

impl MappingClock {
    /// A clock that shows the wall clock's time at `origin_ms`, fast enough for this maximum record age.
    pub(crate) fn new(maximum_record_age: Option<Duration>, origin_ms: u64) -> Self {
        let limit_ms = maximum_record_age.map_or(u64::MAX, millis).max(1);
        Self { origin_ms, factor: RECORD_AGE_MIN_MS.div_ceil(limit_ms).max(1) }
    }

    /// The mapping's time when the wall clock shows `wall_ms`, in epoch milliseconds both.
    pub(crate) fn at(self, wall_ms: u64) -> u64 {
        match wall_ms.checked_sub(self.origin_ms) {
            Some(since_ms) => self.origin_ms.saturating_add(since_ms.saturating_mul(self.factor)),
            None => self.origin_ms.saturating_sub((self.origin_ms - wall_ms).saturating_mul(self.factor)),
        }
    }

    /// What the wall clock shows at the mapping's time `at_ms`, or just after.
    pub(crate) fn wall(self, at_ms: u64) -> u64 {
        match at_ms.checked_sub(self.origin_ms) {
            Some(since_ms) => self.origin_ms.saturating_add(since_ms.div_ceil(self.factor)),
            None => self.origin_ms.saturating_sub((self.origin_ms - at_ms) / self.factor),
        }
    }

    /// A length of time as the mapping counts it, in milliseconds.
    pub(crate) fn span_ms(self, time: Duration) -> u64 {
        millis(time).saturating_mul(self.factor)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN_MS: u64 = 1_700_000_000_000;

    #[test]
    fn without_a_short_limit_it_is_the_wall_clock() {
        for limit in [None, Some(Duration::from_secs(60)), Some(Duration::from_secs(7_200))] {
            let clock = MappingClock::new(limit, ORIGIN_MS);
            let times = [5, ORIGIN_MS, ORIGIN_MS + 5];
            assert_eq!(times.map(|time_ms| clock.at(time_ms)), times);
            assert_eq!(times.map(|time_ms| clock.wall(time_ms)), times);
        }
    }

    #[test]
    fn a_short_limit_is_a_minute_or_more_to_the_mapping_and_itself_to_the_wall_clock() {
        for limit_ms in [1, 700, 1_000, 7_000, 59_999] {
            let limit = Duration::from_millis(limit_ms);
            let clock = MappingClock::new(Some(limit), ORIGIN_MS);
            let span_ms = clock.span_ms(limit);
            assert!((RECORD_AGE_MIN_MS..2 * RECORD_AGE_MIN_MS).contains(&span_ms), "{limit_ms}: {span_ms}");
            let arrived_ms = ORIGIN_MS - 300;
            assert_eq!(clock.wall(clock.at(arrived_ms) + span_ms), arrived_ms + limit_ms);
        }
    }

    #[test]
    fn waiting_never_ends_too_early() {
        let clock = MappingClock::new(Some(Duration::from_secs(7)), ORIGIN_MS);
        for at_ms in ORIGIN_MS - 50..ORIGIN_MS + 50 {
            assert!(clock.at(clock.wall(at_ms)) >= at_ms, "{at_ms}");
        }
    }
}

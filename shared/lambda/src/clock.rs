//! The clock that adapters and functions are given, so that a replay can give them the time of its events.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// Tells the time, in epoch milliseconds. Clones are the same clock.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// A clock that asks this.
    pub fn new(now_ms: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now_ms))
    }

    /// The wall clock.
    pub fn wall() -> Self {
        Self::new(|| i64::try_from(wall_ms()).unwrap_or(i64::MAX))
    }

    /// The time, in epoch milliseconds.
    pub fn now_ms(&self) -> i64 {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the wall clock dates metrics and deadlines, and says which timers are due; it decides nothing about events"
)]
pub(crate) fn wall_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_tells_what_it_is_given_or_the_time_of_the_wall() {
        assert_eq!(Clock::new(|| 5).now_ms(), 5);
        assert!(Clock::wall().now_ms() > 1_700_000_000_000, "in epoch milliseconds");
        assert_eq!(format!("{:?}", Clock::wall()), "Clock");
    }
}

//! The clock by which timers are due: the largest event time put so far, as in a replay of old data.

use crate::plan::FIRST_EVENT_MS;

/// How far the clock moves at most while one invocation lasts, in milliseconds. Timers are looked for 16 minutes back,
/// because AWS lets an invocation last for 15.
const INVOCATION_MS: u64 = 15 * 60_000;

/// A clock that follows the event time, no faster than invocations allow.
#[derive(Debug)]
pub struct ModelClock {
    frontier_ms: i64,
    now_ms: i64,
    read_at_ms: u64,
    /// Milliseconds of this clock in a millisecond of the run.
    rate: u64,
}

impl ModelClock {
    /// A clock of a world whose invocations may take so long.
    pub fn new(timeout_ms: u64) -> Self {
        let rate = INVOCATION_MS / timeout_ms.max(1);
        Self { frontier_ms: FIRST_EVENT_MS, now_ms: FIRST_EVENT_MS, read_at_ms: 0, rate }
    }

    /// The time in epoch milliseconds, at so many milliseconds since the run began.
    pub fn now_ms(&mut self, elapsed_ms: u64) -> i64 {
        let passed_ms = elapsed_ms.saturating_sub(self.read_at_ms).saturating_mul(self.rate);
        self.read_at_ms = elapsed_ms;
        let reached_ms = self.now_ms.saturating_add_unsigned(passed_ms).min(self.frontier_ms);
        self.now_ms = self.now_ms.max(reached_ms);
        self.now_ms
    }

    /// Follows an event that was put.
    pub fn follow(&mut self, event_time_ms: i64, elapsed_ms: u64) {
        // Time that passed while there was nothing to follow is no reason to go faster later.
        self.now_ms(elapsed_ms);
        self.frontier_ms = self.frontier_ms.max(event_time_ms);
    }

    /// Moves on to a time at once. Nobody may be about to write by an older one.
    pub fn jump(&mut self, to_ms: i64) {
        self.frontier_ms = self.frontier_ms.max(to_ms);
        self.now_ms = self.now_ms.max(to_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_events_no_faster_than_it_may() {
        let mut clock = ModelClock::new(15_000);
        clock.follow(FIRST_EVENT_MS + 1_000_000, 5_000);
        assert_eq!(clock.now_ms(5_000), FIRST_EVENT_MS);
        assert_eq!(clock.now_ms(6_000), FIRST_EVENT_MS + 60_000);
        assert_eq!(clock.now_ms(600_000), FIRST_EVENT_MS + 1_000_000);
        clock.jump(FIRST_EVENT_MS + 2_000_000);
        assert_eq!(clock.now_ms(600_000), FIRST_EVENT_MS + 2_000_000);
    }
}

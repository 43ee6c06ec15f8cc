//! The schedule of `close`: by the event time of the input until a run ends, else by the wall clock.

use std::sync::Arc;
use std::time::Duration;

use millrace_domain::time::MINUTE_MS;
use millrace_lambda::Clock;

use crate::clock::now_ms;
use crate::error::Error;
use crate::mapping::{Functions, Watched, quiet};
use crate::options::Tuning;

/// Most runs of `close` that may fail one after another before a replay ends with an error.
const FAILURE_LIMIT: u32 = 50;

/// When the timers of a replay fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// The largest event time of the input, in epoch milliseconds.
    pub(crate) largest_event_time_ms: i64,
    /// The longest that a window may wait beyond its last event, in milliseconds: where it is given, remaining timers
    /// fire at the end of the input.
    pub(crate) beyond_ms: Option<i64>,
}

impl Schedule {
    /// The schedule of an input that ends at this event time. Whether remaining timers fire at its end.
    pub(super) fn of(largest_event_time_ms: i64, tuning: &Tuning, fires_rest: bool) -> Self {
        let wait = tuning.session_gap + tuning.allowed_lateness;
        let beyond_ms = fires_rest.then(|| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX / 4));
        Self { largest_event_time_ms, beyond_ms }
    }

    /// The clock by which functions set timers: a minute before the frontier, so that what is due by then is found in
    /// the frontier's own minute.
    pub(super) fn clock(&self) -> Clock {
        let now_ms = self.largest_event_time_ms.saturating_sub(MINUTE_MS);
        Clock::new(move || now_ms)
    }

    /// Lets timers fire whenever nothing else is left to do, until none is due any more.
    pub(super) async fn conduct(
        &self,
        functions: &Arc<Functions>,
        mappings: &mut [Watched],
    ) -> Result<(), Error> {
        quiet(mappings).await;
        let rest = self
            .beyond_ms
            .map(|beyond_ms| self.largest_event_time_ms.saturating_add(beyond_ms + 2 * MINUTE_MS));
        if functions.is_remote() && rest.is_some() {
            // They set timers by the wall clock, for its next minute at the earliest.
            loop {
                tokio::time::sleep(until_the_next_minute() + Duration::from_secs(1)).await;
                if close(functions, self.largest_event_time_ms).await? == 0 {
                    return Ok(());
                }
                quiet(mappings).await;
            }
        }
        for now_ms in [Some(self.largest_event_time_ms), rest].into_iter().flatten() {
            while close(functions, now_ms).await? > 0 {
                quiet(mappings).await;
            }
        }
        Ok(())
    }
}

/// Runs `close` to its end by this clock; gives back how many timers came due.
async fn close(functions: &Functions, now_ms: i64) -> Result<u64, Error> {
    let (mut put, mut failures) = (0, 0);
    loop {
        match functions.close(Some(now_ms)).await {
            Ok(closed) => {
                put += closed.put;
                if closed.complete {
                    return Ok(put);
                }
                failures = 0;
            }
            Err(why) if failures < FAILURE_LIMIT => {
                tracing::warn!(error = why, "close failed");
                failures += 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(why) => {
                return Err(Error::Usage(format!("close failed {FAILURE_LIMIT} times in a row: {why}")));
            }
        }
    }
}

fn until_the_next_minute() -> Duration {
    let minute_ms = MINUTE_MS.unsigned_abs();
    Duration::from_millis(minute_ms - now_ms() % minute_ms)
}

/// Runs `close` at the beginning of every minute, without end.
pub(super) async fn every_minute(functions: &Functions) {
    loop {
        tokio::time::sleep(until_the_next_minute()).await;
        if let Err(why) = functions.close(None).await {
            tracing::warn!(error = why, "close failed");
        }
    }
}

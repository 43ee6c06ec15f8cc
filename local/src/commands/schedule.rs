//! The schedule of `close`: by the event time of the input until a run ends, else by the wall clock.

use std::sync::Arc;
use std::time::Duration;

use millrace_domain::time::MINUTE_MS;

use crate::clock::now_ms;
use crate::error::Error;
use crate::mapping::{Functions, Watched, quiet};

/// Most runs of `close` that may fail one after another before a replay gives up.
const FAILURE_LIMIT: u32 = 50;

/// When the timers of a replay fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// The largest event time of the input, in epoch milliseconds.
    pub(crate) frontier_ms: i64,
    /// The longest that a window may wait beyond its last event, in milliseconds: where it is given, remaining timers
    /// fire at the end of the input.
    pub(crate) beyond_ms: Option<i64>,
}

impl Schedule {
    /// Lets timers fire whenever nothing else is left to do, until none is due any more.
    pub(super) async fn conduct(
        &self,
        functions: &Arc<Functions>,
        mappings: &mut [Watched],
    ) -> Result<(), Error> {
        quiet(mappings).await;
        let rest = self.beyond_ms.map(|beyond_ms| self.frontier_ms.saturating_add(beyond_ms + 2 * MINUTE_MS));
        for now_ms in [Some(self.frontier_ms), rest].into_iter().flatten() {
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
                if !closed.left {
                    return Ok(put);
                }
                failures = 0;
            }
            Err(why) if failures < FAILURE_LIMIT => {
                tracing::warn!(why, "close failed");
                failures += 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(why) => return Err(Error::Usage(format!("close failed {FAILURE_LIMIT} times in a row: {why}"))),
        }
    }
}

/// Runs `close` at the beginning of every minute, without end.
pub(super) async fn every_minute(functions: &Functions) {
    loop {
        let minute_ms = MINUTE_MS.unsigned_abs();
        tokio::time::sleep(Duration::from_millis(minute_ms - now_ms() % minute_ms)).await;
        if let Err(why) = functions.close(None).await {
            tracing::warn!(why, "close failed");
        }
    }
}

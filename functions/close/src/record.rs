//! Timers as records of the stream.

use millrace_domain::timer::Timer;
use millrace_lambda::record_stream::OutgoingRecord;

/// Time that must be left of an invocation to begin another put and deletion: a put that the deadline ends looks like
/// a stream that cannot be reached.
pub(crate) const STEP_TIME: std::time::Duration = std::time::Duration::from_secs(2);

/// Why a run ends when there is less.
pub(crate) const DEADLINE_NEAR: &str = "the invocation's deadline is near";

/// The timer as an event under its user's own key: it comes behind everything that this user sent before.
pub(crate) fn record(timer: &Timer) -> Result<OutgoingRecord, serde_json::Error> {
    Ok(OutgoingRecord { partition_key: timer.key.clone(), data: timer.event_text()?.into() })
}

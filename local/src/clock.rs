//! The wall clock, read in one place.

use std::time::SystemTime;

/// Milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "a live stream arrives now; nothing else depends on it")]
pub(crate) fn now_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

//! Sessions that stay open because their timer is gone.

use serde::Deserialize;

use super::{Emitted, SessionSettings};
use crate::time::MINUTE_MS;
use crate::timer::{LOOK_BACK_MINUTES, Timer};

/// The part of a user's item that shows whether a timer is missing. Reads the attributes of [`super::SessionItem`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct OpenSession {
    /// The user.
    pub key: String,
    /// The newest open window.
    #[serde(default)]
    session: Option<End>,
    /// Windows that are still open before it.
    #[serde(default)]
    earlier_sessions: Vec<End>,
    /// What was emitted, and what waits to be.
    #[serde(default)]
    emitted: Emitted,
}

/// The end of a window, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
struct End {
    last_event_at_ms: i64,
}

impl OpenSession {
    /// The attributes that it is read from.
    pub const ATTRIBUTES: [&'static str; 4] = ["key", "session", "earlier_sessions", "emitted"];

    /// The timer that should have come before `now_ms` and can no longer be on its way; `None` while nothing is missing.
    /// One that is set and lies further back than `close` looks was lost.
    pub fn missing_timer(self, now_ms: i64, settings: &SessionSettings) -> Option<Timer> {
        let windows = self.earlier_sessions.into_iter().chain(self.session);
        let closes_at_ms = windows.map(|window| settings.closes_at_ms(window.last_event_at_ms)).min()?;
        let lost_before_ms = now_ms.saturating_sub(LOOK_BACK_MINUTES * MINUTE_MS);
        if closes_at_ms >= now_ms
            || self.emitted.timer_due_at_ms.is_some_and(|due_at_ms| due_at_ms >= lost_before_ms)
        {
            return None;
        }
        // A timer that is set rings only for its own due time or a later one.
        let due_at_ms = self.emitted.timer_due_at_ms.map_or(closes_at_ms, |set_ms| set_ms.max(closes_at_ms));
        Some(Timer { key: self.key, due_at_ms })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const SETTINGS: SessionSettings = SessionSettings { gap_ms: 30 * MINUTE_MS, lateness_ms: 10 * MINUTE_MS };
    const CLOSES_AT_MS: i64 = 140 * MINUTE_MS + 1;

    fn missing(now_ms: i64, item: Value) -> Option<i64> {
        let session: OpenSession = serde_json::from_value(item).unwrap();
        session.missing_timer(now_ms, &SETTINGS).map(|timer| timer.due_at_ms)
    }

    fn item(timer_due_at_ms: Option<i64>) -> Value {
        let window = json!({"id": "u/1", "last_event_at_ms": 100 * MINUTE_MS});
        match timer_due_at_ms {
            Some(due_at_ms) => {
                json!({"key": "u", "session": window, "emitted": {"timer_due_at_ms": due_at_ms}})
            }
            None => json!({"key": "u", "session": window}),
        }
    }

    #[test]
    fn an_open_window_without_a_timer_misses_one_once_it_should_have_closed() {
        assert_eq!(missing(CLOSES_AT_MS, item(None)), None);
        assert_eq!(missing(CLOSES_AT_MS + 1, item(None)), Some(CLOSES_AT_MS));
    }

    #[test]
    fn a_timer_that_may_still_come_is_not_missing() {
        let look_back_ms = LOOK_BACK_MINUTES * MINUTE_MS;
        assert_eq!(missing(CLOSES_AT_MS + look_back_ms, item(Some(CLOSES_AT_MS))), None);
        assert_eq!(missing(CLOSES_AT_MS + look_back_ms + 1, item(Some(CLOSES_AT_MS))), Some(CLOSES_AT_MS));
    }

    #[test]
    fn the_timer_that_is_lost_rings_and_closes_the_earliest_window() {
        let now_ms = 1_000 * MINUTE_MS;
        assert_eq!(missing(now_ms, item(Some(MINUTE_MS))), Some(CLOSES_AT_MS));
        assert_eq!(missing(now_ms, item(Some(900 * MINUTE_MS))), Some(900 * MINUTE_MS));
        let mut two = item(None);
        two["earlier_sessions"] = json!([{"last_event_at_ms": 60 * MINUTE_MS}]);
        assert_eq!(missing(now_ms, two), Some(100 * MINUTE_MS + 1));
    }

    #[test]
    fn a_user_without_open_windows_misses_nothing() {
        assert_eq!(missing(i64::MAX, json!({"key": "u", "emitted": {"refresh_waits": true}})), None);
    }
}

//! What the caller asks for.

use millrace_domain::json_object::JsonObject;
use serde::Deserialize;

/// A request: any JSON object, since a schedule sends one of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "JsonObject<Wire>")]
pub struct Request {
    /// Looks for sessions that stay open because their timer is gone, instead of timers that are due.
    pub sweep: bool,
    /// Where a sweep goes on: the `next_start_after` of the answer to the one before.
    pub start_after: Option<String>,
    /// The time to go by, in epoch milliseconds: never one that is still to come. The clock's, where there is none.
    pub now_at_ms: Option<i64>,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    sweep: bool,
    start_after: Option<String>,
    now_at_ms: Option<i64>,
}

impl From<JsonObject<Wire>> for Request {
    fn from(JsonObject(Wire { sweep, start_after, now_at_ms }): JsonObject<Wire>) -> Self {
        Self { sweep, start_after, now_at_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_schedule_sends_asks_for_what_is_due() {
        let scheduled =
            r#"{"version":"0","detail-type":"Scheduled Event","time":"2026-11-21T12:34:00Z","detail":{}}"#;
        for text in ["{}", scheduled] {
            assert_eq!(serde_json::from_str::<Request>(text).unwrap(), Request::default());
        }
        assert!(serde_json::from_str::<Request>("[true]").is_err());
    }

    #[test]
    fn a_sweep_is_asked_for_by_hand() {
        let request: Request =
            serde_json::from_str(r#"{"sweep":true,"start_after":"user-1","now_at_ms":5}"#).unwrap();
        assert_eq!(
            request,
            Request { sweep: true, start_after: Some("user-1".to_owned()), now_at_ms: Some(5) }
        );
    }
}

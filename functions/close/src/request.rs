//! What the caller asks for.

use millrace_domain::object::Object;
use serde::Deserialize;

/// A request: any JSON object, since a schedule sends one of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Object<Wire>")]
pub struct Request {
    /// Looks for sessions that stay open because their timer is gone, instead of timers that are due.
    pub sweep: bool,
    /// Where a sweep goes on: the `next` of the answer to the one before.
    pub next: Option<String>,
    /// The time to go by, in epoch milliseconds: never one that is still to come. The clock's, where there is none.
    pub now_ms: Option<i64>,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    sweep: bool,
    next: Option<String>,
    now_ms: Option<i64>,
}

impl From<Object<Wire>> for Request {
    fn from(Object(Wire { sweep, next, now_ms }): Object<Wire>) -> Self {
        Self { sweep, next, now_ms }
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
        let request: Request = serde_json::from_str(r#"{"sweep":true,"next":"user-1","now_ms":5}"#).unwrap();
        assert_eq!(request, Request { sweep: true, next: Some("user-1".to_owned()), now_ms: Some(5) });
    }
}

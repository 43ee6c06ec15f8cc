//! What holds for one event, accepted or refused.

use millrace_domain::decode::{Arrival, decode};
use millrace_domain::{Event, Invalid, Reason};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{check, model, write};

/// When the events of all targets arrive: 2025-11-03T10:30:00Z.
pub(super) const ARRIVED_AT_MS: i64 = 1_762_165_800_000;

/// Holds a decoder's answer on one event's bytes against the model, and reads what it accepts a second time.
pub(super) fn judged(bytes: &[u8], arrival: &Arrival<'_>, answer: &Result<Event<'_>, Invalid>) {
    // Values have limits of their own, on numbers and depth, so some texts that are taken are none.
    let value: Option<Value> = serde_json::from_slice(bytes).ok();
    let is_event =
        value.as_ref().map(|value| model::is_event(value, arrival.partition_key, arrival.arrived_at_ms));
    match answer {
        Ok(event) => {
            assert_ne!(is_event, Some(false), "taken, and should not be: {event:?}");
            assert!(serde_json::from_slice::<&RawValue>(bytes).is_ok(), "taken, and no JSON");
            accepted(event, arrival);
        }
        Err(invalid) => {
            let is_twice_there = value.as_ref().is_some_and(|value| model::has_a_name_twice(bytes, value));
            assert!(is_event != Some(true) || is_twice_there, "refused, and should not be: {invalid:?}");
            assert!(value.is_none() || invalid.reason != Reason::NotJson, "JSON, and refused as none");
            check::refusal_alone(invalid, arrival.partition_key);
        }
    }
}

fn accepted(event: &Event<'_>, arrival: &Arrival<'_>) {
    assert_eq!(event.subject, arrival.partition_key);
    let text = write::event(event);
    let mut count = 0;
    decode(text.as_bytes(), arrival, |decoded| {
        count += 1;
        let again = decoded.event.expect("an event that was taken is taken again");
        assert_eq!(&again, event);
        assert_eq!((again.identity(), again.payload()), (event.identity(), event.payload()));
    });
    assert_eq!(count, 1);
}

/// The key that lets the most of a payload through: the subject of its first event.
pub(super) fn key_of(bytes: &[u8]) -> String {
    let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let first = value.as_array().and_then(|events| events.first()).unwrap_or(&value);
    first.get("subject").and_then(Value::as_str).unwrap_or("u").to_owned()
}

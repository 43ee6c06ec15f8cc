//! What holds for one event, accepted or rejected.

use millrace_domain::decode::{Arrival, decode};
use millrace_domain::lake::{COLUMNS, Delivered, Row, RowSettings};
use millrace_domain::{Event, Invalid, Position, Reason, SequenceNumber, Shard, StreamPosition};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{check, model, write};

/// When the events of all targets arrive: 2025-11-03T10:30:00Z.
pub(super) const ARRIVED_AT_MS: i64 = 1_762_165_800_000;

/// Holds a decoder's answer on one event's bytes against the model, and reads what it accepts a second time.
pub(super) fn judged(bytes: &[u8], arrival: &Arrival<'_>, answer: &Result<Event<'_>, Invalid>) {
    // Values have limits of their own, on numbers and depth, so some texts that are taken are none.
    let value: Option<Value> = serde_json::from_slice(bytes).ok();
    let opened = value.clone().and_then(model::opened);
    let is_event =
        opened.as_ref().map(|(it, _)| model::is_event(it, arrival.partition_key, arrival.arrived_at_ms));
    match answer {
        Ok(event) => {
            assert_ne!(is_event, Some(false), "taken, and should not be: {event:?}");
            assert!(serde_json::from_slice::<&RawValue>(bytes).is_ok(), "taken, and no JSON");
            accepted(event, arrival);
        }
        Err(invalid) => {
            let is_unsure = value.as_ref().is_some_and(|value| model::has_a_name_twice(bytes, value))
                || opened.as_ref().is_some_and(|(it, is_twice)| *is_twice || model::has_a_whole_float(it));
            assert!(is_event != Some(true) || is_unsure, "rejected, and should not be: {invalid:?}");
            assert!(value.is_none() || invalid.reason != Reason::NotJson, "JSON, and rejected as none");
            check::rejection_alone(invalid, arrival.partition_key);
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
    archived(event);
}

/// A row is read back to the event and where it was read, whether timestamps are texts or numbers.
fn archived(event: &Event<'_>) {
    let at = |shard_id: &str, arrived_at_ms| {
        let sequence = SequenceNumber::parse("495").expect("digits are a sequence number");
        let position = Position { sequence, sub_sequence: 1, element: 2 };
        StreamPosition { shard: Shard::new("events", shard_id), position, arrived_at_ms }
    };
    let first = at("a", ARRIVED_AT_MS);
    for redrive in [None, Some(at("b", ARRIVED_AT_MS + 5))] {
        let delivered = Delivered { first: first.clone(), redrive, of_signals: event.origin.is_some() };
        let row = Row::of(event, &delivered, RowSettings::default());
        let text = serde_json::to_string(&row).expect("a row is JSON");
        let mut in_ms: Value = serde_json::from_str(&text).expect("a row is JSON");
        let arrived = delivered.redrive.as_ref().map(|redrive| redrive.arrived_at_ms);
        let times = [
            ("time", Some(event.time_ms)),
            ("arrived_at", Some(ARRIVED_AT_MS)),
            ("redrive_arrived_at", arrived),
        ];
        for (name, ms) in times {
            in_ms[name] = ms.into();
        }
        for text in [text, in_ms.to_string()] {
            let row: Row<'_> = serde_json::from_str(&text).expect("a row is read");
            let archived = row.read().expect("a row has an event");
            assert_eq!((&archived.event, &archived.delivered), (event, &delivered));
        }
        fits_its_columns(&in_ms);
    }
}

/// Firehose drops a row of which a number does not fit its column.
fn fits_its_columns(row: &Value) {
    for column in COLUMNS {
        let value = &row[column.name];
        match column.glue_type {
            "int" => assert!(value.is_null() || value.as_i64().is_some_and(|it| i32::try_from(it).is_ok())),
            "bigint" => assert!(value.is_null() || value.is_i64(), "{} is {value}", column.name),
            "string" => assert!(value.is_null() || value.is_string(), "{} is {value}", column.name),
            _ => {}
        }
    }
}

/// The key that lets the most of a payload through: the subject of its first event.
pub(super) fn key_of(bytes: &[u8]) -> String {
    let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let first = value.as_array().and_then(|events| events.first()).unwrap_or(&value);
    first.get("subject").and_then(Value::as_str).unwrap_or("u").to_owned()
}

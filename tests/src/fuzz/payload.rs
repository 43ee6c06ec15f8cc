//! `decode`: a payload to its events, one or a batch.

use millrace_domain::decode::{Arrival, BATCH_LIMIT_EVENTS, Decoded, decode};
use millrace_domain::{Event, Reason};
use serde_json::value::RawValue;

use super::event::{ARRIVED_AT_MS, judged, key_of};

pub(super) fn run(bytes: &[u8]) {
    for partition_key in [&key_of(bytes), "another key"] {
        let arrival = Arrival { partition_key, arrived_at_ms: ARRIVED_AT_MS };
        let decoded = all(bytes, &arrival);
        assert!(decoded == all(bytes, &arrival), "decoding twice differs");
        assert!((1..=BATCH_LIMIT_EVENTS).contains(&decoded.len()), "{} events", decoded.len());
        for (index, one) in (0..).zip(&decoded) {
            assert_eq!(one.element, index);
            assert!(bytes.as_ptr_range().start <= one.bytes.as_ptr());
            assert!(one.bytes.as_ptr_range().end <= bytes.as_ptr_range().end);
            judged_alone(one, bytes, &arrival);
        }
        if let Ok(text) = std::str::from_utf8(bytes) {
            space_around(text, &arrival, &decoded);
            batched(text, &arrival, &decoded);
        }
    }
}

fn all<'a>(bytes: &'a [u8], arrival: &Arrival<'_>) -> Vec<Decoded<'a>> {
    let mut decoded = Vec::new();
    decode(bytes, arrival, |one| decoded.push(one));
    decoded
}

/// A rejection of a whole batch is not held against the model, which knows single events.
fn judged_alone(one: &Decoded<'_>, bytes: &[u8], arrival: &Arrival<'_>) {
    let is_whole_batch = one.bytes.len() == bytes.len() && bytes.trim_ascii_start().starts_with(b"[");
    match (is_whole_batch, &one.event) {
        (true, Ok(_)) => unreachable!("a whole batch is no event"),
        (true, Err(invalid)) => super::check::rejection_alone(invalid, arrival.partition_key),
        (false, event) => judged(one.bytes, arrival, event),
    }
}

fn space_around(text: &str, arrival: &Arrival<'_>, decoded: &[Decoded<'_>]) {
    let text = format!("\r\n\t {text}\n ");
    let again = all(text.as_bytes(), arrival);
    assert!(answers(&again) == answers(decoded), "space around a payload changes its events");
}

/// Within a string that does not end, the space behind it is another thing to reject, so rules may differ.
fn answers<'a>(decoded: &[Decoded<'a>]) -> Vec<Result<Event<'a>, (Reason, String)>> {
    let answer = |one: &Decoded<'a>| one.event.clone().map_err(|invalid| (invalid.reason, invalid.field));
    decoded.iter().map(answer).collect()
}

/// A single event is the same as a batch of it, and so is it twice.
fn batched(text: &str, arrival: &Arrival<'_>, decoded: &[Decoded<'_>]) {
    let is_single = !text.trim_start().starts_with('[') && serde_json::from_str::<&RawValue>(text).is_ok();
    if let ([one], true) = (decoded, is_single) {
        let batch = format!("[{text},{text}]");
        let batch = all(batch.as_bytes(), arrival);
        assert_eq!(batch.len(), 2);
        assert!(batch.iter().all(|element| element.event == one.event), "a batch of it differs");
    }
}

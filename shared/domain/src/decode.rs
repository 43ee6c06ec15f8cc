//! A payload's bytes to events: one CloudEvents object, or a CloudEvents batch (a JSON array).

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::bounded_json::Bounded;
use crate::envelope::read_event;
use crate::event::Event;
use crate::invalid::{Invalid, Reason};
use crate::time::MINUTE_MS;

/// Most events of one CloudEvents batch.
pub const BATCH_LIMIT_EVENTS: usize = 5_000;

/// How far an event time may lie after the arrival time. One phone with a wrong clock must not make a user's
/// true events late.
pub const CLOCK_SKEW_LIMIT_MS: i64 = 5 * MINUTE_MS;

/// Longest text taken over from a decoder's error, in bytes.
pub(crate) const RULE_LIMIT_BYTES: usize = 200;

/// What is known of a payload before it is opened.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The key it was put under.
    pub partition_key: &'a str,
    /// When the stream took it, in epoch milliseconds. A redelivery carries the same value, so it is judged alike.
    pub arrived_at_ms: i64,
}

/// One event of a payload, or why it is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded<'a> {
    /// Index within the CloudEvents batch; 0 for a single event.
    pub element: u32,
    /// The bytes that this event came in.
    pub bytes: &'a [u8],
    /// The event, or its rejection.
    pub event: Result<Event<'a>, Invalid>,
}

/// Decodes a payload and hands over each of its events, in order. At least one is handed over.
pub fn decode<'a>(bytes: &'a [u8], arrival: &Arrival<'_>, mut each: impl FnMut(Decoded<'a>)) {
    let mut whole = |event| each(Decoded { element: 0, bytes, event });
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.trim_start_matches([' ', '\t', '\r', '\n']),
        Err(error) => {
            return whole(Err(Invalid::whole(Reason::NotJson, format!("is not UTF-8 text: {error}"))));
        }
    };
    if !text.starts_with('[') {
        return whole(judged(text, arrival));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let elements =
        BoundedBatch.deserialize(&mut deserializer).and_then(|batch| deserializer.end().map(|()| batch));
    match elements {
        Err(error) => {
            whole(Err(Invalid::whole(Reason::NotJson, format!("is not JSON: {}", error_rule(&error)))));
        }
        Ok(elements) if elements.is_empty() => {
            whole(Err(Invalid::whole(Reason::Envelope, "is a batch without events")));
        }
        Ok(elements) if elements.len() > BATCH_LIMIT_EVENTS => {
            let rule = format!("is a batch of more than {BATCH_LIMIT_EVENTS} events");
            whole(Err(Invalid::whole(Reason::TooManyEvents, rule)));
        }
        Ok(elements) => {
            for (element, text) in (0..).zip(elements) {
                let text = text.get();
                each(Decoded { element, bytes: text.as_bytes(), event: judged(text, arrival) });
            }
        }
    }
}

fn judged<'a>(text: &'a str, arrival: &Arrival<'_>) -> Result<Event<'a>, Invalid> {
    let event = read_event(text)?;
    if event.subject != arrival.partition_key {
        let rule =
            format!("must equal the partition key {:?}", truncate(arrival.partition_key, RULE_LIMIT_BYTES));
        return Err(Invalid::field(Reason::PartitionKeyMismatch, "subject", rule).of_event(&event.id));
    }
    if event.time_ms > arrival.arrived_at_ms.saturating_add(CLOCK_SKEW_LIMIT_MS) {
        let rule =
            format!("must not lie more than {} minutes after the arrival", CLOCK_SKEW_LIMIT_MS / MINUTE_MS);
        return Err(Invalid::field(Reason::ClockSkew, "time", rule).of_event(&event.id));
    }
    Ok(event)
}

/// Stops one element behind the limit, so that an array of a million ones takes no memory for each.
struct BoundedBatch;

impl<'de> DeserializeSeed<'de> for BoundedBatch {
    type Value = Vec<&'de RawValue>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for BoundedBatch {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a CloudEvents batch")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element::<&'de RawValue>()? {
            if elements.len() <= BATCH_LIMIT_EVENTS {
                elements.push(element);
            }
        }
        Ok(elements)
    }
}

/// Path and rule of the error that decoding `text` as a `T` gives. Slow, for the error path.
pub(crate) fn field_error<'a, T: Deserialize<'a>>(text: &'a str) -> (String, String) {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let Err(error) = serde_path_to_error::deserialize::<_, T>(Bounded(&mut deserializer)) else {
        return (String::new(), "cannot be decoded".to_owned());
    };
    let path = match error.path().to_string() {
        path if path == "." => String::new(),
        path => path,
    };
    let rule = error_rule(error.inner());
    match rule.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        Some(field) if path.is_empty() => (field.to_owned(), "is missing".to_owned()),
        Some(field) => (format!("{path}.{field}"), "is missing".to_owned()),
        None => (path, rule),
    }
}

/// The text of a decoder's error without its position, at a bounded length.
pub(crate) fn error_rule(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let rule = text.rsplit_once(" at line ").map_or(text.as_str(), |(rule, _)| rule);
    truncate(rule, RULE_LIMIT_BYTES).to_owned()
}

/// The text, truncated to at most `limit_bytes` at a character's border.
pub fn truncate(text: &str, limit_bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(limit_bytes)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARRIVED_AT_MS: i64 = 1_291_191_960_000;

    fn login(id: &str, time_ms: i64) -> String {
        let time = crate::time::format_rfc3339_ms(time_ms);
        format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"s","type":"user.logged_in","subject":"u","time":"{time}"}}"#
        )
    }

    fn reasons(bytes: &[u8], partition_key: &str) -> Vec<Option<Reason>> {
        let mut reasons = Vec::new();
        let arrival = Arrival { partition_key, arrived_at_ms: ARRIVED_AT_MS };
        decode(bytes, &arrival, |decoded| reasons.push(decoded.event.err().map(|invalid| invalid.reason)));
        reasons
    }

    #[test]
    fn a_batch_is_judged_element_by_element() {
        let good = login("a", ARRIVED_AT_MS);
        let batch = format!(" [{good}, 5, {good}]");
        assert_eq!(reasons(batch.as_bytes(), "u"), [None, Some(Reason::Envelope), None]);
        assert_eq!(reasons(good.as_bytes(), "u"), [None]);
    }

    #[test]
    fn a_payload_that_cannot_be_split_is_one_rejection() {
        assert_eq!(reasons(b"\xff", "u"), [Some(Reason::NotJson)]);
        assert_eq!(reasons(b"", "u"), [Some(Reason::NotJson)]);
        assert_eq!(reasons(b"[]", "u"), [Some(Reason::Envelope)]);
        assert_eq!(reasons(b"[1,", "u"), [Some(Reason::NotJson)]);
        assert_eq!(reasons(b"[1] x", "u"), [Some(Reason::NotJson)]);
    }

    #[test]
    fn a_batch_ends_at_its_limit() {
        let batch = |count: usize| format!("[{}]", vec!["1"; count].join(","));
        assert_eq!(reasons(batch(BATCH_LIMIT_EVENTS).as_bytes(), "u").len(), BATCH_LIMIT_EVENTS);
        assert_eq!(reasons(batch(BATCH_LIMIT_EVENTS + 1).as_bytes(), "u"), [Some(Reason::TooManyEvents)]);
    }

    #[test]
    fn the_subject_is_the_partition_key() {
        assert_eq!(reasons(login("a", ARRIVED_AT_MS).as_bytes(), "v"), [Some(Reason::PartitionKeyMismatch)]);
    }

    #[test]
    fn clocks_may_be_five_minutes_fast() {
        let at = |time_ms| reasons(login("a", time_ms).as_bytes(), "u");
        assert_eq!(at(ARRIVED_AT_MS + 300_000), [None]);
        assert_eq!(at(ARRIVED_AT_MS + 300_001), [Some(Reason::ClockSkew)]);
    }

    #[test]
    fn texts_are_truncated_at_a_border() {
        assert_eq!(truncate("aé", 2), "a");
        assert_eq!(truncate("aé", 3), "aé");
    }
}

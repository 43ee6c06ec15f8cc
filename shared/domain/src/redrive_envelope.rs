//! `record.redriven`: the control event in which a dead letter goes back through the stream.
//!
//! The redrive envelope is put under the record's own partition key, so it comes behind everything that the key has
//! sent before, and rule 1 of the loop holds. Its text depends on nothing but the record, so that redriving twice puts
//! the same bytes.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::bounded_json;
use crate::contract::NAME_LIMIT_BYTES;
use crate::decode::{BATCH_LIMIT_EVENTS, field_error, truncate};
use crate::identity::ID_LIMIT_BYTES;
use crate::invalid::{Invalid, Reason};
use crate::number_text::whole_number;
use crate::position::{INDEX_LIMIT, Position, SequenceNumber, Shard, StreamPosition};
use crate::time::{format_rfc3339_ms, parse_rfc3339_ms};

/// The event type of a redrive envelope.
pub const TYPE: &str = "record.redriven";
/// The only source of redrive envelopes.
pub const SOURCE: &str = "urn:millrace:redrive";

/// How the payload was made smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Deflated, with zlib's header.
    Zlib,
}

/// What a redrive envelope holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedriveEnvelope<'a> {
    /// Where the record was first, and when.
    pub first: StreamPosition,
    /// The only consumer that it comes back for; `None` means every one.
    pub target_function: Option<Cow<'a, str>>,
    /// The record's bytes in base64, after `encoding`.
    pub data_base64: Cow<'a, str>,
    /// How they were made smaller, if they were.
    pub encoding: Option<Encoding>,
}

/// Text as it is written: in this order, whose beginning is the same for every redrive envelope.
#[derive(Serialize, Deserialize)]
struct Wire<'a> {
    specversion: Cow<'a, str>,
    #[serde(rename = "type")]
    event_type: Cow<'a, str>,
    source: Cow<'a, str>,
    id: Cow<'a, str>,
    subject: Cow<'a, str>,
    time: Cow<'a, str>,
    #[serde(borrow)]
    data: WireData<'a>,
}

#[derive(Serialize, Deserialize)]
struct WireData<'a> {
    stream: Cow<'a, str>,
    shard_id: Cow<'a, str>,
    sequence_number: Cow<'a, str>,
    #[serde(deserialize_with = "whole_number")]
    sub_sequence_number: u32,
    #[serde(deserialize_with = "whole_number")]
    element: u32,
    arrived_at: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target_function: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encoding: Option<Encoding>,
    #[serde(borrow)]
    data_base64: Cow<'a, str>,
}

/// What tells a redrive envelope from other events that mention its type.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, rename = "type")]
    event_type: Cow<'a, str>,
}

/// Reads a redrive envelope that was put under this key; `None` when the text is no event of its type.
///
/// # Errors
/// The field that breaks the redrive envelope, with its id where it could be read.
pub fn read<'a>(text: &'a str, partition_key: &str) -> Option<Result<RedriveEnvelope<'a>, Invalid>> {
    let head: Head<'_> = bounded_json::from_str(text).ok()?;
    (head.event_type == TYPE).then(|| redrive_envelope(text, partition_key))
}

fn redrive_envelope<'a>(text: &'a str, partition_key: &str) -> Result<RedriveEnvelope<'a>, Invalid> {
    let wire: Wire<'_> = bounded_json::from_str(text).map_err(|_| explain(text))?;
    let id = wire.id.clone();
    checked(wire, partition_key).map_err(|invalid| invalid.of_event(truncate(&id, ID_LIMIT_BYTES)))
}

fn checked<'a>(wire: Wire<'a>, partition_key: &str) -> Result<RedriveEnvelope<'a>, Invalid> {
    let reject = |reason, field: &str, rule: &str| Err(Invalid::field(reason, field, rule));
    if wire.specversion != "1.0" {
        return reject(Reason::Envelope, "specversion", "must be \"1.0\"");
    }
    if wire.source != SOURCE {
        return reject(Reason::Envelope, "source", "must be that of redrive");
    }
    // The key may be no subject that an event could have: such a record is rejected as it was the first time.
    if wire.subject != partition_key {
        return reject(Reason::PartitionKeyMismatch, "subject", "must equal the partition key");
    }
    let data = wire.data;
    let names = [
        ("data.stream", Some(&data.stream)),
        ("data.shard_id", Some(&data.shard_id)),
        ("data.target_function", data.target_function.as_ref()),
    ];
    for (field, name) in names {
        if !name.is_none_or(|name| is_name(name)) {
            return reject(Reason::Contract, field, "must be 1 to 128 bytes");
        }
    }
    if data.sub_sequence_number > INDEX_LIMIT {
        return reject(Reason::Contract, "data.sub_sequence_number", "must be below 2^31");
    }
    // What it holds may be a batch, whose elements are counted from here.
    if usize::try_from(data.element).is_ok_and(|element| element >= BATCH_LIMIT_EVENTS) {
        return reject(Reason::Contract, "data.element", "must be below the events of a batch");
    }
    let Ok(sequence) = SequenceNumber::parse(&data.sequence_number) else {
        return reject(Reason::Contract, "data.sequence_number", "must be a sequence number");
    };
    let Some(arrived_at_ms) = parse_rfc3339_ms(&data.arrived_at) else {
        return reject(Reason::Contract, "data.arrived_at", "must be an RFC 3339 timestamp of 1970 or later");
    };
    let position = Position { sequence, sub_sequence: data.sub_sequence_number, element: data.element };
    let first = StreamPosition { shard: Shard::new(&data.stream, &data.shard_id), position, arrived_at_ms };
    Ok(RedriveEnvelope {
        first,
        target_function: data.target_function,
        data_base64: data.data_base64,
        encoding: data.encoding,
    })
}

/// Names go into the quarantine, whose lines have room for so much.
fn is_name(text: &str) -> bool {
    (1..=NAME_LIMIT_BYTES).contains(&text.len())
}

/// Names the field, on the error path only.
fn explain(text: &str) -> Invalid {
    let (field, rule) = field_error::<Wire<'_>>(text);
    let reason = if field.starts_with("data") { Reason::Contract } else { Reason::Envelope };
    Invalid::field(reason, field, rule)
}

impl RedriveEnvelope<'_> {
    /// The id: where the record stood, and whom it is for.
    pub fn id(&self) -> String {
        match &self.target_function {
            None => self.first.to_string(),
            Some(function) => format!("{}@{function}", self.first),
        }
    }

    /// The event as JSON text, to be put under `partition_key`.
    pub fn write(&self, partition_key: &str) -> String {
        let arrived_at = format_rfc3339_ms(self.first.arrived_at_ms);
        let wire = Wire {
            specversion: "1.0".into(),
            event_type: TYPE.into(),
            source: SOURCE.into(),
            id: self.id().into(),
            subject: partition_key.into(),
            time: arrived_at.as_str().into(),
            data: WireData {
                stream: self.first.shard.stream().into(),
                shard_id: self.first.shard.id().into(),
                sequence_number: self.first.position.sequence.as_str().into(),
                sub_sequence_number: self.first.position.sub_sequence,
                element: self.first.position.element,
                arrived_at: arrived_at.as_str().into(),
                target_function: self.target_function.as_deref().map(Cow::Borrowed),
                encoding: self.encoding,
                data_base64: self.data_base64.as_ref().into(),
            },
        };
        // Texts and numbers alone: writing them to memory does not fail.
        serde_json::to_string(&wire).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> RedriveEnvelope<'static> {
        let position =
            Position { sequence: SequenceNumber::parse("5").unwrap(), sub_sequence: 1, element: 2 };
        RedriveEnvelope {
            first: StreamPosition {
                shard: Shard::new("events", "shard"),
                position,
                arrived_at_ms: 1_291_191_960_120,
            },
            target_function: Some("sessions".into()),
            data_base64: "e30=".into(),
            encoding: Some(Encoding::Zlib),
        }
    }

    #[test]
    fn writing_and_reading_are_inverse() {
        let everyone = RedriveEnvelope { target_function: None, encoding: None, ..example() };
        for redrive_envelope in [example(), everyone] {
            let text = redrive_envelope.write("u \u{1}\"");
            assert_eq!(read(&text, "u \u{1}\""), Some(Ok(redrive_envelope)));
        }
    }

    #[test]
    fn the_text_is_that_of_a_cloud_event() {
        let expected = concat!(
            r#"{"specversion":"1.0","type":"record.redriven","source":"urn:millrace:redrive","#,
            r#""id":"events/shard/5/1/2@sessions","subject":"u","time":"2010-12-01T08:26:00.120Z","#,
            r#""data":{"stream":"events","shard_id":"shard","sequence_number":"5","sub_sequence_number":1,"#,
            r#""element":2,"arrived_at":"2010-12-01T08:26:00.120Z","target_function":"sessions","encoding":"zlib","#,
            r#""data_base64":"e30="}}"#
        );
        assert_eq!(example().write("u"), expected);
    }

    #[test]
    fn what_only_mentions_the_type_is_no_redrive_envelope() {
        for text in
            ["record.redriven", r#"{"type":"a","data":"record.redriven"}"#, r#"[{"type":"record.redriven"}]"#]
        {
            assert_eq!(read(text, "u"), None, "{text}");
        }
    }

    #[test]
    fn a_broken_redrive_envelope_names_reason_field_and_rule() {
        let text = example().write("u");
        let cases = [
            (r#""specversion":"1.0""#, r#""specversion":"0.3""#, Reason::Envelope, "specversion"),
            (SOURCE, "urn:other", Reason::Envelope, "source"),
            (r#""subject":"u""#, r#""subject":"v""#, Reason::PartitionKeyMismatch, "subject"),
            (r#""subject":"u","#, "", Reason::Envelope, "subject"),
            (
                r#""sequence_number":"5""#,
                r#""sequence_number":"05""#,
                Reason::Contract,
                "data.sequence_number",
            ),
            (r#""arrived_at":"2010"#, r#""arrived_at":"10"#, Reason::Contract, "data.arrived_at"),
            (r#""stream":"events""#, r#""stream":"""#, Reason::Contract, "data.stream"),
            (r#""shard_id":"shard""#, r#""shard_id":"""#, Reason::Contract, "data.shard_id"),
            (
                r#""target_function":"sessions""#,
                r#""target_function":"""#,
                Reason::Contract,
                "data.target_function",
            ),
            (r#""encoding":"zlib""#, r#""encoding":"rot13""#, Reason::Contract, "data.encoding"),
            (r#","data_base64":"e30=""#, "", Reason::Contract, "data.data_base64"),
            (r#""element":2"#, r#""element":-2"#, Reason::Contract, "data.element"),
            (r#""element":2"#, r#""element":5000"#, Reason::Contract, "data.element"),
            (
                r#""sub_sequence_number":1"#,
                r#""sub_sequence_number":2147483648"#,
                Reason::Contract,
                "data.sub_sequence_number",
            ),
            (r#""source":"#, r#""id":"again","id":"again","source":"#, Reason::Envelope, ""),
        ];
        for (old, new, reason, field) in cases {
            let broken = text.replacen(old, new, 1);
            assert_ne!(broken, text);
            let invalid = read(&broken, "u").unwrap().unwrap_err();
            assert_eq!((invalid.reason, invalid.field.as_str()), (reason, field));
        }
    }

    #[test]
    fn positions_end_at_their_limits() {
        let mut last = example();
        last.first.position.sub_sequence = INDEX_LIMIT;
        last.first.position.element = u32::try_from(BATCH_LIMIT_EVENTS).unwrap() - 1;
        assert_eq!(read(&last.write("u"), "u"), Some(Ok(last)));
    }

    #[test]
    fn the_id_of_a_broken_redrive_envelope_is_named_where_it_can_be_read() {
        let invalid = read(&example().write("u"), "v").unwrap().unwrap_err();
        assert_eq!(invalid.event_id.as_deref(), Some("events/shard/5/1/2@sessions"));
    }
}

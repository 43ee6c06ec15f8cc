//! Entries of the quarantine as JSON lines: one type, which functions write and `redrive` reads.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use millrace_domain::bounded_json;
use millrace_domain::json_object::JsonObject;
use millrace_domain::position_fields::{FirstFields, RedriveFields};
use millrace_domain::quarantine::Entry;
use serde::{Deserialize, Serialize};

use crate::json_lines::JsonLines;
use crate::ports::JsonLineSink;

/// Room that a line needs beside its bytes: its texts are bounded by the contracts.
const FRAME_BYTES: usize = 16 * 1024;

/// A line: an entry, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QuarantineLine<'a> {
    /// The function that rejected the event.
    pub function: Cow<'a, str>,
    /// Where the event was first.
    #[serde(flatten)]
    pub first: FirstFields<'a>,
    /// The event's id, where it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<Cow<'a, str>>,
    /// The code of the reason.
    pub reason: Cow<'a, str>,
    /// The field that breaks a rule; empty where it is the whole event.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub field: Cow<'a, str>,
    /// The rule, in words.
    pub rule: Cow<'a, str>,
    /// The key that its record was put under.
    pub partition_key: Cow<'a, str>,
    /// Where the redrive envelope stood that brought the event back, where one did.
    #[serde(flatten)]
    pub redrive: RedriveFields<'a>,
    /// Which part of the entry this is, from 1.
    pub part: u32,
    /// How many parts it has.
    pub parts: u32,
    /// The part's bytes in base64.
    pub data_base64: Cow<'a, str>,
}

/// What a line holds beside its positions.
#[derive(Deserialize)]
struct Rest<'a> {
    #[serde(borrow)]
    function: Cow<'a, str>,
    #[serde(borrow, default)]
    event_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    reason: Cow<'a, str>,
    #[serde(borrow, default)]
    field: Cow<'a, str>,
    #[serde(borrow, default)]
    rule: Cow<'a, str>,
    #[serde(borrow)]
    partition_key: Cow<'a, str>,
    part: u32,
    parts: u32,
    #[serde(borrow)]
    data_base64: Cow<'a, str>,
}

impl<'a> QuarantineLine<'a> {
    /// Reads a line. Each part of it is read by itself: a reader of all would first hold what it does not know as a
    /// tree of values, forty times the size of its text.
    ///
    /// # Errors
    /// When the bytes are no JSON, or no line.
    pub fn read(line: &'a [u8]) -> Result<Self, serde_json::Error> {
        let Rest { function, event_id, reason, field, rule, partition_key, part, parts, data_base64 } =
            object(line)?;
        let (first, redrive) = (object(line)?, object(line)?);
        Ok(Self {
            function,
            first,
            event_id,
            reason,
            field,
            rule,
            partition_key,
            redrive,
            part,
            parts,
            data_base64,
        })
    }
}

fn object<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Result<T, serde_json::Error> {
    bounded_json::from_slice(line).map(|JsonObject(object)| object)
}

/// Adds an entry's lines, for a sink with this limit.
pub fn push_entry<K: JsonLineSink>(lines: &mut JsonLines, record: usize, entry: &Entry<'_>) {
    let limit_bytes = K::LINE_LIMIT_BYTES;
    // Three bytes become four characters of base64.
    let part_bytes = (limit_bytes.saturating_sub(FRAME_BYTES) / 4 * 3).max(3);
    let mut line = QuarantineLine {
        function: entry.function.into(),
        first: (&entry.first).into(),
        event_id: entry.invalid.event_id.as_deref().map(Into::into),
        reason: entry.invalid.reason.code().into(),
        field: entry.invalid.field.as_str().into(),
        rule: entry.invalid.rule.as_str().into(),
        partition_key: entry.partition_key.into(),
        redrive: entry.redrive.as_ref().into(),
        part: 0,
        parts: u32::try_from(entry.bytes.len().div_ceil(part_bytes).max(1)).unwrap_or(u32::MAX),
        data_base64: Cow::default(),
    };
    let mut parts = entry.bytes.chunks(part_bytes);
    while line.part < line.parts {
        line.part += 1;
        line.data_base64 = STANDARD.encode(parts.next().unwrap_or_default()).into();
        if let Err(error) = lines.push(record, &line, limit_bytes) {
            // Unreachable while FRAME_BYTES holds for the bounded texts; losing an entry must not be silent.
            tracing::error!(%error, reason = %line.reason, first = %entry.first, "quarantine line");
        }
    }
}

#[cfg(test)]
mod tests {
    use millrace_domain::{Invalid, Position, Reason, SequenceNumber, Shard, StreamPosition};

    use super::*;
    use crate::deadline::Deadline;
    use crate::ports::NotAccepted;

    struct Small;

    impl JsonLineSink for Small {
        // The 16 KiB that everything but the bytes has, and room for 300 bytes in base64.
        const LINE_LIMIT_BYTES: usize = 16_384 + 400;

        async fn put(&self, _lines: &JsonLines, _deadline: Deadline) -> Result<(), NotAccepted> {
            Ok(())
        }
    }

    fn lines(bytes: &[u8]) -> Vec<serde_json::Value> {
        let mut lines = JsonLines::default();
        let position =
            Position { sequence: SequenceNumber::parse("5").unwrap(), sub_sequence: 1, element: 2 };
        let invalid = Invalid::field(Reason::Contract, "data.sku", "is missing").of_event("e");
        let entry = Entry {
            function: "archive",
            first: StreamPosition { shard: Shard::new("events", "shard"), position, arrived_at_ms: 0 },
            partition_key: "u",
            redrive: None,
            invalid,
            bytes,
        };
        push_entry::<Small>(&mut lines, 0, &entry);
        let text = String::from_utf8(lines.bytes(0..lines.len()).to_vec()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn joined(lines: &[serde_json::Value]) -> Vec<u8> {
        lines
            .iter()
            .flat_map(|line| STANDARD.decode(line["data_base64"].as_str().unwrap()).unwrap())
            .collect()
    }

    #[test]
    fn a_line_names_event_reason_and_position() {
        let lines = lines(b"bytes");
        let line = lines.first().unwrap();
        assert_eq!((&line["event_id"], &line["reason"]), (&"e".into(), &"contract".into()));
        assert_eq!((&line["field"], &line["rule"]), (&"data.sku".into(), &"is missing".into()));
        assert_eq!((&line["shard_id"], &line["sequence_number"]), (&"shard".into(), &"5".into()));
        assert_eq!(joined(&lines), b"bytes");
    }

    #[test]
    fn what_is_too_large_for_a_line_comes_in_parts() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1_000).collect();
        let parts = lines(&bytes);
        assert_eq!(parts.len(), 4);
        assert!(parts.iter().all(|line| line["parts"] == 4));
        let numbers: Vec<_> = parts.iter().map(|line| line["part"].as_u64().unwrap()).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
        assert_eq!(joined(&parts), bytes);
    }
}

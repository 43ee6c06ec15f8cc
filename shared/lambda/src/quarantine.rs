//! Entries of the quarantine as JSON lines.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use millrace_domain::quarantine::Entry;
use millrace_domain::time::format_rfc3339_ms;
use serde::Serialize;

use crate::json_lines::JsonLines;
use crate::ports::JsonLineSink;

/// Room for everything in a line but its bytes. Texts in it are bounded: the longest are the partition key
/// (256 characters), the id (256 bytes) and the rule.
const FRAME_BYTES: usize = 16 * 1024;

/// One line of the quarantine. An entry too large for one line is split into parts that carry the same name.
#[derive(Debug, Serialize)]
struct QuarantineLine<'a> {
    function: &'a str,
    shard_id: &'a str,
    sequence_number: &'a str,
    sub_sequence: u32,
    element: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<&'a str>,
    reason: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    field: &'a str,
    rule: &'a str,
    partition_key: &'a str,
    arrived_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    redrive_shard_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redrive_sequence_number: Option<&'a str>,
    part: usize,
    parts: usize,
    data_base64: String,
}

/// Adds an entry's lines, for a sink with this limit.
pub fn push_entry<K: JsonLineSink>(lines: &mut JsonLines, record: usize, entry: &Entry<'_>) {
    let limit_bytes = K::LINE_LIMIT_BYTES;
    // Three bytes become four characters of base64.
    let part_bytes = (limit_bytes.saturating_sub(FRAME_BYTES) / 4 * 3).max(3);
    let parts = entry.bytes.len().div_ceil(part_bytes).max(1);
    for part in 0..parts {
        let end = entry.bytes.len().min((part + 1) * part_bytes);
        let bytes = entry.bytes.get(part * part_bytes..end).unwrap_or_default();
        let line = QuarantineLine {
            function: entry.function,
            shard_id: entry.shard_id,
            sequence_number: entry.position.sequence.as_str(),
            sub_sequence: entry.position.sub_sequence,
            element: entry.position.element,
            event_id: entry.invalid.event_id.as_deref(),
            reason: entry.invalid.reason.code(),
            field: &entry.invalid.field,
            rule: &entry.invalid.rule,
            partition_key: entry.partition_key,
            arrived_at: format_rfc3339_ms(entry.arrived_at_ms),
            redrive_shard_id: entry.redriven.as_ref().map(|(shard_id, _)| *shard_id),
            redrive_sequence_number: entry.redriven.as_ref().map(|(_, sequence)| sequence.as_str()),
            part: part + 1,
            parts,
            data_base64: STANDARD.encode(bytes),
        };
        if let Err(error) = lines.push(record, &line, limit_bytes) {
            // Unreachable while FRAME_BYTES holds for the bounded texts; losing an entry must not be silent.
            tracing::error!(%error, reason = line.reason, sequence_number = line.sequence_number, "quarantine line");
        }
    }
}

#[cfg(test)]
mod tests {
    use millrace_domain::{Invalid, Position, Reason, SequenceNumber};

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
            shard_id: "shard",
            position,
            partition_key: "u",
            arrived_at_ms: 0,
            redriven: None,
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

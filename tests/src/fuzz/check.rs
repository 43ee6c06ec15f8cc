//! What holds for every rejection, and for the quarantine's lines that it becomes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use millrace_domain::contract::NAME_LIMIT_BYTES;
use millrace_domain::identity::ID_LIMIT_BYTES;
use millrace_domain::quarantine::Entry;
use millrace_domain::{Invalid, Position, Reason, SequenceNumber, Shard, StreamPosition};
use millrace_lambda::deadline::Deadline;
use millrace_lambda::ports::{JsonLineSink, NotAccepted};
use millrace_lambda::quarantine::push_entry;
use millrace_lambda::{BatchEvent, JsonLines};
use serde_json::Value;

/// What a quarantine's line reserves for everything but its bytes.
const FRAME_BYTES: usize = 16 * 1024;
/// A decoder's text is truncated at 200 bytes and stands behind a few words.
const RULE_LIMIT_BYTES: usize = 200 + 40;
/// Up to 200 bytes of the key are quoted, where `\u{7f}` makes six of one.
const KEY_RULE_LIMIT_BYTES: usize = 200 * 6 + 40;
/// The longest is a field of a line of an order.
const FIELD_LIMIT_BYTES: usize = 64;
/// As Kinesis bounds it.
pub(super) const KEY_LIMIT_CHARS: usize = 256;

/// The sink that archives write to, as far as the length of lines goes.
struct Sink;

impl JsonLineSink for Sink {
    const LINE_LIMIT_BYTES: usize = 1_024_000;

    async fn put(&self, _lines: &JsonLines, _deadline: Deadline) -> Result<(), NotAccepted> {
        Ok(())
    }
}

/// A rejection names its stage and its rule, and every text in it is bounded.
pub(super) fn rejection(invalid: &Invalid) {
    let limit_bytes = match invalid.reason {
        Reason::PartitionKeyMismatch => KEY_RULE_LIMIT_BYTES,
        _ => RULE_LIMIT_BYTES,
    };
    assert!(!invalid.rule.is_empty(), "{invalid:?}");
    assert!(invalid.rule.len() <= limit_bytes, "a rule of {} bytes: {invalid:?}", invalid.rule.len());
    assert!(invalid.field.len() <= FIELD_LIMIT_BYTES, "a field of {} bytes", invalid.field.len());
    assert!(invalid.event_id.as_ref().is_none_or(|id| !id.is_empty() && id.len() <= ID_LIMIT_BYTES));
    let named = [Reason::PartitionKeyMismatch, Reason::Contract, Reason::ClockSkew].contains(&invalid.reason);
    assert!(!named || !invalid.field.is_empty(), "{invalid:?} names no field");
}

/// A rejection that stands for itself, under a key as long as Kinesis takes.
pub(super) fn rejection_alone(invalid: &Invalid, partition_key: &str) {
    rejection(invalid);
    let position = Position {
        sequence: SequenceNumber::parse(&"9".repeat(129)).expect("129 digits are taken"),
        sub_sequence: u32::MAX,
        element: u32::MAX,
    };
    let longest = "s".repeat(NAME_LIMIT_BYTES);
    let at = StreamPosition { shard: Shard::new(&longest, &longest), position, arrived_at_ms: i64::MAX };
    quarantined(&Entry {
        function: "archive",
        first: at.clone(),
        partition_key,
        redrive: Some(at),
        invalid: invalid.clone(),
        bytes: b"",
    });
}

/// A batch event's rejection, with its bytes.
pub(super) fn rejected_event(batch_event: &BatchEvent<'_>, shard: &Shard, invalid: &Invalid) {
    rejection(invalid);
    quarantined(&batch_event.quarantined("archive", shard, invalid.clone()));
}

/// Its lines hold all of its bytes, none is lost for its length, and what they reserve is enough.
fn quarantined(entry: &Entry<'_>) {
    let kinesis_would_send_it = entry.partition_key.chars().count() <= KEY_LIMIT_CHARS
        && entry.first.shard.id().len() <= NAME_LIMIT_BYTES
        && entry.first.shard.stream().len() <= NAME_LIMIT_BYTES;
    if !kinesis_would_send_it {
        return;
    }
    let mut lines = JsonLines::default();
    push_entry::<Sink>(&mut lines, 0, entry);
    assert!(!lines.is_empty(), "the entry is lost");
    let mut joined = Vec::new();
    for line in lines.bytes(0..lines.len()).split_inclusive(|byte| *byte == b'\n') {
        let parsed: Value = serde_json::from_slice(line).expect("a line is JSON");
        let bytes = parsed.get("data_base64").and_then(Value::as_str).expect("a line has bytes");
        let frame_bytes = line.len() - bytes.len();
        assert!(frame_bytes <= FRAME_BYTES, "{frame_bytes} bytes around an entry's own");
        assert_eq!(parsed.get("parts").and_then(Value::as_u64), Some(lines.len() as u64));
        joined.extend(STANDARD.decode(bytes).expect("they are base64"));
    }
    assert!(joined == entry.bytes, "the lines hold other bytes than the entry");
}

//! Objects of the quarantine: JSON lines as `millrace_lambda::quarantine` writes them, in one or several members of
//! gzip, or plain.

use std::borrow::Cow;
use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use millrace_domain::time::parse_rfc3339_ms;
use millrace_domain::{Position, Reason, SequenceNumber, StreamPosition};
use millrace_lambda::redrive_envelope::Redriven;
use serde::Deserialize;

use super::join::{Joiner, Name, Part};
use super::{Contents, Record};

/// Most bytes that an object may inflate to. Firehose collects 5 MiB for one, and adds at most one call.
const INFLATED_LIMIT_BYTES: u64 = 64 * 1024 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

#[derive(Deserialize)]
struct QuarantineLine<'a> {
    #[serde(borrow)]
    function: Cow<'a, str>,
    #[serde(borrow)]
    shard_id: Cow<'a, str>,
    #[serde(borrow)]
    sequence_number: Cow<'a, str>,
    sub_sequence: u32,
    element: u32,
    #[serde(borrow)]
    reason: Cow<'a, str>,
    #[serde(borrow)]
    partition_key: Cow<'a, str>,
    #[serde(borrow)]
    arrived_at: Cow<'a, str>,
    #[serde(borrow, default)]
    redrive_shard_id: Cow<'a, str>,
    #[serde(borrow, default)]
    redrive_sequence_number: Cow<'a, str>,
    part: u32,
    parts: u32,
    #[serde(borrow)]
    data_base64: Cow<'a, str>,
}

/// Reads the object of this number in the run. Entries that are not complete wait in `joiner`.
pub(crate) fn read_quarantine(object: usize, bytes: &Bytes, joiner: &mut Joiner) -> Contents {
    let text = match unzipped(bytes) {
        Ok(text) => text,
        Err(why) => return Contents::unusable(why),
    };
    let mut contents = Contents::default();
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')).filter(|(_, line)| !line.is_empty()) {
        match read_line(line) {
            Err(why) => {
                contents.problem.get_or_insert_with(|| format!("line {number} is no entry: {why}"));
            }
            Ok((part, rest)) => {
                if let Some((bytes, others)) = joiner.join(object, part) {
                    contents.shared_with.extend(others);
                    add(&mut contents, Record { bytes, ..rest });
                }
            }
        }
    }
    contents
}

/// A record of more events than one may hold was set aside whole, and so was one whose decoding panicked. Everything
/// else is a payload already: bytes that look like an aggregate there were none to its consumer either.
fn add(contents: &mut Contents, record: Record) {
    let position = &record.redriven.first.position;
    let is_first = position.sub_sequence == 0 && position.element == 0;
    let is_whole = |reason| [Reason::TooManyEvents, Reason::Poisoned].map(Reason::code).contains(&reason);
    match is_first && record.reason.as_deref().is_some_and(is_whole) {
        true => contents.add_whole(record),
        false => contents.add(record),
    }
}

fn unzipped(bytes: &Bytes) -> Result<Bytes, String> {
    if !bytes.starts_with(&GZIP_MAGIC) {
        return Ok(bytes.clone());
    }
    let mut text = Vec::new();
    match MultiGzDecoder::new(&bytes[..]).take(INFLATED_LIMIT_BYTES + 1).read_to_end(&mut text) {
        Err(error) => Err(format!("is broken gzip: {error}")),
        Ok(_) if text.len() as u64 > INFLATED_LIMIT_BYTES => {
            Err(format!("inflates to more than {INFLATED_LIMIT_BYTES} bytes"))
        }
        Ok(_) => Ok(text.into()),
    }
}

/// A part of an entry, and the record that all its parts come to, but for the bytes.
fn read_line(line: &[u8]) -> Result<(Part, Record), String> {
    let line: QuarantineLine<'_> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let sequence = SequenceNumber::parse(&line.sequence_number).map_err(|error| error.to_string())?;
    let arrived_at_ms = parse_rfc3339_ms(&line.arrived_at).ok_or("arrived_at is no RFC 3339 timestamp")?;
    let bytes = STANDARD.decode(line.data_base64.as_bytes()).map_err(|_| "data_base64 is not base64")?;
    if !(1..=line.parts).contains(&line.part) {
        return Err(format!("part {} of {}", line.part, line.parts));
    }
    let position = Position { sequence, sub_sequence: line.sub_sequence, element: line.element };
    let shard_id = line.shard_id.into_owned();
    let function = line.function.into_owned();
    let reason = line.reason.into_owned();
    let name = Name {
        function: function.clone(),
        shard_id: shard_id.clone(),
        position: position.clone(),
        reason: reason.clone(),
        redriven: (line.redrive_shard_id.into_owned(), line.redrive_sequence_number.into_owned()),
        parts: line.parts,
    };
    let part = Part { name, number: line.part, bytes: bytes.into() };
    let record = Record {
        redriven: Redriven { first: StreamPosition { shard_id, position, arrived_at_ms }, function: None },
        partition_key: line.partition_key.into_owned(),
        bytes: Bytes::new(),
        rejected_by: function,
        reason: Some(reason),
    };
    Ok((part, record))
}

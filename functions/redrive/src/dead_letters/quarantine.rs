//! Objects of the quarantine: JSON lines as `millrace_lambda::quarantine` writes them, in one or several members of
//! gzip, or plain.

use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use millrace_domain::Reason;
use millrace_lambda::quarantine::QuarantineLine;
use millrace_lambda::redrive_envelope::Redriven;

use super::join::{Joiner, Name, Part};
use super::{Contents, Record};

/// Most bytes that an object may inflate to. Firehose collects 5 MiB for one, and adds at most one call.
const INFLATED_LIMIT_BYTES: u64 = 64 * 1024 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

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

/// Consumers quarantine two kinds of records whole: those of too many events, and those whose decoding panicked.
/// Everything else is a payload already: bytes that look like an aggregate there were none to its consumer either.
fn add(contents: &mut Contents, record: Record) {
    let position = &record.redriven.first.position;
    let is_first = position.sub_sequence == 0 && position.element == 0;
    let is_whole =
        |reason| [Reason::TooManyEvents, Reason::FunctionFailed].map(Reason::code).contains(&reason);
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
    let line = QuarantineLine::read(line).map_err(|error| error.to_string())?;
    let first = line.first.read().map_err(|error| error.to_string())?;
    if first.shard.stream().is_empty() {
        return Err("stream is empty".to_owned());
    }
    let redrive = line.redrive.read().map_err(|error| error.to_string())?;
    let bytes = STANDARD.decode(line.data_base64.as_bytes()).map_err(|_| "data_base64 is not base64")?;
    if !(1..=line.parts).contains(&line.part) {
        return Err(format!("part {} of {}", line.part, line.parts));
    }
    let (function, reason) = (line.function.into_owned(), line.reason.into_owned());
    let name = Name {
        function: function.clone(),
        first: first.clone(),
        reason: reason.clone(),
        redrive,
        parts: line.parts,
    };
    let part = Part { name, number: line.part, bytes: bytes.into() };
    let record = Record {
        redriven: Redriven { first, target_function: None },
        partition_key: line.partition_key.into_owned(),
        bytes: Bytes::new(),
        rejected_by: function,
        reason: Some(reason),
    };
    Ok((part, record))
}

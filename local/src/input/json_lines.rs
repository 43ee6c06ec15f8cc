//! CloudEvents as JSON lines: one event, or one batch of them, a line.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;

use super::{Input, UNREADABLE_KEY};
use crate::error::Error;

/// Longest line, in bytes: the default size of a Kinesis record, less its longest key.
const LINE_LIMIT_BYTES: usize = 1024 * 1024 - 256;
/// Longest partition key, in characters.
const KEY_LIMIT_CHARS: usize = 256;

/// The records of a file. Empty lines are left out.
pub(super) fn read(path: &Path) -> Result<impl Iterator<Item = Result<Input, Error>> + use<>, Error> {
    let file =
        File::open(path).map_err(|error| Error::Input { path: path.to_owned(), why: error.to_string() })?;
    let path = path.to_owned();
    let lines = BufReader::with_capacity(1 << 16, file).split(b'\n').enumerate();
    Ok(lines.filter_map(move |(index, line)| {
        let refuse = |why: String| Err(Error::Input { path: path.clone(), why: format!("line {}: {why}", index + 1) });
        match line {
            Err(error) => Some(refuse(error.to_string())),
            Ok(line) if line.trim_ascii().is_empty() => None,
            Ok(line) if line.len() > LINE_LIMIT_BYTES => Some(refuse(format!(
                "{} bytes are more than a Kinesis record takes ({LINE_LIMIT_BYTES} and a partition key); split the batch, or \
                 shorten the event",
                line.len()
            ))),
            Ok(line) => Some(Ok(Input { partition_key: subject(&line), data: line.trim_ascii().to_vec().into() })),
        }
    }))
}

#[derive(Deserialize)]
struct Subject {
    #[serde(default)]
    subject: String,
}

/// The subject of an event, or of a batch's first one.
fn subject(line: &[u8]) -> String {
    let one = serde_json::from_slice::<Subject>(line).ok();
    let first = || serde_json::from_slice::<Vec<Subject>>(line).ok()?.into_iter().next();
    let subject = one.or_else(first).map(|event| event.subject);
    let usable = |subject: &String| !subject.is_empty() && subject.chars().count() <= KEY_LIMIT_CHARS;
    subject.filter(usable).unwrap_or_else(|| UNREADABLE_KEY.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subject_is_the_key_where_there_is_one() {
        assert_eq!(subject(br#"{"subject":"u","id":1}"#), "u");
        assert_eq!(subject(br#"[{"subject":"u"},{"subject":"v"}]"#), "u");
        for line in [&b"?"[..], b"{}", b"[]", br#"{"subject":""}"#, br#"{"subject":5}"#] {
            assert_eq!(subject(line), UNREADABLE_KEY);
        }
    }
}

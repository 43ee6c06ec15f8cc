//! CloudEvents as JSON lines: one event, or one batch of them, a line.

use std::io::BufRead;
use std::path::Path;

use millrace_domain::envelope::SUBJECT_LIMIT_BYTES;
use serde::Deserialize;

use super::line::{Line, next_line};
use super::{Input, NotPut, UNREADABLE_KEY};
use crate::error::Error;

/// Longest line, in bytes: the default size of a Kinesis record, less its longest key.
const LINE_LIMIT_BYTES: usize = 1024 * 1024 - SUBJECT_LIMIT_BYTES;

/// The records of a file. Empty lines are left out, and lines that no stream takes are noted.
pub(super) fn read(
    path: &Path,
    mut lines: Box<dyn BufRead + Send>,
    not_put: NotPut,
) -> impl Iterator<Item = Result<Input, Error>> + use<> {
    let (path, mut number, mut has_failed) = (path.to_owned(), 0_u64, false);
    std::iter::from_fn(move || {
        while !has_failed {
            number += 1;
            match next_line(&mut lines, LINE_LIMIT_BYTES) {
                Ok(None) => return None,
                Ok(Some(Line::TooLong(bytes))) => {
                    let rule = format!(
                        "must be {LINE_LIMIT_BYTES} bytes or fewer, which with a partition key are a Kinesis record; is {bytes}"
                    );
                    not_put.note(&path, number, rule);
                }
                Ok(Some(Line::Whole(line))) => match line.trim_ascii() {
                    [] => {}
                    line => {
                        return Some(Ok(Input { partition_key: subject(line), data: line.to_vec().into() }));
                    }
                },
                Err(error) => {
                    has_failed = true;
                    return Some(Err(Error::Input {
                        path: path.clone(),
                        why: format!("line {number}: {error}"),
                    }));
                }
            }
        }
        None
    })
}

#[derive(Deserialize)]
struct Subject {
    #[serde(default)]
    subject: String,
}

/// The subject of an event, or of a batch's first one. One that no event may have is no key: its line is rejected all the
/// same, and the stream may not take the key.
fn subject(line: &[u8]) -> String {
    let one = serde_json::from_slice::<Subject>(line).ok();
    let first = || serde_json::from_slice::<Vec<Subject>>(line).ok()?.into_iter().next();
    let subject = one.or_else(first).map(|event| event.subject);
    let usable = |subject: &String| (1..=SUBJECT_LIMIT_BYTES).contains(&subject.len());
    subject.filter(usable).unwrap_or_else(|| UNREADABLE_KEY.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subject_is_the_key_where_there_is_one() {
        assert_eq!(subject(br#"{"subject":"u","id":1}"#), "u");
        assert_eq!(subject(br#"[{"subject":"u"},{"subject":"v"}]"#), "u");
        let of = |subject: String| format!(r#"{{"subject":"{subject}"}}"#);
        assert_eq!(subject(of("ü".repeat(128)).as_bytes()), "ü".repeat(128));
        assert_eq!(subject(of("ü".repeat(129)).as_bytes()), UNREADABLE_KEY);
        for line in [&b"?"[..], b"{}", b"[]", br#"{"subject":""}"#, br#"{"subject":5}"#] {
            assert_eq!(subject(line), UNREADABLE_KEY);
        }
    }

    #[test]
    fn a_line_that_no_stream_takes_is_noted_and_the_next_one_read() {
        let (not_put, path) = (NotPut::default(), Path::new("events.jsonl"));
        let longest = format!(r#"{{"n":"{}"}}"#, "n".repeat(LINE_LIMIT_BYTES - 8));
        let text = format!("{{\"a\":1}}\r\n\r\n{longest}\n{longest} \n{{\"b\":2}}");
        let lines = Box::new(std::io::Cursor::new(text.into_bytes()));
        let read: Vec<_> = read(path, lines, not_put.clone()).map(|input| input.unwrap().data).collect();
        assert_eq!((read.len(), &read[0][..], &read[2][..]), (3, &br#"{"a":1}"#[..], &br#"{"b":2}"#[..]));
        let noted = not_put.all();
        assert_eq!((noted.len(), noted[0].line, noted[0].file.as_path()), (1, 4, path));
    }
}

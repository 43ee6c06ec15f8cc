//! Objects of the quarantine, as redrive reads them.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use millrace_domain::quarantine::Entry;
use millrace_domain::{Invalid, Reason};
use millrace_lambda::JsonLines;
use millrace_lambda::deadline::Deadline;
use millrace_lambda::ports::{JsonLineSink, NotAccepted};
use millrace_lambda::quarantine::push_entry;
use millrace_lambda::redrive_envelope::Redriven;
use redrive::DeadLetters;

use super::redrive::{Back, is_redrive_envelope, redriven, redriven_of};

const KEY: &str = "u \u{1}\"é";
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Lines of this sink have room for 300 bytes of an entry.
struct Narrow;

impl JsonLineSink for Narrow {
    const LINE_LIMIT_BYTES: usize = 16 * 1024 + 400;

    async fn put(&self, _lines: &JsonLines, _deadline: Deadline) -> Result<(), NotAccepted> {
        Ok(())
    }
}

/// The bytes as an object, plain and in gzip, and as an entry that the quarantine's writer writes.
pub(super) fn run(bytes: &[u8]) {
    let plain = Bytes::copy_from_slice(bytes);
    let sound = lines(b"sound", &redriven_of(b"sound", None)).concat();
    let beside = |object: Bytes| {
        let (answer, back) = redriven(DeadLetters::Quarantine, &[object, sound.clone().into()]);
        assert_eq!(back.last().map(|back| &back.bytes[..]), Some(&b"sound"[..]), "{answer:?}");
        assert!(back.len() <= bytes.len() + 1);
        (answer, back)
    };
    let (answer, back) = beside(plain.clone());
    if !bytes.starts_with(&GZIP_MAGIC) {
        let (zipped, zipped_back) = beside(gzip(bytes));
        assert_eq!((zipped.counts, zipped_back), (answer.counts, back));
        assert_eq!(zipped.results[0].error, answer.results[0].error);
    }
    let redriven = redriven_of(bytes, None);
    if !is_redrive_envelope(KEY, &redriven, &plain) {
        written(&plain, redriven);
    }
}

/// An entry comes back as it was written, in whatever objects its lines come to stand.
fn written(bytes: &Bytes, redriven_as: Redriven) {
    let lines = lines(bytes, &redriven_as);
    let whole = Back { partition_key: KEY.to_owned(), redriven: redriven_as, bytes: bytes.clone() };
    let expected = std::slice::from_ref(&whole);
    let middle = lines.len() / 2;
    let (front, behind) = (lines[..middle].concat(), lines[middle..].concat());
    let (answer, back) = redriven(DeadLetters::Quarantine, &[front.clone().into(), gzip(&behind)]);
    assert_eq!((answer.done, &back[..]), (2, expected));
    let members = [gzip(&front), gzip(&behind), gzip(&front), gzip(&behind)].concat();
    let (answer, back) = redriven(DeadLetters::Quarantine, &[members.clone().into()]);
    assert_eq!((answer.done, &back[..]), (1, expected), "delivered twice");

    let corrupt = [&front[..], b"{\"function\":\n", &behind].concat();
    let (answer, back) = redriven(DeadLetters::Quarantine, &[corrupt.into()]);
    let why = format!("line {} is no entry", middle + 1);
    assert_eq!((answer.not_done, &back[..]), (1, expected));
    assert!(answer.results[0].error.starts_with(&why), "{answer:?}");
    let torn = Bytes::from(members).slice(..gzip(&front).len() + 5);
    let (answer, _) = redriven(DeadLetters::Quarantine, &[torn]);
    assert_eq!((answer.not_done, answer.done), (1, 0), "a torn object is done");
}

/// The lines of an entry, each with its newline.
fn lines(bytes: &[u8], redriven: &Redriven) -> Vec<Vec<u8>> {
    let entry = Entry {
        function: "archive",
        first: redriven.first.clone(),
        partition_key: KEY,
        redrive: None,
        invalid: Invalid::whole(Reason::NotJson, "is what it is"),
        bytes,
    };
    let mut lines = JsonLines::default();
    push_entry::<Narrow>(&mut lines, 0, &entry);
    (0..lines.len()).map(|line| lines.bytes(line..line + 1).to_vec()).collect()
}

fn gzip(text: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).expect("memory takes it");
    encoder.finish().expect("memory takes it").into()
}

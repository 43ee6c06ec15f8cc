//! Texts blown up to what a record may inflate to.

use std::io::Write as _;
use std::path::Path;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use md5::{Digest, Md5};
use millrace_lambda::schema_registry::INFLATED_LIMIT_BYTES;

use crate::decoders::Kind;

/// The most that one record inflates to, with some room for what stands around a filling.
pub(crate) fn limit_bytes() -> usize {
    usize::try_from(INFLATED_LIMIT_BYTES).unwrap() - 4_096
}

/// The text as often as it fits.
pub(crate) fn filled(with: &str) -> String {
    with.repeat(limit_bytes() / with.len())
}

/// A message as a producer would send it: with magic and checksum.
pub(crate) fn sealed(message: &[u8]) -> Bytes {
    [&[0xf3, 0x89, 0x9a, 0xc2][..], message, &Md5::digest(message)[..]].concat().into()
}

/// The text behind a schema registry's header, compressed.
pub(crate) fn framed(text: &[u8]) -> Bytes {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    [&[3, 5][..], &[0; 16], &encoder.finish().unwrap()].concat().into()
}

/// Every input of a corpus: as often as it fits, and with an unknown field as large as fits, in its last object.
pub(crate) fn corpus(folder: &str, kind: Kind, measure: &mut impl FnMut(&str, &[u8])) {
    // What a frame holds is read as what is none.
    if kind == Kind::Framed {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz_corpus").join(folder);
    let mut inputs: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    inputs.sort();
    for path in inputs {
        let name = path.file_name().unwrap().to_str().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        repeated(name, &bytes, kind, measure);
        if let (true, Ok(text)) = (kind != Kind::Bytes, std::str::from_utf8(&bytes)) {
            widened(name, text, measure);
        }
    }
}

fn repeated(name: &str, bytes: &[u8], kind: Kind, measure: &mut impl FnMut(&str, &[u8])) {
    let times = limit_bytes() / (bytes.len() + 1);
    let text = match kind {
        Kind::Bytes if bytes.is_empty() => return,
        Kind::Bytes => bytes.repeat(times),
        Kind::Lines => [bytes, b"\n"].concat().repeat(times),
        Kind::Event | Kind::Framed | Kind::Data | Kind::Object => {
            [&b"["[..], &[bytes, b","].concat().repeat(times - 1), bytes, b"]"].concat()
        }
    };
    measure(&format!("{name} repeated"), &text);
}

fn widened(name: &str, text: &str, measure: &mut impl FnMut(&str, &[u8])) {
    let filling = format!(r#","x":[{}0]"#, filled(r#"{"":0},"#));
    let Some((before, behind)) = text.rfind('}').map(|at| text.split_at(at)) else { return };
    if !before.ends_with('{') {
        measure(&format!("{name} widened"), format!("{before}{filling}{behind}").as_bytes());
    }
}

//! What a file is, told by its bytes: its name may say anything.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read, Seek, copy, sink};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use zstd::stream::read::Decoder;

use super::text::{BYTE_ORDER_MARK, why_not_json_lines};
use crate::error::Error;

/// Bytes by which a file is known.
const MAGIC_BYTES: usize = 16;
/// Bytes of text by which JSON lines are known: as many as the longest line.
const HEAD_BYTES: u64 = 1024 * 1024;
/// Largest window that is unpacked, as a power of two: what every zstd reader takes unless told otherwise.
const WINDOW_LOG_MAX: u32 = 27;

const PARQUET: &[u8] = b"PAR1";
const GZIP: &[u8] = b"\x1f\x8b";
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";

/// What other programs write events into, and `replay` does not read.
const OTHERS: [(&[u8], &str); 10] = [
    (b"PARE", "encrypted Parquet"),
    (b"PK\x03\x04", "a ZIP archive, such as a workbook of Excel"),
    (b"BZh", "packed with bzip2"),
    (b"\xfd7zXZ\x00", "packed with xz"),
    (b"\x04\x22\x4d\x18", "packed with lz4"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Obj\x01", "an Avro file"),
    (b"ORC", "an ORC file"),
    (b"ARROW1", "an Arrow file"),
    (b"SQLite format 3\x00", "a SQLite database"),
];

/// A file of events, opened.
pub(super) enum Opened {
    /// Online Retail invoice lines.
    Parquet(File),
    /// Events as JSON lines, unpacked.
    JsonLines(Box<dyn BufRead + Send>),
}

/// Opens a file. `thoroughly` unpacks all of a packed one first, so that a torn one is refused before anything is put.
///
/// # Errors
/// When it cannot be read, or is not what `replay` reads.
pub(super) fn open(path: &Path, thoroughly: bool) -> Result<Opened, Error> {
    opened(path, thoroughly).map_err(|why| Error::Input { path: path.to_owned(), why })
}

/// Whether a file can be read as often as one likes, which a pipe cannot.
pub(super) fn is_regular(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
}

fn opened(path: &Path, thoroughly: bool) -> Result<Opened, String> {
    let text = |error: std::io::Error| error.to_string();
    let mut file = File::open(path).map_err(text)?;
    let is_regular = file.metadata().is_ok_and(|metadata| metadata.is_file());
    let magic = head(&mut file, MAGIC_BYTES as u64)?;
    if magic.starts_with(PARQUET) {
        return Ok(Opened::Parquet(file));
    }
    if let Some(why) = other(&magic) {
        return Err(why);
    }
    if !is_packed(&magic) {
        return json_lines(Cursor::new(magic).chain(file));
    }
    if thoroughly && is_regular {
        file.rewind().map_err(text)?;
        copy(&mut unpacked(&magic, BufReader::new(&file))?, &mut sink())
            .map_err(|error| format!("it is packed, and cannot be unpacked: {error}"))?;
        file.rewind().map_err(text)?;
        return json_lines_of(unpacked(&magic, BufReader::new(file))?);
    }
    json_lines_of(unpacked(&magic, BufReader::new(Cursor::new(magic.clone()).chain(file)))?)
}

fn is_packed(magic: &[u8]) -> bool {
    // A frame that zstd skips may come first.
    let skipped = matches!(magic, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
    magic.starts_with(GZIP) || magic.starts_with(ZSTD) || skipped
}

fn unpacked<'r>(magic: &[u8], packed: impl BufRead + Send + 'r) -> Result<Box<dyn Read + Send + 'r>, String> {
    if magic.starts_with(GZIP) {
        return Ok(Box::new(MultiGzDecoder::new(packed)));
    }
    let mut decoder = Decoder::with_buffer(packed).map_err(|error| error.to_string())?;
    decoder.window_log_max(WINDOW_LOG_MAX).map_err(|error| error.to_string())?;
    Ok(Box::new(decoder))
}

/// The lines of what was unpacked, which must not be packed once more.
fn json_lines_of(mut unpacked: Box<dyn Read + Send>) -> Result<Opened, String> {
    let magic = head(&mut unpacked, MAGIC_BYTES as u64)?;
    let what = match other(&magic) {
        Some(why) => Some(why),
        None if magic.starts_with(PARQUET) => Some("it is Parquet".to_owned()),
        None if is_packed(&magic) => Some("it is packed twice".to_owned()),
        None => None,
    };
    match what {
        Some(why) => Err(format!("{why} within a packed file; unpack it first")),
        None => json_lines(Cursor::new(magic).chain(unpacked)),
    }
}

fn json_lines(mut text: impl Read + Send + 'static) -> Result<Opened, String> {
    let mut head = head(&mut text, HEAD_BYTES)?;
    if head.starts_with(BYTE_ORDER_MARK) {
        head.drain(..BYTE_ORDER_MARK.len());
    }
    let is_all = head.len() + BYTE_ORDER_MARK.len() < usize::try_from(HEAD_BYTES).unwrap_or(usize::MAX);
    if let Some(why) = why_not_json_lines(&head, is_all) {
        return Err(why);
    }
    Ok(Opened::JsonLines(Box::new(BufReader::with_capacity(1 << 16, Cursor::new(head).chain(text)))))
}

fn head(reader: &mut impl Read, limit_bytes: u64) -> Result<Vec<u8>, String> {
    let mut head = Vec::new();
    reader.take(limit_bytes).read_to_end(&mut head).map_err(|error| error.to_string())?;
    Ok(head)
}

fn other(magic: &[u8]) -> Option<String> {
    let (_, name) = OTHERS.iter().find(|(known, _)| magic.starts_with(known))?;
    Some(format!("it is {name}; replay reads JSON lines, plain or packed with gzip or zstd, and Parquet"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const LINES: &[u8] = b"{\"id\":\"a\"}\n{\"id\":\"b\"}\n";

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Vec<u8>, String> {
        // A name that says something else.
        let file = tempfile::Builder::new().suffix(".parquet").tempfile().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let mut text = Vec::new();
        match opened(file.path(), true)? {
            Opened::JsonLines(mut lines) => {
                lines.read_to_end(&mut text).map_err(|error| error.to_string())?
            }
            Opened::Parquet(_) => return Err("Parquet".to_owned()),
        };
        Ok(text)
    }

    #[test]
    fn lines_are_read_plain_and_packed() {
        let with_mark = [BYTE_ORDER_MARK, LINES].concat();
        let members = [gzip(b"{\"id\":\"a\"}\n"), gzip(b"{\"id\":\"b\"}\n")].concat();
        let zstd = zstd::encode_all(LINES, 3).unwrap();
        let skipped = [&b"\x50\x2a\x4d\x18\x04\x00\x00\x00skip"[..], &zstd].concat();
        for bytes in
            [LINES.to_vec(), with_mark.clone(), gzip(LINES), gzip(&with_mark), members, zstd, skipped]
        {
            assert_eq!(read(&bytes).as_deref(), Ok(LINES));
        }
        assert_eq!(read(b"").as_deref(), Ok(&b""[..]));
        let mut long = LINES.repeat(200_000);
        assert_eq!(read(&gzip(&long)).as_deref(), Ok(&long[..]));
        long.truncate(1024 * 1024 + 2);
        assert_eq!(read(&long).as_deref(), Ok(&long[..]));
    }

    #[test]
    fn what_is_not_read_is_refused_by_its_bytes() {
        let torn = |packed: Vec<u8>| packed[..packed.len() - 5].to_vec();
        let cases = [
            (b"PAR1....PAR1".to_vec(), "Parquet"),
            (b"PK\x03\x04....".to_vec(), "ZIP"),
            (b"Obj\x01....".to_vec(), "Avro"),
            (gzip(b"PAR1....PAR1"), "Parquet within a packed file"),
            (gzip(&gzip(LINES)), "packed twice"),
            (gzip(b"a,b\n1,2\n"), "neither JSON lines nor Parquet"),
            (torn(gzip(LINES)), "cannot be unpacked"),
            (torn(zstd::encode_all(LINES, 3).unwrap()), "cannot be unpacked"),
        ];
        for (bytes, expected) in cases {
            let why = read(&bytes).unwrap_err();
            assert!(why.contains(expected), "{why:?} does not say {expected:?}");
        }
        assert!(opened(&std::env::temp_dir(), true).is_err(), "a folder");
    }
}

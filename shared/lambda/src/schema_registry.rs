//! The header that a Glue Schema Registry serializer puts before a payload: version, compression, and the id of
//! the schema version, 18 bytes.

use std::io::Read;

use bytes::Bytes;
use flate2::read::ZlibDecoder;
use millrace_domain::{Invalid, Reason};

const HEADER_BYTES: usize = 18;
const VERSION: u8 = 3;
const PLAIN: u8 = 0;
const ZLIB: u8 = 5;

/// Most bytes that the payloads of one record may inflate to: the largest record that Kinesis takes.
pub const INFLATED_LIMIT_BYTES: u64 = 10 * 1024 * 1024;

/// Takes the header off, where there is one. JSON text never starts with the header's version byte.
///
/// `budget_bytes` is what may still be inflated for the same record; what this payload takes is taken off, even when
/// it is rejected: otherwise a thousand sub-records could each cost the work of the whole budget.
///
/// # Errors
/// When the compression is unknown, broken, or hides more than the budget.
pub fn strip_header(data: &Bytes, budget_bytes: &mut u64) -> Result<Bytes, Invalid> {
    if data.first() != Some(&VERSION) {
        return Ok(data.clone());
    }
    let reject = |rule: &str| Err(Invalid::whole(Reason::SchemaRegistryHeader, rule));
    if data.len() < HEADER_BYTES {
        return reject("is shorter than the schema registry's header");
    }
    match data.get(1) {
        Some(&PLAIN) => Ok(data.slice(HEADER_BYTES..)),
        Some(&ZLIB) => inflate(&data[HEADER_BYTES..], budget_bytes).or_else(reject),
        _ => reject("has an unknown compression in the schema registry's header"),
    }
}

/// Inflates zlib data and takes the inflated size off the budget, whether it is taken or rejected: otherwise each of many
/// bombs would inflate as far as the first. An error is the rule that it breaks.
pub(crate) fn inflate(data: &[u8], budget_bytes: &mut u64) -> Result<Bytes, &'static str> {
    let mut inflated = Vec::new();
    let read = ZlibDecoder::new(data).take(*budget_bytes + 1).read_to_end(&mut inflated);
    let left_bytes = budget_bytes.checked_sub(inflated.len() as u64);
    *budget_bytes = left_bytes.unwrap_or_default();
    match (read, left_bytes) {
        (Err(_), _) => Err("holds broken zlib data"),
        (Ok(_), None) => Err("inflates its record to more than 10 MiB"),
        (Ok(_), Some(_)) => Ok(inflated.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn opened(data: &Bytes) -> Result<Bytes, Invalid> {
        strip_header(data, &mut INFLATED_LIMIT_BYTES.clone())
    }

    fn with_header(compression: u8, payload: &[u8]) -> Bytes {
        [&[VERSION, compression][..], &[7; 16], payload].concat().into()
    }

    fn zlib(payload: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(payload).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn json_passes_and_headers_are_stripped() {
        assert_eq!(opened(&Bytes::from("{}")).unwrap(), "{}");
        assert_eq!(opened(&with_header(PLAIN, b"{}")).unwrap(), "{}");
        assert_eq!(opened(&with_header(PLAIN, b"")).unwrap(), "", "a header alone has nothing behind it");
        assert_eq!(opened(&with_header(ZLIB, &zlib(b"{}"))).unwrap(), "{}");
    }

    #[test]
    fn broken_headers_are_rejected() {
        for bytes in [with_header(9, b"{}"), with_header(ZLIB, b"{}"), Bytes::from_static(&[VERSION, PLAIN])]
        {
            assert_eq!(opened(&bytes).unwrap_err().reason, Reason::SchemaRegistryHeader);
        }
    }

    #[test]
    fn inflating_ends_at_its_limit() {
        let limit = 10_485_760;
        assert_eq!(opened(&with_header(ZLIB, &zlib(&vec![b' '; limit]))).unwrap().len(), limit);
        assert!(opened(&with_header(ZLIB, &zlib(&vec![b' '; limit + 1]))).is_err());
    }

    #[test]
    fn what_is_rejected_has_used_up_its_share() {
        let left = |payload: &[u8]| {
            let mut budget_bytes = 1_000;
            assert!(strip_header(&with_header(ZLIB, payload), &mut budget_bytes).is_err());
            budget_bytes
        };
        assert_eq!(left(&zlib(&[b' '; 1_001])), 0);
        let whole = zlib(&[b' '; 900]);
        assert_eq!(left(&whole[..whole.len() - 1]), 100);
    }
}

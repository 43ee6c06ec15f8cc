//! `strip_header`: the schema registry's header.

use bytes::Bytes;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use millrace_domain::Reason;
use millrace_lambda::schema_registry::{INFLATED_LIMIT_BYTES, strip_header};

use super::check;

const HEADER_BYTES: usize = 18;

/// The bytes behind a header, and what the header of such a payload is stripped to.
pub(super) fn run(bytes: &[u8]) {
    let data = Bytes::copy_from_slice(bytes);
    let answer = opened(&data, INFLATED_LIMIT_BYTES);
    if let Some(payload) = &answer {
        let is_zlib = bytes.first() == Some(&3) && bytes.get(1) == Some(&5);
        match (bytes.first(), is_zlib) {
            (Some(3), false) => assert_eq!(payload, &bytes[HEADER_BYTES..]),
            (Some(3), true) => inflated(&data, payload),
            _ => assert_eq!(payload, bytes),
        }
    }
    assert_eq!(opened(&with_header(0, bytes), 0), Some(data.clone()));
    inflated(&with_zlib_header(bytes), &data);
}

/// A zlib header is stripped exactly when the budget holds all of its payload, and takes it off.
fn inflated(data: &Bytes, payload: &Bytes) {
    let length = payload.len() as u64;
    for budget_bytes in [0, length.saturating_sub(1), length, length + 1, INFLATED_LIMIT_BYTES] {
        let expected = (length <= budget_bytes).then_some(payload);
        assert_eq!(opened(data, budget_bytes).as_ref(), expected, "with {budget_bytes} bytes left");
    }
}

fn opened(data: &Bytes, budget_bytes: u64) -> Option<Bytes> {
    let (mut left, mut left_again) = (budget_bytes, budget_bytes);
    let answer = strip_header(data, &mut left);
    assert_eq!(answer, strip_header(data, &mut left_again));
    assert_eq!(left, left_again);
    assert!(left <= budget_bytes, "opening adds to the budget");
    let is_zlib = data.first() == Some(&3) && data.get(1) == Some(&5);
    match answer {
        Ok(payload) => {
            let taken = if is_zlib { payload.len() as u64 } else { 0 };
            assert_eq!(budget_bytes - left, taken);
            Some(payload)
        }
        Err(invalid) => {
            assert_eq!((invalid.reason, data.first()), (Reason::SchemaRegistryHeader, Some(&3)));
            assert!(is_zlib || left == budget_bytes);
            assert!(
                left == 0 || !invalid.rule.contains("inflates"),
                "what is too large takes all that is left"
            );
            check::rejection_alone(&invalid, "u");
            None
        }
    }
}

fn with_header(compression: u8, payload: &[u8]) -> Bytes {
    [&[3, compression][..], &[7; 16], payload].concat().into()
}

/// The payload, compressed and with its header.
pub(super) fn with_zlib_header(payload: &[u8]) -> Bytes {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    std::io::Write::write_all(&mut encoder, payload).expect("memory takes it");
    with_header(5, &encoder.finish().expect("memory takes it"))
}

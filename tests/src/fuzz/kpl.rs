//! `deaggregate`: KPL aggregates.

use bytes::Bytes;
use md5::{Digest, Md5};
use millrace_lambda::batch::RECORD_LIMIT_EVENTS;
use millrace_lambda::kpl::{SubRecord, aggregate, deaggregate};

use super::check::KEY_LIMIT_CHARS;

/// The bytes as an aggregate, and as the message of one: no mutation would find the checksum.
pub(super) fn run(bytes: &[u8]) {
    let plain = Bytes::copy_from_slice(bytes);
    for data in [&plain, &sealed(bytes)] {
        let records = deaggregate(data);
        assert_eq!(records, deaggregate(data));
        if let Some(records) = records {
            taken_apart(data, &records);
        }
    }
}

fn taken_apart(data: &Bytes, records: &[SubRecord]) {
    assert!(!records.is_empty(), "an aggregate without records has no verdict");
    assert!(records.len() <= RECORD_LIMIT_EVENTS + 1, "{} records", records.len());
    let mut payload_bytes = 0;
    for record in records {
        let within = record.data.is_empty()
            || (data.as_ptr_range().start <= record.data.as_ptr()
                && record.data.as_ptr_range().end <= data.as_ptr_range().end);
        assert!(within, "a payload is copied");
        assert!(record.partition_key.chars().count() <= KEY_LIMIT_CHARS);
        payload_bytes += record.data.len();
    }
    assert!(payload_bytes < data.len(), "payloads overlap");
    let again = aggregate(records);
    assert_eq!(deaggregate(&again).as_deref(), Some(records));
    assert_eq!(aggregate(records), again);
    let mut corrupt = again.to_vec();
    let index = data.iter().fold(0, |sum, byte| (sum * 31 + usize::from(*byte)) % corrupt.len());
    corrupt[index] ^= 1;
    assert_eq!(deaggregate(&corrupt.into()), None, "damage at byte {index} is not noticed");
}

/// A message as a producer would send it: with magic and checksum.
pub(super) fn sealed(message: &[u8]) -> Bytes {
    [&[0xf3, 0x89, 0x9a, 0xc2][..], message, &Md5::digest(message)[..]].concat().into()
}

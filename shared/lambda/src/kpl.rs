//! KPL aggregates: many user records in one Kinesis record.
//!
//! Format: four magic bytes, a protobuf message, and the MD5 of the message. What does not verify is passed on as
//! it is, as the Kinesis Client Library does.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use md5::{Digest, Md5};
use prost::encoding::{DecodeContext, decode_key};
use prost::{DecodeError, Message};

use crate::batch::RECORD_LIMIT_EVENTS;

const MAGIC: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];
const CHECKSUM_BYTES: usize = 16;
/// Longest partition key in characters, as Kinesis has it for its own records.
const KEY_LIMIT_CHARS: usize = 256;

/// The protobuf message of an aggregate.
#[derive(Clone, PartialEq, Message)]
pub struct AggregatedRecord {
    /// The partition keys, each once.
    #[prost(string, repeated, tag = "1")]
    pub partition_key_table: Vec<String>,
    /// Hash keys that overrule the hash of the partition key, each once.
    #[prost(string, repeated, tag = "2")]
    pub explicit_hash_key_table: Vec<String>,
    /// The records, in order.
    #[prost(message, repeated, tag = "3")]
    pub records: Vec<UserRecord>,
}

/// One record of an aggregate.
#[derive(Clone, PartialEq, Message)]
pub struct UserRecord {
    /// Index into the table of partition keys.
    #[prost(uint64, required, tag = "1")]
    pub partition_key_index: u64,
    /// Index into the table of hash keys.
    #[prost(uint64, optional, tag = "2")]
    pub explicit_hash_key_index: Option<u64>,
    /// The payload.
    #[prost(bytes = "bytes", required, tag = "3")]
    pub data: Bytes,
}

/// A record of an aggregate. All share the container's sequence number.
///
/// Taken out of one, it shares its key with the others under that key: ten thousand copies of a key of a kilobyte would
/// be more than the aggregate itself. A producer has keys of its own kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubRecord<K = Arc<str>> {
    /// The key that the producer put it under.
    pub partition_key: K,
    /// The payload, a slice of the container's.
    pub data: Bytes,
}

/// The records of an aggregate, in order; `None` when the bytes are no aggregate that verifies.
///
/// Of more than [`RECORD_LIMIT_EVENTS`] records it gives one more than that, which is enough to reject them all: two
/// bytes make a record.
pub fn deaggregate(data: &Bytes) -> Option<Vec<SubRecord>> {
    deaggregate_up_to(RECORD_LIMIT_EVENTS, data)
}

/// The same for another limit: of more than `limit_records` it gives one more than that.
pub fn deaggregate_up_to(limit_records: usize, data: &Bytes) -> Option<Vec<SubRecord>> {
    if !data.starts_with(&MAGIC) || data.len() <= MAGIC.len() + CHECKSUM_BYTES {
        return None;
    }
    let message = data.slice(MAGIC.len()..data.len() - CHECKSUM_BYTES);
    if Md5::digest(&message)[..] != data[data.len() - CHECKSUM_BYTES..] {
        return None;
    }
    let (keys, records) = fields(message, limit_records + 1).ok()?;
    if keys.iter().any(|key| key.chars().count() > KEY_LIMIT_CHARS) {
        return None;
    }
    let records: Option<Vec<_>> = records
        .into_iter()
        .map(|record| {
            let partition_key = keys.get(usize::try_from(record.partition_key_index).ok()?)?.clone();
            Some(SubRecord { partition_key, data: record.data })
        })
        .collect();
    records.filter(|records| !records.is_empty())
}

/// The first keys and the first records of a message, so many of each. All of it is read, so that a broken one is none.
///
/// Two bytes make a key or a record, and each takes dozens in memory: field by field, what is too much is let go at
/// once. A producer puts a key into the table when the first record needs it, so no record that is taken wants another.
fn fields(mut message: Bytes, limit: usize) -> Result<(Vec<Arc<str>>, Vec<UserRecord>), DecodeError> {
    let (mut keys, mut records, mut read) = (Vec::new(), Vec::new(), AggregatedRecord::default());
    while message.has_remaining() {
        let (tag, wire_type) = decode_key(&mut message)?;
        read.merge_field(tag, wire_type, &mut message, DecodeContext::default())?;
        let found = read.partition_key_table.drain(..).map(Arc::from);
        keys.extend(found.take(limit.saturating_sub(keys.len())));
        let found = read.records.drain(..);
        records.extend(found.take(limit.saturating_sub(records.len())));
        read.explicit_hash_key_table.clear();
    }
    Ok((keys, records))
}

/// Packs records into an aggregate, as the Kinesis Producer Library does.
pub fn aggregate<K: AsRef<str>>(records: &[SubRecord<K>]) -> Bytes {
    let (mut aggregate, mut known) = (AggregatedRecord::default(), HashMap::new());
    for record in records {
        let partition_key = record.partition_key.as_ref();
        let index = *known.entry(partition_key).or_insert_with(|| {
            aggregate.partition_key_table.push(partition_key.to_owned());
            aggregate.partition_key_table.len() - 1
        });
        aggregate.records.push(UserRecord {
            partition_key_index: index as u64,
            explicit_hash_key_index: None,
            data: record.data.clone(),
        });
    }
    let message = aggregate.encode_to_vec();
    [&MAGIC[..], &message, &Md5::digest(&message)[..]].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records() -> Vec<SubRecord> {
        [("u", "one"), ("v", "two"), ("u", "")]
            .map(|(key, data)| SubRecord { partition_key: key.into(), data: Bytes::from(data) })
            .into()
    }

    #[test]
    fn aggregating_and_taking_apart_are_inverse() {
        assert_eq!(deaggregate(&aggregate(&records())), Some(records()));
    }

    #[test]
    fn an_aggregate_of_another_implementation_is_read() {
        // Made with the Python package aws_kinesis_agg 1.2.3: ("u", b"one"), ("v", b"two").
        let bytes =
            b"\xf3\x89\x9a\xc2\x0a\x01\x75\x0a\x01\x76\x1a\x07\x08\x00\x1a\x03\x6f\x6e\x65\x1a\x07\x08\
            \x01\x1a\x03\x74\x77\x6f\x08\x70\xd7\xb5\x47\x24\xc4\x74\x6e\x99\x76\x8e\x52\xf2\x71\x34";
        let records: Vec<_> = records().into_iter().take(2).collect();
        assert_eq!(deaggregate(&Bytes::from_static(bytes)), Some(records));
    }

    #[test]
    fn what_does_not_verify_is_no_aggregate() {
        let good = aggregate(&records());
        for index in 0..good.len() {
            let mut corrupt = good.to_vec();
            corrupt[index] ^= 1;
            assert_eq!(deaggregate(&corrupt.into()), None, "byte {index}");
            assert_eq!(deaggregate(&good.slice(..index)), None, "length {index}");
        }
    }

    #[test]
    fn a_key_ends_at_the_limit_of_kinesis() {
        let taken = |chars| {
            let record = SubRecord { partition_key: "é".repeat(chars), data: Bytes::from("one") };
            deaggregate(&aggregate(&[record])).is_some()
        };
        assert_eq!((taken(256), taken(257), taken(258)), (true, false, false));
    }

    #[test]
    fn a_key_outside_the_table_spoils_the_aggregate() {
        let mut aggregate =
            AggregatedRecord { partition_key_table: vec!["u".to_owned()], ..Default::default() };
        aggregate.records.push(UserRecord {
            partition_key_index: 1,
            explicit_hash_key_index: None,
            data: Bytes::new(),
        });
        let message = aggregate.encode_to_vec();
        let bytes: Bytes = [&MAGIC[..], &message, &Md5::digest(&message)[..]].concat().into();
        assert_eq!(deaggregate(&bytes), None);
    }

    #[test]
    fn an_aggregate_of_too_many_records_is_truncated_one_behind_the_limit() {
        let taken = |count| {
            let record = SubRecord { partition_key: "u", data: Bytes::new() };
            deaggregate(&aggregate(&vec![record; count])).unwrap().len()
        };
        assert_eq!(taken(RECORD_LIMIT_EVENTS), RECORD_LIMIT_EVENTS);
        assert_eq!(taken(RECORD_LIMIT_EVENTS + 1), RECORD_LIMIT_EVENTS + 1);
        assert_eq!(taken(2 * RECORD_LIMIT_EVENTS), RECORD_LIMIT_EVENTS + 1);
    }

    #[test]
    fn records_under_one_key_share_it() {
        let taken = deaggregate(&aggregate(&records())).unwrap();
        assert!(Arc::ptr_eq(&taken[0].partition_key, &taken[2].partition_key));
    }

    #[test]
    fn an_empty_aggregate_is_passed_on_so_that_it_gets_a_verdict() {
        assert_eq!(deaggregate(&aggregate::<&str>(&[])), None);
    }
}

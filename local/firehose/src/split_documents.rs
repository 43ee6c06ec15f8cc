//! A record taken apart into its JSON documents.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error_output::{ErrorCode, RowError};
use crate::field::FieldIndex;
use crate::limits::RECORD_MAX_SUB_RECORDS;
use crate::partition;

/// A document of a record and the partition it belongs to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SubRecord<'a> {
    pub(crate) raw: &'a [u8],
    pub(crate) partition: Result<String, RowError>,
}

/// Takes a record apart. What follows a syntax error cannot be told apart and is one sub-record; a record of
/// more documents than Firehose de-aggregates is one too. No byte but whitespace is left out.
pub(crate) fn split<'a>(record: &'a [u8], keys: &[String]) -> Vec<SubRecord<'a>> {
    let mut sub_records = Vec::new();
    let mut documents = serde_json::Deserializer::from_slice(record).into_iter::<&RawValue>();
    while let Some(document) = documents.next() {
        let sub_record = match document {
            Ok(document) => {
                let raw = document.get();
                SubRecord { raw: raw.as_bytes(), partition: partition_of(raw, keys) }
            }
            Err(error) => whole(
                record[documents.byte_offset()..].trim_ascii(),
                ErrorCode::InvalidJson,
                format!("not a JSON document: {error}; put complete JSON objects one after the other"),
            ),
        };
        sub_records.push(sub_record);
        if sub_records.len() > RECORD_MAX_SUB_RECORDS {
            let message = format!(
                "the record holds more than {RECORD_MAX_SUB_RECORDS} sub-records and cannot be de-aggregated: pack \
                 fewer rows into a record"
            );
            return vec![whole(record, ErrorCode::TooManySubRecords, message)];
        }
    }
    if sub_records.is_empty() {
        let message = "the record holds no JSON document: put at least one object into it";
        sub_records.push(whole(record, ErrorCode::InvalidJson, message.to_owned()));
    }
    sub_records
}

fn whole(raw: &[u8], code: ErrorCode, message: String) -> SubRecord<'_> {
    SubRecord { raw, partition: Err(RowError::new(code, message)) }
}

fn partition_of(document: &str, keys: &[String]) -> Result<String, RowError> {
    if !document.starts_with('{') {
        let message = "a sub-record must be a JSON object: an array or a bare value is not a row";
        return Err(RowError::new(ErrorCode::NotAnObject, message));
    }
    let values = serde_json::Deserializer::from_str(document)
        .deserialize_map(KeyValues(keys))
        .map_err(|error| RowError::new(ErrorCode::InvalidJson, error.to_string()))?;
    let values = keys
        .iter()
        .zip(values)
        .map(|(key, value)| value.filter(|value| !value.is_empty()).ok_or_else(|| missing(key)))
        .collect::<Result<Vec<_>, _>>()?;
    partition::path(keys, &values)
}

fn missing(key: &str) -> RowError {
    let message =
        format!("partition key {key} is missing, empty or no string: give each row a top-level string {key}");
    RowError::new(ErrorCode::PartitionKeyMissing, message)
}

/// Reads the values of the partition keys and skips the rest of the document.
struct KeyValues<'k>(&'k [String]);

impl<'de> Visitor<'de> for KeyValues<'_> {
    type Value = Vec<Option<String>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut values = vec![None; self.0.len()];
        let position = |key: &str| self.0.iter().position(|name| name == key);
        while let Some(index) = map.next_key_seed(FieldIndex(position))? {
            match index {
                Some(index) => {
                    values[index] = serde_json::from_str(map.next_value::<&RawValue>()?.get()).ok();
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(record: &str) -> Vec<(String, Result<String, ErrorCode>)> {
        let keys = ["t".to_owned()];
        let sub_records = split(record.as_bytes(), &keys);
        let of = |part: SubRecord<'_>| {
            (String::from_utf8_lossy(part.raw).into_owned(), part.partition.map_err(|error| error.code))
        };
        sub_records.into_iter().map(of).collect()
    }

    fn codes(record: &str) -> Vec<Result<String, ErrorCode>> {
        parts(record).into_iter().map(|(_, partition)| partition).collect()
    }

    #[test]
    fn documents_may_touch_or_stand_apart() {
        let expected = [
            (r#"{"t":"a"}"#.to_owned(), Ok("t=a".to_owned())),
            (r#"{"x":{"t":"z"},"t":"b"}"#.to_owned(), Ok("t=b".to_owned())),
            (r#"{"t":"c"}"#.to_owned(), Ok("t=c".to_owned())),
        ];
        assert_eq!(parts("{\"t\":\"a\"}{\"x\":{\"t\":\"z\"},\"t\":\"b\"}\n \t{\"t\":\"c\"}\n"), expected);
    }

    #[test]
    fn an_array_or_a_bare_value_is_no_document() {
        assert_eq!(codes(r#"[{"t":"a"}]"#), [Err(ErrorCode::NotAnObject)]);
        assert_eq!(codes(r#""t" {"t":"a"}"#), [Err(ErrorCode::NotAnObject), Ok("t=a".to_owned())]);
    }

    #[test]
    fn partition_keys_are_top_level_strings() {
        for record in
            [r#"{}"#, r#"{"t":null}"#, r#"{"t":1}"#, r#"{"t":""}"#, r#"{"T":"a"}"#, r#"{"x":{"t":"a"}}"#]
        {
            assert_eq!(codes(record), [Err(ErrorCode::PartitionKeyMissing)], "{record}");
        }
    }

    #[test]
    fn what_follows_a_syntax_error_is_kept_together() {
        let found = parts(r#"{"t":"a"} {"t":} {"t":"b"}"#);
        assert_eq!(found[0].1, Ok("t=a".to_owned()));
        assert_eq!(found[1], (r#"{"t":} {"t":"b"}"#.to_owned(), Err(ErrorCode::InvalidJson)));
        assert_eq!(found.len(), 2);
        assert_eq!(codes("{\"t\":"), [Err(ErrorCode::InvalidJson)]);
        assert_eq!(codes(" \n"), [Err(ErrorCode::InvalidJson)]);
    }

    #[test]
    fn five_hundred_sub_records_are_the_limit() {
        let record = |count| "{\"t\":\"a\"}".repeat(count);
        assert_eq!(parts(&record(500)).len(), 500);
        assert_eq!(parts(&record(501)), [(record(501), Err(ErrorCode::TooManySubRecords))]);
    }
}

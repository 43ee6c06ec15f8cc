//! Objects of the on-failure destination of an event source mapping: a description of the batch, and the whole event
//! as a text.

use std::borrow::Cow;

use millrace_domain::bounded_json;
use millrace_domain::{Position, SequenceNumber, Shard, StreamPosition};
use millrace_lambda::KinesisBatch;
use millrace_lambda::kinesis_event::stream_name;
use millrace_lambda::redrive_envelope::Redriven;
use serde::Deserialize;

use super::{Contents, Record};
use crate::config::Config;

/// What is needed of an object. `responseContext` may be absent and its `functionError` null; neither matters here.
#[derive(Deserialize)]
struct OnFailure<'a> {
    #[serde(borrow, rename = "requestContext")]
    request: RequestContext<'a>,
    #[serde(borrow, rename = "KinesisBatchInfo")]
    batch: BatchInfo<'a>,
    #[serde(borrow)]
    payload: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    #[serde(borrow)]
    function_arn: Cow<'a, str>,
    #[serde(borrow, default)]
    condition: Cow<'a, str>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchInfo<'a> {
    #[serde(borrow, default)]
    stream_arn: Cow<'a, str>,
    #[serde(borrow)]
    shard_id: Cow<'a, str>,
    #[serde(borrow)]
    start_sequence_number: Cow<'a, str>,
    #[serde(borrow)]
    end_sequence_number: Cow<'a, str>,
}

/// What is needed of an object to put it in order.
#[derive(Deserialize)]
struct BatchHead<'a> {
    #[serde(borrow, rename = "KinesisBatchInfo")]
    batch: BatchInfo<'a>,
}

/// What `dddd-dd-ddTdd.dd.dd-` stands for in the name of an object: its second, and the dash before the UUID.
const SECOND: &[u8; 20] = b"0000-00-00T00.00.00-";

/// The part of a key that objects of one mapping, shard and second share; a random UUID follows. `None` for a key of
/// another form.
pub(crate) fn second_of(key: &str) -> Option<&str> {
    let name = key.rfind('/')? + 1;
    let end = name + SECOND.len() - 1;
    let shown = key.as_bytes().get(name..=end)?;
    let fits = |(byte, form): (&u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form };
    shown.iter().zip(SECOND).all(fits).then(|| key.get(..end))?
}

/// The sequence number of the first record of an object's batch, by which objects of one shard are put in order.
pub(crate) fn first_sequence_number(bytes: &[u8]) -> Option<SequenceNumber> {
    let BatchHead { batch } = bounded_json::from_slice(bytes).ok()?;
    SequenceNumber::parse(&batch.start_sequence_number).ok()
}

/// Reads an object. Its records are addressed to the function that failed.
pub(crate) fn read_on_failure(bytes: &[u8], config: &Config) -> Contents {
    let object: OnFailure<'_> = match bounded_json::from_slice(bytes) {
        Ok(object) => object,
        Err(error) => {
            return Contents::unusable(format!("is no record of an on-failure destination: {error}"));
        }
    };
    let function_arn = &object.request.function_arn;
    let Some(function) = config.consumer_of(function_arn) else {
        return Contents::unusable(format!(
            "is of a function that is no consumer of the stream: {function_arn}"
        ));
    };
    let Some(payload) = object.payload else {
        let BatchInfo { shard_id, start_sequence_number: start, end_sequence_number: end, .. } =
            &object.batch;
        let condition = &object.request.condition;
        return Contents::unusable(format!(
            "has no payload ({condition}): only the stream has the records {start} to {end} of {shard_id}"
        ));
    };
    let batch: KinesisBatch = match serde_json::from_str(&payload) {
        Ok(batch) => batch,
        Err(error) => return Contents::unusable(format!("its payload is no batch of a stream: {error}")),
    };
    // The payload's records tell it too; a batch that somebody wrote by hand may not.
    let shard = match batch.shard.stream() {
        "" => Shard::new(stream_name(&object.batch.stream_arn), batch.shard.id()),
        _ => batch.shard,
    };
    if shard.stream().is_empty() {
        return Contents::unusable("does not say which stream its batch is of");
    }
    let mut contents = Contents::default();
    for record in batch.records {
        let position = Position { sequence: record.sequence_number, sub_sequence: 0, element: 0 };
        let shard = shard.clone();
        let first = StreamPosition { shard, position, arrived_at_ms: record.arrived_at_ms };
        contents.add_whole(Record {
            redriven: Redriven { first, target_function: Some(function.to_owned()) },
            partition_key: record.partition_key,
            bytes: record.data,
            rejected_by: function.to_owned(),
            reason: None,
        });
    }
    contents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_of_a_key_is_all_before_its_uuid() {
        let second = "aws/lambda/uuid/shardId-000000000001/2019/11/14/2019-11-14T00.38.06";
        let key = format!("{second}-7d5a2f4e-0000-4000-8000-000000000001");
        assert_eq!(second_of(&key), Some(second));
        assert_eq!(second_of(&format!("{second}-")), Some(second));
        for key in [second, "aws/lambda/a", "a", "", "a/2019-11-14T00:38:06-b", "a/2019-11-14T00.38.é-b"] {
            assert_eq!(second_of(key), None, "{key}");
        }
    }

    #[test]
    fn the_first_sequence_number_is_read_of_an_object_that_says_it() {
        let object = |start: &str| {
            let batch = format!(r#"{{"shardId":"s","startSequenceNumber":{start},"endSequenceNumber":"9"}}"#);
            format!(r#"{{"payload":"{{}}","KinesisBatchInfo":{batch}}}"#)
        };
        let first = first_sequence_number(object(r#""17""#).as_bytes());
        assert_eq!(first, Some(SequenceNumber::parse("17").unwrap()));
        for text in [object(r#""x""#), object("17"), "{}".to_owned(), String::new()] {
            assert_eq!(first_sequence_number(text.as_bytes()), None, "{text}");
        }
    }
}

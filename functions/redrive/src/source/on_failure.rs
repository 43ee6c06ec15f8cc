//! Objects of the on-failure destination of an event source mapping: a description of the batch, and the whole event
//! as a text.

use std::borrow::Cow;

use millrace_domain::{Place, Position};
use millrace_lambda::KinesisBatch;
use millrace_lambda::carrier::Redriven;
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
    #[serde(borrow)]
    shard_id: Cow<'a, str>,
    #[serde(borrow)]
    start_sequence_number: Cow<'a, str>,
    #[serde(borrow)]
    end_sequence_number: Cow<'a, str>,
}

/// Reads an object. Its records are addressed to the function that failed.
pub(crate) fn read_on_failure(bytes: &[u8], config: &Config) -> Contents {
    let object: OnFailure<'_> = match serde_json::from_slice(bytes) {
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
        let BatchInfo { shard_id, start_sequence_number: start, end_sequence_number: end } = &object.batch;
        let condition = &object.request.condition;
        return Contents::unusable(format!(
            "has no payload ({condition}): only the stream has the records {start} to {end} of {shard_id}"
        ));
    };
    let batch: KinesisBatch = match serde_json::from_str(&payload) {
        Ok(batch) => batch,
        Err(error) => return Contents::unusable(format!("its payload is no batch of a stream: {error}")),
    };
    let mut contents = Contents::default();
    for record in batch.records {
        let position = Position { sequence: record.sequence_number, sub_sequence: 0, index: 0 };
        let place = Place { shard_id: batch.shard_id.clone(), position, arrived_at_ms: record.arrived_at_ms };
        contents.add_whole(Record {
            redriven: Redriven { place, function: Some(function.to_owned()) },
            partition_key: record.partition_key,
            bytes: record.data,
            set_aside_by: function.to_owned(),
            reason: None,
        });
    }
    contents
}

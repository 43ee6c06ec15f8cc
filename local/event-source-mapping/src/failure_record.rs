//! What the on-failure destination receives for discarded records.

use std::{fmt, sync::Arc};

use serde::Serialize;
use time::OffsetDateTime;

use crate::{EventFrame, Records, batch::History, hash::uuid_of};

/// The only version of the format [L-OF].
const FORMAT_VERSION: &str = "1.0";
/// Status of every synchronous invocation that ran, whether the function failed or not [L-OF].
const STATUS_CODE_OK: u16 = 200;

/// Why records are discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Condition {
    /// The batch failed once more than `MaximumRetryAttempts` [L-OF].
    RetryAttemptsExhausted,
    /// The records are older than `MaximumRecordAgeInSeconds`. AWS does not document this condition; operators
    /// report the name from objects that AWS wrote.
    RecordAgeExceeded,
    /// The record alone is above the payload limit and was never sent [K-LARGE]. AWS does not document this
    /// condition; the name is this crate's.
    PayloadSizeExceeded,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Discarded records, of one shard and one lane.
#[derive(Clone, Debug)]
pub struct Discarded {
    /// Lane of the records, from 0.
    pub lane: usize,
    /// The records, in order, never empty.
    pub records: Records,
    /// Why they are discarded.
    pub condition: Condition,
    pub(crate) history: History,
    pub(crate) frame: Arc<EventFrame>,
}

impl Discarded {
    /// The shard of the records.
    pub fn shard_id(&self) -> &Arc<str> {
        self.frame.shard_id()
    }

    /// Times that the function ran with these records, alone or in a larger batch; 0 if it never did.
    pub fn approximate_invoke_count(&self) -> u32 {
        self.history.invocations
    }

    /// The object for an S3 destination, written at `now_ms`.
    ///
    /// # Errors
    /// If a time is past the year 9999 or the body cannot be encoded.
    pub fn failure_record(&self, now_ms: u64) -> Result<FailureRecord, FailureRecordError> {
        let now = date_time(now_ms)?;
        let mapping = self.frame.mapping();
        let first = self.records.first();
        let last = self.records.last();
        let start = first.map(|record| record.sequence_number.as_str()).unwrap_or_default();
        let end = last.map(|record| record.sequence_number.as_str()).unwrap_or_default();
        let arrival = |record: Option<&crate::Record>| {
            date_time(record.map_or(0, |record| record.approximate_arrival_ms)).map(rfc3339)
        };
        let condition = self.condition.to_string();
        let identity =
            [&mapping.mapping_uuid, &**self.shard_id(), start, end, &condition, &now_ms.to_string()];
        let object_uuid = uuid_of(&identity);
        let body = Body {
            request_context: RequestContext {
                request_id: self.history.request_id.as_deref().unwrap_or(&object_uuid),
                function_arn: &mapping.function_arn,
                condition: self.condition,
                approximate_invoke_count: self.history.invocations,
            },
            response_context: (self.history.invocations > 0).then_some(ResponseContext {
                status_code: STATUS_CODE_OK,
                executed_version: &mapping.executed_version,
                function_error: self.history.ended_in_function_error.then_some("Unhandled"),
            }),
            version: FORMAT_VERSION,
            timestamp: rfc3339(now),
            kinesis_batch_info: KinesisBatchInfo {
                shard_id: self.shard_id(),
                start_sequence_number: start,
                end_sequence_number: end,
                approximate_arrival_of_first_record: arrival(first)?,
                approximate_arrival_of_last_record: arrival(last)?,
                batch_size: self.records.len(),
                stream_arn: &mapping.stream_arn,
            },
            // A record that no event can hold is described, not sent [K-LARGE].
            payload: (self.condition != Condition::PayloadSizeExceeded)
                .then(|| self.frame.event_text(&self.records)),
        };
        let key = object_key(&mapping.mapping_uuid, self.shard_id(), now, &object_uuid);
        Ok(FailureRecord { key, body: serde_json::to_vec(&body)? })
    }
}

/// An object of an S3 on-failure destination [L-OF].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureRecord {
    /// `aws/lambda/<mapping UUID>/<shard id>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<UUID>`. AWS ends it in a random UUID;
    /// here it is derived from the content and the time, so that writing twice replaces the object.
    pub key: String,
    /// UTF-8 JSON. `responseContext` is left out if the function never ran, which AWS does not document;
    /// `functionError` is null after partial responses [LS-SNAP].
    pub body: Vec<u8>,
}

/// Why a failure record could not be made.
#[derive(Debug, thiserror::Error)]
pub enum FailureRecordError {
    /// A time is past the year 9999.
    #[error("time out of range")]
    Time(#[from] time::error::ComponentRange),
    /// The body could not be encoded.
    #[error("body could not be encoded")]
    Encode(#[from] serde_json::Error),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    request_context: RequestContext<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_context: Option<ResponseContext<'a>>,
    version: &'a str,
    timestamp: String,
    #[serde(rename = "KinesisBatchInfo")]
    kinesis_batch_info: KinesisBatchInfo<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    request_id: &'a str,
    function_arn: &'a str,
    condition: Condition,
    approximate_invoke_count: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponseContext<'a> {
    status_code: u16,
    executed_version: &'a str,
    function_error: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KinesisBatchInfo<'a> {
    shard_id: &'a str,
    start_sequence_number: &'a str,
    end_sequence_number: &'a str,
    approximate_arrival_of_first_record: String,
    approximate_arrival_of_last_record: String,
    batch_size: usize,
    stream_arn: &'a str,
}

fn date_time(unix_ms: u64) -> Result<OffsetDateTime, time::error::ComponentRange> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000)
}

/// `2019-11-14T00:38:06.021Z`: always three digits of a second, as AWS writes it.
fn rfc3339(at: OffsetDateTime) -> String {
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let (hour, minute, second, milli) = (at.hour(), at.minute(), at.second(), at.millisecond());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

fn object_key(mapping_uuid: &str, shard_id: &str, at: OffsetDateTime, object_uuid: &str) -> String {
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let (hour, minute, second) = (at.hour(), at.minute(), at.second());
    let folder = format!("aws/lambda/{mapping_uuid}/{shard_id}/{year:04}/{month:02}/{day:02}");
    let time = format!("{year:04}-{month:02}-{day:02}T{hour:02}.{minute:02}.{second:02}");
    format!("{folder}/{time}-{object_uuid}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_aws_writes_them() {
        let at = date_time(1_573_691_886_021).unwrap();
        assert_eq!(rfc3339(at), "2019-11-14T00:38:06.021Z");
        assert_eq!(rfc3339(date_time(0).unwrap()), "1970-01-01T00:00:00.000Z");
        assert!(date_time(u64::MAX).is_err());
    }

    #[test]
    fn key_has_the_folders_of_the_on_failure_page() {
        let at = date_time(1_573_691_886_021).unwrap();
        assert_eq!(
            object_key("uuid", "shardId-000000000001", at, "object"),
            "aws/lambda/uuid/shardId-000000000001/2019/11/14/2019-11-14T00.38.06-object"
        );
    }
}

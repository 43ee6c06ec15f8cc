//! The AWS JSON 1.1 shapes of the calls answered here.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::faults::RecordErrorCode;
use crate::limits::{CALL_MAX_BYTES, CALL_MAX_RECORDS, RECORD_MAX_BYTES};

/// The answer to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body.
    pub body: Vec<u8>,
}

impl Response {
    pub(crate) fn ok(body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => Self { status: 200, body },
            Err(error) => ApiError::Internal(format!("the answer could not be serialized: {error}")).into(),
        }
    }
}

/// A call answered with an error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error(
        "operation {0:?} is not supported: use PutRecordBatch, PutRecord, DescribeDeliveryStream or ListDeliveryStreams of Firehose_20150804"
    )]
    UnknownOperation(String),
    #[error("the request body is not JSON: {0}")]
    Serialization(String),
    #[error("{0}")]
    InvalidArgument(String),
    #[error("delivery stream {0} is not found: declare it or correct the name")]
    NotFound(String),
    #[error("{0}")]
    Unavailable(String),
    #[error("{0}")]
    Internal(String),
    #[error("the records were taken and the answer is withheld, as an injected fault asked")]
    AnswerLost,
}

impl ApiError {
    fn status_and_type(&self) -> (u16, &'static str) {
        match self {
            Self::UnknownOperation(_) => (400, "UnknownOperationException"),
            Self::Serialization(_) => (400, "SerializationException"),
            Self::InvalidArgument(_) => (400, "InvalidArgumentException"),
            Self::NotFound(_) => (400, "ResourceNotFoundException"),
            Self::Unavailable(_) => (503, "ServiceUnavailableException"),
            Self::Internal(_) | Self::AnswerLost => (500, "InternalFailure"),
        }
    }
}

impl From<ApiError> for Response {
    fn from(error: ApiError) -> Self {
        let (status, error_type) = error.status_and_type();
        let body = serde_json::json!({ "__type": error_type, "message": error.to_string() });
        Self { status, body: body.to_string().into_bytes() }
    }
}

pub(crate) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| {
        if error.is_data() {
            ApiError::InvalidArgument(format!("the request does not fit the operation: {error}"))
        } else {
            ApiError::Serialization(error.to_string())
        }
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PutRecordBatchInput<'a> {
    #[serde(borrow)]
    pub(crate) delivery_stream_name: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) records: Vec<RecordInput<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PutRecordInput<'a> {
    #[serde(borrow)]
    pub(crate) delivery_stream_name: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) record: RecordInput<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RecordInput<'a> {
    #[serde(borrow)]
    data: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DescribeInput {
    pub(crate) delivery_stream_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListInput {
    pub(crate) limit: Option<usize>,
    pub(crate) exclusive_start_delivery_stream_name: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PutRecordBatchOutput {
    pub(crate) failed_put_count: usize,
    pub(crate) encrypted: bool,
    pub(crate) request_responses: Vec<Entry>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PutRecordOutput {
    pub(crate) record_id: String,
    pub(crate) encrypted: bool,
}

/// What became of one record.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Entry {
    #[serde(rename_all = "PascalCase")]
    Taken { record_id: String },
    #[serde(rename_all = "PascalCase")]
    Failed { error_code: &'static str, error_message: &'static str },
}

impl Entry {
    pub(crate) fn failed(code: RecordErrorCode) -> Self {
        Self::Failed {
            error_code: code.name(),
            error_message: "an injected fault refused the record: send it again",
        }
    }
}

/// Decodes the records of a call and holds them against the limits. Firehose refuses such a call as a whole.
pub(crate) fn decode(records: &[RecordInput<'_>]) -> Result<Vec<Vec<u8>>, ApiError> {
    let refuse = |message: String| Err(ApiError::InvalidArgument(message));
    if records.is_empty() || records.len() > CALL_MAX_RECORDS {
        let count = records.len();
        return refuse(format!("the call has {count} records: send 1 to {CALL_MAX_RECORDS}"));
    }
    let mut decoded = Vec::with_capacity(records.len());
    let mut total = 0;
    for (index, record) in records.iter().enumerate() {
        let data = match STANDARD.decode(record.data.as_bytes()) {
            Ok(data) => data,
            Err(error) => return refuse(format!("record {index} is not base64: {error}")),
        };
        if data.is_empty() {
            return refuse(format!("record {index} is empty: leave it out"));
        }
        if data.len() > RECORD_MAX_BYTES {
            let length = data.len();
            return refuse(format!("record {index} has {length} bytes: send at most {RECORD_MAX_BYTES}"));
        }
        total += data.len();
        decoded.push(data);
    }
    if total > CALL_MAX_BYTES {
        return refuse(format!("the call has {total} bytes of data: send at most {CALL_MAX_BYTES}"));
    }
    Ok(decoded)
}

//! Firehose streams that keep what they accept.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::journal::Accepted;

/// All Firehose streams.
#[derive(Debug, Default)]
pub struct Firehose {
    /// Every record that was accepted, in order, repeats included.
    pub accepted: Vec<Accepted>,
}

const RECORD_LIMIT_BYTES: usize = 1_024_000;
const CALL_LIMIT_BYTES: usize = 4 * 1024 * 1024;
const CALL_LIMIT_RECORDS: usize = 500;

impl Firehose {
    /// Answers `PutRecordBatch`.
    ///
    /// # Errors
    /// When the request breaks a limit: the code of its refusal.
    pub fn put(&mut self, request: &Value, process: Option<u64>) -> Result<Value, &'static str> {
        let stream = request["DeliveryStreamName"].as_str().ok_or("InvalidArgumentException")?;
        let records = request["Records"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut decoded = Vec::with_capacity(records.len());
        for record in records {
            let data = STANDARD.decode(record["Data"].as_str().unwrap_or_default());
            decoded.push(Bytes::from(data.map_err(|_| "InvalidArgumentException")?));
        }
        let total: usize = decoded.iter().map(Bytes::len).sum();
        let too_large = decoded.iter().any(|data| data.len() > RECORD_LIMIT_BYTES);
        if records.is_empty() || records.len() > CALL_LIMIT_RECORDS || total > CALL_LIMIT_BYTES || too_large {
            return Err("InvalidArgumentException");
        }
        let mut responses = Vec::with_capacity(decoded.len());
        for data in decoded {
            responses.push(json!({"RecordId": self.accepted.len().to_string()}));
            self.accepted.push(Accepted { process, stream: stream.to_owned(), data });
        }
        Ok(json!({"FailedPutCount": 0, "RequestResponses": responses}))
    }

    /// The JSON lines that a stream accepted, each with the process that put it.
    pub fn lines(&self, stream: &str) -> impl Iterator<Item = (Option<u64>, &[u8])> {
        let records = self.accepted.iter().filter(move |accepted| accepted.stream == stream);
        records.flat_map(|accepted| {
            let lines = accepted.data.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            lines.map(|line| (accepted.process, line))
        })
    }
}

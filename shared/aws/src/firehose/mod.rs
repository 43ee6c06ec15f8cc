//! JSON lines into a Firehose stream.

mod pack;

use std::sync::Arc;

use aws_sdk_firehose::Client;
use aws_sdk_firehose::primitives::Blob;
use aws_sdk_firehose::types::Record;
use millrace_lambda::meter::Usage;
use millrace_lambda::ports::{JsonLineSink, NotAccepted};
use millrace_lambda::{Deadline, JsonLines, Meter};
pub use pack::{CALL_LIMIT_BYTES, CALL_LIMIT_RECORDS, RECORD_LIMIT_BYTES, RECORD_LIMIT_ROWS};
use pack::{Call, Packed, pack};

use crate::backoff::Backoff;
use crate::describe::describe;

/// Firehose bills each record in steps of this many bytes.
const BILLING_STEP_BYTES: usize = 5 * 1024;

/// A Firehose stream that takes many lines in one record.
#[derive(Clone, Debug)]
pub struct FirehoseSink {
    client: Client,
    stream: String,
    lines_per_record: usize,
    meter: Arc<Meter>,
}

impl FirehoseSink {
    /// A sink into this stream. `lines_per_record` is 1 for endpoints that do not take records apart, and at most
    /// [`RECORD_LIMIT_ROWS`].
    pub fn new(client: Client, stream: String, lines_per_record: usize, meter: Arc<Meter>) -> Self {
        Self { client, stream, lines_per_record: lines_per_record.clamp(1, RECORD_LIMIT_ROWS), meter }
    }

    /// A sink into the quarantine's stream. Its lines are not taken apart again, so a record holds as many as fit.
    pub fn quarantine(client: Client, stream: String, meter: Arc<Meter>) -> Self {
        Self::new(client, stream, RECORD_LIMIT_ROWS, meter)
    }

    /// Puts one call's records, those that fail again and again, and nothing that was accepted.
    async fn put_call(&self, lines: &JsonLines, call: &Call, deadline: Deadline) -> Result<(), NotAccepted> {
        let mut backoff = Backoff::new(deadline);
        let mut pending: Vec<&Packed> = call.records.iter().collect();
        loop {
            let why = match self.send(lines, &pending).await {
                Ok(failed) if failed.is_empty() => return Ok(()),
                Ok(failed) => {
                    let why = failed.first().map(|(_, why)| why.clone()).unwrap_or_default();
                    pending =
                        failed.into_iter().filter_map(|(index, _)| pending.get(index).copied()).collect();
                    why
                }
                Err(why) => why,
            };
            tracing::warn!(
                delivery_stream = self.stream,
                records = pending.len(),
                error = why,
                "records were not accepted"
            );
            if !backoff.wait().await {
                let first = pending.first().map(|packed| packed.lines.start).unwrap_or_default();
                return Err(NotAccepted { first, why });
            }
            self.meter.add(&Usage { request_retries: 1, ..Usage::default() });
        }
    }

    /// Sends one request; gives back index and reason of each record that failed.
    async fn send(&self, lines: &JsonLines, pending: &[&Packed]) -> Result<Vec<(usize, String)>, String> {
        let record = |packed: &&Packed| {
            let data = Blob::new(lines.bytes(packed.lines.clone()));
            Record::builder().data(data).build().map_err(|error| error.to_string())
        };
        let records = pending.iter().map(record).collect::<Result<_, _>>()?;
        let request =
            self.client.put_record_batch().delivery_stream_name(&self.stream).set_records(Some(records));
        let answer = request.send().await;
        self.meter.add(&Usage { firehose_put_requests: 1, ..Usage::default() });
        let answer = answer.map_err(|error| describe(&error))?;
        let mut failed = Vec::new();
        let mut accepted = Usage::default();
        for (index, packed) in pending.iter().enumerate() {
            match answer.request_responses().get(index) {
                Some(response) if response.error_code().is_none() => {
                    accepted.firehose_put_records += 1;
                    accepted.firehose_put_bytes += packed.bytes as u64;
                    accepted.firehose_put_billed_bytes +=
                        packed.bytes.next_multiple_of(BILLING_STEP_BYTES) as u64;
                }
                Some(response) => failed.push((index, response.error_code().unwrap_or_default().to_owned())),
                None => failed.push((index, "the answer does not mention it".to_owned())),
            }
        }
        self.meter.add(&accepted);
        Ok(failed)
    }
}

impl JsonLineSink for FirehoseSink {
    const LINE_LIMIT_BYTES: usize = RECORD_LIMIT_BYTES;

    /// Calls follow one another, and none follows one that failed: what was sent behind it would be sent again by
    /// the retry of the batch.
    async fn put(&self, lines: &JsonLines, deadline: Deadline) -> Result<(), NotAccepted> {
        for call in pack(lines, self.lines_per_record) {
            let first = call.records.first().map(|packed| packed.lines.start).unwrap_or_default();
            let put = deadline.bound(self.put_call(lines, &call, deadline)).await;
            put.unwrap_or_else(|near| Err(NotAccepted { first, why: near.to_string() }))?;
        }
        Ok(())
    }
}

//! Records into a Kinesis stream.

mod queue;

use std::sync::Arc;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::error::ProvideErrorMetadata;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;
use millrace_lambda::deadline::DeadlineNear;
use millrace_lambda::meter::Usage;
use millrace_lambda::record_stream::{OutgoingRecord, Put, RecordStream};
use millrace_lambda::{Deadline, Meter};
pub use queue::{CALL_LIMIT_BYTES, CALL_LIMIT_RECORDS};
use queue::{Queue, size_bytes};

use crate::backoff::Backoff;
use crate::describe::describe;

/// Largest record in bytes, partition key included, of a stream that is not set up otherwise: 1 MiB.
pub const RECORD_LIMIT_BYTES: usize = 1024 * 1024;

/// Codes that say that the stream will not take what the call holds, however often it is asked.
const REJECTIONS: [&str; 3] = ["InvalidArgumentException", "ValidationException", "SerializationException"];

/// A Kinesis stream.
#[derive(Clone, Debug)]
pub struct KinesisStream {
    client: Client,
    stream: String,
    record_limit_bytes: usize,
    meter: Arc<Meter>,
}

/// What became of one call.
enum Called {
    /// Why each record failed, in their order; `None` where it was accepted.
    Answered(Vec<Option<String>>),
    /// Something in it will never be taken.
    Rejected(String),
    /// No answer, or none that says more.
    Failed(String),
}

impl KinesisStream {
    /// A stream of this name, which takes records up to this size, partition key included.
    pub fn new(client: Client, stream: String, record_limit_bytes: usize, meter: Arc<Meter>) -> Self {
        Self { client, stream, record_limit_bytes, meter }
    }

    async fn send(&self, records: &[OutgoingRecord], call: &[usize]) -> Called {
        let entry = |record: &OutgoingRecord| {
            let entry = PutRecordsRequestEntry::builder().partition_key(&record.partition_key);
            entry.data(Blob::new(record.data.to_vec())).build().map_err(|error| error.to_string())
        };
        let sent: Vec<_> = call.iter().filter_map(|index| records.get(*index)).collect();
        let entries = match sent.iter().map(|record| entry(record)).collect::<Result<_, _>>() {
            Ok(entries) => entries,
            Err(why) => return Called::Rejected(why),
        };
        let request = self.client.put_records().stream_name(&self.stream).set_records(Some(entries));
        let answer = request.send().await;
        self.meter.add(&Usage { kinesis_put_requests: 1, ..Usage::default() });
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                let why = describe(&error);
                let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default();
                return if REJECTIONS.contains(&code) { Called::Rejected(why) } else { Called::Failed(why) };
            }
        };
        let mut accepted = Usage::default();
        let outcome = |(index, record): (usize, &&OutgoingRecord)| match answer.records().get(index) {
            Some(result) if result.error_code().is_none() => {
                accepted.kinesis_put_records += 1;
                accepted.kinesis_put_bytes += size_bytes(record) as u64;
                None
            }
            Some(result) => Some(result.error_code().unwrap_or_default().to_owned()),
            None => Some("the answer does not mention it".to_owned()),
        };
        let outcomes = sent.iter().enumerate().map(outcome).collect();
        self.meter.add(&accepted);
        Called::Answered(outcomes)
    }

    /// Puts what waits until all have their answer; otherwise why the rest was not accepted.
    async fn put_all(&self, records: &[OutgoingRecord], queue: &mut Queue<'_>, deadline: Deadline) -> String {
        let (mut backoff, mut limit_records) = (Backoff::new(deadline), CALL_LIMIT_RECORDS);
        loop {
            let call = queue.next_call(limit_records, self.record_limit_bytes);
            if call.is_empty() {
                return String::new();
            }
            if deadline.is_near() {
                return DeadlineNear.to_string();
            }
            let (accepted, failure) = match self.send(records, &call).await {
                Called::Answered(outcomes) => settle(queue, &call, outcomes),
                Called::Rejected(why) => {
                    reject(queue, &call, why);
                    // The service does not say which one it means: from here on each goes alone.
                    limit_records = 1;
                    (0, None)
                }
                Called::Failed(why) => settle(queue, &call, vec![Some(why); call.len()]),
            };
            if accepted > 0 {
                backoff = Backoff::new(deadline);
            }
            if let Some(why) = failure {
                tracing::warn!(stream = self.stream, error = why, "records were not accepted");
                if !backoff.wait().await {
                    return why;
                }
                self.meter.add(&Usage { request_retries: 1, ..Usage::default() });
            }
        }
    }
}

/// Takes over the answers to a call; gives back how many were accepted, and why the first was not, if any. From the
/// back, so that those that wait again do so in their order.
fn settle(queue: &mut Queue<'_>, call: &[usize], outcomes: Vec<Option<String>>) -> (usize, Option<String>) {
    let (mut accepted, mut failure) = (0, None);
    for (index, outcome) in call.iter().zip(outcomes).rev() {
        match outcome {
            None => {
                accepted += 1;
                queue.accepted(*index);
            }
            Some(why) => {
                queue.failed(*index);
                failure = Some(why);
            }
        }
    }
    (accepted, failure)
}

fn reject(queue: &mut Queue<'_>, call: &[usize], why: String) {
    match call {
        [only] => queue.reject(*only, why),
        several => several.iter().rev().for_each(|index| queue.failed(*index)),
    }
}

impl RecordStream for KinesisStream {
    /// A call carries a key at most once, and calls follow one another.
    async fn put(&self, records: &[OutgoingRecord], deadline: Deadline) -> Vec<Put> {
        let mut queue = Queue::new(records);
        let why = match deadline.bound(self.put_all(records, &mut queue, deadline)).await {
            Ok(why) => why,
            Err(near) => near.to_string(),
        };
        queue.finish(&why)
    }
}

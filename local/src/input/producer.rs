//! Puts records into a stream, in order for each key.

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;

use super::Input;
use crate::error::Error;

/// Most records of one call.
const CALL_LIMIT_RECORDS: usize = 500;
/// Most bytes of one call with the keys: Kinesis takes 10 MiB, and the emulator as much as Kinesis did before.
const CALL_LIMIT_BYTES: usize = 5 * 1024 * 1024;
/// Most tries of one call.
const TRIES_LIMIT: usize = 10;

/// Collects records and puts them in full calls.
pub(crate) struct Producer {
    client: Client,
    stream: &'static str,
    pending: Vec<Input>,
    bytes: usize,
    put: u64,
}

impl Producer {
    pub(crate) fn new(client: Client, stream: &'static str) -> Self {
        Self { client, stream, pending: Vec::new(), bytes: 0, put: 0 }
    }

    /// Puts a record, now or with those that follow.
    pub(crate) async fn send(&mut self, input: Input) -> Result<(), Error> {
        let bytes = input.partition_key.len() + input.data.len();
        if self.pending.len() >= CALL_LIMIT_RECORDS || self.bytes + bytes > CALL_LIMIT_BYTES {
            self.flush().await?;
        }
        self.bytes += bytes;
        self.pending.push(input);
        Ok(())
    }

    /// Puts what is waiting. Records that were not taken go again before any that follow.
    pub(crate) async fn flush(&mut self) -> Result<(), Error> {
        self.bytes = 0;
        for _ in 0..TRIES_LIMIT {
            if self.pending.is_empty() {
                return Ok(());
            }
            let entries = self.pending.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
            let call = self.client.put_records().stream_name(self.stream).set_records(Some(entries));
            let answer = call.send().await.map_err(Error::service("PutRecords"))?;
            let before = self.pending.len();
            let mut results = answer.records().iter();
            self.pending.retain(|_| results.next().is_none_or(|result| result.error_code().is_some()));
            self.put += (before - self.pending.len()) as u64;
        }
        match self.pending.len() {
            0 => Ok(()),
            left => Err(Error::Service {
                operation: "PutRecords",
                why: format!("{left} records were not taken in {TRIES_LIMIT} tries"),
            }),
        }
    }

    /// Number of records that the stream took.
    pub(crate) fn put(&self) -> u64 {
        self.put
    }
}

fn entry(input: &Input) -> Result<PutRecordsRequestEntry, Error> {
    PutRecordsRequestEntry::builder()
        .partition_key(&input.partition_key)
        .data(Blob::new(input.data.to_vec()))
        .build()
        .map_err(Error::service("PutRecords"))
}

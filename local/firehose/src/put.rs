//! PutRecordBatch and PutRecord.

use crate::faults::{CallFault, CallInfo, RecordErrorCode, RecordFault};
use crate::firehose::Firehose;
use crate::limits::billed_bytes;
use crate::protocol::{
    self, ApiError, Entry, PutRecordBatchInput, PutRecordBatchOutput, PutRecordInput, PutRecordOutput,
    RecordInput, Response,
};

impl Firehose {
    pub(crate) fn put_record_batch(&self, body: &[u8]) -> Result<Response, ApiError> {
        let entries = self.counted(|call| {
            let input: PutRecordBatchInput<'_> = protocol::parse(body)?;
            self.put(call, &input.delivery_stream_name, &input.records)
        })?;
        let failed_put_count = entries.iter().filter(|entry| matches!(entry, Entry::Failed { .. })).count();
        Ok(Response::ok(&PutRecordBatchOutput {
            failed_put_count,
            encrypted: false,
            request_responses: entries,
        }))
    }

    pub(crate) fn put_record(&self, body: &[u8]) -> Result<Response, ApiError> {
        let entries = self.counted(|call| {
            let input: PutRecordInput<'_> = protocol::parse(body)?;
            self.put(call, &input.delivery_stream_name, &[input.record])
        })?;
        match entries.into_iter().next() {
            Some(Entry::Taken { record_id }) => {
                Ok(Response::ok(&PutRecordOutput { record_id, encrypted: false }))
            }
            Some(Entry::Failed { error_code, error_message }) => {
                let unavailable = RecordErrorCode::ServiceUnavailableException.name();
                let message = error_message.to_owned();
                Err(if error_code == unavailable {
                    ApiError::Unavailable(message)
                } else {
                    ApiError::Internal(message)
                })
            }
            None => Err(ApiError::Internal("the record has no outcome: report this as a bug".to_owned())),
        }
    }

    /// Numbers a put call and counts it as refused if nothing of it was taken.
    fn counted<T>(&self, put: impl FnOnce(u64) -> Result<T, ApiError>) -> Result<T, ApiError> {
        let call = self.tally.update(|stats| {
            stats.requests += 1;
            stats.requests
        });
        let outcome = put(call);
        if matches!(&outcome, Err(error) if !matches!(error, ApiError::AnswerLost)) {
            self.tally.update(|stats| stats.refused_requests += 1);
        }
        outcome
    }

    fn put(&self, call: u64, stream: &str, records: &[RecordInput<'_>]) -> Result<Vec<Entry>, ApiError> {
        if !self.lock().contains_key(stream) {
            return Err(ApiError::NotFound(stream.to_owned()));
        }
        let records = protocol::decode(records)?;
        let info = CallInfo { stream, call, records: records.len() };
        let call_fault = self.options.faults.on_call(info);
        if call_fault == CallFault::Throttle {
            let message = "an injected fault throttled the call: back off and send it again";
            return Err(ApiError::Unavailable(message.to_owned()));
        }
        // Asked for before the lock is taken, since the host's code may look at this endpoint.
        let faults: Vec<RecordFault> = records
            .iter()
            .enumerate()
            .map(|(index, data)| self.options.faults.on_record(info, index, data))
            .collect();
        let entries = self.take(stream, &records, &faults)?;
        if call_fault == CallFault::LoseAnswer { Err(ApiError::AnswerLost) } else { Ok(entries) }
    }

    fn take(&self, name: &str, records: &[Vec<u8>], faults: &[RecordFault]) -> Result<Vec<Entry>, ApiError> {
        let now_ms = (self.options.clock)();
        let mut streams = self.lock();
        // Over the bound at this point means that delivery fails; taking more would only fill memory.
        if let Err(error) = self.relieve(&mut streams, now_ms) {
            return Err(ApiError::Unavailable(format!("the buffers are full: {error}")));
        }
        let Some(stream) = streams.get_mut(name) else {
            return Err(ApiError::NotFound(name.to_owned()));
        };
        let mut entries = Vec::with_capacity(records.len());
        for (data, fault) in records.iter().zip(faults) {
            entries.push(match fault {
                RecordFault::Accept => {
                    let rows = stream.accept(data, now_ms);
                    Entry::Taken { record_id: self.count_record(name, data.len(), rows) }
                }
                RecordFault::Fail(code) => {
                    self.tally.update(|stats| stats.failed_records += 1);
                    Entry::failed(*code)
                }
            });
        }
        // The records are taken whatever becomes of the files: a failed delivery is tried again with the next
        // call or tick.
        let full = stream.deliver_full(now_ms, &self.tally);
        if let Err(error) = full.and_then(|()| self.relieve(&mut streams, now_ms)) {
            tracing::error!(
                delivery_stream = name,
                error = &error as &dyn std::error::Error,
                "failed to deliver"
            );
        }
        Ok(entries)
    }

    fn count_record(&self, stream: &str, len: usize, rows: u64) -> String {
        self.tally.update(|stats| {
            stats.records += 1;
            stats.bytes += len as u64;
            stats.billed_bytes += billed_bytes(len);
            stats.rows_received += rows;
            format!("{stream}-{:020}", stats.records)
        })
    }
}

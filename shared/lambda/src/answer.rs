//! The answer to Lambda: the one place that builds a partial batch response.

use aws_lambda_events::event::streams::{KinesisBatchItemFailure, KinesisEventResponse};

use crate::checkpoint::Checkpoint;
use crate::kinesis_event::KinesisBatch;

/// The response for a batch that was done up to `checkpoint`.
///
/// It holds no identifier, or exactly the sequence number of the first record that is not done: naming more would
/// change nothing, and one that is not in the batch would fail the whole of it.
pub fn answer(batch: &KinesisBatch, checkpoint: Checkpoint) -> KinesisEventResponse {
    let mut response = KinesisEventResponse::default();
    if let Some(record) = checkpoint.record().and_then(|index| batch.records.get(index)) {
        let mut failure = KinesisBatchItemFailure::default();
        failure.item_identifier = Some(record.sequence_number.to_string());
        response.batch_item_failures.push(failure);
    }
    response
}

#[cfg(test)]
mod tests {
    use millrace_domain::SequenceNumber;

    use super::*;
    use crate::kinesis_event::KinesisRecord;

    fn batch() -> KinesisBatch {
        let record = |sequence: &str| KinesisRecord {
            sequence_number: SequenceNumber::parse(sequence).unwrap(),
            partition_key: "u".to_owned(),
            arrived_at_ms: 0,
            data: bytes::Bytes::new(),
        };
        KinesisBatch { records: vec![record("7"), record("8")], ..KinesisBatch::default() }
    }

    #[test]
    fn the_first_record_that_is_not_done_is_named_as_lambda_spells_it() {
        let json = serde_json::to_string(&answer(&batch(), Checkpoint::at(1))).unwrap();
        assert_eq!(json, r#"{"batchItemFailures":[{"itemIdentifier":"8"}]}"#);
    }

    #[test]
    fn a_batch_done_names_nothing() {
        let json = serde_json::to_string(&answer(&batch(), Checkpoint::default())).unwrap();
        assert_eq!(json, r#"{"batchItemFailures":[]}"#);
    }
}

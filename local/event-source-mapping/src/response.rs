//! What a function's response says about its batch.

use serde_json::Value;

use crate::{Record, compare_sequence_numbers, is_sequence_number};

/// The result of an invocation that returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every record is done.
    Success,
    /// The records before this index are done; from there on they are retried [L-BIF].
    PartialBatchResponse {
        /// Index in the batch of the lowest sequence number that was reported.
        first_failed: usize,
    },
    /// No record is done.
    CompleteFailure,
}

/// Reads the response of a function whose mapping has `ReportBatchItemFailures` enabled.
///
/// `records` is the batch as it was sent, in order. A misspelt top-level key reads as an empty response, which is
/// success: records are lost silently, as on AWS [L-BIF]. What cannot be read as a response at all (broken JSON,
/// text, a number) is a complete failure: the guide counts everything that is not a success as one.
pub fn interpret(body: &[u8], records: &[Record]) -> Verdict {
    let body = body.trim_ascii();
    if body.is_empty() {
        return Verdict::Success;
    }
    let response = match serde_json::from_slice(body) {
        Ok(Value::Object(response)) => response,
        Ok(Value::Null) => return Verdict::Success,
        Ok(Value::String(text)) if text.is_empty() => return Verdict::Success,
        Ok(Value::Array(items)) if items.is_empty() => return Verdict::Success,
        _ => return Verdict::CompleteFailure,
    };
    let failures = match response.get("batchItemFailures") {
        None | Some(Value::Null) => return Verdict::Success,
        Some(Value::Array(failures)) => failures,
        Some(_) => return Verdict::CompleteFailure,
    };
    let mut first_failed: Option<usize> = None;
    for failure in failures {
        let identifier = failure.get("itemIdentifier").and_then(Value::as_str);
        let Some(index) = identifier.and_then(|identifier| position(identifier, records)) else {
            return Verdict::CompleteFailure;
        };
        first_failed = Some(first_failed.map_or(index, |lowest| lowest.min(index)));
    }
    first_failed.map_or(Verdict::Success, |first_failed| Verdict::PartialBatchResponse { first_failed })
}

/// Index of the first record with this sequence number: sub-records of an aggregate share one.
fn position(identifier: &str, records: &[Record]) -> Option<usize> {
    if !is_sequence_number(identifier) {
        return None;
    }
    let is_lower = |record: &Record| compare_sequence_numbers(&record.sequence_number, identifier).is_lt();
    let index = records.partition_point(is_lower);
    records.get(index).filter(|record| record.sequence_number == identifier).map(|_| index)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn batch(sequence_numbers: &[&str]) -> Vec<Record> {
        let record = |number: &&str| Record {
            sequence_number: (*number).to_owned(),
            partition_key: "key".to_owned(),
            data: Bytes::new(),
            approximate_arrival_ms: 0,
        };
        sequence_numbers.iter().map(record).collect()
    }

    fn verdict(body: &str) -> Verdict {
        interpret(body.as_bytes(), &batch(&["98", "99", "100"]))
    }

    // [L-BIF]: empty list, null list, empty and null EventResponse; [LS-TEST]: "", [], null, {}.
    #[test]
    fn empty_responses_are_complete_success() {
        let bodies = [
            "",
            " \n",
            "\"\"",
            "[]",
            "[ ]",
            "null",
            "{}",
            r#"{"batchItemFailures": []}"#,
            r#"{"batchItemFailures": null}"#,
        ];
        for body in bodies {
            assert_eq!(verdict(body), Verdict::Success, "{body:?}");
        }
    }

    // [L-BIF]: such a response is an empty EventResponse.
    #[test]
    fn misspelt_top_level_key_is_complete_success() {
        assert_eq!(verdict(r#"{"failedItems": [{"itemIdentifier": "99"}]}"#), Verdict::Success);
        assert_eq!(verdict(r#"{"BatchItemFailures": [{"itemIdentifier": "99"}]}"#), Verdict::Success);
    }

    // [L-BIF]: empty string, null, bad key name; [LS-TEST]: 123, {"foo": 123}, {"foo": null}.
    #[test]
    fn unusable_identifiers_are_complete_failure() {
        let items = [
            r#"{"itemIdentifier": ""}"#,
            r#"{"itemIdentifier": null}"#,
            r#"{"itemIdentifier": 123}"#,
            r#"{"itemIdentifier": 99}"#,
            r#"{"itemIdentifier": "97"}"#,
            r#"{"itemIdentifier": "101"}"#,
            r#"{"itemIdentifier": "099"}"#,
            r#"{"itemIdentifier": "not a number"}"#,
            r#"{"foo": 123}"#,
            r#"{"foo": null}"#,
            "{}",
            "null",
            "\"99\"",
        ];
        for item in items {
            assert_eq!(
                verdict(&format!(r#"{{"batchItemFailures": [{item}]}}"#)),
                Verdict::CompleteFailure,
                "{item}"
            );
        }
    }

    #[test]
    fn one_unknown_identifier_fails_the_batch_whatever_the_others_say() {
        let body = r#"{"batchItemFailures": [{"itemIdentifier": "100"}, {"itemIdentifier": "7"}]}"#;
        assert_eq!(verdict(body), Verdict::CompleteFailure);
    }

    #[test]
    fn responses_of_another_shape_are_complete_failure() {
        for body in ["\"done\"", "200", "true", "[1]", "{", r#"{"batchItemFailures": "99"}"#] {
            assert_eq!(verdict(body), Verdict::CompleteFailure, "{body:?}");
        }
    }

    // [L-BIF]: with several items the lowest sequence number is the checkpoint.
    #[test]
    fn lowest_identifier_wins_and_is_compared_as_a_number() {
        let body = r#"{"batchItemFailures": [{"itemIdentifier": "100"}, {"itemIdentifier": "99"}]}"#;
        assert_eq!(verdict(body), Verdict::PartialBatchResponse { first_failed: 1 });
    }

    #[test]
    fn identifier_shared_by_sub_records_means_the_first_of_them() {
        let records = batch(&["1", "2", "2", "3"]);
        let body = br#"{"batchItemFailures": [{"itemIdentifier": "2"}]}"#;
        assert_eq!(interpret(body, &records), Verdict::PartialBatchResponse { first_failed: 1 });
    }
}

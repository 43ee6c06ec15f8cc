//! Documents of CloudWatch embedded metric format: one an invocation.
//!
//! Namespace `Millrace`, dimension `function`. Of a batch: a metric for each verdict name, in events, one for each type of
//! signal that was emitted, and those of [`METRICS`] and [`GAUGES`]. The document also carries the shard and the
//! sequence numbers of the batch as plain properties, which cost nothing and are not dimensions. Of a call: what its
//! answer counts.

use std::convert::Infallible;
use std::io::Write;

use millrace_domain::Verdict;
use serde_json::{Map, Value, json};

use crate::kinesis_event::KinesisBatch;
use crate::meter::Usage;
use crate::tally::Tally;

/// The CloudWatch namespace.
pub const NAMESPACE: &str = "Millrace";

/// A metric that may be summed. Only those below exist, so nobody can ask for one that no function writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    name: &'static str,
    unit: &'static str,
}

impl Metric {
    /// Requests that read items.
    pub const READ_REQUESTS: Self = Self::of("read_requests", "Count");
    /// Read capacity units.
    pub const READ_CAPACITY_UNITS: Self = Self::of("read_capacity_units", "Count");
    /// Requests that wrote items.
    pub const WRITE_REQUESTS: Self = Self::of("write_requests", "Count");
    /// Write capacity units.
    pub const WRITE_CAPACITY_UNITS: Self = Self::of("write_capacity_units", "Count");
    /// Requests or parts of requests that were sent again.
    pub const REQUEST_RETRIES: Self = Self::of("request_retries", "Count");
    /// Put requests to Firehose.
    pub const FIREHOSE_PUT_REQUESTS: Self = Self::of("firehose_put_requests", "Count");
    /// Bytes that Firehose bills for them.
    pub const FIREHOSE_PUT_BILLED_BYTES: Self = Self::of("firehose_put_billed_bytes", "Bytes");

    const fn of(name: &'static str, unit: &'static str) -> Self {
        Self { name, unit }
    }

    /// The name.
    pub const fn name(self) -> &'static str {
        self.name
    }
}

/// The metrics beside the verdicts. Each may be summed.
pub const METRICS: &[Metric] = &[
    Metric::of("records", "Count"),
    // 1 of a batch that ended early, and 0 of any other.
    Metric::of("partial_batch_responses", "Count"),
    // Invalid, collision and poisoned together.
    Metric::of("rejected", "Count"),
    Metric::READ_REQUESTS,
    Metric::READ_CAPACITY_UNITS,
    Metric::WRITE_REQUESTS,
    Metric::WRITE_CAPACITY_UNITS,
    Metric::of("conflicts", "Count"),
    Metric::REQUEST_RETRIES,
    Metric::of("kinesis_put_requests", "Count"),
    Metric::of("kinesis_put_records", "Count"),
    Metric::of("kinesis_put_bytes", "Bytes"),
    Metric::FIREHOSE_PUT_REQUESTS,
    Metric::of("firehose_put_records", "Count"),
    Metric::of("firehose_put_bytes", "Bytes"),
    Metric::FIREHOSE_PUT_BILLED_BYTES,
    Metric::of("table_wait_us", "Microseconds"),
];

/// The metrics of which sums say nothing, with their CloudWatch units. Each is there only where it is known.
pub const GAUGES: &[(&str, &str)] = &[
    // From the arrival of the oldest record to the end of the invocation.
    ("arrival_lag_ms", "Milliseconds"),
    // From the newest event time to the end of the invocation.
    ("event_time_lag_ms", "Milliseconds"),
    // Late events among a thousand that were new.
    ("late_per_mille", "None"),
];

/// The metric that is 1 of the first invocation of a process and 0 of all others.
pub const COLD_STARTS: &str = "cold_starts";

/// What an answer, or an error, counts, for its metrics.
pub trait Counted {
    /// Names and counts; none where nothing was done.
    fn counts(&self) -> Vec<(&'static str, u64)>;
}

impl Counted for Infallible {
    fn counts(&self) -> Vec<(&'static str, u64)> {
        match *self {}
    }
}

/// The document of one invocation with a batch, as JSON. `now_ms` is when it ended, in epoch milliseconds.
pub fn document(function: &str, batch: &KinesisBatch, tally: &Tally, usage: &Usage, now_ms: u64) -> Value {
    let mut document = Map::new();
    let counts = tally.counts();
    for (name, count) in &counts {
        document.insert((*name).to_owned(), (*count).into());
    }
    if let Ok(Value::Object(usage)) = serde_json::to_value(usage) {
        document.extend(usage);
    }
    let count = |name: &str| counts.get(name).copied().unwrap_or_default();
    let rejected = ["invalid", "collision", "poisoned"].map(count).iter().sum::<u64>();
    document.insert("rejected".to_owned(), rejected.into());
    document.insert("records".to_owned(), batch.records.len().into());
    document
        .insert("partial_batch_responses".to_owned(), u8::from(tally.checkpoint.record().is_some()).into());
    document.insert("stream".to_owned(), batch.shard.stream().into());
    document.insert("shard_id".to_owned(), batch.shard.id().into());
    let [first, last] = batch.ends();
    document.insert("first_sequence_number".to_owned(), first.into());
    document.insert("last_sequence_number".to_owned(), last.into());
    let mut metrics: Vec<_> = Verdict::COUNTED.map(|name| (name.to_owned(), "Count")).to_vec();
    metrics.extend(METRICS.iter().map(|metric| (metric.name.to_owned(), metric.unit)));
    let gauges = gauges(batch, tally, count("late"), count("applied"), now_ms);
    for ((name, unit), value) in GAUGES.iter().zip(gauges) {
        if let Some(value) = value {
            metrics.push(((*name).to_owned(), *unit));
            document.insert((*name).to_owned(), value.into());
        }
    }
    for (signal_type, count) in &tally.signals {
        let name = signal_metric(signal_type);
        document.insert(name.clone(), (*count).into());
        metrics.push((name, "Count"));
    }
    embedded(function, document, &metrics, now_ms)
}

/// Those of [`GAUGES`], in their order.
fn gauges(batch: &KinesisBatch, tally: &Tally, late: u64, applied: u64, now_ms: u64) -> [Option<u64>; 3] {
    let since = |then_ms: i64| now_ms.saturating_sub(u64::try_from(then_ms).unwrap_or_default());
    let arrived_ms = batch.records.iter().map(|record| record.arrived_at_ms).min();
    let late_per_mille = (1_000 * late).checked_div(late + applied).filter(|_| tally.judges_lateness);
    [arrived_ms.map(since), tally.newest_event_ms.map(since), late_per_mille]
}

/// The document of one call, as JSON. `now_ms` is when it ended, in epoch milliseconds.
pub fn call_document(function: &str, answer: &dyn Counted, now_ms: u64) -> Value {
    let counts = answer.counts();
    let document = counts.iter().map(|(name, count)| ((*name).to_owned(), (*count).into())).collect();
    let metrics: Vec<_> = counts.iter().map(|(name, _)| ((*name).to_owned(), "Count")).collect();
    embedded(function, document, &metrics, now_ms)
}

fn embedded(
    function: &str,
    mut document: Map<String, Value>,
    metrics: &[(String, &str)],
    now_ms: u64,
) -> Value {
    let metrics: Vec<_> = metrics.iter().map(|(name, unit)| json!({"Name": name, "Unit": unit})).collect();
    let directive = json!({"Namespace": NAMESPACE, "Dimensions": [["function"]], "Metrics": metrics});
    document.insert("function".to_owned(), function.into());
    document.insert("_aws".to_owned(), json!({"Timestamp": now_ms, "CloudWatchMetrics": [directive]}));
    Value::Object(document)
}

/// Adds to a document which request it is of, and whether that was the first of its process.
pub fn add_request(document: &mut Value, request_id: &str, is_cold: bool) {
    if let Value::Object(document) = document {
        document.insert("request_id".to_owned(), request_id.into());
        document.insert(COLD_STARTS.to_owned(), u8::from(is_cold).into());
    }
    if let Some(Value::Array(metrics)) = document.pointer_mut("/_aws/CloudWatchMetrics/0/Metrics") {
        metrics.push(json!({"Name": COLD_STARTS, "Unit": "Count"}));
    }
}

/// The metric that counts signals of a type, such as `signals_fraud_suspected`. It is there only where some were
/// emitted.
pub fn signal_metric(signal_type: &str) -> String {
    format!("signals_{}", signal_type.replace('.', "_"))
}

/// Writes the document to standard output, where Lambda's log agent picks it up.
pub fn print(document: &Value) {
    // With its output closed, the process has no way to report an error.
    let _ = writeln!(std::io::stdout().lock(), "{document}");
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use millrace_domain::verdict::LateReason;
    use millrace_domain::{Reason, SequenceNumber, Shard};

    use super::*;
    use crate::checkpoint::Checkpoint;
    use crate::kinesis_event::KinesisRecord;

    fn batch() -> KinesisBatch {
        let record = |arrived_at_ms| KinesisRecord {
            sequence_number: SequenceNumber::parse("7").unwrap(),
            partition_key: "u".to_owned(),
            arrived_at_ms,
            data: Bytes::new(),
        };
        let records = [2_000, 3_000].map(record).to_vec();
        KinesisBatch { shard: Shard::new("events", "shard"), records }
    }

    #[test]
    fn every_metric_has_a_value_and_nothing_has_many() {
        let verdicts = [
            Verdict::Applied,
            Verdict::Late(LateReason::Undecidable),
            Verdict::Rejected(Reason::FunctionFailed),
        ];
        let tally = Tally {
            checkpoint: Checkpoint::at(1),
            verdicts: verdicts.map(|verdict| (0, Some(verdict))).to_vec(),
            signals: [("fraud.suspected", 2)].into(),
            newest_event_ms: Some(1_500),
            judges_lateness: true,
            ..Tally::default()
        };
        let document = document(
            "sessions",
            &batch(),
            &tally,
            &Usage { write_capacity_units: 3, ..Usage::default() },
            5_000,
        );
        let directive = &document["_aws"]["CloudWatchMetrics"][0];
        let metrics = directive["Metrics"].as_array().unwrap();
        assert_eq!(metrics.len(), Verdict::COUNTED.len() + METRICS.len() + GAUGES.len() + 1);
        for metric in metrics {
            assert!(document[metric["Name"].as_str().unwrap()].is_u64(), "{metric}");
        }
        let expected = [
            ("applied", 1),
            ("rejected", 1),
            ("write_capacity_units", 3),
            ("partial_batch_responses", 1),
            ("signals_fraud_suspected", 2),
            ("arrival_lag_ms", 3_000),
            ("event_time_lag_ms", 3_500),
            ("late_per_mille", 500),
        ];
        for (name, value) in expected {
            assert_eq!(document[name], value, "{name}");
        }
        assert_eq!(directive["Dimensions"], json!([["function"]]));
    }

    #[test]
    fn whatever_is_used_up_and_whatever_can_be_asked_for_is_a_metric() {
        let names: Vec<_> = METRICS.iter().map(|metric| metric.name()).collect();
        let usage = serde_json::to_value(Usage::default()).unwrap();
        for name in usage.as_object().unwrap().keys() {
            assert!(names.contains(&name.as_str()), "{name}");
        }
        for metric in [
            Metric::READ_REQUESTS,
            Metric::READ_CAPACITY_UNITS,
            Metric::WRITE_REQUESTS,
            Metric::WRITE_CAPACITY_UNITS,
            Metric::REQUEST_RETRIES,
            Metric::FIREHOSE_PUT_REQUESTS,
            Metric::FIREHOSE_PUT_BILLED_BYTES,
        ] {
            assert!(usage[metric.name()].is_u64() && METRICS.contains(&metric), "{metric:?}");
        }
    }

    #[test]
    fn what_cannot_be_told_is_no_metric() {
        let document =
            document("sessions", &KinesisBatch::default(), &Tally::default(), &Usage::default(), 5);
        for (name, _) in GAUGES {
            assert_eq!(document.get(name), None, "{name}");
        }
        let metrics = document["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap();
        assert_eq!(metrics.len(), Verdict::COUNTED.len() + METRICS.len());
    }

    #[test]
    fn a_call_is_told_by_what_its_answer_counts() {
        struct Two;
        impl Counted for Two {
            fn counts(&self) -> Vec<(&'static str, u64)> {
                vec![("timers_due", 2)]
            }
        }
        let mut document = call_document("close", &Two, 5);
        add_request(&mut document, "request", true);
        assert_eq!((&document["request_id"], &document["cold_starts"]), (&"request".into(), &1.into()));
        assert_eq!((&document["function"], &document["timers_due"]), (&"close".into(), &2.into()));
        let directive = &document["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(
            directive["Metrics"],
            json!([
                {"Name": "timers_due", "Unit": "Count"},
                {"Name": "cold_starts", "Unit": "Count"},
            ])
        );
    }
}

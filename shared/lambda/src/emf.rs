//! One line of CloudWatch embedded metric format an invocation.
//!
//! Namespace `Millrace`, dimension `function`. A metric for each verdict name, in events, one for each type of signal
//! that was told, and those of [`METRICS`]. The line also carries the shard and the sequence numbers of the batch as plain properties, which
//! cost nothing and are not dimensions.

use std::io::Write;

use millrace_domain::Verdict;
use serde_json::{Map, Value, json};

use crate::kinesis_event::KinesisBatch;
use crate::meter::Usage;
use crate::tally::Tally;

/// The CloudWatch namespace.
pub const NAMESPACE: &str = "Millrace";

/// The metrics beside the verdicts, with their CloudWatch units.
pub const METRICS: &[(&str, &str)] = &[
    ("records", "Count"),
    ("partial_failures", "Count"),
    ("read_requests", "Count"),
    ("read_units", "Count"),
    ("write_requests", "Count"),
    ("write_units", "Count"),
    ("conflicts", "Count"),
    ("retries", "Count"),
    ("sink_requests", "Count"),
    ("sink_records", "Count"),
    ("sink_bytes", "Bytes"),
    ("sink_billed_bytes", "Bytes"),
    ("store_wait_us", "Microseconds"),
];

/// The line of one invocation, as JSON. `now_ms` is when it ended, in epoch milliseconds.
pub fn line(function: &str, batch: &KinesisBatch, tally: &Tally, usage: &Usage, now_ms: u64) -> Value {
    let mut line = Map::new();
    for (name, count) in tally.counts() {
        line.insert(name.to_owned(), count.into());
    }
    if let Ok(Value::Object(usage)) = serde_json::to_value(usage) {
        line.extend(usage);
    }
    line.insert("records".to_owned(), batch.records.len().into());
    line.insert("partial_failures".to_owned(), u8::from(tally.cut.record().is_some()).into());
    line.insert("function".to_owned(), function.into());
    line.insert("shard_id".to_owned(), batch.shard_id.as_str().into());
    let sequence = |record: Option<&crate::kinesis_event::KinesisRecord>| {
        record.map_or(Value::Null, |record| record.sequence_number.as_str().into())
    };
    line.insert("first_sequence_number".to_owned(), sequence(batch.records.first()));
    line.insert("last_sequence_number".to_owned(), sequence(batch.records.last()));
    let verdicts = Verdict::COUNTED.map(|name| json!({"Name": name, "Unit": "Count"}));
    let metrics = METRICS.iter().map(|(name, unit)| json!({"Name": name, "Unit": unit}));
    let mut metrics: Vec<_> = verdicts.into_iter().chain(metrics).collect();
    for (signal_type, count) in &tally.signals {
        let name = signal_metric(signal_type);
        metrics.push(json!({"Name": name, "Unit": "Count"}));
        line.insert(name, (*count).into());
    }
    let directive = json!({"Namespace": NAMESPACE, "Dimensions": [["function"]], "Metrics": metrics});
    line.insert("_aws".to_owned(), json!({"Timestamp": now_ms, "CloudWatchMetrics": [directive]}));
    Value::Object(line)
}

/// The metric that counts signals of a type, such as `signals_fraud_suspected`. It is there only where some were told.
pub fn signal_metric(signal_type: &str) -> String {
    format!("signals_{}", signal_type.replace('.', "_"))
}

/// Writes the line to standard output, where Lambda's log agent picks it up.
pub fn print(line: &Value) {
    // A closed output leaves nobody to tell.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cut::Cut;

    #[test]
    fn every_metric_has_a_value_and_nothing_has_many() {
        let batch = KinesisBatch { shard_id: "shard".to_owned(), ..KinesisBatch::default() };
        let tally = Tally {
            cut: Cut::at(0),
            verdicts: vec![(0, None), (1, Some(Verdict::Applied))],
            signals: [("fraud.suspected", 2)].into(),
            ..Tally::default()
        };
        let line = line("sessions", &batch, &tally, &Usage { write_units: 3, ..Usage::default() }, 5);
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        let metrics = directive["Metrics"].as_array().unwrap();
        assert_eq!(metrics.len(), Verdict::COUNTED.len() + METRICS.len() + 1);
        assert_eq!(line["signals_fraud_suspected"], 2);
        for metric in metrics {
            assert!(line[metric["Name"].as_str().unwrap()].is_u64(), "{metric}");
        }
        assert_eq!(
            (&line["applied"], &line["write_units"], &line["partial_failures"]),
            (&1.into(), &3.into(), &1.into())
        );
        assert_eq!(directive["Dimensions"], json!([["function"]]));
    }
}

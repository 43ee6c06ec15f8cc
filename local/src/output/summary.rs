//! What a run did, in numbers.

use std::collections::BTreeMap;
use std::path::Path;

use local_firehose::Stats;
use millrace_domain::Verdict;
use serde::Serialize;

use super::{Entry, ItemBytes};
use crate::error::Error;
use crate::options::LAKE_STREAM;

/// The content of `summary.json`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Summary {
    /// Records put into the stream.
    pub(crate) events_in: u64,
    /// By function; empty for functions that ran elsewhere, whose own logs hold their metrics.
    pub(crate) functions: BTreeMap<String, FunctionSummary>,
    /// Sizes of the items in the table, as DynamoDB counts them.
    pub(crate) item_bytes: ItemBytes,
    /// Rows of the lake by partition.
    pub(crate) lake_rows: BTreeMap<String, u64>,
    /// Rows that Firehose could not deliver, by type of error.
    pub(crate) lake_errors: BTreeMap<String, u64>,
    /// Entries of the quarantine by reason.
    pub(crate) quarantine: BTreeMap<String, u64>,
    /// Requests, records and bytes that the Firehose endpoint took.
    pub(crate) firehose: FirehoseSummary,
    /// Wall time from the first record put to the last delivery, in milliseconds.
    pub(crate) wall_ms: u64,
}

/// One function's share.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct FunctionSummary {
    /// Invocations.
    pub(crate) batches: u64,
    /// Events by verdict.
    pub(crate) verdicts: BTreeMap<String, u64>,
    /// Everything else that its metrics lines add up to.
    pub(crate) metrics: BTreeMap<String, u64>,
}

/// What the Firehose endpoint took.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FirehoseSummary {
    requests: u64,
    records: u64,
    bytes: u64,
    billed_bytes: u64,
}

impl Summary {
    /// Adds up a run.
    pub(crate) fn of(
        (events_in, wall_ms): (u64, u64),
        item_bytes: ItemBytes,
        metrics: BTreeMap<String, BTreeMap<String, u64>>,
        stats: &Stats,
        quarantine: &[Entry],
    ) -> Self {
        let lake = stats.rows_delivered.iter().filter_map(|(name, rows)| {
            let partition = name.strip_prefix(LAKE_STREAM)?.strip_prefix('/')?;
            Some((partition.to_owned(), *rows))
        });
        let mut reasons = BTreeMap::new();
        for entry in quarantine {
            *reasons.entry(entry.text("reason").to_owned()).or_default() += 1;
        }
        Self {
            events_in,
            functions: metrics
                .into_iter()
                .map(|(name, metrics)| (name, FunctionSummary::of(metrics)))
                .collect(),
            item_bytes,
            lake_rows: lake.collect(),
            lake_errors: stats.error_rows.clone(),
            quarantine: reasons,
            firehose: FirehoseSummary {
                requests: stats.requests,
                records: stats.records,
                bytes: stats.bytes,
                billed_bytes: stats.billed_bytes,
            },
            wall_ms,
        }
    }

    /// Writes `summary.json` below `out`.
    pub(crate) fn write(&self, out: &Path) -> Result<(), Error> {
        let path = out.join("summary.json");
        let mut text = serde_json::to_string_pretty(self).map_err(Error::output(&path))?;
        text.push('\n');
        std::fs::write(&path, text).map_err(Error::output(&path))
    }

    /// Rows in the lake.
    pub(crate) fn rows(&self) -> u64 {
        self.lake_rows.values().sum()
    }
}

impl FunctionSummary {
    fn of(mut metrics: BTreeMap<String, u64>) -> Self {
        let batches = metrics.remove("batches").unwrap_or_default();
        let mut verdicts = BTreeMap::new();
        for name in Verdict::COUNTED {
            verdicts.insert(name.to_owned(), metrics.remove(name).unwrap_or_default());
        }
        Self { batches, verdicts, metrics }
    }

    /// One of the metrics, or 0.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        self.metrics.get(name).copied().unwrap_or_default()
    }
}

/// A number with a comma between thousands.
pub(crate) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_told_apart() {
        let texts: Vec<_> = [0, 999, 1_000, 1_234_567].into_iter().map(number).collect();
        assert_eq!(texts, ["0", "999", "1,000", "1,234,567"]);
    }
}

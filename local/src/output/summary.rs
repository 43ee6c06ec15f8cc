//! What a run did, in numbers.

use std::collections::BTreeMap;
use std::path::Path;

use local_firehose::Stats;
use millrace_domain::Verdict;
use millrace_lambda::emf::Metric;
use serde::{Deserialize, Serialize};

use super::quarantine::reasons;
use super::whole::write_whole;
use super::{Entry, ItemBytes, TroubleSummary};
use crate::commands::{Fed, Saved};
use crate::error::Error;
use crate::mapping::{DiscardedCounts, Metrics};
use crate::options::{LAKE_DELIVERY_STREAM, Tuning};
use crate::trouble::Trouble;

/// The content of `summary.json`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Summary {
    /// How the events were batched and judged; `redrive` goes on with the same.
    pub(crate) settings: Tuning,
    /// Records put into the stream.
    pub(crate) records_in: u64,
    /// The largest event time of the input, in epoch milliseconds: the clock of the timers.
    pub(crate) largest_event_time_ms: i64,
    /// Signals by type.
    pub(crate) signals: BTreeMap<String, u64>,
    /// By function; empty for functions that ran elsewhere, whose own logs hold their metrics.
    pub(crate) functions: BTreeMap<String, FunctionSummary>,
    /// What the mappings discarded, by function.
    pub(crate) discarded: BTreeMap<&'static str, DiscardedCounts>,
    /// Faults that were injected, where there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) faults: Option<TroubleSummary>,
    /// Sizes of the items by table, as DynamoDB counts them.
    pub(crate) item_bytes: BTreeMap<&'static str, ItemBytes>,
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
    pub(crate) invocations: u64,
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

/// What a run knows of itself before its output is read back.
pub(crate) struct Run<'r> {
    pub(crate) settings: &'r Tuning,
    pub(crate) fed: Fed,
    pub(crate) started_ms: u64,
    pub(crate) discarded: BTreeMap<&'static str, DiscardedCounts>,
}

/// What of a run a later one over the same files goes on with.
#[derive(Debug, Deserialize)]
pub(crate) struct Course {
    pub(crate) settings: Tuning,
    pub(crate) largest_event_time_ms: i64,
}

/// The course of the run that wrote the `summary.json` below `out`.
pub(crate) fn read_course(out: &Path) -> Result<Course, Error> {
    let path = out.join("summary.json");
    let unreadable = |why: String| Error::Input { path: path.clone(), why };
    let text = std::fs::read(&path)
        .map_err(|error| unreadable(format!("{error}; name the folder that replay wrote")))?;
    serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))
}

impl Summary {
    /// Adds up a run that took this long.
    pub(crate) fn of(
        (run, wall_ms): (Run<'_>, u64),
        saved: &Saved,
        (metrics, trouble): (Metrics, Option<&Trouble>),
        stats: &Stats,
        quarantine: &[Entry],
    ) -> Self {
        let lake = stats.rows_delivered.iter().filter_map(|(name, rows)| {
            let partition = name.strip_prefix(LAKE_DELIVERY_STREAM)?.strip_prefix('/')?;
            Some((partition.to_owned(), *rows))
        });
        Self {
            settings: run.settings.clone(),
            records_in: run.fed.records,
            largest_event_time_ms: run.fed.largest_event_time_ms,
            signals: saved.signals.counts(),
            functions: FunctionSummary::all(metrics),
            discarded: run.discarded,
            faults: trouble.map(TroubleSummary::of),
            item_bytes: saved.item_bytes.clone(),
            lake_rows: lake.collect(),
            lake_errors: stats.error_rows.clone(),
            quarantine: reasons(quarantine),
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
        write_whole(&path, text.as_bytes())
    }

    /// Rows in the lake.
    pub(crate) fn rows(&self) -> u64 {
        self.lake_rows.values().sum()
    }
}

impl FunctionSummary {
    /// Every function's share.
    pub(crate) fn all(metrics: Metrics) -> BTreeMap<String, Self> {
        metrics.into_iter().map(|(name, metrics)| (name, Self::of(metrics))).collect()
    }

    fn of(mut metrics: BTreeMap<String, u64>) -> Self {
        let invocations = metrics.remove("invocations").unwrap_or_default();
        let mut verdicts = BTreeMap::new();
        for name in Verdict::COUNTED {
            verdicts.insert(name.to_owned(), metrics.remove(name).unwrap_or_default());
        }
        Self { invocations, verdicts, metrics }
    }

    /// The verdicts that there were, in words.
    pub(crate) fn verdicts_text(&self) -> String {
        let verdicts = self.verdicts.iter().filter(|(_, count)| **count > 0);
        let verdicts: Vec<_> =
            verdicts.map(|(verdict, count)| format!("{verdict} {}", number(*count))).collect();
        if verdicts.is_empty() { "nothing".to_owned() } else { verdicts.join(", ") }
    }

    /// What a metric adds up to; 0 where the function ran elsewhere.
    pub(crate) fn metric(&self, metric: Metric) -> u64 {
        self.metrics.get(metric.name()).copied().unwrap_or_default()
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

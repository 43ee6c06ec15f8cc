//! What the functions told while they ran: metrics, and which events were late.

use std::collections::BTreeMap;

use millrace_domain::Verdict;
use millrace_domain::verdict::LateCause;
use millrace_lambda::emf::GAUGES;
use millrace_lambda::{Batch, KinesisBatch, Tally};
use serde::Serialize;
use serde_json::Value;

/// Metrics by function and name.
pub(crate) type Metrics = BTreeMap<String, BTreeMap<String, u64>>;

/// A late event: a line of `late.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Late {
    function: &'static str,
    event_id: String,
    cause: LateCause,
    /// The place of its record; for one that was brought back, the first one.
    shard_id: String,
    sequence_number: String,
    sub_sequence: u32,
    batch_index: u32,
}

/// What was told so far.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) metrics: Metrics,
    pub(crate) late: Vec<Late>,
}

impl Told {
    /// Adds what one invocation told.
    pub(super) fn add(&mut self, function: &'static str, batch: &KinesisBatch, line: &Value, tally: &Tally) {
        let sums = self.metrics.entry(function.to_owned()).or_default();
        *sums.entry("batches".to_owned()).or_default() += 1;
        for (name, value) in line.as_object().into_iter().flatten() {
            let is_gauge = GAUGES.iter().any(|(gauge, _)| gauge == name);
            if let Some(value) = value.as_u64().filter(|_| !is_gauge) {
                *sums.entry(name.clone()).or_default() += value;
            }
        }
        self.late.extend(late(function, batch, tally));
    }
}

/// The late events that a tally counts. Events are decoded again for it, so only where there are any.
fn late(function: &'static str, batch: &KinesisBatch, tally: &Tally) -> Vec<Late> {
    let is_late = |(_, verdict): &(usize, Option<Verdict>)| matches!(verdict, Some(Verdict::Late(_)));
    if !tally.verdicts.iter().any(is_late) {
        return Vec::new();
    }
    let opened = Batch::open(batch);
    let units = opened.units();
    let mut late = Vec::new();
    for (unit, (record, verdict)) in units.list.iter().zip(&tally.verdicts) {
        let (Some(Verdict::Late(cause)), true) = (verdict, tally.cut.allows(*record)) else { continue };
        let Ok(event) = &unit.event else { continue };
        let (shard_id, position, _) = unit.first_place(&batch.shard_id);
        late.push(Late {
            function,
            event_id: event.id.to_string(),
            cause: *cause,
            shard_id: shard_id.to_owned(),
            sequence_number: position.sequence.as_str().to_owned(),
            sub_sequence: position.sub_sequence,
            batch_index: position.index,
        });
    }
    late
}

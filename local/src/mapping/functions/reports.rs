//! What the functions reported while they ran: metrics, and which events were late.

use std::collections::BTreeMap;

use millrace_domain::verdict::LateReason;
use millrace_domain::{StreamPosition, Verdict};
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
    reason: LateReason,
    /// The position of its record; for one that was brought back, the first one.
    stream: String,
    shard_id: String,
    sequence_number: String,
    sub_sequence_number: u32,
    element: u32,
}

/// What was reported so far.
#[derive(Debug, Default)]
pub(crate) struct FunctionReports {
    pub(crate) metrics: Metrics,
    pub(crate) late: Vec<Late>,
}

impl FunctionReports {
    /// Adds what one invocation reported.
    pub(super) fn add(&mut self, function: &'static str, batch: &KinesisBatch, line: &Value, tally: &Tally) {
        let sums = self.metrics.entry(function.to_owned()).or_default();
        *sums.entry("invocations".to_owned()).or_default() += 1;
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
    let events = opened.events();
    let mut late = Vec::new();
    for (batch_event, (record, verdict)) in events.list.iter().zip(&tally.verdicts) {
        let (Some(Verdict::Late(reason)), true) = (verdict, tally.checkpoint.allows(*record)) else {
            continue;
        };
        let Ok(event) = &batch_event.event else { continue };
        let StreamPosition { shard, position, .. } = batch_event.first_position(&batch.shard);
        late.push(Late {
            function,
            event_id: event.id.to_string(),
            reason: *reason,
            stream: shard.stream().to_owned(),
            shard_id: shard.id().to_owned(),
            sequence_number: position.sequence.as_str().to_owned(),
            sub_sequence_number: position.sub_sequence,
            element: position.element,
        });
    }
    late
}

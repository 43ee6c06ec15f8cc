//! Limits of one batch: its events, for both consumers.

use std::sync::Arc;

use archive::Archive;
use millrace_domain::session::SessionState;
use millrace_lambda::batch::{BATCH_LIMIT_EVENTS, RECORD_LIMIT_EVENTS};
use millrace_lambda::kpl::SubRecord;
use millrace_lambda::{Checkpoint, Deadline, Function, KinesisBatch, Meter};
use millrace_testkit::{BatchBuilder, Journal, MemorySignals, MemorySink, MemoryStore, event};
use sessions::Sessions;

/// How far each consumer comes, and why it ends there.
async fn ends(batch: &KinesisBatch) -> [(Checkpoint, usize, String); 2] {
    let sink = || <MemorySink>::noting("line", Journal::default());
    let meter = || Arc::new(Meter::default());
    let archive = Archive::new(&archive::Config::for_testing(), sink(), sink(), meter());
    let store = MemoryStore::<SessionState>::default();
    let sessions =
        Sessions::new(&sessions::Config::for_testing(), (store, sink(), MemorySignals::default()), meter());
    let reports =
        [archive.process(batch, Deadline::NONE).await, sessions.process(batch, Deadline::NONE).await];
    reports.map(|report| {
        let tally = report.tally;
        let done = tally.verdicts.iter().filter(|(_, verdict)| verdict.is_some()).count();
        (tally.checkpoint, done, tally.why)
    })
}

#[tokio::test]
async fn both_consumers_end_a_batch_early_that_holds_too_many_events_and_say_so() {
    let sub_record = SubRecord { partition_key: "u".into(), data: "1".into() };
    let full = vec![sub_record; RECORD_LIMIT_EVENTS];
    let filled = |last: usize| {
        let fronts = BATCH_LIMIT_EVENTS / RECORD_LIMIT_EVENTS - 1;
        let batch = (0..fronts).fold(BatchBuilder::default(), |batch, _| batch.sub_records(&full));
        batch.sub_records(&full[..last]).event(&event("1", "u")).event(&event("2", "u")).build()
    };
    let records = BATCH_LIMIT_EVENTS / RECORD_LIMIT_EVENTS;
    let why = "the batch holds more events than fit into memory";
    for (checkpoint, done, said) in ends(&filled(RECORD_LIMIT_EVENTS)).await {
        assert_eq!((checkpoint, done, said.as_str()), (Checkpoint::at(records), BATCH_LIMIT_EVENTS, why));
    }
    for (checkpoint, done, said) in ends(&filled(RECORD_LIMIT_EVENTS - 1)).await {
        assert_eq!((checkpoint, done, said.as_str()), (Checkpoint::at(records + 1), BATCH_LIMIT_EVENTS, why));
    }
    for (checkpoint, done, said) in ends(&filled(RECORD_LIMIT_EVENTS - 2)).await {
        assert_eq!((checkpoint, done, said.as_str()), (Checkpoint::default(), BATCH_LIMIT_EVENTS, ""));
    }
}

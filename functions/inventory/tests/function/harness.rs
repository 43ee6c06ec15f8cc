//! The function and all that it talks to.

use std::sync::Arc;

use inventory::{Adapters, Config, Inventory};
use millrace_domain::Verdict;
use millrace_domain::stock::StockState;
use millrace_lambda::signal_stream::SignalStream;
use millrace_lambda::{Deadline, Function, KinesisBatch, Meter, Tally};
use millrace_testkit::{
    BatchBuilder, EventBuilder, Journal, MemoryReorderPoints, MemorySink, MemoryStore, MemoryStream, event,
};

pub(crate) struct Rig {
    pub(crate) store: MemoryStore<StockState>,
    pub(crate) quarantine: MemorySink,
    pub(crate) points: MemoryReorderPoints,
    /// What is relayed, and what is emitted.
    pub(crate) stream: MemoryStream,
    function: Inventory<
        MemoryStore<StockState>,
        MemorySink,
        SignalStream<MemoryStream>,
        MemoryReorderPoints,
        MemoryStream,
    >,
}

impl Rig {
    pub(crate) fn new() -> Self {
        let journal = Journal::default();
        let store = MemoryStore::noting(journal.clone());
        let quarantine = MemorySink::noting("quarantine", journal);
        let (points, stream) = (MemoryReorderPoints::default(), MemoryStream::default());
        let adapters = Adapters {
            store: store.clone(),
            quarantine: quarantine.clone(),
            signals: SignalStream::new(stream.clone(), "inventory", 1_000_000),
            points: points.clone(),
            stream: stream.clone(),
        };
        let function = Inventory::new(&Config::for_testing(), adapters, Arc::new(Meter::default()));
        Self { store, quarantine, points, stream, function }
    }

    pub(crate) async fn run(&self, batch: &KinesisBatch) -> Tally {
        self.run_until(batch, Deadline::NONE).await
    }

    pub(crate) async fn run_until(&self, batch: &KinesisBatch, deadline: Deadline) -> Tally {
        self.function.process(batch, deadline).await.tally
    }

    pub(crate) fn on_hand(&self, key: &str) -> i64 {
        self.store.item(key).unwrap().state.level.on_hand()
    }

    /// The events in the stream, each its key and its JSON text.
    pub(crate) fn accepted(&self) -> Vec<(String, String)> {
        let text = |data: &[u8]| String::from_utf8(data.to_vec()).unwrap();
        self.stream.accepted().into_iter().map(|record| (record.partition_key, text(&record.data))).collect()
    }
}

/// A batch of the stream that is relayed.
pub(crate) fn events() -> BatchBuilder {
    BatchBuilder::default().of_stream("events")
}

/// A batch of the stream that is applied.
pub(crate) fn signals() -> BatchBuilder {
    BatchBuilder::default().of_stream("signals")
}

/// A receipt of ten pieces of `a` under this id.
pub(crate) fn receipt(id: &str) -> EventBuilder {
    event(id, "s#a").receives(10)
}

/// Names of the verdicts; `-` where there is none.
pub(crate) fn names(tally: &Tally) -> Vec<&'static str> {
    tally.verdicts.iter().map(|(_, verdict)| verdict.map_or("-", Verdict::name)).collect()
}

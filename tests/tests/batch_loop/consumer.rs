//! The loop over one state as a function of its own.

use std::sync::Arc;

use millrace_domain::ledger::LedgerSettings;
use millrace_lambda::function::invoke;
use millrace_lambda::meter::Usage;
use millrace_lambda::stateful::{Consumer, Stateful};
use millrace_lambda::{Deadline, Function, Meter};
use millrace_testkit::{
    BatchBuilder, Counter, CounterSettings, Journal, MemorySignals, MemorySink, MemoryStore, event,
};

#[tokio::test]
async fn it_reports_under_its_name_what_was_done_and_what_was_used_up() {
    let store = MemoryStore::<Counter>::default();
    let quarantine: MemorySink = MemorySink::noting("quarantine", Journal::default());
    let adapters = (store.clone(), quarantine, MemorySignals::default());
    let stateful = Stateful::new("loyalty", adapters, LedgerSettings::default(), 0);
    let meter = Arc::new(Meter::default());
    meter.add(&Usage { read_capacity_units: 7, ..Usage::default() });
    let consumer = Consumer { stateful, settings: CounterSettings::default(), meter };
    let batch = BatchBuilder::default().event(&event("1", "u").views("a")).build();
    let (_, line, _) = invoke(&consumer, &batch, Deadline::NONE).await;
    assert_eq!(
        (&line["function"], &line["applied"], &line["read_capacity_units"]),
        (&"loyalty".into(), &1.into(), &7.into())
    );
    assert_eq!((consumer.name(), store.item("u").unwrap().state.count), ("loyalty", 1));
}

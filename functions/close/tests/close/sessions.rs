//! Sessions whose timers ring: the consumer's loop over a table, and what it finds of timers and signals.

use millrace_domain::ledger::LedgerSettings;
use millrace_domain::session::{SessionSettings, SessionState};
use millrace_domain::time::MINUTE_MS;
use millrace_lambda::ports::Store;
use millrace_lambda::stateful::Stateful;
use millrace_lambda::timers::SignalsAndTimers;
use millrace_lambda::{Batch, Deadline, KinesisBatch};
use millrace_testkit::{
    BatchBuilder, Journal, MemorySignals, MemorySink, MemoryStore, MemoryStream, MemoryTimers, START_MS,
    event,
};

use crate::harness::NO_LIMIT;

/// When the window of an event at [`START_MS`] closes.
pub(crate) const CLOSES_AT_MS: i64 = START_MS + 40 * MINUTE_MS + 1;

/// Runs a batch through the consumer.
pub(crate) async fn consume(
    store: impl Store<SessionState>,
    signals: &MemorySignals,
    timers: &MemoryTimers,
    batch: &KinesisBatch,
) {
    let quarantine: MemorySink = MemorySink::noting("quarantine", Journal::default());
    let sink = SignalsAndTimers { signals: signals.clone(), timers: timers.clone() };
    let (ledger, settings) = (LedgerSettings::default(), SessionSettings::default());
    let consumer = Stateful::new("sessions", (store, quarantine, sink), ledger, 0);
    let tally = consumer.run(&Batch::open(batch), &settings, Deadline::NONE).await;
    assert_eq!(tally.checkpoint.record(), None, "{}", tally.why);
}

#[tokio::test]
async fn a_session_that_nobody_touches_closes_once_however_often_its_timer_rings() {
    let (store, signals) = (MemoryStore::<SessionState>::default(), MemorySignals::default());
    let (timers, stream) = (MemoryTimers::at(START_MS), MemoryStream::default());
    close::run(&timers, &stream, NO_LIMIT, START_MS, Deadline::NONE).await.unwrap();
    let first = BatchBuilder::starting_at(1).event(&event("1", "u").views("a")).build();
    consume(store.clone(), &signals, &timers, &first).await;
    assert_eq!(store.item("u").unwrap().state.emitted.timer_due_at_ms, Some(CLOSES_AT_MS));

    close::run(&timers, &stream, NO_LIMIT, CLOSES_AT_MS - 1, Deadline::NONE).await.unwrap();
    assert!(stream.accepted().is_empty());
    timers.script_deletes([Some(0)]);
    close::run(&timers, &stream, NO_LIMIT, CLOSES_AT_MS, Deadline::NONE).await.unwrap_err();
    close::run(&timers, &stream, NO_LIMIT, CLOSES_AT_MS, Deadline::NONE).await.unwrap();
    assert_eq!(stream.accepted().len(), 2);

    let batch = stream.drain_into(BatchBuilder::starting_at(2)).build();
    consume(store.clone(), &signals, &timers, &batch).await;
    let state = store.item("u").unwrap().state;
    assert!(state.windows.open().is_empty() && state.emitted.timer_due_at_ms.is_none());
    let closed = signals.signals().into_iter().filter(|signal| signal.signal_type == "session.closed");
    assert_eq!(closed.count(), 1);
    assert!(timers.items().is_empty());
}

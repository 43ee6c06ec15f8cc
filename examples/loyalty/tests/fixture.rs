//! The fixture gives the points that it should.

use loyalty::Loyalty;
use millrace_domain::ledger::LedgerSettings;
use millrace_lambda::{Batch, Deadline, ports::NoSignals, stateful::Stateful};
use millrace_testkit::{Journal, MemorySink, MemoryStore};

#[tokio::test]
async fn an_order_sent_twice_counts_once_and_a_return_is_taken_back() {
    let batch = serde_json::from_str(include_str!("../../../events/loyalty/orders.json")).unwrap();
    let store = MemoryStore::<Loyalty>::default();
    let adapters = (store.clone(), MemorySink::<1_000>::noting("quarantine", Journal::default()), NoSignals);
    let stateful = Stateful::new("loyalty", adapters, LedgerSettings::default(), 0);
    let counts = stateful.run(&Batch::open(&batch), &(), Deadline::NONE).await.counts();
    assert_eq!((counts["applied"], counts["duplicate"], counts["ignored"]), (2, 1, 1));
    assert_eq!(store.item("user-liz").unwrap().state, Loyalty { points: 24 - 8 });
}

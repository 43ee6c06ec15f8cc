//! Every event has one fate.

use millrace_domain::Verdict;
use millrace_lambda::{Batch, Deadline};
use millrace_testkit::{BatchBuilder, Counter, CounterSettings, event};
use proptest::prelude::*;
use serde_json::json;

use crate::history::{Outside, USERS, wait};

/// What a producer may send, from sound to broken.
fn add(batch: BatchBuilder, (kind, id, user): (u8, u8, usize)) -> BatchBuilder {
    // An id keeps its time: what reuses it at another time is a matter of its own.
    let event = event(id.to_string(), USERS[user]).at_minute(i64::from(id) * 2);
    match kind {
        0..4 => batch.event(&event.views("a")),
        4 => batch.event(&event.views("panic")),
        5 => batch.event(&event.views("reject")),
        6 => batch.event(&event.of_type("coupon.used", json!([1]))),
        7 => batch.raw("u", "no json"),
        8 => batch.raw("other", event.bytes()),
        9 => batch.array(&[event.clone().views("b"), event.views("none")]),
        10 => batch.aggregate(&[event.clone().views("c"), event]),
        11 => batch.raw("u", vec![3, 9, 9]),
        12 => batch.raw("u", "[]"),
        _ => batch.event(&event.orders("a", 1, 100)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn verdicts_are_total_and_exclusive_when_nothing_fails(
        records in prop::collection::vec((0_u8..14, 0_u8..12, 0..USERS.len()), 0..40),
        cache_items in 0..4_usize,
    ) {
        let outside = Outside::<Counter>::new();
        let environment = outside.environment(CounterSettings::default(), cache_items);
        let batch = records.into_iter().fold(BatchBuilder::default(), add).build();
        let opened = Batch::open(&batch);
        let events = opened.events().list;
        for _ in 0..2 {
            let tally = wait(environment.run(&opened, Deadline::NONE));
            prop_assert_eq!(tally.checkpoint.record(), None);
            prop_assert_eq!(tally.verdicts.len(), events.len());
            prop_assert!(tally.verdicts.iter().all(|(_, verdict)| verdict.is_some()));
            prop_assert_eq!(tally.counts().values().sum::<u64>(), events.len() as u64);
            for (batch_event, (record, verdict)) in events.iter().zip(&tally.verdicts) {
                prop_assert_eq!(batch_event.record, *record);
                if let Err(invalid) = &batch_event.event {
                    prop_assert_eq!(*verdict, Some(Verdict::Rejected(invalid.reason)));
                }
            }
        }
        let counted: u64 = outside.store.keys().iter().map(|key| outside.store.item(key).unwrap().state.count).sum();
        prop_assert_eq!(counted, outside.signals.received().len() as u64);
    }
}

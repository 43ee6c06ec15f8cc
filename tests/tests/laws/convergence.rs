//! Order, splits and repeats do not matter while no event is late.

use std::collections::BTreeMap;

use millrace_domain::Verdict;
use millrace_domain::money::Currency;
use millrace_domain::session::{Emitted, Lifetime, SessionItem, SessionSettings, SessionState};
use millrace_lambda::{Batch, Deadline, KinesisBatch};
use proptest::prelude::*;

use crate::history::{
    ACTIVITY_DEDUP_WINDOW_MS, Delivery, Happening, Outside, USERS, deliveries, histories, wait,
};

const LIMIT: usize = 60;

fn items(batches: &[KinesisBatch], cache_items: usize) -> BTreeMap<String, SessionItem> {
    let outside = Outside::<SessionState>::new();
    let environment = outside.environment(SessionSettings::default(), cache_items);
    for batch in batches {
        let tally = wait(environment.run(&Batch::open(batch), Deadline::NONE));
        assert_eq!(tally.checkpoint.record(), None);
    }
    let item = |key: String| {
        let state = outside.store.item(&key).unwrap().state;
        // What was emitted depends on the order in which it happened.
        (key, SessionItem { emitted: Emitted::default(), ..SessionItem::from(state) })
    };
    outside.store.keys().into_iter().map(item).collect()
}

fn all_within_lateness(_: Happening) -> i64 {
    ACTIVITY_DEDUP_WINDOW_MS
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn order_splits_and_repeats_leave_the_same_items(
        history in histories(LIMIT),
        one in deliveries(LIMIT),
        other in deliveries(LIMIT),
        cache_items in 0..3_usize,
    ) {
        let one = items(&one.batches(&history, all_within_lateness), 0);
        let other = items(&other.batches(&history, all_within_lateness), cache_items);
        prop_assert_eq!(one, other);
    }

    #[test]
    fn items_are_those_of_a_sort_by_time(history in histories(LIMIT), delivery in deliveries(LIMIT)) {
        let items = items(&delivery.batches(&history, all_within_lateness), 0);
        for (user, name) in USERS.iter().enumerate() {
            let mine: Vec<_> = history.iter().copied().filter(|happening| happening.user == user).collect();
            let Some(item) = items.get(*name) else {
                prop_assert!(mine.is_empty());
                continue;
            };
            prop_assert_eq!(&item.lifetime, &lifetime(&mine));
            let windows = item.earlier_sessions.iter().chain(&item.session);
            let windows: Vec<_> =
                windows.map(|window| (window.started_at_ms, window.last_event_at_ms, window.events)).collect();
            prop_assert_eq!(windows, open_windows(&mine));
        }
    }

    #[test]
    fn lifetime_totals_take_money_of_two_days(
        history in histories(LIMIT),
        one in deliveries(LIMIT),
        other in deliveries(LIMIT),
    ) {
        let lifetimes = |delivery: &Delivery| -> Vec<_> {
            let items = items(&delivery.batches(&history, Happening::dedup_window_ms), 0);
            items.into_iter().map(|(user, item)| (user, item.lifetime, item.recent_products)).collect()
        };
        let one = lifetimes(&one);
        prop_assert_eq!(&one, &lifetimes(&other));
        for (user, totals, _) in one {
            let index = USERS.iter().position(|name| *name == user).unwrap();
            let mine: Vec<_> = history.iter().copied().filter(|happening| happening.user == index).collect();
            prop_assert_eq!(totals, lifetime(&mine));
        }
    }

    #[test]
    fn nothing_within_its_dedup_window_is_late(history in histories(LIMIT), delivery in deliveries(LIMIT)) {
        let outside = Outside::<SessionState>::new();
        let environment = outside.environment(SessionSettings::default(), 0);
        let mut applied = 0;
        for batch in delivery.batches(&history, Happening::dedup_window_ms) {
            let tally = wait(environment.run(&Batch::open(&batch), Deadline::NONE));
            applied += tally.verdicts.iter().filter(|(_, verdict)| *verdict == Some(Verdict::Applied)).count();
        }
        prop_assert_eq!(applied, history.len());
    }
}

/// The totals, each computed on its own.
fn lifetime(history: &[Happening]) -> Lifetime {
    let of_kind = |kind| history.iter().filter(move |happening| happening.kind == kind);
    let sum = |kind| {
        let mut sums = millrace_domain::money::Sums::default();
        let pounds = Currency::from_code("GBP").unwrap();
        of_kind(kind).for_each(|happening| sums.add(pounds, happening.total_minor()).unwrap());
        sums
    };
    Lifetime {
        events: history.len() as u64,
        orders: of_kind(0).count() as u64,
        returns: of_kind(1).count() as u64,
        revenue_minor: sum(0),
        refunded_minor: sum(1),
        first_event_at_ms: history.iter().map(|happening| happening.time_ms).min(),
        last_event_at_ms: history.iter().map(|happening| happening.time_ms).max(),
    }
}

/// Start, end and events of the windows that are open at the end: runs of neighbours within the gap.
fn open_windows(history: &[Happening]) -> Vec<(i64, i64, u64)> {
    let settings = SessionSettings::default();
    let mut windows: Vec<(i64, i64, u64)> = Vec::new();
    for happening in history {
        match windows.last_mut() {
            Some((_, last_ms, events)) if happening.time_ms - *last_ms <= settings.gap_ms => {
                (*last_ms, *events) = (happening.time_ms, *events + 1);
            }
            _ => windows.push((happening.time_ms, happening.time_ms, 1)),
        }
    }
    let now_ms = windows.last().map_or(0, |(_, last_ms, _)| last_ms - settings.lateness_ms);
    windows.retain(|(_, last_ms, _)| last_ms + settings.gap_ms >= now_ms);
    windows
}

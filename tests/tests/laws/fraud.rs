//! The rules of fraud: what they keep does not depend on order, splits and repeats, and what they emit is what a
//! reading of the rules from the first event on says.

use std::collections::{BTreeMap, HashSet};

use millrace_domain::fraud::{EVENTS_LIMIT, Finding, FraudSettings, FraudState, OrderSums, Suspicion};
use millrace_domain::ledger::LedgerSettings;
use millrace_domain::money::Currency;
use millrace_domain::signal::FRAUD_SUSPECTED;
use millrace_domain::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use millrace_lambda::stateful::Stateful;
use millrace_lambda::{Batch, Deadline, KinesisBatch};
use millrace_testkit::{EventBuilder, START_MS, event};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::history::{MONEY_DEDUP_WINDOW_MS, Outside, deliveries, wait};

const LIMIT: usize = 80;
const USERS: [&str; 2] = ["u", "v"];

/// A failed payment, or an order of so much.
#[derive(Clone, Copy, Debug)]
struct Deed {
    id: usize,
    user: usize,
    order_minor: Option<i64>,
    time_ms: i64,
    delay_ms: i64,
}

impl Deed {
    fn event(self) -> EventBuilder {
        let event = event(self.id.to_string(), USERS[self.user]).at_ms(self.time_ms);
        match self.order_minor {
            Some(total_minor) => event.orders("a", 1, total_minor),
            None => event.fails_to_pay(500),
        }
    }
}

/// Deeds in the order in which they come, repeats included. Steps between their times are such that bursts begin, go
/// on and end, and that all that was kept is evicted now and then. Each is delayed as the one before it or anew, by at
/// most `longest_ms`, so that whole bursts come late.
fn deeds(longest_ms: i64) -> impl Strategy<Value = Vec<Deed>> {
    let step_ms = prop_oneof![
        8 => 0..=MINUTE_MS,
        6 => (0_i64..=5).prop_map(|minutes| minutes * MINUTE_MS),
        1 => Just(10 * MINUTE_MS + 1),
        1 => HOUR_MS..=3 * DAY_MS,
    ];
    let delay_ms = prop_oneof![
        16 => Just(None),
        2 => Just(Some(0)),
        1 => (0..=30 * MINUTE_MS).prop_map(Some),
        1 => (0..=longest_ms).prop_map(Some),
        1 => Just(Some(longest_ms)),
    ];
    let order_minor = prop_oneof![
        12 => Just(None),
        8 => (90_i64..=110).prop_map(Some),
        1 => (110_i64..=200).prop_map(Some),
    ];
    let user = prop_oneof![6 => Just(0), 1 => Just(1)];
    let repeats = prop::collection::vec((any::<Index>(), 0..20_usize), 0..8);
    let deeds = prop::collection::vec((user, order_minor, step_ms, delay_ms), 1..=LIMIT);
    (deeds, repeats).prop_map(|(deeds, repeats)| {
        let (mut time_ms, mut delay_ms) = (START_MS, 0);
        let mut next = |(id, (user, order_minor, step_ms, delayed_ms)): (usize, (_, _, i64, Option<i64>))| {
            time_ms += step_ms;
            delay_ms = delayed_ms.unwrap_or(delay_ms);
            Deed { id, user, order_minor, time_ms, delay_ms }
        };
        let mut deeds: Vec<_> = deeds.into_iter().enumerate().map(&mut next).collect();
        deeds.sort_by_key(|deed| deed.time_ms + deed.delay_ms);
        repeated(deeds, &repeats)
    })
}

fn repeated(mut deeds: Vec<Deed>, repeats: &[(Index, usize)]) -> Vec<Deed> {
    for (index, later) in repeats {
        let from = index.index(deeds.len());
        deeds.insert((from + 1 + later).min(deeds.len()), deeds[from]);
    }
    deeds
}

/// The same deeds once each, in order of their times: another way for them to come.
fn in_time(deeds: &[Deed]) -> Vec<Deed> {
    let mut known = HashSet::new();
    let mut deeds: Vec<_> = deeds.iter().copied().filter(|deed| known.insert(deed.id)).collect();
    deeds.sort_by_key(|deed| (deed.time_ms, deed.id));
    deeds
}

fn events(deeds: &[Deed]) -> Vec<EventBuilder> {
    deeds.iter().map(|deed| deed.event()).collect()
}

/// Runs batches to their end.
fn run(batches: &[KinesisBatch]) -> Outside<FraudState> {
    let outside = Outside::new();
    let adapters = (outside.store.clone(), outside.quarantine.clone(), outside.signals.clone());
    let consumer = Stateful::new("law", adapters, LedgerSettings::default(), 0);
    for batch in batches {
        let tally = wait(consumer.run(&Batch::open(batch), &FraudSettings::default(), Deadline::NONE));
        assert_eq!(tally.checkpoint.record(), None);
    }
    outside
}

/// Failures by time and id, and sums, of every user.
fn kept(outside: &Outside<FraudState>) -> BTreeMap<String, (Vec<(i64, String)>, OrderSums)> {
    let of_user = |user: String| {
        let state = outside.store.item(&user).unwrap().state;
        let failures = state.velocity.failures().iter().map(|failure| (failure.at_ms, failure.id.clone()));
        (user, (failures.collect(), state.amount.sums(Currency::from_code("GBP").unwrap())))
    };
    outside.store.keys().into_iter().map(of_user).collect()
}

/// Suspicions of a user by the time of their causes, in order.
fn emitted(outside: &Outside<FraudState>, user: &str) -> Vec<(i64, Suspicion)> {
    let signals = outside.signals.received().into_iter();
    let suspected = signals.filter(|signal| signal.signal_type == FRAUD_SUSPECTED && signal.key == user);
    suspected.map(|signal| (signal.time_ms, serde_json::from_str(&signal.data).unwrap())).collect()
}

/// A user's deeds as the ledger lets them through: each once, and none that is too late.
fn applied(deeds: &[Deed], user: usize) -> Vec<Deed> {
    let (mut known, mut largest_ms) = (HashSet::new(), i64::MIN);
    let mut is_applied = |deed: &Deed| {
        let late = deed.time_ms < largest_ms.saturating_sub(MONEY_DEDUP_WINDOW_MS);
        let applied = deed.user == user && !late && known.insert(deed.id);
        if applied {
            largest_ms = largest_ms.max(deed.time_ms);
        }
        applied
    };
    deeds.iter().copied().filter(|deed| is_applied(deed)).collect()
}

/// The velocity rule over everything that ever failed, window by window.
#[derive(Default)]
struct Reference {
    /// Time, id, and whether it was in a hot window, in order.
    failures: Vec<(i64, String, bool)>,
    episode: bool,
}

impl Reference {
    /// The windows from one failure to another, with more failures than the limit.
    fn hot(&self) -> Vec<(i64, i64)> {
        let times = || self.failures.iter().map(|(time_ms, _, _)| *time_ms);
        let windows = times().flat_map(|from| times().map(move |to| (from, to)));
        let settings = FraudSettings::default().velocity;
        let hot = |window: &(i64, i64)| {
            window.1 - window.0 <= settings.window_ms && self.within(*window).count() > settings.limit
        };
        windows.filter(hot).collect()
    }

    fn within(&self, (from, to): (i64, i64)) -> impl Iterator<Item = &(i64, String, bool)> {
        self.failures.iter().filter(move |(time_ms, _, _)| (from..=to).contains(time_ms))
    }

    /// The ids that are reported when this one fails.
    fn fail(&mut self, deed: Deed) -> Option<Vec<String>> {
        self.failures.push((deed.time_ms, deed.id.to_string(), false));
        self.failures.sort();
        let hot = self.hot();
        let newest_ms = self.failures.last().unwrap().0;
        let holds = |time_ms: i64| move |(from, to): &(i64, i64)| (*from..=*to).contains(&time_ms);
        let with_newest: Vec<_> = hot.iter().copied().filter(holds(newest_ms)).collect();
        let with_this: Vec<_> = hot.iter().copied().filter(holds(deed.time_ms)).collect();
        let length = |(from, to): &(i64, i64)| to - from;
        let suspicious = if !with_newest.is_empty() && !self.episode {
            with_newest.iter().copied().max_by_key(length)
        } else if with_newest.iter().any(holds(deed.time_ms)) {
            None
        } else {
            let fresh = |window: &(i64, i64)| self.within(*window).all(|(_, _, was_hot)| !was_hot);
            with_this.iter().copied().filter(fresh).max_by_key(|window| (-window.0, window.1))
        };
        self.episode = !with_newest.is_empty();
        let ids: Option<Vec<_>> =
            suspicious.map(|window| self.within(window).map(|(_, id, _)| id.clone()).collect());
        for (time_ms, _, was_hot) in &mut self.failures {
            *was_hot |= with_newest.iter().chain(&with_this).any(holds(*time_ms));
        }
        ids.map(|ids| ids[ids.len().saturating_sub(EVENTS_LIMIT)..].to_vec())
    }
}

/// Whether `total_minor` lies more than three deviations above the others, by the sum of the squared distances of each
/// from their mean.
fn stands_out(others: &[i64], total_minor: i64) -> bool {
    let count = i128::try_from(others.len()).unwrap();
    let sum: i128 = others.iter().copied().map(i128::from).sum();
    let from_mean = |total_minor: i64| count * i128::from(total_minor) - sum;
    let squares: i128 = others.iter().map(|other| from_mean(*other).pow(2)).sum();
    count >= 10 && from_mean(total_minor) > 0 && count * from_mean(total_minor).pow(2) > 9 * squares
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_kept_does_not_depend_on_order_splits_and_repeats(
        deeds in deeds(MONEY_DEDUP_WINDOW_MS),
        one in deliveries(LIMIT),
        other in deliveries(LIMIT),
    ) {
        let one = run(&one.pack(&events(&deeds)));
        let other = run(&other.pack(&events(&in_time(&deeds))));
        prop_assert_eq!(kept(&one), kept(&other));
    }

    #[test]
    fn bursts_are_reported_as_a_reading_from_the_first_failure_on_says(
        deeds in deeds(MONEY_DEDUP_WINDOW_MS + HOUR_MS),
        delivery in deliveries(LIMIT),
    ) {
        let outside = run(&delivery.pack(&events(&deeds)));
        for (user, name) in USERS.iter().enumerate() {
            let mut reference = Reference::default();
            let failures = applied(&deeds, user).into_iter().filter(|deed| deed.order_minor.is_none());
            let expected: Vec<_> =
                failures.filter_map(|deed| Some((deed.time_ms, reference.fail(deed)?))).collect();
            let is_velocity = |(_, suspicion): &(i64, Suspicion)| matches!(suspicion.finding, Finding::Velocity(_));
            let emitted: Vec<_> = emitted(&outside, name).into_iter().filter(is_velocity).collect();
            for (_, suspicion) in &emitted {
                let Finding::Velocity(figures) = suspicion.finding else { continue };
                prop_assert_eq!(figures.failures.min(EVENTS_LIMIT), suspicion.event_ids.len());
                prop_assert!(figures.last_at_ms - figures.first_at_ms <= figures.window_ms);
            }
            let emitted: Vec<_> = emitted.into_iter().map(|(time_ms, suspicion)| (time_ms, suspicion.event_ids)).collect();
            prop_assert_eq!(emitted, expected);
        }
    }

    #[test]
    fn orders_are_reported_by_their_distance_from_the_mean_of_those_before(
        deeds in deeds(MONEY_DEDUP_WINDOW_MS + HOUR_MS),
        delivery in deliveries(LIMIT),
    ) {
        let outside = run(&delivery.pack(&events(&deeds)));
        for (user, name) in USERS.iter().enumerate() {
            let (mut before, mut expected) = (Vec::new(), Vec::new());
            for (deed, total_minor) in
                applied(&deeds, user).into_iter().filter_map(|deed| Some((deed, deed.order_minor?)))
            {
                if stands_out(&before, total_minor) {
                    expected.push((deed.time_ms, vec![deed.id.to_string()]));
                }
                before.push(total_minor);
            }
            let is_amount = |(_, suspicion): &(i64, Suspicion)| matches!(suspicion.finding, Finding::Amount(_));
            let emitted = emitted(&outside, name).into_iter().filter(is_amount);
            let emitted: Vec<_> = emitted.map(|(time_ms, suspicion)| (time_ms, suspicion.event_ids)).collect();
            prop_assert_eq!(emitted, expected);
        }
    }
}

/// The strategies meet what the laws are about, and not only calm.
#[test]
fn bursts_late_bursts_and_large_orders_are_met() {
    let mut runner = TestRunner::deterministic();
    let strategy = deeds(MONEY_DEDUP_WINDOW_MS + HOUR_MS);
    let (mut bursts, mut late_bursts, mut large, mut too_late) = (0, 0, 0, 0);
    for _ in 0..200 {
        let deeds = strategy.new_tree(&mut runner).unwrap().current();
        let mine = applied(&deeds, 0);
        let mut reference = Reference::default();
        for deed in mine.iter().filter(|deed| deed.order_minor.is_none()) {
            let is_newest = reference.failures.last().is_none_or(|(time_ms, _, _)| *time_ms <= deed.time_ms);
            let emitted = reference.fail(*deed).is_some();
            bursts += usize::from(emitted && is_newest);
            late_bursts += usize::from(emitted && !is_newest && !reference.episode);
        }
        let orders: Vec<_> = mine.iter().filter_map(|deed| deed.order_minor).collect();
        large += (0..orders.len()).filter(|index| stands_out(&orders[..*index], orders[*index])).count();
        too_late += in_time(&deeds).iter().filter(|deed| deed.user == 0).count() - mine.len();
    }
    let met = [bursts, late_bursts, large, too_late];
    assert!(met.iter().all(|times| *times >= 20), "{met:?}");
}

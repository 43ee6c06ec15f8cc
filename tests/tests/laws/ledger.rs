//! At most once, whatever the limits and dedup windows.

use std::collections::HashSet;

use millrace_domain::ledger::{Candidate, Judgement, LedgerSettings};
use millrace_domain::verdict::LateReason;
use millrace_domain::{Class, Ledger, Position, SequenceNumber};
use proptest::prelude::*;

/// An event that keeps its time and payload whenever it comes.
#[derive(Clone, Copy, Debug)]
struct Thing {
    class: Class,
    time_ms: i64,
    identity: u64,
}

fn position(number: u64) -> Position {
    Position { sequence: SequenceNumber::parse(&number.to_string()).unwrap(), sub_sequence: 0, element: 0 }
}

fn classes() -> impl Strategy<Value = Class> {
    prop_oneof![Just(Class::Money), Just(Class::Activity)]
}

fn settings() -> impl Strategy<Value = LedgerSettings> {
    let dedup_window_ms = || prop_oneof![3 => 0_i64..40, 1 => Just(0), 1 => Just(i64::MAX)];
    (dedup_window_ms(), dedup_window_ms(), 1_usize..6).prop_map(
        |(money_dedup_window_ms, activity_dedup_window_ms, seen_limit)| LedgerSettings {
            money_dedup_window_ms,
            activity_dedup_window_ms,
            seen_limit,
            ..LedgerSettings::default()
        },
    )
}

/// Few things that come often, at few times.
fn arrivals(limit: usize) -> impl Strategy<Value = Vec<Thing>> {
    let thing = (classes(), 0_i64..50).prop_map(|(class, time_ms)| (class, time_ms));
    prop::collection::vec(thing, 1..20).prop_flat_map(move |things| {
        prop::collection::vec(0..things.len(), 1..limit).prop_map(move |picks| {
            let pick = |pick: usize| {
                let (class, time_ms) = things[pick];
                Thing { class, time_ms, identity: pick as u64 }
            };
            picks.into_iter().map(pick).collect()
        })
    })
}

/// Judges each thing and notes the new ones, as the fold does, and holds every step against the laws.
fn run(things: impl IntoIterator<Item = Thing>, settings: &LedgerSettings) -> Ledger {
    let mut ledger = Ledger::default();
    let mut applied = HashSet::new();
    for (number, thing) in (1_u64..).zip(things) {
        let position = position(number);
        let candidate = Candidate {
            class: thing.class,
            time_ms: thing.time_ms,
            identity: thing.identity,
            payload: 5,
            shard: 1,
            position: &position,
        };
        let before = ledger.clone();
        match ledger.judge(&candidate, settings) {
            Judgement::New => {
                assert!(applied.insert(thing.identity), "{thing:?} is let in twice");
                ledger.record(&candidate, settings);
            }
            Judgement::Redelivery | Judgement::Duplicate => assert!(applied.contains(&thing.identity)),
            Judgement::Late(LateReason::BelowWatermark) => {
                let largest_ms = ledger.largest_event_time_ms().unwrap();
                assert!(thing.time_ms < largest_ms.saturating_sub(settings.dedup_window_ms(thing.class)));
            }
            Judgement::Late(LateReason::Evicted) => {
                assert!(thing.time_ms < ledger.class(thing.class).watermark_ms())
            }
            Judgement::Collision | Judgement::Late(LateReason::Undecidable) => {
                unreachable!("a thing keeps its payload, and is no signal")
            }
        }
        for class in Class::ALL {
            let (now, before) = (ledger.class(class), before.class(class));
            assert!(now.len() <= settings.seen_limit, "`seen` holds more than its limit");
            assert!(now.watermark_ms() >= before.watermark_ms(), "a watermark goes down");
            assert!(now.entries().iter().all(|entry| entry.time_ms >= now.watermark_ms()));
            assert!(now.entries().is_sorted());
        }
        assert!(ledger.largest_event_time_ms() >= before.largest_event_time_ms());
    }
    ledger
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn nothing_is_let_in_twice(things in arrivals(120), settings in settings()) {
        run(things, &settings);
    }

    #[test]
    fn an_event_within_dedup_window_and_cap_is_never_late(things in arrivals(120)) {
        let settings = LedgerSettings { money_dedup_window_ms: 50, activity_dedup_window_ms: 50, ..LedgerSettings::default() };
        let distinct: HashSet<_> = things.iter().map(|thing| thing.identity).collect();
        let ledger = run(things, &settings);
        prop_assert_eq!(Class::ALL.iter().map(|class| ledger.class(*class).len()).sum::<usize>(), distinct.len());
    }

    #[test]
    fn a_ledger_is_what_its_bytes_say(
        arrivals in prop::collection::vec(
            (classes(), prop_oneof![0_i64..2_000, any::<i64>()], any::<u64>(), any::<u32>(), 0_usize..3, any::<(u32, u32)>()),
            0..60,
        ),
        shards in prop::array::uniform3(any::<u64>()),
        digits in prop::collection::vec("[1-9][0-9]{0,128}", 60),
        settings in settings(),
        limit in 1_usize..80,
    ) {
        let settings = LedgerSettings { seen_limit: limit, ..settings };
        let mut ledger = Ledger::default();
        for ((class, time_ms, identity, payload, shard, (sub_sequence, element)), digits) in arrivals.into_iter().zip(&digits) {
            let position = Position { sequence: SequenceNumber::parse(digits).unwrap(), sub_sequence, element };
            let candidate = Candidate { class, time_ms, identity, payload, shard: shards[shard], position: &position };
            if ledger.judge(&candidate, &settings) == Judgement::New {
                ledger.record(&candidate, &settings);
            }
            let packed = ledger.pack();
            prop_assert_eq!(Ledger::unpack(&packed), Ok(ledger.clone()));
        }
    }

    #[test]
    fn no_bytes_make_unpacking_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), length in 0_usize..200) {
        let _ = Ledger::unpack(&bytes);
        let settings = LedgerSettings::default();
        let things = (0..5).map(|identity| Thing { class: Class::Money, time_ms: 1, identity });
        let packed = run(things, &settings).pack();
        let torn = packed.get(..length.min(packed.len() - 1)).unwrap();
        prop_assert!(Ledger::unpack(torn).is_err(), "a torn ledger is noticed");
    }
}

#[test]
fn thousands_of_events_in_one_millisecond_pass_a_tiny_limit_at_most_once() {
    for seen_limit in [1, 2, 7, 512] {
        let settings = LedgerSettings { seen_limit, ..LedgerSettings::default() };
        let burst = (0..4_000).map(|identity| Thing { class: Class::Activity, time_ms: 1_000, identity });
        let ledger = run(burst.clone().chain(burst), &settings);
        assert!(
            ledger.class(Class::Activity).watermark_ms() == 1_001,
            "the whole millisecond is evicted together"
        );
    }
}

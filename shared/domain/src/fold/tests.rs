//! The way of one event, with consumers that only count.

use super::*;
use crate::identity::cause_hash;
use crate::position::{SequenceNumber, Shard};
use crate::signal::{EVENT_LATE, Origin, REFRESH_REQUESTED};

const LEDGER_SETTINGS: LedgerSettings = LedgerSettings {
    money_dedup_window_ms: 1_000,
    activity_dedup_window_ms: 100,
    seen_limit: 3,
    signals_window_ms: 100,
    signals_limit: 2,
};

/// Counts applied events; by constants, whether it emits `event.late` and believes origins.
#[derive(Clone, Debug, Default, PartialEq)]
struct Counter<const EMITS: bool, const READS: bool>(u32);

impl<const EMITS: bool, const READS: bool> KeyState for Counter<EMITS, READS> {
    type Settings = ();

    const ATTRIBUTES: &'static [&'static str] = &[];
    const EMITS_LATE: bool = EMITS;
    const READS_SIGNALS: bool = READS;

    fn handles(data: &Data<'_>) -> bool {
        *data != Data::Unknown
    }

    /// Tells two users, which only stock does not.
    fn apply(
        &mut self,
        event: &Event<'_>,
        _largest_event_time_ms: i64,
        (): &(),
        emit: &mut Emit<'_>,
    ) -> Result<(), CannotApply> {
        self.0 += 1;
        if event.data == Data::UserLoggedIn {
            emit.signal("u", REFRESH_REQUESTED, 1, &5)?;
            emit.signal("v", REFRESH_REQUESTED, 2, &6)?;
        }
        Ok(())
    }

    fn is_too_late(&self, event: &Event<'_>) -> bool {
        event.data == Data::UserLoggedOut
    }

    fn wakes_until_ms(&self, (): &()) -> Option<i64> {
        Some(650)
    }
}

type Plain = Counter<false, false>;
type Stock = Counter<false, true>;

fn event<'a>(event_type: &'a str, id: &'a str, time_ms: i64, raw_data: &'a str) -> Event<'a> {
    Event {
        id: id.into(),
        source: "s".into(),
        event_type: event_type.into(),
        subject: "u".into(),
        time_ms,
        data_schema: None,
        data: crate::contract::read_data(event_type, Some(raw_data)).unwrap(),
        raw_data: raw_data.into(),
        origin: None,
    }
}

fn position(sequence: u32) -> Position {
    let sequence = SequenceNumber::parse(&sequence.to_string()).unwrap();
    Position { sequence, sub_sequence: 0, element: 0 }
}

fn start<S: KeyState>() -> Fold<S> {
    Fold::from(S::default(), Ledger::default())
}

/// Verdict of a record of this sequence number, and whether there is anything to write.
fn step<S: KeyState<Settings = ()>>(fold: &mut Fold<S>, event: &Event<'_>, sequence: u32) -> (Verdict, bool) {
    let position = position(sequence);
    let delivery = Delivery {
        shard: &Shard::new("events", "a"),
        position: &position,
        arrived_at_ms: 700,
        redriven: sequence >= 100,
    };
    fold.changed = false;
    (fold.step(event, &delivery, &LEDGER_SETTINGS, &()).unwrap(), fold.changed)
}

#[test]
fn each_verdict_says_whether_there_is_anything_to_write() {
    let mut fold = start::<Plain>();
    assert!(!fold.changed);
    let login = event("user.logged_in", "1", 500, "{}");
    let other = event("user.logged_in", "1", 500, "5");
    let cases = [
        (&event("coupon.used", "0", 500, "{}"), 1, Verdict::Ignored, false),
        // At a key without events there is nothing to wake.
        (&event("timer.due", "4", 600, r#"{"due_at_ms":600}"#), 1, Verdict::Duplicate, false),
        (&login, 2, Verdict::Applied, true),
        (&login, 2, Verdict::Redelivery, false),
        (&login, 3, Verdict::Duplicate, false),
        (&other, 4, Verdict::Rejected(Reason::Collision), true),
        (&other, 4, Verdict::Redelivery, false),
        (&event("user.logged_out", "2", 500, "{}"), 5, Verdict::Late(LateReason::Evicted), false),
        (&event("user.logged_in", "3", 399, "{}"), 6, Verdict::Late(LateReason::BelowWatermark), false),
        (&event("timer.due", "4", 600, r#"{"due_at_ms":600}"#), 7, Verdict::Applied, true),
        (&event("timer.due", "4", 600, r#"{"due_at_ms":600}"#), 7, Verdict::Duplicate, false),
    ];
    for (event, sequence, verdict, changed) in cases {
        assert_eq!(step(&mut fold, event, sequence), (verdict, changed), "{} {sequence}", event.id);
    }
    assert_eq!((fold.state, fold.signals.len(), fold.timers.len()), (Counter(1), 2, 0));
}

#[test]
fn a_timer_moves_event_time_no_further_than_the_state_waits_for_and_not_beyond_its_arrival() {
    let far = format!(r#"{{"due_at_ms":{}}}"#, crate::time::LARGEST_EPOCH_MS);
    let due = event("timer.due", "1", crate::time::LARGEST_EPOCH_MS, &far);
    for (arrived_at_ms, expected_ms) in [(700, 650), (600, 600), (1, 500)] {
        let mut fold = start::<Plain>();
        step(&mut fold, &event("user.logged_in", "1", 500, "{}"), 1);
        let position = position(2);
        let shard = &Shard::new("events", "a");
        let delivery = Delivery { shard, position: &position, arrived_at_ms, redriven: false };
        fold.step(&due, &delivery, &LEDGER_SETTINGS, &()).unwrap();
        assert_eq!(fold.ledger.largest_event_time_ms(), Some(expected_ms));
    }
}

#[test]
fn event_late_is_emitted_by_those_who_emit_it() {
    let mut fold = start::<Counter<true, false>>();
    step(&mut fold, &event("user.logged_out", "2", 500, "{}"), 5);
    let emitted: Vec<_> =
        fold.signals.iter().map(|signal| (signal.signal_type, signal.data.as_str())).collect();
    let data = r#"{"event_source":"s","event_id":"2","event_type":"user.logged_out","reason":"evicted"}"#;
    assert_eq!(emitted, [(EVENT_LATE, data)]);
}

#[test]
fn each_signal_of_a_cause_has_its_own_id_and_origin() {
    let mut fold = start::<Plain>();
    step(&mut fold, &event("user.logged_in", "1", 500, "{}"), 2);
    let cause = cause_hash("s", "u", "1");
    let expected = |key: &str, index, time_ms, data: &str| Signal {
        key: key.to_owned(),
        signal_type: REFRESH_REQUESTED,
        id: format!("{cause:032x}-{index}"),
        time_ms,
        origin: Origin { shard: Shard::new("events", "a"), position: position(2), index },
        data: data.to_owned(),
    };
    assert_eq!(fold.signals, [expected("u", 0, 1, "5"), expected("v", 1, 2, "6")]);
}

const MOVED: &str = r#"{"store_id":"s","sku":"a","quantity":1,"order_id":"o"}"#;

fn sold(id: &'static str, sequence: u32, index: u32) -> Event<'static> {
    let origin = Origin { shard: Shard::new("events", "l"), position: position(sequence), index };
    Event { origin: Some(Box::new(origin)), ..event("stock.sold", id, 500, MOVED) }
}

#[test]
fn a_signal_is_new_above_the_last_of_its_shard() {
    let undecidable = Verdict::Late(LateReason::Undecidable);
    let mut fold = start::<Stock>();
    let cases = [
        (sold("1", 5, 0), 1, Verdict::Applied),
        (sold("1", 5, 0), 2, Verdict::Redelivery),
        (sold("2", 5, 1), 3, Verdict::Applied),
        (sold("3", 4, 9), 4, Verdict::Redelivery),
        (sold("3", 4, 9), 100, undecidable),
        (sold("1", 5, 0), 101, Verdict::Redelivery),
        (sold("4", 6, 0), 102, Verdict::Applied),
    ];
    for (event, sequence, verdict) in cases {
        let changed = verdict == Verdict::Applied;
        assert_eq!(step(&mut fold, &event, sequence), (verdict, changed), "{sequence}");
    }
    assert_eq!(fold.state, Counter(3));
    assert_eq!(
        fold.ledger.origins().marks()[0].arrived_at_ms,
        700,
        "the arrival of the signal, not of its cause"
    );
    assert_eq!(
        fold.ledger.largest_event_time_ms(),
        None,
        "event time is that of the user, and not of the stock"
    );
}

#[test]
fn a_signal_that_is_emitted_again_from_another_position_is_known_by_its_id() {
    let mut fold = start::<Stock>();
    let cases = [
        (sold("1", 5, 0), 1, (Verdict::Applied, true)),
        (sold("1", 6, 0), 2, (Verdict::Duplicate, true)),
        (sold("2", 5, 1), 3, (Verdict::Redelivery, false)),
        (sold("1", 6, 0), 4, (Verdict::Redelivery, false)),
        (Event { time_ms: 501, ..sold("1", 7, 0) }, 5, (Verdict::Applied, true)),
        (Event { time_ms: 502, ..sold("3", 8, 0) }, 6, (Verdict::Applied, true)),
        (Event { time_ms: 501, ..sold("1", 9, 0) }, 7, (Verdict::Duplicate, true)),
        // Two others are newer, so it is forgotten.
        (sold("1", 10, 0), 8, (Verdict::Applied, true)),
    ];
    for (event, sequence, expected) in cases {
        assert_eq!(step(&mut fold, &event, sequence), expected, "{sequence}");
    }
    assert_eq!(fold.state, Counter(4));
    assert_eq!(fold.ledger.signals().signals().len(), LEDGER_SETTINGS.signals_limit);
}

#[test]
fn origins_are_believed_on_the_stream_of_signals_alone() {
    let mut fold = start::<Plain>();
    assert_eq!(step(&mut fold, &sold("1", 5, 0), 1).0, Verdict::Applied);
    assert_eq!(step(&mut fold, &sold("1", 6, 0), 2).0, Verdict::Duplicate, "by its identity");
    assert!(fold.ledger.origins().marks().is_empty());
}

#[test]
fn a_signal_without_an_origin_is_rejected_and_other_events_need_none() {
    let mut fold = start::<Stock>();
    let first = position(1);
    let delivery =
        Delivery { shard: &Shard::new("events", "a"), position: &first, arrived_at_ms: 7, redriven: false };
    for event_type in ["stock.sold", "stock.returned"] {
        let rejection = fold.step(&event(event_type, "1", 500, MOVED), &delivery, &LEDGER_SETTINGS, &());
        assert!(rejection.unwrap_err().to_string().contains("does not tell its origin"));
    }
    let receipt = event("stock.received", "2", 500, MOVED);
    assert_eq!(step(&mut fold, &receipt, 2), (Verdict::Applied, true));
}

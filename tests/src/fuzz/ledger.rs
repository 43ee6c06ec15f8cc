//! `Ledger::unpack`: the proof of what was applied.

use millrace_domain::ledger::{
    Candidate, FORMAT, Judgement, LedgerSettings, LedgerUnreadable, SignalJudgement,
};
use millrace_domain::signal::Origin;
use millrace_domain::{Class, Data, Event, Ledger, Position, SequenceNumber, Shard};

/// A limit that inputs of a few hundred bytes reach.
const SETTINGS: LedgerSettings = LedgerSettings {
    money_dedup_window_ms: 100_000,
    activity_dedup_window_ms: 10_000,
    seen_limit: 8,
    signals_window_ms: 100_000,
    signals_limit: 8,
};
const ARRIVAL_BYTES: usize = 8;

/// The bytes as a packed ledger, and as arrivals that make one.
pub(super) fn run(bytes: &[u8]) {
    let answer = Ledger::unpack(bytes);
    assert_eq!(answer, Ledger::unpack(bytes));
    match answer {
        Ok(mut ledger) => {
            assert!(packed(&ledger).len() <= bytes.len(), "packing makes it longer");
            arrivals(&mut ledger, bytes);
        }
        Err(LedgerUnreadable::Newer { found }) => {
            assert_eq!(bytes.first(), Some(&found));
            assert!(found > FORMAT);
        }
        Err(error @ LedgerUnreadable::Corrupt { .. }) => {
            assert!(bytes.first().is_none_or(|format| *format <= FORMAT));
            assert!((1..200).contains(&error.to_string().len()));
        }
    }
    arrivals(&mut Ledger::default(), bytes);
}

/// Packs a ledger, and holds the bytes against what must be true of them.
fn packed(ledger: &Ledger) -> Vec<u8> {
    for class in Class::ALL {
        let seen = ledger.class(class);
        assert!(seen.entries().is_sorted());
        assert!(seen.entries().iter().all(|entry| entry.time_ms >= seen.watermark_ms()));
    }
    let packed = ledger.pack();
    assert_eq!(Ledger::unpack(&packed).as_ref(), Ok(ledger));
    for torn in [0, packed.len() / 3, packed.len() / 2, packed.len() - 1] {
        assert!(Ledger::unpack(&packed[..torn]).is_err(), "a ledger torn at byte {torn} is read");
    }
    assert!(Ledger::unpack(&[&packed[..], &[0]].concat()).is_err(), "a byte behind the end is read over");
    packed
}

/// Each few bytes as an event: whatever the ledger was, what it takes once it does not take again.
fn arrivals(ledger: &mut Ledger, bytes: &[u8]) {
    for (number, arrival) in bytes.chunks_exact(ARRIVAL_BYTES).take(64).enumerate() {
        let number_at = |range: std::ops::Range<usize>| {
            arrival[range].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
        };
        let position = Position {
            sequence: SequenceNumber::parse(&number_at(4..8).to_string()).expect("digits"),
            sub_sequence: u32::from(arrival[4]),
            element: u32::from(arrival[5]),
        };
        let far = [0, i64::MIN / 2, i64::MAX / 2, 1_291_191_960_000][usize::from(arrival[0] >> 2 & 3)];
        let candidate = Candidate {
            class: Class::ALL[usize::from(arrival[0] & 1)],
            time_ms: far
                .saturating_mul(if arrival[0] & 16 == 0 { 1 } else { 2 })
                .saturating_add_unsigned(number_at(1..4)),
            identity: u64::from(arrival[6]),
            payload: u32::from(arrival[7] & 1),
            shard: u64::from(arrival[0] & 2),
            position: &position,
        };
        match arrival[0] & 32 {
            0 => step(ledger, &candidate),
            _ => step_signal(ledger, &candidate),
        }
        if number % 8 == 0 {
            packed(ledger);
        }
    }
    packed(ledger);
}

/// A signal is not new twice, from wherever it is emitted again.
fn step_signal(ledger: &mut Ledger, candidate: &Candidate<'_>) {
    let id = candidate.identity.to_string();
    let event = Event {
        id: id.as_str().into(),
        source: "s".into(),
        event_type: "stock.sold".into(),
        subject: "k".into(),
        time_ms: candidate.time_ms,
        data_schema: None,
        data: Data::Unknown,
        raw_data: "{}".into(),
        origin: None,
    };
    let origin = |shard: u64| Origin {
        shard: Shard::new("events", &shard.to_string()),
        position: candidate.position.clone(),
        index: 0,
    };
    if ledger.judge_signal(&event, &origin(candidate.shard)) == SignalJudgement::New {
        ledger.record_signal(&event, &origin(candidate.shard), 0, &SETTINGS);
        // One that is older than the newest is forgotten at once.
        match ledger.judge_signal(&event, &origin(candidate.shard)) {
            SignalJudgement::Overtaken => {}
            again => {
                assert_eq!(again, SignalJudgement::Redelivery);
                assert_eq!(ledger.judge_signal(&event, &origin(9)), SignalJudgement::EmittedAgain);
            }
        }
    }
    assert!(ledger.signals().signals().len() <= SETTINGS.signals_limit);
}

fn step(ledger: &mut Ledger, candidate: &Candidate<'_>) {
    let watermarks = Class::ALL.map(|class| ledger.class(class).watermark_ms());
    match ledger.judge(candidate, &SETTINGS) {
        Judgement::New => ledger.record(candidate, &SETTINGS),
        Judgement::Collision => ledger.record_collision(candidate, &SETTINGS),
        Judgement::Redelivery | Judgement::Duplicate | Judgement::Late(_) => return,
    }
    let again = ledger.judge(candidate, &SETTINGS);
    assert!(!matches!(again, Judgement::New | Judgement::Collision), "{candidate:?} is {again:?} again");
    for (class, watermark_ms) in Class::ALL.into_iter().zip(watermarks) {
        let at_the_end_of_time =
            ledger.class(class).entries().iter().filter(|entry| entry.time_ms == i64::MAX);
        assert!(ledger.class(class).len() <= SETTINGS.seen_limit.max(at_the_end_of_time.count()));
        assert!(ledger.class(class).watermark_ms() >= watermark_ms, "a watermark goes down");
    }
}

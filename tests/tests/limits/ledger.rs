//! Limits of a packed ledger: what its numbers may be, and how large it gets.

use millrace_domain::ledger::{Candidate, Judgement, LedgerSettings, LedgerUnreadable};
use millrace_domain::position::SEQUENCE_LIMIT_DIGITS;
use millrace_domain::{Class, Ledger, Position, SequenceNumber};

const MAX_VARINT: [u8; 10] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];

fn what(bytes: &[u8]) -> Option<&'static str> {
    match Ledger::unpack(bytes) {
        Ok(_) => None,
        Err(LedgerUnreadable::Corrupt { what }) => Some(what),
        Err(error) => panic!("{error}"),
    }
}

/// A ledger of one position, whose sequence number has so many digits.
fn position(digits: u8) -> Vec<u8> {
    let mut bytes = [&[1, 0, 0, 0, 0, 0, 1][..], &[0xaa; 8]].concat();
    bytes.extend(if digits < 128 { vec![digits] } else { vec![digits, 1] });
    bytes.extend(vec![0x11; usize::from(digits).div_ceil(2)]);
    // Sub-sequence and element; no origins and no signals.
    bytes.extend([0, 0, 0, 0]);
    bytes
}

#[test]
fn numbers_end_at_their_width() {
    let largest_time = |varint: &[u8]| [&[1, 1][..], varint, &[0, 0, 0, 0, 0, 0, 0]].concat();
    assert_eq!(Ledger::unpack(&largest_time(&MAX_VARINT)).unwrap().largest_event_time_ms(), Some(i64::MIN));
    let mut wide = MAX_VARINT;
    wide[9] = 2;
    assert_eq!(what(&largest_time(&wide)), Some("its largest time"));
    let sub_sequence = |last: u8| {
        let position = [1, 0x50, 0xff, 0xff, 0xff, 0xff, last, 0, 0, 0];
        what(&[&[1, 0, 0, 0, 0, 0, 1][..], &[0xaa; 8], &position].concat())
    };
    assert_eq!((sub_sequence(0x0f), sub_sequence(0x1f)), (None, Some("its positions")));
}

#[test]
fn sequence_numbers_end_at_their_digits() {
    let limit = u8::try_from(SEQUENCE_LIMIT_DIGITS).unwrap();
    assert_eq!((what(&position(limit)), what(&position(limit + 1))), (None, Some("its positions")));
    assert_eq!((what(&position(1)), what(&position(0))), (None, Some("its positions")));
}

#[test]
fn counts_end_with_the_bytes_that_they_count() {
    let money = |count: &[u8], entries: usize| {
        [&[1, 0, 0][..], count, &[0; 13].repeat(entries), &[0, 0, 0, 0, 0]].concat()
    };
    assert_eq!(what(&money(&[2], 2)), None);
    assert!(what(&money(&[3], 2)).is_some());
    assert_eq!(what(&money(&MAX_VARINT, 2)), Some("its money entries"));
}

#[test]
fn a_full_ledger_fits_its_item_and_one_more_event_evicts_the_oldest() {
    let settings = LedgerSettings::default();
    let mut ledger = Ledger::default();
    let position = Position {
        sequence: SequenceNumber::parse(&"9".repeat(SEQUENCE_LIMIT_DIGITS)).unwrap(),
        sub_sequence: u32::MAX,
        element: u32::MAX,
    };
    let mut add = |class, number: u64| {
        let candidate = Candidate {
            class,
            time_ms: 1_291_191_960_000 + i64::try_from(number).unwrap(),
            identity: number,
            payload: 0,
            shard: 3,
            position: &position,
        };
        assert_eq!(ledger.judge(&candidate, &settings), Judgement::New);
        ledger.record(&candidate, &settings);
        (ledger.class(class).len(), ledger.class(class).watermark_ms(), ledger.pack().len())
    };
    let limit = settings.seen_limit as u64;
    for number in 0..limit {
        add(Class::Money, number);
        assert_eq!(add(Class::Activity, number).0 as u64, number + 1);
    }
    let (held, watermark_ms, packed_bytes) = add(Class::Activity, limit);
    assert_eq!((held as u64, watermark_ms), (limit, 1_291_191_960_001));
    // Entries one millisecond apart take 13 bytes each; an item may have 400 KB.
    assert!(packed_bytes < 2 * settings.seen_limit * 15, "{packed_bytes} bytes");
}

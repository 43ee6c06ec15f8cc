//! The rules of stock, event by event.

use super::*;
use crate::contract::read_data;
use crate::fold::{Delivery, Fold};
use crate::ledger::{Ledger, LedgerSettings};
use crate::position::{Position, SequenceNumber, Shard};
use crate::signal::{EVENT_LATE, Origin, REORDER_REQUESTED, Signal};
use crate::time::HOUR_MS;
use crate::verdict::{LateReason, Verdict};

const START: i64 = 1_291_191_960_000;
const KEY: &str = "s#a";
const RECEIVED: &str = "stock.received";
const COUNTED: &str = "stock.counted";
const SOLD: &str = "stock.sold";
const RETURNED: &str = "stock.returned";

/// Hours after the start, type, and quantity.
type Happening = (i64, &'static str, i64);

struct Run {
    fold: Fold<StockState>,
    points: ReorderPoints,
    verdicts: Vec<Verdict>,
}

impl Run {
    /// A product that is ordered again at 10 pieces, up to 50.
    fn new() -> Self {
        Self {
            fold: Fold::from(StockState::default(), Ledger::default()),
            points: ReorderPoints::default(),
            verdicts: Vec::new(),
        }
    }

    fn step(&mut self, (hour, event_type, quantity): Happening) -> Result<Verdict, CannotApply> {
        let number = self.verdicts.len() + 1;
        let raw = format!(
            r#"{{"store_id":"s","sku":"a","quantity":{quantity},"on_hand":{quantity},"order_id":"o{number}"}}"#
        );
        let sequence = SequenceNumber::parse(&number.to_string()).unwrap();
        let position = Position { sequence, sub_sequence: 0, element: 0 };
        let is_signal = [SOLD, RETURNED].contains(&event_type);
        let origin = Origin { shard: Shard::new("events", "cause"), position: position.clone(), index: 0 };
        let event = Event {
            id: number.to_string().into(),
            source: "s".into(),
            event_type: event_type.into(),
            subject: KEY.into(),
            time_ms: START + hour * HOUR_MS,
            data_schema: None,
            data: read_data(event_type, Some(&raw)).unwrap(),
            raw_data: raw.as_str().into(),
            origin: is_signal.then(|| Box::new(origin)),
        };
        let ledger = LedgerSettings { activity_dedup_window_ms: 48 * HOUR_MS, ..LedgerSettings::default() };
        let delivery = Delivery {
            shard: &Shard::new("events", "shard"),
            position: &position,
            arrived_at_ms: event.time_ms,
            redriven: false,
        };
        let verdict = self.fold.step(&event, &delivery, &ledger, &self.points)?;
        self.verdicts.push(verdict);
        Ok(verdict)
    }

    fn steps(mut self, happenings: &[Happening]) -> Self {
        for happening in happenings {
            self.step(*happening).unwrap();
        }
        self
    }

    fn on_hand(&self) -> i64 {
        self.fold.state.level.on_hand()
    }

    fn signals(&self, signal_type: &str) -> Vec<&Signal> {
        self.fold.signals.iter().filter(|signal| signal.signal_type == signal_type).collect()
    }

    /// The quantities that were ordered.
    fn reorders(&self) -> Vec<i64> {
        let quantity = |signal: &&Signal| {
            serde_json::from_str::<serde_json::Value>(&signal.data).unwrap()["quantity"].as_i64().unwrap()
        };
        self.signals(REORDER_REQUESTED).iter().map(quantity).collect()
    }
}

fn after(happenings: &[Happening]) -> Run {
    Run::new().steps(happenings)
}

#[test]
fn every_type_moves_stock_its_way() {
    let run = after(&[(0, RECEIVED, 100), (1, SOLD, 30), (2, RETURNED, 5), (3, COUNTED, 60), (4, SOLD, 1)]);
    assert_eq!(run.on_hand(), 59);
    assert_eq!(run.fold.state.last_moved_at_ms, Some(START + 4 * HOUR_MS));
    assert_eq!(run.verdicts, [Verdict::Applied; 5]);
}

#[test]
fn stock_sold_before_it_was_counted_is_below_zero() {
    let run = after(&[(2, SOLD, 3)]);
    assert_eq!((run.on_hand(), run.reorders()), (-3, vec![]));
    assert_eq!(run.steps(&[(1, COUNTED, 20)]).on_hand(), 17);
}

#[test]
fn a_reorder_is_requested_when_stock_falls_to_its_point() {
    assert_eq!(after(&[(0, RECEIVED, 11), (1, SOLD, 1)]).reorders(), [40]);
    assert_eq!(after(&[(0, RECEIVED, 12), (1, SOLD, 1)]).reorders(), [0; 0]);
    assert_eq!(after(&[(0, RECEIVED, 100), (1, SOLD, 97)]).reorders(), [47]);
    assert_eq!(after(&[(0, RECEIVED, 11), (1, SOLD, 20)]).reorders(), [59]);
}

#[test]
fn nothing_is_requested_before_stock_was_above_its_point() {
    assert_eq!(after(&[(0, RECEIVED, 10), (1, SOLD, 5)]).reorders(), [0; 0]);
}

#[test]
fn the_next_request_waits_until_stock_rose_above_the_point() {
    let once = [(0, RECEIVED, 11), (1, SOLD, 1), (2, SOLD, 1), (3, RETURNED, 1), (4, SOLD, 1)];
    assert_eq!(after(&once).reorders(), [40]);
    assert_eq!(after(&once).steps(&[(5, RECEIVED, 2), (6, SOLD, 1)]).reorders(), [40, 40]);
}

#[test]
fn a_count_crosses_the_point_too() {
    let run = after(&[(0, COUNTED, 11), (1, COUNTED, 4)]);
    assert_eq!(run.reorders(), [46]);
    let signals = run.signals(REORDER_REQUESTED);
    assert_eq!((signals[0].key.as_str(), signals[0].time_ms), (KEY, START + HOUR_MS));
    assert_eq!(
        signals[0].data,
        r#"{"store_id":"s","sku":"a","on_hand":4,"reorder_point":10,"reorder_target":50,"quantity":46}"#
    );
}

#[test]
fn a_product_has_its_own_point_or_the_default() {
    let mut run = Run::new();
    run.points.by_sku.insert("b".to_owned(), ReorderPoint::new(90, 100).unwrap());
    assert_eq!(run.steps(&[(0, RECEIVED, 95), (1, SOLD, 10)]).reorders(), [0; 0]);
    let mut run = Run::new();
    run.points.by_sku.insert("a".to_owned(), ReorderPoint::new(90, 100).unwrap());
    assert_eq!(run.steps(&[(0, RECEIVED, 95), (1, SOLD, 10)]).reorders(), [15]);
}

#[test]
fn a_count_inside_of_compacted_moves_is_late_and_changes_nothing() {
    let run = after(&[(10, SOLD, 1), (12, SOLD, 2), (61, SOLD, 4), (11, COUNTED, 50)]);
    assert_eq!(run.verdicts.last(), Some(&Verdict::Late(LateReason::Evicted)));
    assert_eq!((run.on_hand(), run.signals(EVENT_LATE).len()), (-7, 1));
    assert_eq!(run.steps(&[(12, COUNTED, 50)]).on_hand(), 46);
}

#[test]
fn signals_leave_counts_in_time() {
    // What users do moves no watermark of what warehouses tell.
    let run = after(&[(0, COUNTED, 50), (40, SOLD, 1), (1, COUNTED, 60)]);
    assert_eq!(run.on_hand(), 59);
    assert_eq!(run.fold.ledger.largest_event_time_ms(), Some(START + HOUR_MS));
}

#[test]
fn what_adds_up_too_far_cannot_be_applied() {
    let mut run = after(&[(0, SOLD, 1)]);
    let item = StockItem {
        compacted: Some(Compacted { until_at_ms: START, quantity: i64::MAX }),
        ..StockItem::from(run.fold.state.clone())
    };
    run.fold.state = StockState::try_from(StockItem { recent_moves: Recent::default(), ..item }).unwrap();
    let refused = run.step((1, RECEIVED, 1)).unwrap_err();
    assert_eq!(refused.why, "the stock is too large for a 64-bit number");
}

#[test]
fn the_item_is_the_state() {
    let run = after(&[(0, COUNTED, 50), (10, SOLD, 1), (61, SOLD, 4), (62, RETURNED, 2)]);
    let state = run.fold.state;
    let json = serde_json::to_value(&state).unwrap();
    assert_eq!(serde_json::from_value::<StockState>(json.clone()).unwrap(), state);
    let names: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert!(names.iter().all(|name| StockState::ATTRIBUTES.contains(name)), "{names:?}");
    assert_eq!((&json["on_hand"], &json["counted"]["on_hand"]), (&47.into(), &50.into()));
    assert_eq!(json["compacted"]["quantity"], -1);
    let empty = serde_json::to_value(StockState::default()).unwrap();
    assert_eq!(empty, serde_json::json!({"on_hand": 0, "above_reorder_point": false}));
    assert_eq!(serde_json::from_value::<StockState>(empty).unwrap(), StockState::default());
}

#[test]
fn an_item_that_contradicts_itself_is_refused() {
    let mut json = serde_json::to_value(after(&[(0, COUNTED, 50), (1, SOLD, 1)]).fold.state).unwrap();
    json["recent_moves"][0] = 9.into();
    let refused = serde_json::from_value::<StockState>(json.clone()).unwrap_err().to_string();
    assert!(refused.contains("recent moves are corrupt"), "{refused}");
    json["recent_moves"] = serde_json::to_value(Recent::default()).unwrap();
    json["compacted"] = serde_json::json!({"until_at_ms": START, "quantity": 1});
    assert!(serde_json::from_value::<StockState>(json).unwrap_err().to_string().contains("overlap"));
}

#[test]
fn keys_are_taken_apart() {
    assert_eq!((sku_of("s#a"), sku_of("s#"), sku_of("user")), (Some("a"), None, None));
    assert_eq!(sku_of(&format!("s#{}", "a".repeat(NAME_LIMIT_BYTES + 1))), None);
}

#[test]
fn only_what_moves_or_counts_stock_is_looked_at() {
    let raw = r#"{"store_id":"s","sku":"a","quantity":1,"on_hand":1,"order_id":"o"}"#;
    let is_relayed = |kind: &str| {
        let data = read_data(kind, Some(raw)).unwrap();
        (StockState::handles(&data), is_receipt_or_count(&data))
    };
    assert_eq!([RECEIVED, COUNTED].map(is_relayed), [(true, true); 2]);
    assert_eq!([SOLD, RETURNED].map(is_relayed), [(true, false); 2]);
    assert_eq!(is_relayed("user.logged_in"), (false, false));
}

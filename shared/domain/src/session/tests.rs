//! The rules of session state, event by event.

use super::*;
use crate::contract::read_data;
use crate::fold::{Delivery, Fold};
use crate::ledger::{Ledger, LedgerSettings};
use crate::position::{Position, SequenceNumber};
use crate::verdict::Verdict;

const MINUTE: i64 = MINUTE_MS;
const START: i64 = 1_291_191_960_000;

fn state_after(events: &[(i64, &str, &str)]) -> (SessionState, Vec<Verdict>) {
    let mut fold = Fold::from(SessionState::default(), Ledger::default());
    let mut verdicts = Vec::new();
    for (index, (minute, event_type, raw_data)) in events.iter().enumerate() {
        let event = Event {
            id: format!("{minute}-{event_type}-{raw_data}").into(),
            source: "s".into(),
            event_type: (*event_type).into(),
            subject: "u".into(),
            time_ms: START + minute * MINUTE,
            data_schema: None,
            data: read_data(event_type, Some(raw_data)).unwrap(),
            raw_data,
            origin: None,
        };
        let sequence = SequenceNumber::parse(&(index + 1).to_string()).unwrap();
        let position = Position { sequence, sub_sequence: 0, index: 0 };
        let settings = (LedgerSettings::default(), SessionSettings::default());
        let delivery =
            Delivery { lane: "shard", position: &position, arrived_at_ms: event.time_ms, redriven: false };
        verdicts.push(fold.step(&event, &delivery, &settings.0, &settings.1).unwrap());
    }
    (fold.state, verdicts)
}

fn bounds(state: &SessionState) -> Vec<(i64, i64)> {
    let minutes = |at_ms: i64| (at_ms - START) / MINUTE;
    let open = state.windows.open().iter();
    open.map(|window| (minutes(window.started_at_ms), minutes(window.last_event_at_ms))).collect()
}

fn cart(state: &SessionState) -> Vec<(String, i64)> {
    SessionItem::from(state.clone())
        .cart
        .quantities()
        .iter()
        .map(|(sku, quantity)| (sku.clone(), *quantity))
        .collect()
}

const LOGIN: &str = "user.logged_in";
const ADD: &str = "cart.item_added";
const ORDER: &str = "order.placed";
const ORDER_OF_TWO: &str = r#"{"order_id":"o","currency":"GBP","total_minor":500,"lines":[{"sku":"a","quantity":2,"unit_price_minor":250}]}"#;

#[test]
fn windows_touch_at_exactly_the_gap() {
    assert_eq!(bounds(&state_after(&[(0, LOGIN, "{}"), (30, LOGIN, "{}")]).0), [(0, 30)]);
    assert_eq!(bounds(&state_after(&[(0, LOGIN, "{}"), (31, LOGIN, "{}")]).0), [(0, 0), (31, 31)]);
}

#[test]
fn a_window_closes_when_the_lateness_has_passed_its_gap() {
    assert_eq!(bounds(&state_after(&[(0, LOGIN, "{}"), (40, LOGIN, "{}")]).0), [(0, 0), (40, 40)]);
    assert_eq!(bounds(&state_after(&[(0, LOGIN, "{}"), (41, LOGIN, "{}")]).0), [(41, 41)]);
}

#[test]
fn an_event_out_of_order_extends_backwards_or_joins() {
    assert_eq!(bounds(&state_after(&[(5, LOGIN, "{}"), (0, LOGIN, "{}")]).0), [(0, 5)]);
    let joined = state_after(&[(0, LOGIN, "{}"), (36, LOGIN, "{}"), (28, LOGIN, "{}")]).0;
    assert_eq!(bounds(&joined), [(0, 36)]);
    let window = joined.windows.open().first().unwrap();
    assert_eq!((window.events, window.id.as_str()), (3, format!("u/{START}").as_str()));
}

#[test]
fn money_too_old_for_windows_still_counts_for_life() {
    let (state, verdicts) = state_after(&[(600, LOGIN, "{}"), (0, ORDER, ORDER_OF_TWO)]);
    assert_eq!(verdicts, [Verdict::Applied, Verdict::Applied]);
    assert_eq!(bounds(&state), [(600, 600)]);
    assert_eq!((state.lifetime.orders, state.lifetime.first_event_at_ms), (1, Some(START)));
}

#[test]
fn an_order_empties_the_cart_that_it_was_made_from() {
    let add = r#"{"sku":"a","quantity":3}"#;
    assert_eq!(cart(&state_after(&[(0, ADD, add)]).0), [("a".to_owned(), 3)]);
    assert_eq!(cart(&state_after(&[(0, ADD, add), (1, ORDER, ORDER_OF_TWO)]).0), [("a".to_owned(), 1)]);
    assert_eq!(cart(&state_after(&[(1, ORDER, ORDER_OF_TWO), (0, ADD, add)]).0), [("a".to_owned(), 1)]);
}

#[test]
fn a_closed_window_leaves_its_cart_to_the_next() {
    let events = [(0, ADD, r#"{"sku":"a","quantity":3}"#), (100, ORDER, ORDER_OF_TWO), (200, LOGIN, "{}")];
    let (state, _) = state_after(&events);
    assert_eq!(cart(&state), [("a".to_owned(), 1)]);
    assert_eq!(bounds(&state), [(200, 200)]);
}

#[test]
fn a_cart_of_any_size_survives_being_stored() {
    let add = |sku: usize| format!(r#"{{"sku":"s{sku:03}","quantity":2}}"#);
    let adds: Vec<String> = (0..CART_LIMIT_SKUS + 20).map(add).collect();
    for per_window in [1, 7, 40, CART_LIMIT_SKUS] {
        let mut events: Vec<(i64, &str, &str)> = Vec::new();
        for (index, raw) in adds.iter().enumerate() {
            events.push((i64::try_from(index / per_window).unwrap() * 60, ADD, raw));
            let (state, _) = state_after(&events);
            let json = serde_json::to_string(&state).unwrap();
            assert_eq!(serde_json::from_str::<SessionState>(&json).unwrap(), state, "{per_window} {index}");
        }
    }
}

#[test]
fn what_the_cart_tells_is_not_stored_twice() {
    let events = [(0, ADD, r#"{"sku":"a","quantity":3}"#), (100, ADD, r#"{"sku":"b","quantity":1}"#)];
    let json = serde_json::to_value(state_after(&events).0).unwrap();
    assert_eq!(json["cart"], serde_json::json!({"a": 3, "b": 1}));
    assert_eq!(json["cart_basis"], serde_json::json!({"open": [{"b": 1}]}));
}

#[test]
fn the_item_is_the_state() {
    let events = [
        (0, ADD, r#"{"sku":"a","quantity":3}"#),
        (36, "product.viewed", r#"{"sku":"b"}"#),
        (37, ORDER, ORDER_OF_TWO),
    ];
    let (state, _) = state_after(&events);
    let json = serde_json::to_value(&state).unwrap();
    assert_eq!(serde_json::from_value::<SessionState>(json.clone()).unwrap(), state);
    let names: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
    assert!(names.iter().all(|name| SessionState::ATTRIBUTES.contains(&name.as_str())), "{names:?}");
    assert_eq!(json["session"]["revenue_minor"]["GBP"], 500);
    assert_eq!(json["earlier"][0]["cart_adds"], 1);
    assert_eq!(json["recent_products"][0]["sku"], "b");
    assert!(serde_json::to_value(SessionState::default()).unwrap().get("session").is_none());
}

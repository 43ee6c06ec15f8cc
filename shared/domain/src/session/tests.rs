//! The rules of session state, event by event.

use super::*;
use crate::contract::read_data;
use crate::fold::{Delivery, Fold};
use crate::ledger::{Ledger, LedgerSettings};
use crate::money::Currency;
use crate::position::{Position, SequenceNumber, Shard};
use crate::timer::Timer;
use crate::verdict::Verdict;

const MINUTE: i64 = MINUTE_MS;
const START: i64 = 1_291_191_960_000;

fn state_after(events: &[(i64, &str, &str)]) -> (SessionState, Vec<Verdict>) {
    let (fold, verdicts) = fold_of(events);
    (fold.state, verdicts)
}

fn fold_of(events: &[(i64, &str, &str)]) -> (Fold<SessionState>, Vec<Verdict>) {
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
            raw_data: (*raw_data).into(),
            origin: None,
        };
        let sequence = SequenceNumber::parse(&(index + 1).to_string()).unwrap();
        let position = Position { sequence, sub_sequence: 0, element: 0 };
        let settings = (LedgerSettings::default(), SessionSettings::default());
        let (shard, arrived_at_ms) = (&Shard::new("events", "shard"), event.time_ms);
        let delivery = Delivery { shard, position: &position, arrived_at_ms, redriven: false };
        verdicts.push(fold.step(&event, &delivery, &settings.0, &settings.1).unwrap());
    }
    (fold, verdicts)
}

/// The signals but those about stock, each with the minute of its time.
fn emitted(events: &[(i64, &str, &str)]) -> Vec<(i64, &'static str)> {
    let signals = fold_of(events).0.signals.into_iter();
    let about_users = signals.filter(|signal| !signal.signal_type.starts_with("stock."));
    about_users.map(|signal| ((signal.time_ms - START) / MINUTE, signal.signal_type)).collect()
}

fn due(minute: i64) -> String {
    format!(r#"{{"due_at_ms":{}}}"#, START + minute * MINUTE)
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
fn an_event_out_of_order_extends_backwards_or_merges() {
    assert_eq!(bounds(&state_after(&[(5, LOGIN, "{}"), (0, LOGIN, "{}")]).0), [(0, 5)]);
    let merged = state_after(&[(0, LOGIN, "{}"), (36, LOGIN, "{}"), (28, LOGIN, "{}")]).0;
    assert_eq!(bounds(&merged), [(0, 36)]);
    let window = merged.windows.open().first().unwrap();
    assert_eq!((window.events, window.id.as_str()), (3, format!("u/{START}").as_str()));
}

#[test]
fn a_window_never_begins_before_what_has_closed() {
    let order = (ORDER, ORDER_OF_TWO);
    let events = [(0, VIEW, SKU), (41, DUE, &*due(41)), (2, order.0, order.1), (0, order.0, order.1)];
    assert_eq!(bounds(&state_after(&events).0), [(2, 2)]);
}

#[test]
fn what_is_not_of_users_is_ignored() {
    let moved = r#"{"store_id":"s","sku":"a","quantity":1,"order_id":"o","on_hand":1}"#;
    for event_type in
        ["stock.received", "stock.counted", "stock.sold", "stock.returned", "fraud.suspected", "a.b"]
    {
        let (fold, verdicts) = fold_of(&[(0, event_type, moved)]);
        assert_eq!((&verdicts[..], fold.changed), (&[Verdict::Ignored][..], false), "{event_type}");
    }
}

#[test]
fn merged_windows_add_up() {
    let other = ORDER_OF_TWO.replace("500", "70");
    let first = [(0, VIEW, SKU), (0, ADD, TWO), (1, ADD, TWO), (1, ORDER, ORDER_OF_TWO)];
    let second =
        [(36, VIEW, SKU), (37, VIEW, SKU), (37, ADD, TWO), (36, ORDER, &*other), (37, ORDER, &*other)];
    let (state, _) = state_after(&[&first[..], &second[..], &[(28, LOGIN, "{}")]].concat());
    assert_eq!(bounds(&state), [(0, 37)]);
    let window = state.windows.open().first().unwrap();
    assert_eq!((window.events, window.views, window.cart_adds, window.orders), (10, 3, 3, 3));
    assert_eq!(window.revenue_minor.get(Currency::from_code("GBP").unwrap()), 640);
}

#[test]
fn a_lifetime_counts_what_was_ordered_and_what_came_back() {
    let other = ORDER_OF_TWO.replace("500", "70");
    let events = [(5, ORDER, ORDER_OF_TWO), (9, ORDER, &*other), (0, "order.returned", &*other)];
    let lifetime = state_after(&events).0.lifetime;
    assert_eq!((lifetime.events, lifetime.orders, lifetime.returns), (3, 2, 1));
    let pounds = Currency::from_code("GBP").unwrap();
    assert_eq!((lifetime.revenue_minor.get(pounds), lifetime.refunded_minor.get(pounds)), (570, 70));
    let bounds = (lifetime.first_event_at_ms, lifetime.last_event_at_ms);
    assert_eq!(bounds, (Some(START), Some(START + 9 * MINUTE)));
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
fn a_removal_takes_out_and_merged_windows_share_their_cart() {
    let three = r#"{"sku":"a","quantity":3}"#;
    let one_left = [("a".to_owned(), 1)];
    let events = [(0, ADD, three), (1, "cart.item_removed", TWO)];
    assert_eq!(cart(&state_after(&events).0), one_left);
    let merged = [(0, ADD, three), (36, "cart.item_removed", TWO), (28, LOGIN, "{}")];
    let (state, _) = state_after(&merged);
    assert_eq!((bounds(&state), &cart(&state)[..]), (vec![(0, 36)], &one_left[..]));
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
fn what_follows_from_the_cart_is_not_stored_twice() {
    let events = [(0, ADD, r#"{"sku":"a","quantity":3}"#), (100, ADD, r#"{"sku":"b","quantity":1}"#)];
    let json = serde_json::to_value(state_after(&events).0).unwrap();
    assert_eq!(json["cart"], serde_json::json!({"a": 3, "b": 1}));
    assert_eq!(json["cart_basis"], serde_json::json!({"open": [{"b": 1}]}));
}

#[test]
fn what_does_not_follow_from_the_cart_is_stored() {
    let (state, _) = state_after(&[(0, ADD, r#"{"sku":"a","quantity":3}"#), (100, ADD, TWO)]);
    let json = serde_json::to_value(&state).unwrap();
    assert_eq!(json["cart"], serde_json::json!({"a": 5}));
    assert_eq!(json["cart_basis"], serde_json::json!({"closed": {"a": 3}, "open": [{"a": 2}]}));
    assert_eq!(serde_json::from_value::<SessionState>(json).unwrap(), state);

    // Two open windows that cancel out leave the cart as it was settled, and still touch it.
    let events = [(0, ADD, r#"{"sku":"a","quantity":3}"#), (100, "cart.item_removed", TWO), (136, ADD, TWO)];
    let (state, _) = state_after(&events);
    assert_eq!((bounds(&state).len(), cart(&state)), (2, vec![("a".to_owned(), 3)]));
    let json = serde_json::to_value(&state).unwrap();
    assert_eq!(serde_json::from_value::<SessionState>(json).unwrap(), state);
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
    assert_eq!(json["earlier_sessions"][0]["cart_adds"], 1);
    assert_eq!(json["recent_products"][0]["sku"], "b");
    let nothing = serde_json::to_value(SessionState::default()).unwrap();
    let names: Vec<_> = nothing.as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["cart", "lifetime", "recent_products"]);
}

const VIEW: &str = "product.viewed";
const DUE: &str = "timer.due";
const SKU: &str = r#"{"sku":"a"}"#;
const TWO: &str = r#"{"sku":"a","quantity":2}"#;

#[test]
fn a_session_sets_one_timer_and_closes_when_it_rings() {
    let (fold, _) = fold_of(&[(0, LOGIN, "{}"), (5, LOGIN, "{}")]);
    let set: Vec<_> = fold.timers.iter().map(|timer| (timer.key.as_str(), timer.due_at_ms - START)).collect();
    assert_eq!(set, [("u", 40 * MINUTE + 1)], "the earliest moment at which the first event's window closes");
    assert!(fold.signals.is_empty());

    let ring = format!(r#"{{"due_at_ms":{}}}"#, START + 40 * MINUTE + 1);
    let (fold, verdicts) = fold_of(&[(0, LOGIN, "{}"), (5, LOGIN, "{}"), (41, DUE, &ring)]);
    assert_eq!(verdicts.last(), Some(&Verdict::Applied));
    assert_eq!(fold.timers.last().map(|timer| timer.due_at_ms - START), Some(45 * MINUTE + 1), "set anew");
    assert!(fold.signals.is_empty(), "the window is still open");

    let (fold, _) = fold_of(&[(0, LOGIN, "{}"), (5, LOGIN, "{}"), (46, DUE, &due(46))]);
    let emitted: Vec<_> = fold.signals.iter().map(|it| (&*it.key, it.signal_type, it.time_ms)).collect();
    assert_eq!(emitted, [("u", "session.closed", START + 5 * MINUTE)]);
}

#[test]
fn a_timer_that_rings_again_does_nothing() {
    let events = [(0, LOGIN, "{}"), (46, DUE, &*due(46)), (46, DUE, &*due(46)), (30, DUE, &*due(30))];
    let (fold, verdicts) = fold_of(&events);
    assert_eq!(verdicts[1..], [Verdict::Applied, Verdict::Duplicate, Verdict::Duplicate]);
    assert_eq!((fold.signals.len(), fold.timers.len()), (1, 1));
    assert_eq!(fold.ledger.largest_event_time_ms(), Some(START + 40 * MINUTE + 1), "when the window closes");
}

#[test]
fn a_timer_that_rings_again_emits_nothing_whatever_waits_by_then() {
    let other = r#"{"sku":"b"}"#;
    let ring = format!(r#"{{"due_at_ms":{}}}"#, START + 40 * MINUTE + 1);
    let events = [(0, VIEW, SKU), (41, DUE, &*ring), (33, VIEW, SKU), (33, VIEW, other), (41, DUE, &*ring)];
    let (fold, verdicts) = fold_of(&events);
    assert!(fold.state.emitted.refresh_waits);
    assert_eq!(verdicts.last(), Some(&Verdict::Duplicate));
    let mut ids: Vec<_> = fold.signals.iter().map(|signal| &signal.id).collect();
    let emitted = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), emitted);
}

#[test]
fn a_timer_is_never_late_and_leaves_no_trace_in_seen() {
    let (fold, verdicts) = fold_of(&[(0, LOGIN, "{}"), (600, LOGIN, "{}"), (41, DUE, &due(41))]);
    assert_eq!(verdicts.last(), Some(&Verdict::Applied), "the timer that was set has rung");
    assert_eq!(fold.timers.last().map(|timer| timer.due_at_ms), Some(START + 640 * MINUTE + 1));
    assert_eq!(fold.ledger.class(crate::Class::Activity).len(), 1);
}

#[test]
fn a_cart_is_abandoned_when_its_window_closes_without_an_order() {
    let left = [(0, ADD, TWO), (41, DUE, &*due(41))];
    assert_eq!(emitted(&left)[1..], [(0, "session.closed"), (0, "cart.abandoned")]);
    let removed = [(0, ADD, TWO), (1, "cart.item_removed", TWO), (42, DUE, &*due(42))];
    assert_eq!(emitted(&removed).last(), Some(&(1, "session.closed")));
    let three = r#"{"sku":"a","quantity":3}"#;
    let ordered = [(0, ADD, three), (1, ORDER, ORDER_OF_TWO), (42, DUE, &*due(42))];
    assert!(
        !emitted(&ordered).iter().any(|(_, signal)| *signal == "cart.abandoned"),
        "something was ordered in it"
    );
}

#[test]
fn a_refresh_is_requested_once_a_minute_and_what_came_after_it_in_the_next() {
    assert_eq!(emitted(&[(0, LOGIN, "{}")]), []);
    let refresh = |minute| (minute, "recommendation.refresh_requested");
    let other = r#"{"sku":"b"}"#;
    assert_eq!(emitted(&[(0, VIEW, SKU), (0, VIEW, other), (1, LOGIN, "{}")]), [refresh(0), refresh(1)]);
    assert_eq!(emitted(&[(0, VIEW, SKU), (1, LOGIN, "{}")]), [refresh(0)], "nothing has changed since");
    assert_eq!(
        emitted(&[(5, VIEW, SKU), (4, VIEW, other)]),
        [refresh(5)],
        "a minute that is past has had its own"
    );
}

#[test]
fn every_line_of_an_order_reaches_its_stock() {
    let lines = r#"[{"sku":"a","quantity":2,"unit_price_minor":1},{"sku":"b","quantity":1,"unit_price_minor":1},{"sku":"a","quantity":4,"unit_price_minor":1}]"#;
    let order =
        format!(r#"{{"order_id":"o","currency":"GBP","total_minor":1,"store_id":"s","lines":{lines}}}"#);
    let moves = |event_type| -> Vec<_> {
        let signals = fold_of(&[(0, event_type, &order)]).0.signals.into_iter();
        let stock = signals.filter(|signal| signal.signal_type.starts_with("stock."));
        stock.map(|signal| (signal.key, signal.signal_type, signal.origin.index, signal.data)).collect()
    };
    let sold = moves(ORDER);
    let keys: Vec<_> = sold.iter().map(|(key, signal, ..)| (key.as_str(), *signal)).collect();
    assert_eq!(keys, [("s#a", "stock.sold"), ("s#b", "stock.sold"), ("s#a", "stock.sold")]);
    assert_eq!(sold[2].3, r#"{"store_id":"s","sku":"a","quantity":4,"order_id":"o"}"#);
    assert!(sold.is_sorted_by(|one, next| one.2 < next.2), "each has an index of its own");
    assert_eq!(moves("order.returned")[1].1, "stock.returned");
}

#[test]
fn an_order_moves_stock_under_the_same_ids_whatever_it_emits_beside() {
    let ids = |before: &[(i64, &str, &str)]| -> Vec<String> {
        let signals = fold_of(&[before, &[(41, ORDER, ORDER_OF_TWO)]].concat()).0.signals.into_iter();
        signals.filter(|signal| signal.signal_type == "stock.sold").map(|signal| signal.id).collect()
    };
    let alone = ids(&[]);
    assert_eq!(alone.len(), 1);
    assert_eq!(ids(&[(0, LOGIN, "{}")]), alone, "a window closes");
    assert_eq!(ids(&[(41, VIEW, SKU)]), alone, "no refresh is due");
}

#[test]
fn event_late_is_emitted_for_a_late_event() {
    let (fold, verdicts) = fold_of(&[(60, LOGIN, "{}"), (0, VIEW, SKU)]);
    assert!(matches!(verdicts[1], Verdict::Late(_)));
    let late = fold.signals.last().unwrap();
    assert_eq!((late.signal_type, late.key.as_str(), late.time_ms), ("event.late", "u", START));
    let data: serde_json::Value = serde_json::from_str(&late.data).unwrap();
    assert_eq!((&data["event_type"], &data["reason"]), (&VIEW.into(), &"below_watermark".into()));
}

#[test]
fn whatever_a_timer_changes_is_said_to_be_changed() {
    let (one_open, _) = state_after(&[(0, LOGIN, "{}")]);
    let pending = |timer: Option<i64>, refresh_waits| Emitted {
        timer_due_at_ms: timer.map(|minute| START + minute * MINUTE),
        refresh_waits,
        ..Emitted::default()
    };
    let open = |emitted| SessionState { emitted, ..one_open.clone() };
    let none_open = |emitted| SessionState { emitted, ..SessionState::default() };
    let cases = [
        ("nothing", open(pending(Some(90), false)), 20, false),
        ("a window is closed", open(pending(Some(90), false)), 80, true),
        ("a timer that rings again requests no refresh", open(pending(Some(90), true)), 20, false),
        ("a window is closed, and a refresh goes with it", open(pending(Some(90), true)), 80, true),
        ("the timer has rung", none_open(pending(Some(10), false)), 20, true),
        ("the timer has rung, and a refresh goes with it", none_open(pending(Some(10), true)), 20, true),
        ("one is set for a state of a release without timers", open(pending(None, false)), 20, true),
    ];
    let position = Position { sequence: SequenceNumber::parse("1").unwrap(), sub_sequence: 0, element: 0 };
    let shard = &Shard::new("events", "shard");
    let delivery = Delivery { shard, position: &position, arrived_at_ms: START, redriven: false };
    let text = Timer { key: "u".to_owned(), due_at_ms: START }.event_text().unwrap();
    let event = crate::envelope::read_event(&text).unwrap();
    for (what, mut state, minute, expected) in cases {
        let now_ms = START + minute * MINUTE;
        let (mut signals, mut timers) = (Vec::new(), Vec::new());
        let mut emit = Emit::new(&event, &delivery, &mut signals, &mut timers);
        let before = state.clone();
        let settings = SessionSettings::default();
        let changed = state.wake(TimerDue { due_at_ms: now_ms }, now_ms, &settings, &mut emit).unwrap();
        assert_eq!((changed, state != before), (expected, expected), "{what}");
        assert!(!expected || !state.emitted.refresh_waits, "{what}");
    }
}

#[test]
fn an_event_that_is_repeated_late_emits_under_an_id_of_its_own() {
    let signals = fold_of(&[(0, VIEW, SKU), (60, LOGIN, "{}"), (0, VIEW, SKU)]).0.signals;
    let about_first = [signals.first().unwrap(), signals.last().unwrap()];
    let [first, late] = about_first.map(|signal| signal.id.split_once('-').unwrap());
    assert_eq!((first.0 == late.0, first.1, late.1), (true, "0", "late"));
}

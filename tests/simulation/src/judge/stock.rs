//! Stock, added up from what users and warehouses reported, by none of the rules that the function goes by.

use std::collections::{BTreeMap, BTreeSet};

use millrace_domain::session::SessionState;
use millrace_domain::stock::StockState;

use super::keyed::Came;
use super::reference::Happening;
use crate::plan::{Kind, Settings};

/// Pieces and when they came or went, by key.
type Moves = BTreeMap<String, Vec<(i64, i64)>>;

/// Checks every product's pieces: against the signals that were emitted to it, and from end to end.
pub(super) fn check(
    settings: &Settings,
    users: &[Came<'_, SessionState>],
    products: &[Came<'_, StockState>],
    broken: &mut Vec<String>,
) {
    // What a user's item no longer says, or emitted twice from two positions, cannot be added up.
    let exact = users.iter().all(|user| !user.loose && !user.discarded);
    let (ordered, lines) = (moved_by_orders(users), lines_of(users));
    for product in products {
        let on_hand = product.item.state.level.on_hand();
        let signals = signals_of(product);
        let moves: Vec<_> = signals.iter().map(|moved| (moved.at_ms, moved.quantity)).collect();
        let signalled = on_hand_of(product, &moves);
        if !product.loose {
            check_lines(settings, &lines, &product.key, &signals, broken);
        }
        if on_hand != signalled {
            broken.push(format!("{}: {on_hand} pieces, and its signals say {signalled}", product.key));
        }
        let moves = ordered.get(&product.key).map(Vec::as_slice).unwrap_or_default();
        let wanted = on_hand_of(product, moves);
        if exact && !product.loose && on_hand != wanted {
            broken.push(format!("{}: {on_hand} pieces, and orders say {wanted}", product.key));
        }
    }
    let known = |key: &String| products.iter().any(|product| product.key == *key);
    let unknown = ordered.keys().filter(|key| exact && !known(key));
    broken.extend(unknown.map(|key| format!("{key} was ordered and nothing is known of it")));
}

fn moved_by_orders(users: &[Came<'_, SessionState>]) -> Moves {
    let mut moves = Moves::new();
    for spec in users.iter().flat_map(Came::applied) {
        let sign = match spec.kind {
            Kind::Order => -1,
            Kind::Return => 1,
            _ => continue,
        };
        for (key, quantity) in spec.line_keys() {
            moves.entry(key).or_default().push((spec.time_ms, sign * quantity));
        }
    }
    moves
}

/// How often each line stands in the orders, whatever became of them.
fn lines_of(users: &[Came<'_, SessionState>]) -> BTreeMap<OrderLineKey, usize> {
    let mut ordered: BTreeMap<OrderLineKey, usize> = BTreeMap::new();
    for user in users {
        let mut known = BTreeSet::new();
        for (_, happening) in &user.events {
            let Happening::Event(spec) = happening else { continue };
            if known.insert(happening.number()) {
                for (key, _) in spec.line_keys() {
                    let line = (key, format!("o{}", spec.id), spec.kind == Kind::Order);
                    *ordered.entry(line).or_default() += 1;
                }
            }
        }
    }
    ordered
}

/// Checks that no line of an order is in a product's stock more often than in the orders, whatever was discarded on the
/// way and emitted again; as long as the product forgets none of its signals.
fn check_lines(
    settings: &Settings,
    ordered: &BTreeMap<OrderLineKey, usize>,
    key: &str,
    signals: &[Moved],
    broken: &mut Vec<String>,
) {
    let times_ms = || signals.iter().map(|moved| moved.at_ms);
    let span_ms = times_ms().max().unwrap_or_default() - times_ms().min().unwrap_or_default();
    if signals.len() > settings.seen_limit || span_ms > settings.money_dedup_window_ms {
        return;
    }
    let mut emitted: BTreeMap<OrderLineKey, usize> = BTreeMap::new();
    for moved in signals {
        let line = (key.to_owned(), moved.order_id.clone(), moved.quantity < 0);
        *emitted.entry(line).or_default() += 1;
    }
    let wrong = emitted.iter().filter(|(line, count)| ordered.get(line).is_none_or(|lines| lines < count));
    broken.extend(wrong.map(|(line, count)| format!("{line:?} is in stock {count} times")));
}

/// Key and order, and whether it was sold.
type OrderLineKey = (String, String, bool);

/// A signal that moved a product's stock.
#[derive(Clone, Debug)]
struct Moved {
    at_ms: i64,
    quantity: i64,
    order_id: String,
}

/// What the product's item lists of signals.
fn signals_of(product: &Came<'_, StockState>) -> Vec<Moved> {
    let mut moves = BTreeMap::new();
    for (_, happening) in &product.events {
        let Happening::Signal(sent) = happening else { continue };
        let number = happening.number();
        let data: serde_json::Value = serde_json::from_str(sent.data()).unwrap_or_default();
        let sign = if sent.signal_type == "stock.sold" { -1 } else { 1 };
        let quantity = sign * data["quantity"].as_i64().unwrap_or_default();
        let order_id = data["order_id"].as_str().unwrap_or_default().to_owned();
        happening.with_event(|event| {
            moves.insert(number, Moved { at_ms: event.time_ms, quantity, order_id: order_id.clone() });
        });
    }
    product.item.applied.iter().filter_map(|code| moves.get(code).cloned()).collect()
}

/// Pieces after these moves, and after the receipts and counts that the product's item lists.
fn on_hand_of(product: &Came<'_, StockState>, moves: &[(i64, i64)]) -> i64 {
    let applied = product.applied();
    let counted = applied.iter().filter(|spec| spec.kind == Kind::Counted);
    let counted = counted.map(|spec| (spec.time_ms, format!("e{}", spec.id), i64::from(spec.quantity))).max();
    let (counted_ms, start) = counted.map_or((i64::MIN, 0), |(at_ms, _, on_hand)| (at_ms, on_hand));
    let received = applied.iter().filter(|spec| spec.kind == Kind::Received);
    let received = received.map(|spec| (spec.time_ms, i64::from(spec.quantity) + 1));
    let moved = moves.iter().copied().chain(received).filter(|(at_ms, _)| *at_ms > counted_ms);
    start + moved.map(|(_, quantity)| quantity).sum::<i64>()
}

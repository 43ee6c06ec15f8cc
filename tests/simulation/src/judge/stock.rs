//! Stock, added up from what users and warehouses told, by none of the rules that the function goes by.

use std::collections::BTreeMap;

use millrace_domain::session::SessionState;
use millrace_domain::stock::StockState;

use super::keyed::Came;
use super::reference::Happening;
use crate::plan::Kind;

/// Pieces and when they came or went, by key.
type Moves = BTreeMap<String, Vec<(i64, i64)>>;

/// Checks every product's pieces: against the signals that it was told, and from end to end.
pub(super) fn check(
    users: &[Came<'_, SessionState>],
    products: &[Came<'_, StockState>],
    broken: &mut Vec<String>,
) {
    // What a user's item no longer tells, or told twice from two places, cannot be added up.
    let exact = users.iter().all(|user| !user.loose && !user.given_up);
    let ordered = moved_by_orders(users);
    for product in products {
        let on_hand = product.item.state.level.on_hand();
        let signalled = on_hand_of(product, &moved_by_signals(product));
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

/// What the product's item lists of signals.
fn moved_by_signals(product: &Came<'_, StockState>) -> Vec<(i64, i64)> {
    let mut moves = BTreeMap::new();
    for (_, happening) in &product.events {
        let Happening::Signal(sent) = happening else { continue };
        let number = happening.number();
        let data: serde_json::Value = serde_json::from_str(&sent.data).unwrap_or_default();
        let quantity = data["quantity"].as_i64().unwrap_or_default();
        let sign = if sent.signal_type == "stock.sold" { -1 } else { 1 };
        happening.with_event(|event| {
            moves.insert(number, (event.time_ms, sign * quantity));
        });
    }
    product.item.applied.iter().filter_map(|code| moves.get(code).copied()).collect()
}

/// Pieces after these moves, and after the receipts and counts that the product's item lists.
fn on_hand_of(product: &Came<'_, StockState>, moves: &[(i64, i64)]) -> i64 {
    let told = product.applied();
    let counted = told.iter().filter(|spec| spec.kind == Kind::Counted);
    let counted = counted.map(|spec| (spec.time_ms, format!("e{}", spec.id), i64::from(spec.quantity))).max();
    let (counted_ms, start) = counted.map_or((i64::MIN, 0), |(at_ms, _, on_hand)| (at_ms, on_hand));
    let received = told.iter().filter(|spec| spec.kind == Kind::Received);
    let received = received.map(|spec| (spec.time_ms, i64::from(spec.quantity) + 1));
    let moved = moves.iter().copied().chain(received).filter(|(at_ms, _)| *at_ms > counted_ms);
    start + moved.map(|(_, quantity)| quantity).sum::<i64>()
}

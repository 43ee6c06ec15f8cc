//! Made-up users: what they look at, put into their carts, order and pay; and the warehouse behind them.

use millrace_domain::contract::DEFAULT_STORE;
use millrace_domain::time::format_rfc3339_ms;
use serde_json::{Value, json};

use crate::input::Input;

/// Products of the made-up shop.
const PRODUCTS: usize = 300;
/// Mean time between two events of the shop, in milliseconds.
const MEAN_STEP_MS: f64 = 4_000.0;

/// Events without end, in order of time. The same seed gives the same events.
pub(crate) struct MadeUpUsers {
    rng: fastrand::Rng,
    now_ms: i64,
    next_id: u64,
    users: Vec<User>,
}

#[derive(Clone, Debug, Default)]
struct User {
    logged_in: bool,
    cart: Vec<(usize, i64)>,
    unpaid: Option<(u64, i64)>,
    refused: bool,
    paid: Option<Value>,
}

impl MadeUpUsers {
    /// This many users, from this time on in epoch milliseconds.
    pub(crate) fn new(users: usize, seed: u64, from_ms: i64) -> Self {
        let rng = fastrand::Rng::with_seed(seed);
        Self { rng, now_ms: from_ms, next_id: 0, users: vec![User::default(); users.max(1)] }
    }

    /// A few users come again and again: the cube of an even draw crowds at the front.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a lot"
    )]
    fn draw_user(&mut self) -> usize {
        let draw = self.rng.f64().powi(3) * self.users.len() as f64;
        (draw as usize).min(self.users.len() - 1)
    }

    /// Pieces that came into the shop's only store, or a count of those that are there.
    fn warehouse(&mut self) -> (String, &'static str, Value) {
        let sku = sku(self.rng.usize(0..PRODUCTS));
        let subject = format!("{DEFAULT_STORE}#{sku}");
        let mut data = json!({"store_id": DEFAULT_STORE, "sku": sku});
        if self.rng.bool() {
            data["quantity"] = self.rng.i64(10..60).into();
            return (subject, "stock.received", data);
        }
        data["on_hand"] = self.rng.i64(5..40).into();
        (subject, "stock.counted", data)
    }

    fn act(&mut self, index: usize) -> (&'static str, Value) {
        let Self { rng, next_id, users, .. } = self;
        let Some(user) = users.get_mut(index) else { return ("user.logged_in", json!({})) };
        if !user.logged_in {
            user.logged_in = true;
            return ("user.logged_in", json!({}));
        }
        if let Some((order, amount_minor)) = user.unpaid.take() {
            let mut data = json!({"order_id": format!("order-{order}"), "amount_minor": amount_minor, "currency": "EUR"});
            // A card that was refused is mostly tried again, and mostly refused again.
            let refused = if user.refused { rng.u8(0..10) < 8 } else { rng.u8(0..10) == 0 };
            user.refused = refused && rng.u8(0..10) < 9;
            if refused {
                data["reason"] = "insufficient funds".into();
                match user.refused {
                    true => user.unpaid = Some((order, amount_minor)),
                    false => user.paid = None,
                }
                return ("payment.failed", data);
            }
            return ("payment.authorized", data);
        }
        match rng.u8(0..100) {
            0..58 => ("product.viewed", json!({"sku": sku(rng.usize(0..PRODUCTS))})),
            58..80 => user.add(rng),
            80..85 if !user.cart.is_empty() => user.remove(rng),
            85..94 if !user.cart.is_empty() => user.order(*next_id),
            94..96 if user.paid.is_some() => ("order.returned", user.paid.take().unwrap_or_default()),
            96.. => {
                user.logged_in = false;
                ("user.logged_out", json!({}))
            }
            _ => ("product.viewed", json!({"sku": sku(rng.usize(0..PRODUCTS))})),
        }
    }
}

impl User {
    fn add(&mut self, rng: &mut fastrand::Rng) -> (&'static str, Value) {
        let (product, quantity) = (rng.usize(0..PRODUCTS), rng.i64(1..=3));
        match self.cart.iter_mut().find(|(present, _)| *present == product) {
            Some((_, present)) => *present += quantity,
            None => self.cart.push((product, quantity)),
        }
        ("cart.item_added", json!({"sku": sku(product), "quantity": quantity}))
    }

    fn remove(&mut self, rng: &mut fastrand::Rng) -> (&'static str, Value) {
        let (product, quantity) = self.cart.swap_remove(rng.usize(0..self.cart.len()));
        ("cart.item_removed", json!({"sku": sku(product), "quantity": quantity}))
    }

    fn order(&mut self, id: u64) -> (&'static str, Value) {
        let total_minor: i64 =
            self.cart.iter().map(|(product, quantity)| price_minor(*product) * quantity).sum();
        let line = |(product, quantity): (usize, i64)| json!({"sku": sku(product), "quantity": quantity, "unit_price_minor": price_minor(product)});
        let lines: Vec<_> = self.cart.drain(..).map(line).collect();
        let order_id = format!("order-{id}");
        let order =
            json!({"order_id": order_id, "currency": "EUR", "total_minor": total_minor, "lines": lines});
        self.unpaid = Some((id, total_minor));
        self.paid = Some(order.clone());
        ("order.placed", order)
    }
}

impl Iterator for MadeUpUsers {
    type Item = Input;

    #[expect(clippy::cast_possible_truncation, reason = "a float to integer cast saturates")]
    fn next(&mut self) -> Option<Input> {
        // An exponential wait: users do not know of each other.
        self.now_ms += (-(1.0 - self.rng.f64()).ln() * MEAN_STEP_MS) as i64;
        let (subject, event_type, data) = match self.rng.u8(0..50) {
            0 => self.warehouse(),
            _ => {
                let index = self.draw_user();
                let (event_type, data) = self.act(index);
                (format!("user-{index:05}"), event_type, data)
            }
        };
        let event = json!({
            "specversion": "1.0",
            "id": format!("made-up-{}", self.next_id),
            "source": "urn:millrace:generate",
            "type": event_type,
            "subject": subject,
            "time": format_rfc3339_ms(self.now_ms),
            "data": data,
        });
        self.next_id += 1;
        Some(Input { partition_key: subject, data: event.to_string().into_bytes().into() })
    }
}

fn sku(product: usize) -> String {
    format!("sku-{product:04}")
}

/// A price that belongs to the product: 1.00 to 80.00.
fn price_minor(product: usize) -> i64 {
    100 + i64::try_from(product * 2_654_435_761 % 7_900).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use millrace_domain::decode::{Arrival, decode};

    use super::*;

    #[test]
    fn every_event_keeps_its_contract_and_all_types_occur() {
        let mut types = std::collections::BTreeSet::new();
        for input in MadeUpUsers::new(50, 7, 1_700_000_000_000).take(3_000) {
            let arrival = Arrival { partition_key: &input.partition_key, arrived_at_ms: i64::MAX };
            decode(&input.data, &arrival, |decoded| {
                types.insert(decoded.event.unwrap().event_type.into_owned());
            });
        }
        assert_eq!(types.len(), 11, "{types:?}");
    }

    #[test]
    fn a_seed_repeats_and_users_are_unequal() {
        let events = |seed| MadeUpUsers::new(100, seed, 0).take(2_000).collect::<Vec<_>>();
        assert_eq!(events(1), events(1));
        assert_ne!(events(1), events(2));
        let mut counts = std::collections::BTreeMap::<_, usize>::new();
        events(1).into_iter().for_each(|input| *counts.entry(input.partition_key).or_default() += 1);
        let busiest = counts.values().max().copied().unwrap();
        assert!(busiest > 10 * 2_000 / 100, "{busiest}");
    }
}

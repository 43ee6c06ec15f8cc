//! Users who come, look around and go.

use millrace_domain::time::MINUTE_MS;
use millrace_testkit::{EventBuilder, START_MS, event};
use serde_json::json;

/// Events of a batch.
pub(crate) const EVENTS: usize = 1_000;
/// Users of a batch.
pub(crate) const USERS: usize = 345;
/// Event time from batch to batch, in milliseconds.
const STEP_MS: i64 = 5 * MINUTE_MS;
/// Batches that a user stays for.
const STAY: usize = 3;
const SKUS: u32 = 1_000;

/// Where event time is behind batch `number`, in epoch milliseconds.
pub(crate) fn end_ms(number: u64) -> i64 {
    START_MS + (i64::try_from(number).unwrap() + 1) * STEP_MS
}

/// The events of batch `number`, in order of time.
pub(crate) fn events(number: u64) -> Vec<EventBuilder> {
    let mut rng = fastrand::Rng::with_seed(number + 1);
    let first_user = usize::try_from(number).unwrap() * USERS / STAY;
    let mut one = |index: usize| {
        let user = format!("user-{:05}", first_user + rng.usize(0..USERS));
        let at_ms = end_ms(number) - STEP_MS + STEP_MS * i64::try_from(index).unwrap() / 1_000;
        let sku = format!("sku-{}", rng.u32(0..SKUS));
        let event = event(format!("{number}-{index}"), &user).at_ms(at_ms);
        match rng.u32(0..100) {
            0..60 => event.views(&sku),
            60..80 => event.adds(&sku, 1),
            80..90 => event,
            90..98 => {
                let other = format!("sku-{}", rng.u32(0..SKUS));
                let line = |sku: &str| json!({"sku": sku, "quantity": 1, "unit_price_minor": 450});
                let lines = [line(&sku), line(&other)];
                let order_id = format!("order-{number}-{index}");
                let order =
                    json!({"order_id": order_id, "currency": "EUR", "total_minor": 900, "lines": lines});
                event.of_type("order.placed", order)
            }
            _ => event.fails_to_pay(900),
        }
    };
    (0..EVENTS).map(&mut one).collect()
}

//! Limits of one event: envelope and contracts.

use millrace_domain::contract::{
    LINES_LIMIT, NAME_LIMIT_BYTES, NESTING_LIMIT, QUANTITY_LIMIT, STORE_LIMIT_BYTES, TEXT_LIMIT_BYTES,
};
use millrace_domain::decode::{Arrival, decode};
use millrace_domain::envelope::{SUBJECT_LIMIT_BYTES, TYPE_LIMIT_BYTES};
use millrace_domain::identity::{ID_LIMIT_BYTES, SOURCE_LIMIT_BYTES};
use millrace_domain::money::AMOUNT_LIMIT_MINOR;
use millrace_domain::time::LARGEST_EPOCH_MS;
use millrace_domain::{Invalid, Reason};
use serde_json::{Value, json};

use Reason::{Contract, Envelope};

/// Where a limit lies, and what one beyond it is refused for.
#[derive(Clone)]
struct Border {
    event_type: &'static str,
    /// Pointer to the value that is bounded, in an event that is sound without it.
    pointer: &'static str,
    limit: i64,
    /// Makes the value of this size.
    value: fn(i64) -> Value,
    step: i64,
    reason: Reason,
    field: &'static str,
    rule: &'static str,
}

fn size(size: i64) -> usize {
    usize::try_from(size).unwrap()
}

fn text(length: i64) -> Value {
    "x".repeat(size(length)).into()
}

/// Two bytes a character: limits count bytes.
fn wide(length: i64) -> Value {
    format!("{}{}", "é".repeat(size(length) / 2), "x".repeat(size(length) % 2)).into()
}

fn nested(levels: i64) -> Value {
    (1..levels)
        .fold(json!([]), |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({"a": inner}) })
}

fn lines(count: i64) -> Value {
    vec![json!({"sku": "a", "quantity": 1, "unit_price_minor": 0}); size(count)].into()
}

const fn border(
    event_type: &'static str,
    pointer: &'static str,
    limit: i64,
    value: fn(i64) -> Value,
) -> Border {
    let (reason, field, rule) = (Contract, "", "");
    Border { event_type, pointer, limit, value, step: 1, reason, field, rule }
}

impl Border {
    const fn names(self, field: &'static str, rule: &'static str) -> Self {
        Self { field, rule, ..self }
    }

    const fn of_the_envelope(self) -> Self {
        Self { reason: Envelope, ..self }
    }

    /// The limit is the least, not the most.
    const fn least(self) -> Self {
        Self { step: -1, ..self }
    }
}

fn texts_and_counts() -> Vec<Border> {
    let (names, texts) = (bytes(NAME_LIMIT_BYTES), bytes(TEXT_LIMIT_BYTES));
    vec![
        border("product.viewed", "/source", bytes(SOURCE_LIMIT_BYTES), text)
            .of_the_envelope()
            .names("source", "must be 512 bytes or fewer, is 513"),
        border("product.viewed", "/source", bytes(SOURCE_LIMIT_BYTES), wide)
            .of_the_envelope()
            .names("source", "must be 512 bytes or fewer, is 513"),
        border("product.viewed", "/id", bytes(ID_LIMIT_BYTES), wide)
            .of_the_envelope()
            .names("id", "must be 256 bytes or fewer, is 257"),
        border("coupon.used", "/type", bytes(TYPE_LIMIT_BYTES), text)
            .of_the_envelope()
            .names("type", "must be 128 bytes or fewer, is 129"),
        border("product.viewed", "/subject", bytes(SUBJECT_LIMIT_BYTES), wide)
            .of_the_envelope()
            .names("subject", "must be 256 bytes or fewer, is 257"),
        border("coupon.used", "/data", bytes(NESTING_LIMIT), nested)
            .names("data", "must not nest deeper than 16 levels"),
        border("product.viewed", "/data/more", bytes(NESTING_LIMIT) - 1, nested)
            .names("data", "must not nest deeper than 16 levels"),
        border("order.placed", "/data/lines", bytes(LINES_LIMIT), lines)
            .names("data.lines", "must hold 5000 lines or fewer, holds 5001"),
        border("order.returned", "/data/lines", 1, lines)
            .least()
            .names("data.lines", "must hold at least one line"),
        border("payment.failed", "/data/reason", texts, wide)
            .names("data.reason", "must be 1024 bytes or fewer, is 1025"),
        border("order.placed", "/data/lines/0/sku", names, text)
            .names("data.lines[0].sku", "must be 128 bytes or fewer, is 129"),
    ]
}

fn names() -> Vec<Border> {
    let (names, mut borders) = (bytes(NAME_LIMIT_BYTES), Vec::new());
    for (event_type, pointer, field) in [
        ("product.viewed", "/data/sku", "data.sku"),
        ("cart.item_added", "/data/sku", "data.sku"),
        ("cart.item_removed", "/data/sku", "data.sku"),
        ("order.placed", "/data/order_id", "data.order_id"),
        ("payment.authorized", "/data/order_id", "data.order_id"),
    ] {
        borders.push(
            border(event_type, pointer, names, wide).names(field, "must be 128 bytes or fewer, is 129"),
        );
        borders.push(border(event_type, pointer, 1, text).least().names(field, "is missing or empty"));
    }
    let stores = bytes(STORE_LIMIT_BYTES);
    borders.push(
        border("order.placed", "/data/store_id", stores, wide)
            .names("data.store_id", "must be 127 bytes or fewer, is 128"),
    );
    borders.push(
        border("order.placed", "/data/store_id", 1, text)
            .least()
            .names("data.store_id", "is missing or empty"),
    );
    borders
}

fn numbers() -> Vec<Border> {
    let (number, mut borders): (fn(i64) -> Value, _) = (|number| number.into(), Vec::new());
    for (event_type, pointer, field, least) in [
        ("cart.item_added", "/data/quantity", "data.quantity", 1),
        ("cart.item_removed", "/data/quantity", "data.quantity", 1),
        ("order.placed", "/data/lines/0/quantity", "data.lines[0].quantity", 1),
        ("stock.received", "/data/quantity", "data.quantity", 1),
        ("stock.counted", "/data/on_hand", "data.on_hand", 0),
    ] {
        borders.push(
            border(event_type, pointer, QUANTITY_LIMIT, number)
                .names(field, "must be 1000000000 or less, is 1000000001"),
        );
        let rule = if least == 1 { "must be 1 or more, is 0" } else { "must be 0 or more, is -1" };
        borders.push(border(event_type, pointer, least, number).least().names(field, rule));
    }
    for (event_type, pointer, field) in [
        ("order.placed", "/data/total_minor", "data.total_minor"),
        ("order.returned", "/data/lines/0/unit_price_minor", "data.lines[0].unit_price_minor"),
        ("payment.authorized", "/data/amount_minor", "data.amount_minor"),
        ("payment.failed", "/data/amount_minor", "data.amount_minor"),
    ] {
        borders.push(
            border(event_type, pointer, AMOUNT_LIMIT_MINOR, number)
                .names(field, "must be 10000000000000 or less, is 10000000000001"),
        );
        borders.push(border(event_type, pointer, 0, number).least().names(field, "must be 0 or more, is -1"));
    }
    borders
}

fn bytes(limit: usize) -> i64 {
    i64::try_from(limit).unwrap()
}

/// A sound event of a type.
fn event(event_type: &str) -> Value {
    let line = json!({"sku": "a", "quantity": 1, "unit_price_minor": 1});
    let (data, subject) = match event_type {
        "order.placed" | "order.returned" => (
            json!({"order_id": "o", "store_id": "s", "currency": "GBP", "total_minor": 1, "lines": [line]}),
            "u",
        ),
        "payment.authorized" | "payment.failed" => {
            (json!({"order_id": "o", "currency": "GBP", "amount_minor": 1, "reason": "r"}), "u")
        }
        "stock.received" | "stock.counted" => {
            (json!({"store_id": "s", "sku": "a", "quantity": 1, "on_hand": 1}), "s#a")
        }
        _ => (json!({"sku": "a", "quantity": 1, "more": []}), "u"),
    };
    json!({
        "specversion": "1.0", "id": "e", "source": "s", "type": event_type, "subject": subject,
        "time": "2010-12-01T08:26:00Z", "data": data,
    })
}

/// The answer for an event that arrives under its subject.
fn answer(event: &Value, arrived_at_ms: i64) -> Result<(), Invalid> {
    let (text, mut answers) = (event.to_string(), Vec::new());
    let arrival = Arrival { partition_key: event["subject"].as_str().unwrap(), arrived_at_ms };
    decode(text.as_bytes(), &arrival, |decoded| answers.push(decoded.event.map(|_| ())));
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

#[test]
fn each_limit_is_taken_and_one_beyond_is_refused() {
    for border in [texts_and_counts(), names(), numbers()].concat() {
        let at = |size: i64| {
            let mut event = event(border.event_type);
            *event.pointer_mut(border.pointer).unwrap() = (border.value)(size);
            answer(&event, 1_762_165_800_000)
        };
        let name = format!("{} of {}", border.pointer, border.event_type);
        assert_eq!(at(border.limit), Ok(()), "{name} at {}", border.limit);
        let refused = at(border.limit + border.step).expect_err(&name);
        assert_eq!(
            (refused.reason, &*refused.field, &*refused.rule),
            (border.reason, border.field, border.rule),
            "{name}"
        );
    }
}

#[test]
fn stock_ids_end_at_their_limits_which_fill_a_key() {
    let at = |store_bytes: i64, sku_bytes: i64| {
        let mut event = event("stock.received");
        let (store, sku) = (text(store_bytes), text(sku_bytes));
        event["subject"] = format!("{}#{}", store.as_str().unwrap(), sku.as_str().unwrap()).into();
        event["data"]["store_id"] = store;
        event["data"]["sku"] = sku;
        answer(&event, 1_762_165_800_000).map_err(|invalid| (invalid.reason, invalid.field))
    };
    let (store_limit, sku_limit) = (bytes(STORE_LIMIT_BYTES), bytes(NAME_LIMIT_BYTES));
    assert_eq!(store_limit + 1 + sku_limit, bytes(SUBJECT_LIMIT_BYTES));
    assert_eq!(at(store_limit, sku_limit), Ok(()));
    assert_eq!(at(store_limit + 1, 1), Err((Contract, "data.store_id".to_owned())));
    assert_eq!(at(1, sku_limit + 1), Err((Contract, "data.sku".to_owned())));
}

#[test]
fn event_times_end_with_the_year_9999() {
    let at = |time: &str| {
        let mut event = event("product.viewed");
        event["time"] = time.into();
        answer(&event, LARGEST_EPOCH_MS).map_err(|invalid| (invalid.reason, invalid.field))
    };
    let refused = Err((Envelope, "time".to_owned()));
    assert_eq!(at("9999-12-31T23:59:59.999Z"), Ok(()));
    assert_eq!(at("9999-12-31T23:59:59.999-00:01"), refused);
    assert_eq!(at("1970-01-01T00:00:00Z"), Ok(()));
    assert_eq!(at("1970-01-01T00:00:00+00:01"), refused);
}

//! What the data of each type must hold, one file a shape. A broken contract names the field and the rule.

mod cart;
mod nesting;
mod order;
mod payment;
mod product;
mod stock;

use std::ops::RangeInclusive;

use serde::Deserialize;

pub use cart::CartChange;
pub use nesting::{NESTING_LIMIT, nesting_exceeds};
pub use order::{DEFAULT_STORE, LINES_LIMIT, Order, OrderLine};
pub use payment::Payment;
pub use product::ProductView;
pub use stock::{StockCount, StockMove, StockReceipt};

use crate::event::Data;
use crate::invalid::{Invalid, Reason};
use crate::json_object::JsonObject;
use crate::timer::TimerDue;
use crate::{bounded_json, redrive_envelope, signal, timer};

/// Longest sku or order id in bytes.
pub const NAME_LIMIT_BYTES: usize = 128;
/// Longest store in bytes: with a `#` and a sku it makes a partition key, which has 256 characters at the most.
pub const STORE_LIMIT_BYTES: usize = 127;
/// Longest free text, such as the reason of a failed payment, in bytes.
pub const TEXT_LIMIT_BYTES: usize = 1_024;
/// Largest quantity of one line.
pub const QUANTITY_LIMIT: i64 = 1_000_000_000;

/// Reads and checks the data of an event of `event_type`. `raw` is the JSON text of `data`, where there is any.
///
/// # Errors
/// The first field that breaks the contract, and how.
pub fn read_data<'a>(event_type: &str, raw: Option<&'a str>) -> Result<Data<'a>, Invalid> {
    let text = raw.unwrap_or_default();
    if nesting_exceeds(text, NESTING_LIMIT) {
        let rule = format!("must not nest deeper than {NESTING_LIMIT} levels");
        return Err(Invalid::field(Reason::Contract, "data", rule));
    }
    // Redrive envelopes are opened before events are decoded, where one is all that its record holds.
    if event_type == redrive_envelope::TYPE {
        let rule = "must stand alone in its record, and in no other redrive envelope";
        return Err(Invalid::field(Reason::Envelope, "type", rule));
    }
    match event_type {
        "product.viewed" => checked(text, ProductView::check).map(Data::ProductViewed),
        "cart.item_added" => checked(text, CartChange::check).map(Data::CartItemAdded),
        "cart.item_removed" => checked(text, CartChange::check).map(Data::CartItemRemoved),
        "order.placed" => checked(text, Order::check).map(Data::OrderPlaced),
        "order.returned" => checked(text, Order::check).map(Data::OrderReturned),
        "payment.authorized" => checked(text, Payment::check).map(Data::PaymentAuthorized),
        "payment.failed" => checked(text, Payment::check).map(Data::PaymentFailed),
        "user.logged_in" => Ok(Data::UserLoggedIn),
        "user.logged_out" => Ok(Data::UserLoggedOut),
        "stock.received" => checked(text, StockReceipt::check).map(Data::StockReceived),
        "stock.counted" => checked(text, StockCount::check).map(Data::StockCounted),
        timer::TYPE => checked(text, TimerDue::check).map(Data::TimerDue),
        signal::STOCK_SOLD => checked(text, StockMove::check).map(Data::StockSold),
        signal::STOCK_RETURNED => checked(text, StockMove::check).map(Data::StockReturned),
        other if signal::TYPES.contains(&other) => Ok(Data::Signal),
        _ => Ok(Data::Unknown),
    }
}

/// Checks what one type's data says about the event's subject: the key of a stock event is `store#sku`.
///
/// # Errors
/// When subject and data name different keys.
pub fn check_subject(subject: &str, data: &Data<'_>) -> Result<(), Invalid> {
    let (store_id, sku) = match data {
        Data::StockReceived(receipt) => (&receipt.store_id, &receipt.sku),
        Data::StockCounted(count) => (&count.store_id, &count.sku),
        Data::StockSold(moved) | Data::StockReturned(moved) => (&moved.store_id, &moved.sku),
        _ => return Ok(()),
    };
    match subject.split_once('#') {
        Some((store, rest)) if store == store_id && rest == sku => Ok(()),
        _ => Err(Invalid::field(
            Reason::Contract,
            "subject",
            "must be data.store_id#data.sku for a stock event",
        )),
    }
}

fn checked<'a, T, F>(text: &'a str, check: F) -> Result<T, Invalid>
where
    T: Deserialize<'a>,
    F: FnOnce(&T) -> Result<(), Invalid>,
{
    if text.is_empty() {
        return Err(Invalid::field(Reason::Contract, "data", "is missing"));
    }
    let JsonObject(data) = bounded_json::from_str(text).map_err(|_| explain::<T>(text))?;
    check(&data)?;
    Ok(data)
}

/// Names the field on the error path only, since following the path costs time on every event.
fn explain<'a, T: Deserialize<'a>>(text: &'a str) -> Invalid {
    let (field, rule) = crate::decode::field_error::<JsonObject<T>>(text);
    let field = if field.is_empty() { "data".to_owned() } else { format!("data.{field}") };
    Invalid::field(Reason::Contract, field, rule)
}

/// A name: neither empty nor longer than its limit, without control characters and without `#`, which joins
/// store and sku to a key.
pub(crate) fn check_name(field: &str, value: &str) -> Result<(), Invalid> {
    check_key_part(field, value, NAME_LIMIT_BYTES)
}

/// The name of a store, which with a sku makes a key.
fn check_store(field: &str, value: &str) -> Result<(), Invalid> {
    check_key_part(field, value, STORE_LIMIT_BYTES)
}

fn check_key_part(field: &str, value: &str, limit_bytes: usize) -> Result<(), Invalid> {
    check_text(field, value, limit_bytes)?;
    match value.contains('#') {
        true => Err(Invalid::field(Reason::Contract, field, "must not hold a #")),
        false => Ok(()),
    }
}

/// A text: neither empty nor longer than its limit, without control characters.
fn check_text(field: &str, value: &str, limit_bytes: usize) -> Result<(), Invalid> {
    let rule = match value.len() {
        0 => "is missing or empty".to_owned(),
        length if length > limit_bytes => format!("must be {limit_bytes} bytes or fewer, is {length}"),
        _ if value.chars().any(char::is_control) => "must not hold control characters".to_owned(),
        _ => return Ok(()),
    };
    Err(Invalid::field(Reason::Contract, field, rule))
}

fn check_range(field: &str, value: i64, range: RangeInclusive<i64>) -> Result<(), Invalid> {
    let rule = match value {
        low if low < *range.start() => format!("must be {} or more, is {low}", range.start()),
        high if high > *range.end() => format!("must be {} or less, is {high}", range.end()),
        _ => return Ok(()),
    };
    Err(Invalid::field(Reason::Contract, field, rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(event_type: &str, raw: Option<&str>) -> String {
        read_data(event_type, raw).unwrap_err().to_string()
    }

    #[test]
    fn a_broken_contract_names_field_and_rule() {
        let cases = [
            ("product.viewed", None, "data is missing"),
            ("product.viewed", Some("{}"), "data.sku is missing"),
            ("product.viewed", Some(r#"{"sku":""}"#), "data.sku is missing or empty"),
            ("product.viewed", Some(r#"{"sku":"a#b"}"#), "data.sku must not hold a #"),
            ("product.viewed", Some(r#"{"sku":"a\u0007"}"#), "data.sku must not hold control characters"),
            ("product.viewed", Some(r#"{"sku":5}"#), "data.sku invalid type: integer `5`, expected a string"),
            ("product.viewed", Some(r#"["a"]"#), "data invalid type: sequence, expected an object"),
            ("cart.item_added", Some(r#"{"sku":"a","quantity":0}"#), "data.quantity must be 1 or more, is 0"),
            (
                "cart.item_removed",
                Some(r#"{"sku":"a","quantity":-1}"#),
                "data.quantity must be 1 or more, is -1",
            ),
            (
                "cart.item_added",
                Some(r#"{"sku":"a","quantity":1000000001}"#),
                "data.quantity must be 1000000000 or less, is 1000000001",
            ),
            (
                "stock.counted",
                Some(r#"{"store_id":"s","sku":"a","on_hand":-1}"#),
                "data.on_hand must be 0 or more, is -1",
            ),
            ("stock.received", Some(r#"{"store_id":"s","sku":"a"}"#), "data.quantity is missing"),
            (
                "stock.received",
                Some(r#"{"store_id":"s","sku":"a","quantity":0}"#),
                "data.quantity must be 1 or more, is 0",
            ),
            (
                "stock.sold",
                Some(r#"{"store_id":"s","sku":"a","quantity":0,"order_id":"o"}"#),
                "data.quantity must be 1 or more, is 0",
            ),
            ("timer.due", Some(r#"{"due_at_ms":-1}"#), "data.due_at_ms must be a moment of 1970 to 9999"),
            (
                "payment.failed",
                Some(r#"{"order_id":"o","amount_minor":-1,"currency":"GBP"}"#),
                "data.amount_minor must be 0 or more, is -1",
            ),
        ];
        for (event_type, raw, expected) in cases {
            assert_eq!(rejection(event_type, raw), expected);
        }
    }

    #[test]
    fn unknown_types_and_fields_are_passed() {
        assert_eq!(read_data("coupon.used", Some("[1]")), Ok(Data::Unknown));
        assert_eq!(read_data("user.logged_in", None), Ok(Data::UserLoggedIn));
        assert!(read_data("product.viewed", Some(r#"{"sku":"a","colour":{"hue":1}}"#)).is_ok());
    }

    #[test]
    fn an_envelope_is_no_event_among_others() {
        let invalid = read_data(redrive_envelope::TYPE, Some("{}")).unwrap_err();
        assert_eq!((invalid.reason, invalid.field.as_str()), (Reason::Envelope, "type"));
    }

    #[test]
    fn names_end_at_their_limit() {
        let view = |length: usize| format!(r#"{{"sku":"{}"}}"#, "s".repeat(length));
        assert!(read_data("product.viewed", Some(&view(NAME_LIMIT_BYTES))).is_ok());
        assert!(
            rejection("product.viewed", Some(&view(NAME_LIMIT_BYTES + 1))).contains("128 bytes or fewer")
        );
        let count = |store: &str| format!(r#"{{"store_id":"{store}","sku":"a","on_hand":1}}"#);
        assert!(read_data("stock.counted", Some(&count(&"s".repeat(STORE_LIMIT_BYTES)))).is_ok());
        let longer = count(&"s".repeat(STORE_LIMIT_BYTES + 1));
        assert!(rejection("stock.counted", Some(&longer)).contains("127 bytes or fewer"));
    }

    #[test]
    fn quantities_end_at_their_limit() {
        let change = format!(r#"{{"sku":"a","quantity":{QUANTITY_LIMIT}}}"#);
        assert!(read_data("cart.item_added", Some(&change)).is_ok());
    }

    #[test]
    fn each_type_is_read_as_what_it_is() {
        type Is = fn(&Data<'_>) -> bool;
        let order = r#"{"order_id":"o","currency":"GBP","total_minor":1,"lines":[{"sku":"a","quantity":1,"unit_price_minor":1}]}"#;
        let payment = r#"{"order_id":"o","currency":"GBP","amount_minor":1}"#;
        let cart = r#"{"sku":"a","quantity":1}"#;
        let moved = r#"{"store_id":"s","sku":"a","quantity":1,"order_id":"o"}"#;
        let cases: [(&str, &str, Is); 15] = [
            ("product.viewed", cart, |data| matches!(data, Data::ProductViewed(_))),
            ("cart.item_added", cart, |data| matches!(data, Data::CartItemAdded(_))),
            ("cart.item_removed", cart, |data| matches!(data, Data::CartItemRemoved(_))),
            ("order.placed", order, |data| matches!(data, Data::OrderPlaced(_))),
            ("order.returned", order, |data| matches!(data, Data::OrderReturned(_))),
            ("payment.authorized", payment, |data| matches!(data, Data::PaymentAuthorized(_))),
            ("payment.failed", payment, |data| matches!(data, Data::PaymentFailed(_))),
            ("user.logged_in", "{}", |data| *data == Data::UserLoggedIn),
            ("user.logged_out", "{}", |data| *data == Data::UserLoggedOut),
            ("stock.received", moved, |data| matches!(data, Data::StockReceived(_))),
            ("stock.counted", r#"{"store_id":"s","sku":"a","on_hand":0}"#, |data| {
                matches!(data, Data::StockCounted(_))
            }),
            ("timer.due", r#"{"due_at_ms":0}"#, |data| matches!(data, Data::TimerDue(_))),
            ("stock.sold", moved, |data| matches!(data, Data::StockSold(_))),
            ("stock.returned", moved, |data| matches!(data, Data::StockReturned(_))),
            ("session.closed", "5", |data| *data == Data::Signal),
        ];
        for (event_type, raw, is) in cases {
            assert!(is(&read_data(event_type, Some(raw)).unwrap()), "{event_type}");
        }
    }

    #[test]
    fn a_stock_event_is_keyed_by_store_and_sku() {
        let raw = r#"{"store_id":"s","sku":"a","on_hand":1,"quantity":1,"order_id":"o"}"#;
        for event_type in ["stock.counted", "stock.received", "stock.sold", "stock.returned"] {
            let data = read_data(event_type, Some(raw)).unwrap();
            assert!(check_subject("s#a", &data).is_ok(), "{event_type}");
            for subject in ["s#b", "t#a", "user-1"] {
                assert!(check_subject(subject, &data).is_err(), "{event_type} {subject}");
            }
        }
        assert!(check_subject("user-1", &Data::UserLoggedIn).is_ok());
    }
}

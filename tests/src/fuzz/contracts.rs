//! `read_data`: the data of each type.

use millrace_domain::contract::{check_subject, read_data};
use millrace_domain::{Data, Reason};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{check, model, write};

pub(super) fn cart(bytes: &[u8]) {
    read("cart.item_added", bytes);
    read("cart.item_removed", bytes);
}

pub(super) fn order(bytes: &[u8]) {
    read("order.placed", bytes);
    read("order.returned", bytes);
}

pub(super) fn payment(bytes: &[u8]) {
    read("payment.authorized", bytes);
    read("payment.failed", bytes);
}

pub(super) fn product(bytes: &[u8]) {
    read("product.viewed", bytes);
    read("user.logged_in", bytes);
    read("coupon.used", bytes);
}

pub(super) fn stock(bytes: &[u8]) {
    read("stock.received", bytes);
    read("stock.counted", bytes);
}

fn read(event_type: &str, bytes: &[u8]) {
    // The envelope hands over the text of a JSON value, so the rest cannot come.
    let Ok(raw) = serde_json::from_slice::<&RawValue>(bytes) else { return };
    let text = raw.get();
    let answer = read_data(event_type, Some(text));
    assert_eq!(answer, read_data(event_type, Some(text)));
    let value: Option<Value> = serde_json::from_str(text).ok();
    let is_data = value.as_ref().map(|value| model::is_data(event_type, Some(value)));
    match &answer {
        Ok(data) => {
            assert_ne!(is_data, Some(false), "taken, and should not be: {data:?}");
            let again = write::data(data);
            if !again.is_empty() {
                assert_eq!(read_data(event_type, Some(&again)), answer);
            }
            keyed(data);
        }
        Err(invalid) => {
            let is_unsure = value.as_ref().is_some_and(|value| {
                model::has_a_name_twice(text.as_bytes(), value) || model::has_a_whole_float(value)
            });
            assert!(is_data != Some(true) || is_unsure, "rejected, and should not be: {invalid:?}");
            assert_eq!(invalid.reason, Reason::Contract);
            assert!(invalid.field.split(['.', '[']).next() == Some("data"), "{invalid:?}");
            check::rejection_alone(invalid, "u");
        }
    }
}

/// A stock event is for the key of its store and sku, and for no other.
fn keyed(data: &Data<'_>) {
    let key = match data {
        Data::StockReceived(receipt) => format!("{}#{}", receipt.store_id, receipt.sku),
        Data::StockCounted(count) => format!("{}#{}", count.store_id, count.sku),
        _ => return assert_eq!(check_subject("any", data), Ok(())),
    };
    assert_eq!(check_subject(&key, data), Ok(()));
    for other in
        ["any", "#", &format!("{key}#"), &format!("#{key}"), &format!("{key}x"), &key.replace('#', "")]
    {
        assert!(check_subject(other, data).is_err(), "{other:?} is taken for {key:?}");
    }
}

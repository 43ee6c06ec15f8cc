//! What events and data must be, written a second time over plain JSON values: slow, and unaware of how the
//! decoders do it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use millrace_domain::contract::{
    LINES_LIMIT, NAME_LIMIT_BYTES, NESTING_LIMIT, QUANTITY_LIMIT, STORE_LIMIT_BYTES, TEXT_LIMIT_BYTES,
};
use millrace_domain::decode::CLOCK_SKEW_LIMIT_MS;
use millrace_domain::envelope::{SUBJECT_LIMIT_BYTES, TYPE_LIMIT_BYTES};
use millrace_domain::identity::{ID_LIMIT_BYTES, SOURCE_LIMIT_BYTES};
use millrace_domain::money::{AMOUNT_LIMIT_MINOR, Currency};
use millrace_domain::time::{LARGEST_EPOCH_MS, parse_rfc3339_ms};
use millrace_domain::timer;
use serde_json::Value;
use serde_json::value::RawValue;

/// Whether a value is an event that may arrive under this key at this time.
pub(super) fn is_event(value: &Value, partition_key: &str, arrived_at_ms: i64) -> bool {
    let attribute = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    let fits = |name, limit| is_text(attribute(name), limit);
    let content_type = attribute("datacontenttype").to_ascii_lowercase();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let time_ms = parse_rfc3339_ms(attribute("time"));
    has_attributes(value)
        && attribute("specversion") == "1.0"
        && fits("id", ID_LIMIT_BYTES)
        && fits("source", SOURCE_LIMIT_BYTES)
        && fits("type", TYPE_LIMIT_BYTES)
        && fits("subject", SUBJECT_LIMIT_BYTES)
        && (["", "application/json"].contains(&media_type) || media_type.ends_with("+json"))
        && time_ms.is_some_and(|time_ms| time_ms <= arrived_at_ms.saturating_add(CLOCK_SKEW_LIMIT_MS))
        && attribute("subject") == partition_key
        // Where it can be opened, `opened` has put it in the place of `data`.
        && value.get("data_base64").is_none_or(Value::is_null)
        && is_data(attribute("type"), value.get("data").filter(|data| !data.is_null()))
        && is_of_subject(attribute("type"), value.get("data"), partition_key)
        && (attribute("type") != timer::TYPE || is_timer(value, time_ms))
}

/// Whether the envelope of a timer says what its data says.
fn is_timer(value: &Value, time_ms: Option<i64>) -> bool {
    let due_at_ms = value["data"]["due_at_ms"].as_i64();
    value["source"] == timer::SOURCE
        && time_ms == due_at_ms
        && value["id"].as_str().and_then(|id| id.strip_prefix("due/"))
            == due_at_ms.map(|it| it.to_string()).as_deref()
}

/// Whether every attribute is a text, null or absent, but for those that number a position: these are numbers or
/// absent.
fn has_attributes(value: &Value) -> bool {
    const NAMES: [&str; 11] = [
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "time",
        "dataschema",
        "datacontenttype",
        "originstream",
        "originshardid",
        "originsequencenumber",
    ];
    const NUMBERS: [&str; 3] = ["originsubsequence", "originelement", "originindex"];
    let is_text_or_null = |name: &str| value.get(name).is_none_or(|it| it.is_string() || it.is_null());
    let is_number = |it: &Value| whole(it).is_some_and(|number| u32::try_from(number).is_ok());
    value.is_object()
        && NAMES.into_iter().all(is_text_or_null)
        && NUMBERS.into_iter().all(|name| value.get(name).is_none_or(is_number))
}

/// Whether a value is data of this type.
pub(super) fn is_data(event_type: &str, data: Option<&Value>) -> bool {
    let Some(data) = data else {
        return matches!(event_type, "user.logged_in" | "user.logged_out") || !is_known(event_type);
    };
    if depth(data) > NESTING_LIMIT {
        return false;
    }
    let name = |field: &str| is_name(data, field);
    let number = |field: &str, least, most| is_number(data, field, least, most);
    let shape = match event_type {
        "product.viewed" => name("sku"),
        "cart.item_added" | "cart.item_removed" => name("sku") && number("quantity", 1, QUANTITY_LIMIT),
        "order.placed" | "order.returned" => is_order(data),
        "payment.authorized" | "payment.failed" => {
            let is_reason = |reason: &Value| match reason {
                Value::String(text) => text.is_empty() || is_text(text, TEXT_LIMIT_BYTES),
                other => other.is_null(),
            };
            name("order_id")
                && number("amount_minor", 0, AMOUNT_LIMIT_MINOR)
                && has_currency(data)
                && data.get("reason").is_none_or(is_reason)
        }
        "stock.received" => is_store(data) && name("sku") && number("quantity", 1, QUANTITY_LIMIT),
        "stock.counted" => is_store(data) && name("sku") && number("on_hand", 0, QUANTITY_LIMIT),
        "stock.sold" | "stock.returned" => {
            is_store(data) && name("sku") && name("order_id") && number("quantity", 1, QUANTITY_LIMIT)
        }
        "timer.due" => number("due_at_ms", 0, LARGEST_EPOCH_MS),
        _ => return true,
    };
    data.is_object() && shape
}

fn is_order(data: &Value) -> bool {
    let is_line = |line: &Value| {
        line.is_object()
            && is_name(line, "sku")
            && is_number(line, "quantity", 1, QUANTITY_LIMIT)
            && is_number(line, "unit_price_minor", 0, AMOUNT_LIMIT_MINOR)
    };
    let lines = data.get("lines").and_then(Value::as_array);
    is_name(data, "order_id")
        && (data.get("store_id").is_none() || is_store(data))
        && has_currency(data)
        && is_number(data, "total_minor", 0, AMOUNT_LIMIT_MINOR)
        && lines.is_some_and(|lines| (1..=LINES_LIMIT).contains(&lines.len()) && lines.iter().all(is_line))
}

fn is_of_subject(event_type: &str, data: Option<&Value>, subject: &str) -> bool {
    let text = |field: &str| data.and_then(|data| data.get(field)).and_then(Value::as_str);
    match (event_type, text("store_id"), text("sku")) {
        ("stock.received" | "stock.counted" | "stock.sold" | "stock.returned", Some(store), Some(sku)) => {
            subject == format!("{store}#{sku}")
        }
        _ => true,
    }
}

fn is_known(event_type: &str) -> bool {
    ["product.viewed", "cart.item_added", "cart.item_removed", "order.placed", "order.returned"]
        .contains(&event_type)
        || ["payment.authorized", "payment.failed", "stock.received", "stock.counted"].contains(&event_type)
        || ["stock.sold", "stock.returned", "timer.due"].contains(&event_type)
}

fn is_text(text: &str, limit_bytes: usize) -> bool {
    (1..=limit_bytes).contains(&text.len()) && !text.contains(char::is_control)
}

fn is_name(data: &Value, field: &str) -> bool {
    let text = data.get(field).and_then(Value::as_str);
    text.is_some_and(|text| is_text(text, NAME_LIMIT_BYTES) && !text.contains('#'))
}

fn is_store(data: &Value) -> bool {
    let short = |text: &str| text.len() <= STORE_LIMIT_BYTES;
    is_name(data, "store_id") && data.get("store_id").and_then(Value::as_str).is_some_and(short)
}

fn is_number(data: &Value, field: &str, least: i64, most: i64) -> bool {
    data.get(field).and_then(whole).is_some_and(|number| (least..=most).contains(&number))
}

/// A whole number, however it is written.
fn whole(value: &Value) -> Option<i64> {
    let float = || value.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 9e15);
    // Without an exponent, and without a fraction.
    value.as_i64().or_else(|| format!("{:.0}", float()?).parse().ok())
}

/// Whether a number was read as a whole float. Its text may have a fraction all the same, which only the text can tell.
pub(super) fn has_a_whole_float(value: &Value) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(has_a_whole_float),
        Value::Object(fields) => fields.values().any(has_a_whole_float),
        other => other.is_f64() && other.as_f64().is_some_and(|float| float.fract() == 0.0),
    }
}

/// The event with what `data_base64` holds in the place of `data`, and whether that has a name twice; as it is where there
/// is none, or none that could be. `None` where values cannot tell.
pub(super) fn opened(mut value: Value) -> Option<(Value, bool)> {
    let Some(base64) = value.get("data_base64").and_then(Value::as_str) else { return Some((value, false)) };
    let bytes = STANDARD.decode(base64).unwrap_or_default();
    if value.get("data").is_some_and(|data| !data.is_null())
        || serde_json::from_slice::<&RawValue>(&bytes).is_err()
    {
        return Some((value, false));
    }
    let data: Value = serde_json::from_slice(&bytes).ok()?;
    let is_twice_there = has_a_name_twice(&bytes, &data);
    value["data"] = data;
    value["data_base64"] = Value::Null;
    Some((value, is_twice_there))
}

fn has_currency(data: &Value) -> bool {
    let code = data.get("currency").and_then(Value::as_str);
    code.is_some_and(|code| {
        code.len() == 3
            && code.bytes().all(|byte| byte.is_ascii_uppercase())
            && Currency::from_code(code).is_some()
    })
}

/// Whether an object of this text has a name twice: readers reject that where they know the name, and a value
/// keeps the last. A text has a colon for every name, outside its strings.
pub(super) fn has_a_name_twice(text: &[u8], value: &Value) -> bool {
    let (mut colons, mut in_string, mut escaped) = (0, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            b':' if !in_string => colons += 1,
            _ => {}
        }
    }
    colons != names(value)
}

fn names(value: &Value) -> usize {
    match value {
        Value::Array(elements) => elements.iter().map(names).sum(),
        Value::Object(fields) => fields.values().map(|field| 1 + names(field)).sum(),
        _ => 0,
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(elements) => 1 + elements.iter().map(depth).max().unwrap_or_default(),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

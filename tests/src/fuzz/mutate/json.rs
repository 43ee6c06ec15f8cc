//! Changes to JSON values: one node becomes another, goes, comes twice, or is named differently.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;
use serde_json::{Map, Value, json};

/// Lengths at and around the limits of the contracts.
const LENGTHS: [usize; 11] = [1, 127, 128, 129, 255, 256, 257, 512, 513, 1_024, 1_025];
const CHARACTERS: [&str; 8] = ["a", "\"", "\\", "\u{1}", "\u{7f}", "#", "é", "\u{e0001}"];
const TEXTS: [&str; 14] = [
    "",
    "GBP",
    "gbp",
    "XXX",
    "s#a",
    "1.0",
    "application/vnd.x+json; charset=utf-8",
    "order.placed",
    "stock.counted",
    "payment.failed",
    "2025-11-03T10:35:00Z",
    "2025-11-03T10:35:00.001Z",
    "9999-12-31T23:59:60+23:59",
    " at line 1",
];
const NUMBERS: [i64; 12] = [
    0,
    1,
    -1,
    1_000_000_000,
    1_000_000_001,
    10_000_000_000_000,
    10_000_000_000_001,
    i64::MAX,
    i64::MIN,
    255,
    5_000,
    1_762_166_100,
];

/// The value with one change, as text. `other` lends its nodes where it is JSON.
pub(super) fn changed(mut value: Value, other: &[u8], rng: &mut Rng) -> Vec<u8> {
    let nodes = count(&value);
    let mut node = rng.usize(0..nodes);
    let lent = serde_json::from_slice(other).unwrap_or(Value::Null);
    change_at(&mut value, &mut node, &lent, rng);
    let text =
        if rng.u8(0..8) == 0 { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
    text.unwrap_or_default().into_bytes()
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(elements) => elements.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// Walks to the node of this number, and changes it.
fn change_at(value: &mut Value, node: &mut usize, lent: &Value, rng: &mut Rng) -> bool {
    if *node == 0 {
        change(value, lent, rng);
        return true;
    }
    *node -= 1;
    match value {
        Value::Array(elements) => elements.iter_mut().any(|element| change_at(element, node, lent, rng)),
        Value::Object(fields) => fields.values_mut().any(|field| change_at(field, node, lent, rng)),
        _ => false,
    }
}

fn change(value: &mut Value, lent: &Value, rng: &mut Rng) {
    match (&mut *value, rng.u8(0..4)) {
        (Value::Object(fields), 1..) => change_object(fields, lent, rng),
        (Value::Array(elements), 1..) if !elements.is_empty() => change_array(elements, rng),
        (Value::String(text), 1..) => *text = changed_text(text, lent, rng),
        (Value::Number(number), 1..) => {
            let near = number.as_i64().map(|number| number.saturating_add(rng.i64(-2..=2)));
            *value =
                near.filter(|_| rng.bool()).unwrap_or_else(|| NUMBERS[rng.usize(0..NUMBERS.len())]).into();
        }
        _ => *value = leaf(rng),
    }
}

fn change_object(fields: &mut Map<String, Value>, lent: &Value, rng: &mut Rng) {
    let name = fields.keys().nth(rng.usize(0..fields.len().max(1))).cloned().unwrap_or_default();
    match rng.u8(0..4) {
        0 => drop(fields.remove(&name)),
        1 => {
            let field = fields.remove(&name).unwrap_or_default();
            fields.insert(text(rng), field);
        }
        2 => drop(fields.insert(text(rng), leaf(rng))),
        _ => {
            let others = lent.as_object().or_else(|| lent.get(0).and_then(Value::as_object));
            let field = others.and_then(|others| others.iter().nth(rng.usize(0..others.len().max(1))));
            fields.extend(field.map(|(name, field)| (name.clone(), field.clone())));
        }
    }
}

fn change_array(elements: &mut Vec<Value>, rng: &mut Rng) {
    let index = rng.usize(0..elements.len());
    match rng.u8(0..4) {
        0 => drop(elements.remove(index)),
        1 => elements.push(elements[index].clone()),
        2 => elements.push(leaf(rng)),
        _ => rng.shuffle(elements),
    }
}

/// Base64 is opened and changed within; other text is replaced or changed byte by byte.
fn changed_text(text_before: &str, lent: &Value, rng: &mut Rng) -> String {
    let opened = STANDARD.decode(text_before).ok().filter(|opened| opened.len() > 20);
    match (opened, rng.u8(0..4)) {
        (Some(opened), 1..) => STANDARD.encode(super::once(&opened, lent.to_string().as_bytes(), rng)),
        (_, 0 | 1) => text(rng),
        _ => {
            let changed = super::bytes::changed(text_before.as_bytes(), b"\"a,b\"", rng);
            String::from_utf8_lossy(&changed).into_owned()
        }
    }
}

fn leaf(rng: &mut Rng) -> Value {
    match rng.u8(0..9) {
        0 => Value::Null,
        1 => json!(rng.bool()),
        2 | 3 => json!(NUMBERS[rng.usize(0..NUMBERS.len())]),
        4 => json!(1.0),
        5 => json!(u64::MAX),
        6 => nested(rng.usize(14..19)),
        // The fields of a contract in their order, without their names.
        7 => json!(["a", 1, 1, [["a", 1, 1]], "a"]),
        _ => Value::String(text(rng)),
    }
}

fn text(rng: &mut Rng) -> String {
    if rng.bool() {
        return TEXTS[rng.usize(0..TEXTS.len())].to_owned();
    }
    let character = CHARACTERS[rng.usize(0..CHARACTERS.len())];
    let length = LENGTHS[rng.usize(0..LENGTHS.len())];
    character.repeat(length.div_ceil(character.len()))
}

fn nested(levels: usize) -> Value {
    (1..levels)
        .fold(json!([]), |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({"a": inner}) })
}

//! Scenarios as text: what happens in a shop, line by line, and what the functions emit.

use millrace_domain::time::{MINUTE_MS, SECOND_MS, parse_rfc3339_ms};
use millrace_testkit::{EventBuilder, event};
use serde_json::{Value, json};

/// The day on which every scenario plays.
const DAY: &str = "2025-11-03T00:00:00Z";
/// The only store.
const STORE: &str = "default";
const CURRENCY: &str = "EUR";

/// The beginning of the day, in epoch milliseconds.
pub(crate) fn midnight_ms() -> i64 {
    parse_rfc3339_ms(DAY).unwrap_or_default()
}

/// A line of a scenario.
pub(crate) struct Line {
    /// When it happens, in epoch milliseconds.
    pub(crate) at_ms: i64,
    /// What happens; nothing but time passes where there is none.
    pub(crate) event: Option<EventBuilder>,
}

/// The line that puts the rules of fraud into the shadow.
const ON_TRIAL: &str = "the rules are on trial";

/// Whether the rules of fraud are only on trial.
pub(crate) fn is_on_trial(text: &str) -> bool {
    text.lines().any(|line| line == ON_TRIAL)
}

/// The lines above the ruler, and the text below it.
pub(crate) fn read(text: &str) -> (Vec<Line>, &str) {
    let (script, emitted) =
        text.split_once("\n---\n").expect("a ruler divides what happens from what is emitted");
    let lines =
        script.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#') && *line != ON_TRIAL);
    let lines = lines.map(|line| read_line(line).ok_or(line));
    (lines.map(|line| line.expect("it is a line of a scenario")).collect(), emitted)
}

/// Milliseconds of a time of the day, such as `09:30` or `09:30:15`.
fn time_ms(text: &str) -> Option<i64> {
    let mut parts = text.split(':').map(str::parse::<i64>);
    let (hours, minutes) = (parts.next()?.ok()?, parts.next()?.ok()?);
    let seconds = parts.next().transpose().ok()?.unwrap_or_default();
    Some(midnight_ms() + (60 * hours + minutes) * MINUTE_MS + seconds * SECOND_MS)
}

/// The time of the day of a moment, with seconds where there are any.
pub(crate) fn time_text(at_ms: i64) -> String {
    let seconds = (at_ms - midnight_ms()) / SECOND_MS;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match seconds {
        0 => format!("{hours:02}:{minutes:02}"),
        _ => format!("{hours:02}:{minutes:02}:{seconds:02}"),
    }
}

fn read_line(line: &str) -> Option<Line> {
    let (time, what) = line.trim().split_once(' ')?;
    let at_ms = time_ms(time)?;
    let what = what.trim();
    if what == "time passes" {
        return Some(Line { at_ms, event: None });
    }
    // What is sent again has the id of the line that it repeats.
    let what = what.strip_suffix("(again)").unwrap_or(what).trim();
    let (who, deed) = what.split_once(' ')?;
    let id = format!("{who} at {time}");
    let event = match who {
        "warehouse" => warehouse(&id, deed.trim())?,
        user => of_user(&id, user, deed.trim())?,
    };
    Some(Line { at_ms, event: Some(event.at_ms(at_ms)) })
}

fn warehouse(id: &str, deed: &str) -> Option<EventBuilder> {
    let (verb, rest) = deed.split_once(' ')?;
    let (count, sku) = pieces(rest)?;
    let (event_type, field) = match verb {
        "receives" => ("stock.received", "quantity"),
        "counts" => ("stock.counted", "on_hand"),
        _ => return None,
    };
    let data = json!({"store_id": STORE, "sku": sku, field: count});
    Some(event(id, &format!("{STORE}#{sku}")).of_type(event_type, data))
}

fn of_user(id: &str, user: &str, deed: &str) -> Option<EventBuilder> {
    let of_type = |event_type: &str, data: Value| Some(event(id, user).of_type(event_type, data));
    if let Some(sku) = deed.strip_prefix("looks at ") {
        return of_type("product.viewed", json!({"sku": sku}));
    }
    for (verb, event_type) in [("adds ", "cart.item_added"), ("removes ", "cart.item_removed")] {
        if let Some(rest) = deed.strip_prefix(verb) {
            let (quantity, sku) = pieces(rest)?;
            return of_type(event_type, json!({"sku": sku, "quantity": quantity}));
        }
    }
    for (verb, event_type) in [("orders ", "order.placed"), ("returns ", "order.returned")] {
        if let Some(rest) = deed.strip_prefix(verb) {
            let (lines, total) = rest.split_once(" for ")?;
            let line = |line: &str| {
                let (quantity, sku) = pieces(line.trim())?;
                Some(json!({"sku": sku, "quantity": quantity, "unit_price_minor": 100}))
            };
            let lines: Vec<Value> = lines.split(',').map(line).collect::<Option<_>>()?;
            let total_minor = minor(total)?;
            let order =
                json!({"order_id": id, "currency": CURRENCY, "total_minor": total_minor, "lines": lines});
            return of_type(event_type, order);
        }
    }
    for (verb, event_type) in [("pays ", "payment.authorized"), ("fails to pay ", "payment.failed")] {
        if let Some(amount) = deed.strip_prefix(verb) {
            let data = json!({"order_id": "order", "currency": CURRENCY, "amount_minor": minor(amount)?});
            return of_type(event_type, data);
        }
    }
    match deed {
        "logs in" => of_type("user.logged_in", json!({})),
        "logs out" => of_type("user.logged_out", json!({})),
        _ => None,
    }
}

/// `2 mug` as a count and a product.
fn pieces(text: &str) -> Option<(i64, &str)> {
    let (count, sku) = text.split_once(' ')?;
    Some((count.parse().ok()?, sku))
}

/// `12.50` in minor units.
fn minor(text: &str) -> Option<i64> {
    let (whole, cents) = text.split_once('.')?;
    Some(whole.parse::<i64>().ok()? * 100 + cents.parse::<i64>().ok()?)
}

/// A signal in a line: time, subject, type, and its data in words.
pub(crate) fn emitted(signal: &Value) -> String {
    let text = |name: &str| signal[name].as_str().unwrap_or_default();
    let at_ms = parse_rfc3339_ms(text("time")).unwrap_or_default();
    let data = signal["data"].as_object().into_iter().flatten();
    let words: Vec<_> =
        data.map(|(name, value)| format!("{} {}", name.replace('_', " "), plain(value))).collect();
    format!("{} {} {}: {}", time_text(at_ms), text("subject"), text("type"), words.join(", "))
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => format!("[{}]", values.iter().map(plain).collect::<Vec<_>>().join("; ")),
        Value::Object(values) => {
            let words: Vec<_> =
                values.iter().map(|(name, value)| format!("{name} {}", plain(value))).collect();
            format!("({})", words.join(", "))
        }
        other => other.to_string(),
    }
}

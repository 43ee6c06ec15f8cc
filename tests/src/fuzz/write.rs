//! Events written again, to be read again.

use millrace_domain::time::format_rfc3339_ms;
use millrace_domain::{Data, Event};
use serde_json::json;

/// Data as JSON text; empty for types without data of their own.
pub(super) fn data(data: &Data<'_>) -> String {
    let value = match data {
        Data::ProductViewed(view) => json!({"sku": view.sku}),
        Data::CartItemAdded(change) | Data::CartItemRemoved(change) => {
            json!({"sku": change.sku, "quantity": change.quantity})
        }
        Data::OrderPlaced(order) | Data::OrderReturned(order) => json!({
            "order_id": order.order_id,
            "currency": order.currency,
            "total_minor": order.total_minor,
            "lines": order.lines,
            "store_id": order.store_id,
        }),
        Data::PaymentAuthorized(payment) | Data::PaymentFailed(payment) => json!({
            "order_id": payment.order_id,
            "amount_minor": payment.amount_minor,
            "currency": payment.currency,
            "reason": payment.reason,
        }),
        Data::StockReceived(receipt) => {
            json!({"store_id": receipt.store_id, "sku": receipt.sku, "quantity": receipt.quantity})
        }
        Data::StockCounted(count) => {
            json!({"store_id": count.store_id, "sku": count.sku, "on_hand": count.on_hand})
        }
        Data::StockSold(moved) | Data::StockReturned(moved) => json!(moved),
        Data::TimerDue(timer) => json!(timer),
        Data::UserLoggedIn | Data::UserLoggedOut | Data::Signal | Data::Unknown => return String::new(),
    };
    value.to_string()
}

/// An event as JSON text, its data byte by byte as it came.
pub(super) fn event(event: &Event<'_>) -> String {
    let envelope = json!({
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.event_type,
        "subject": event.subject,
        "time": format_rfc3339_ms(event.time_ms),
        "dataschema": event.data_schema,
        "originstream": event.origin.as_ref().map(|origin| origin.shard.stream()),
        "originshardid": event.origin.as_ref().map(|origin| origin.shard.id()),
        "originsequencenumber": event.origin.as_ref().map(|origin| origin.position.sequence.as_str()),
        "originsubsequence": event.origin.as_ref().map_or(0, |origin| origin.position.sub_sequence),
        "originelement": event.origin.as_ref().map_or(0, |origin| origin.position.element),
        "originindex": event.origin.as_ref().map_or(0, |origin| origin.index),
    });
    let mut text = envelope.to_string();
    if !event.raw_data.is_empty() {
        text.truncate(text.len() - 1);
        text = format!("{text},\"data\":{}}}", event.raw_data);
    }
    text
}

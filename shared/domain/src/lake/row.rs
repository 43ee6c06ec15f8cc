//! An event as a row of the lake.

use serde::Serialize;

use crate::contract::{CartChange, Order, OrderLine, Payment};
use crate::event::{Data, Event};
use crate::position::Position;
use crate::time::{DAY_MS, format_day, format_rfc3339_ms};

/// The `event_type` partition of types that this version does not know; the column `type` keeps their name.
/// A partition for each name would let anyone open partitions without end.
pub const UNKNOWN_TYPE: &str = "unknown";

/// How rows find their day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowSettings {
    /// A row whose event is older than this at its arrival goes to the day it arrived, in days; `None` turns
    /// that off. One phone with a lost clock must not use up Firehose's active partitions.
    pub maximum_event_age_days: Option<u32>,
}

impl Default for RowSettings {
    fn default() -> Self {
        Self { maximum_event_age_days: Some(30) }
    }
}

/// Where an event came from.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The shard.
    pub shard_id: &'a str,
    /// The position within it.
    pub position: &'a Position,
    /// When the stream took it, in epoch milliseconds.
    pub arrived_at_ms: i64,
}

/// A row, to be written as one JSON document. Its names are those of [`super::COLUMNS`] and
/// [`super::PARTITION_KEYS`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row<'a> {
    event_type: &'a str,
    dt: String,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    type_name: &'a str,
    subject: &'a str,
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    dataschema: Option<&'a str>,
    #[serde(flatten)]
    fields: Fields<'a>,
    #[serde(skip_serializing_if = "str::is_empty")]
    data: &'a str,
    arrived_at: String,
    shard_id: &'a str,
    sequence_number: &'a str,
    sub_sequence: u32,
    element: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct Fields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sku: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_minor: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<&'a [OrderLine<'a>]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    store_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount_minor: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_hand: Option<i64>,
}

impl<'a> Row<'a> {
    /// The row of an event.
    pub fn of(event: &'a Event<'_>, origin: Origin<'a>, settings: RowSettings) -> Self {
        Self {
            event_type: if event.data == Data::Unknown { UNKNOWN_TYPE } else { &event.event_type },
            dt: format_day(day_ms(event.time_ms, origin.arrived_at_ms, settings)),
            id: &event.id,
            source: &event.source,
            type_name: &event.event_type,
            subject: &event.subject,
            time: format_rfc3339_ms(event.time_ms),
            dataschema: event.data_schema.as_deref(),
            fields: Fields::of(&event.data),
            data: event.raw_data,
            arrived_at: format_rfc3339_ms(origin.arrived_at_ms),
            shard_id: origin.shard_id,
            sequence_number: origin.position.sequence.as_str(),
            sub_sequence: origin.position.sub_sequence,
            element: origin.position.element,
        }
    }
}

impl Row<'_> {
    /// The row without the lines of its order, for an order so long that they do not fit twice: `data` holds them,
    /// too.
    #[must_use]
    pub fn without_lines(mut self) -> Self {
        self.fields.lines = None;
        self
    }
}

fn day_ms(time_ms: i64, arrived_at_ms: i64, settings: RowSettings) -> i64 {
    match settings.maximum_event_age_days {
        Some(days) if arrived_at_ms.saturating_sub(time_ms) > i64::from(days) * DAY_MS => arrived_at_ms,
        _ => time_ms,
    }
}

impl<'a> Fields<'a> {
    fn of(data: &'a Data<'_>) -> Self {
        match data {
            Data::ProductViewed(view) => Self { sku: Some(&view.sku), ..Self::default() },
            Data::CartItemAdded(change) | Data::CartItemRemoved(change) => Self::of_cart(change),
            Data::OrderPlaced(order) | Data::OrderReturned(order) => Self::of_order(order),
            Data::PaymentAuthorized(payment) | Data::PaymentFailed(payment) => Self::of_payment(payment),
            Data::StockSold(moved) | Data::StockReturned(moved) => Self {
                store_id: Some(&moved.store_id),
                sku: Some(&moved.sku),
                quantity: Some(moved.quantity),
                order_id: Some(&moved.order_id),
                ..Self::default()
            },
            Data::StockReceived(receipt) => Self {
                store_id: Some(&receipt.store_id),
                sku: Some(&receipt.sku),
                quantity: Some(receipt.quantity),
                ..Self::default()
            },
            Data::StockCounted(count) => Self {
                store_id: Some(&count.store_id),
                sku: Some(&count.sku),
                on_hand: Some(count.on_hand),
                ..Self::default()
            },
            Data::UserLoggedIn | Data::UserLoggedOut | Data::TimerDue(_) | Data::Signal | Data::Unknown => {
                Self::default()
            }
        }
    }

    fn of_cart(change: &'a CartChange<'_>) -> Self {
        Self { sku: Some(&change.sku), quantity: Some(change.quantity), ..Self::default() }
    }

    fn of_order(order: &'a Order<'_>) -> Self {
        Self {
            order_id: Some(&order.order_id),
            currency: Some(order.currency.code()),
            total_minor: Some(order.total_minor),
            lines: Some(&order.lines),
            store_id: Some(&order.store_id),
            ..Self::default()
        }
    }

    fn of_payment(payment: &'a Payment<'_>) -> Self {
        Self {
            order_id: Some(&payment.order_id),
            amount_minor: Some(payment.amount_minor),
            currency: Some(payment.currency.code()),
            reason: payment.reason.as_deref(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::read_data;
    use crate::lake::{COLUMNS, PARTITION_KEYS};
    use crate::position::SequenceNumber;

    const ARRIVED_AT_MS: i64 = 1_291_191_960_000;

    fn row(event_type: &str, raw_data: &str, time_ms: i64) -> serde_json::Value {
        let event = Event {
            id: "e".into(),
            source: "s".into(),
            event_type: event_type.into(),
            subject: "u".into(),
            time_ms,
            data_schema: Some("urn:schema".into()),
            data: read_data(event_type, Some(raw_data)).unwrap(),
            raw_data,
            origin: None,
        };
        let position =
            Position { sequence: SequenceNumber::parse("5").unwrap(), sub_sequence: 1, element: 2 };
        let origin = Origin { shard_id: "shard", position: &position, arrived_at_ms: ARRIVED_AT_MS };
        serde_json::to_value(Row::of(&event, origin, RowSettings::default())).unwrap()
    }

    #[test]
    fn rows_have_just_the_declared_columns() {
        let data = [
            ("product.viewed", r#"{"sku":"a"}"#),
            ("cart.item_added", r#"{"sku":"a","quantity":1}"#),
            (
                "order.placed",
                r#"{"order_id":"o","currency":"GBP","total_minor":1,"lines":[{"sku":"a","quantity":1,"unit_price_minor":1}]}"#,
            ),
            ("payment.failed", r#"{"order_id":"o","currency":"GBP","amount_minor":1,"reason":"no funds"}"#),
            ("stock.counted", r#"{"store_id":"s","sku":"a","on_hand":1}"#),
        ];
        let mut used = std::collections::BTreeSet::new();
        for (event_type, raw_data) in data {
            used.extend(row(event_type, raw_data, ARRIVED_AT_MS).as_object().unwrap().keys().cloned());
        }
        let declared = COLUMNS.iter().chain(PARTITION_KEYS).map(|column| column.name.to_owned()).collect();
        assert_eq!(used, declared);
    }

    #[test]
    fn what_the_data_holds_stands_in_columns_of_the_same_names() {
        let order = r#"{"order_id":"o","currency":"GBP","total_minor":1,"store_id":"s","lines":[{"sku":"a","quantity":1,"unit_price_minor":2}]}"#;
        let payment = r#"{"order_id":"o","currency":"GBP","amount_minor":1,"reason":"no funds"}"#;
        let data = [
            ("product.viewed", r#"{"sku":"a"}"#),
            ("cart.item_removed", r#"{"sku":"a","quantity":3}"#),
            ("order.placed", order),
            ("order.returned", order),
            ("payment.authorized", payment),
            ("stock.received", r#"{"store_id":"s","sku":"a","quantity":3}"#),
            ("stock.counted", r#"{"store_id":"s","sku":"a","on_hand":0}"#),
            ("stock.sold", r#"{"store_id":"s","sku":"a","quantity":3,"order_id":"o"}"#),
        ];
        for (event_type, raw_data) in data {
            let row = row(event_type, raw_data, ARRIVED_AT_MS);
            let data: serde_json::Value = serde_json::from_str(raw_data).unwrap();
            for (name, value) in data.as_object().unwrap() {
                assert_eq!(&row[name], value, "{event_type} {name}");
            }
        }
    }

    #[test]
    fn an_unknown_type_shares_one_partition() {
        let row = row("coupon.used", r#"{"code":1}"#, ARRIVED_AT_MS);
        assert_eq!((&row["event_type"], &row["type"]), (&"unknown".into(), &"coupon.used".into()));
        assert_eq!(row["data"], r#"{"code":1}"#);
    }

    #[test]
    fn a_very_old_event_goes_to_the_day_it_arrived() {
        let day = |time_ms| row("user.logged_in", "{}", time_ms)["dt"].clone();
        assert_eq!(day(ARRIVED_AT_MS - 30 * DAY_MS), "2010-11-01");
        assert_eq!(day(ARRIVED_AT_MS - 30 * DAY_MS - 1), "2010-12-01");
    }
}

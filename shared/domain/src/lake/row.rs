//! An event as a row of the lake.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::fields::Fields;
use crate::event::{Data, Event};
use crate::position::StreamPosition;
use crate::position_fields::{FirstFields, OriginFields, RedriveFields};
use crate::redrive_envelope;
use crate::time::{DAY_MS, format_day, rfc3339_ms};

/// The `event_type` partition of types that this release does not know; the column `type` keeps their name.
/// A partition for each name would let anyone open partitions without end.
pub const UNKNOWN_TYPE: &str = "unknown";
/// The `event_type` partition of control events: timers, and what redrive brought back for one function.
pub const CONTROL_TYPE: &str = "control";

/// How rows find their day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowSettings {
    /// A row whose event is older than this at its arrival goes to the day it arrived, in days; `None` turns
    /// that off. One phone with a lost clock must not use up Firehose's active partitions.
    pub maximum_row_age_days: Option<u32>,
}

impl Default for RowSettings {
    fn default() -> Self {
        Self { maximum_row_age_days: Some(30) }
    }
}

/// Where an event was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Where it was first.
    pub first: StreamPosition,
    /// Where the redrive envelope stood that brought it back, where one did: state changed at this position.
    pub redrive: Option<StreamPosition>,
    /// Whether it was first in the stream of signals, where only functions put events.
    pub of_signals: bool,
}

/// Whether an event has a row. Of what lies in the stream of signals only signals have one: what producers put was relayed
/// from the stream of events, which has its row.
pub fn has_row(data: &Data<'_>, of_signals: bool) -> bool {
    !of_signals || matches!(data, Data::StockSold(_) | Data::StockReturned(_) | Data::Signal)
}

/// A row, to be written as one JSON document, and read from one. Its names are those of [`super::COLUMNS`] and
/// [`super::PARTITION_KEYS`]; the latter stand in the path of a file, not in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row<'a> {
    #[serde(borrow, default)]
    pub(super) event_type: Cow<'a, str>,
    #[serde(borrow, default)]
    dt: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) source: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    pub(super) type_name: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) subject: Cow<'a, str>,
    #[serde(with = "rfc3339_ms")]
    pub(super) time: i64,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) dataschema: Option<Cow<'a, str>>,
    /// Of the data, which holds them all: not read back.
    #[serde(flatten, skip_deserializing)]
    fields: Fields<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<Cow<'a, str>>,
    #[serde(flatten, borrow)]
    pub(super) first: FirstFields<'a>,
    #[serde(flatten, borrow)]
    pub(super) redrive: RedriveFields<'a>,
    #[serde(flatten, borrow)]
    pub(super) origin: OriginFields<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) target_function: Option<Cow<'a, str>>,
}

impl<'a> Row<'a> {
    /// The row of an event. An origin is believed, and written, only of what a function put into the stream of signals.
    pub fn of(event: &'a Event<'_>, delivered: &'a Delivered, settings: RowSettings) -> Self {
        let origin = event.origin.as_deref().filter(|_| delivered.of_signals);
        let event_type = match event.data {
            Data::Unknown => UNKNOWN_TYPE,
            Data::TimerDue(_) => CONTROL_TYPE,
            _ => &event.event_type,
        };
        Self {
            event_type: event_type.into(),
            dt: format_day(day_ms(event.time_ms, delivered.first.arrived_at_ms, settings)).into(),
            id: event.id.as_ref().into(),
            source: event.source.as_ref().into(),
            type_name: event.event_type.as_ref().into(),
            subject: event.subject.as_ref().into(),
            time: event.time_ms,
            dataschema: event.data_schema.as_deref().map(Cow::Borrowed),
            fields: Fields::of(&event.data),
            data: (!event.raw_data.is_empty()).then_some(Cow::Borrowed(&event.raw_data)),
            first: (&delivered.first).into(),
            redrive: delivered.redrive.as_ref().into(),
            origin: origin.into(),
            target_function: None,
        }
    }

    /// The row that says that an event was brought back for this function alone, which may have changed its state; the
    /// event's own row has the same first position. `None` where it was not brought back.
    pub fn redriven(
        event: &'a Event<'_>,
        delivered: &'a Delivered,
        function: &'a str,
        settings: RowSettings,
    ) -> Option<Self> {
        delivered.redrive.as_ref()?;
        Some(Self {
            event_type: CONTROL_TYPE.into(),
            id: format!("{}@{function}", delivered.first).into(),
            source: redrive_envelope::SOURCE.into(),
            type_name: redrive_envelope::TYPE.into(),
            dataschema: None,
            fields: Fields::default(),
            data: None,
            origin: OriginFields::default(),
            target_function: Some(function.into()),
            ..Self::of(event, delivered, settings)
        })
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
    match settings.maximum_row_age_days {
        Some(days) if arrived_at_ms.saturating_sub(time_ms) > i64::from(days) * DAY_MS => arrived_at_ms,
        _ => time_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::read_data;
    use crate::lake::{COLUMNS, PARTITION_KEYS};
    use crate::position::{Position, SequenceNumber, Shard};
    use crate::signal::Origin;

    const ARRIVED_AT_MS: i64 = 1_291_191_960_000;

    fn at(sequence: &str, arrived_at_ms: i64) -> StreamPosition {
        let sequence = SequenceNumber::parse(sequence).unwrap();
        let position = Position { sequence, sub_sequence: 1, element: 2 };
        StreamPosition { shard: Shard::new("events", "shard"), position, arrived_at_ms }
    }

    fn delivered(sequence: &str) -> Delivered {
        Delivered { first: at(sequence, ARRIVED_AT_MS), redrive: None, of_signals: true }
    }

    fn row(event_type: &str, raw_data: &str, time_ms: i64) -> serde_json::Value {
        let event = Event {
            id: "e".into(),
            source: "s".into(),
            event_type: event_type.into(),
            subject: "u".into(),
            time_ms,
            data_schema: Some("urn:schema".into()),
            data: read_data(event_type, Some(raw_data)).unwrap(),
            raw_data: raw_data.into(),
            origin: None,
        };
        serde_json::to_value(Row::of(&event, &delivered("5"), RowSettings::default())).unwrap()
    }

    fn login() -> Event<'static> {
        Event {
            id: "e".into(),
            source: "s".into(),
            event_type: "user.logged_in".into(),
            subject: "u".into(),
            time_ms: ARRIVED_AT_MS,
            data_schema: None,
            data: Data::UserLoggedIn,
            raw_data: "".into(),
            origin: None,
        }
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
        let event = login();
        let delivered = Delivered { redrive: Some(at("9", ARRIVED_AT_MS)), ..delivered("5") };
        let origin = Origin { shard: Shard::new("events", "s"), position: at("1", 0).position, index: 3 };
        let signal = Event { origin: Some(Box::new(origin)), ..event.clone() };
        let signal = Row::of(&signal, &delivered, RowSettings::default());
        let control = Row::redriven(&event, &delivered, "sessions", RowSettings::default()).unwrap();
        for row in [signal, control] {
            used.extend(serde_json::to_value(row).unwrap().as_object().unwrap().keys().cloned());
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

    #[test]
    fn control_events_share_one_partition_and_say_what_changed_state() {
        let timer = row("timer.due", r#"{"due_at_ms":1291191960000}"#, ARRIVED_AT_MS);
        assert_eq!((&timer["event_type"], &timer["type"]), (&"control".into(), &"timer.due".into()));
        let (event, plain) = (login(), delivered("5"));
        assert_eq!(Row::redriven(&event, &plain, "sessions", RowSettings::default()), None);
        let redriven = Delivered { redrive: Some(at("9", ARRIVED_AT_MS)), ..plain };
        let row = Row::redriven(&event, &redriven, "sessions", RowSettings::default()).unwrap();
        let row = serde_json::to_value(row).unwrap();
        assert_eq!((&row["event_type"], &row["type"]), (&"control".into(), &"record.redriven".into()));
        assert_eq!((&row["id"], &row["subject"]), (&"events/shard/5/1/2@sessions".into(), &"u".into()));
        assert_eq!((&row["sequence_number"], &row["redrive_sequence_number"]), (&"5".into(), &"9".into()));
        assert_eq!(row["target_function"], "sessions");
    }

    #[test]
    fn which_events_have_rows() {
        let has = |event_type, raw: &str, of_signals| {
            has_row(&read_data(event_type, Some(raw)).unwrap(), of_signals)
        };
        let (timer, moved) =
            (r#"{"due_at_ms":1}"#, r#"{"store_id":"s","sku":"a","quantity":3,"order_id":"o"}"#);
        assert!(has("user.logged_in", "{}", false) && has("coupon.used", "{}", false));
        assert!(has("timer.due", timer, false) && !has("timer.due", timer, true));
        assert!(has("stock.sold", moved, true) && has("session.closed", "{}", true));
        assert!(!has("user.logged_in", "{}", true));
    }
}

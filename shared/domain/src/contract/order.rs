//! `order.placed` and `order.returned`

use std::borrow::Cow;

use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};

use super::{QUANTITY_LIMIT, check_name, check_range, check_store};
use crate::invalid::{Invalid, Reason};
use crate::json_object::first_objects;
use crate::money::{AMOUNT_LIMIT_MINOR, Currency};
use crate::number_text::whole_number;

/// Most lines of one order. Real invoices have over a thousand.
pub const LINES_LIMIT: usize = 5_000;

/// The key part of an order without a store.
pub const DEFAULT_STORE: &str = "default";

/// An order, or what came back of one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Order<'a> {
    /// The order.
    #[serde(borrow)]
    pub order_id: Cow<'a, str>,
    /// The currency of all amounts.
    pub currency: Currency,
    /// What was paid or paid back, in minor units. Discounts and shipping may set it apart from the sum of the
    /// lines.
    #[serde(deserialize_with = "whole_number")]
    pub total_minor: i64,
    /// What was ordered or came back.
    #[serde(borrow, deserialize_with = "read_lines")]
    pub lines: Vec<OrderLine<'a>>,
    /// The store that delivers; `default` where none is named.
    #[serde(borrow, default = "default_store")]
    pub store_id: Cow<'a, str>,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct OrderLine<'a> {
    /// The product.
    #[serde(borrow)]
    pub sku: Cow<'a, str>,
    /// How many pieces.
    #[serde(deserialize_with = "whole_number")]
    pub quantity: i64,
    /// The price of one piece in minor units; zero for a gift.
    #[serde(deserialize_with = "whole_number")]
    pub unit_price_minor: i64,
}

/// Reads the lines, and keeps no more than an order may have.
fn read_lines<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<OrderLine<'de>>, D::Error> {
    match first_objects(LINES_LIMIT, deserializer)? {
        (lines, count) if count <= LINES_LIMIT => Ok(lines),
        (_, count) => {
            Err(D::Error::custom(format_args!("must hold {LINES_LIMIT} lines or fewer, holds {count}")))
        }
    }
}

fn default_store<'a>() -> Cow<'a, str> {
    Cow::Borrowed(DEFAULT_STORE)
}

impl Order<'_> {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        check_name("data.order_id", &self.order_id)?;
        check_store("data.store_id", &self.store_id)?;
        check_range("data.total_minor", self.total_minor, 0..=AMOUNT_LIMIT_MINOR)?;
        if self.lines.is_empty() {
            return Err(Invalid::field(Reason::Contract, "data.lines", "must hold at least one line"));
        }
        self.lines.iter().enumerate().try_for_each(|(index, line)| {
            line.check().map_err(|invalid| Invalid {
                field: format!("data.lines[{index}].{}", invalid.field),
                ..invalid
            })
        })
    }
}

impl OrderLine<'_> {
    fn check(&self) -> Result<(), Invalid> {
        check_name("sku", &self.sku)?;
        check_range("quantity", self.quantity, 1..=QUANTITY_LIMIT)?;
        check_range("unit_price_minor", self.unit_price_minor, 0..=AMOUNT_LIMIT_MINOR)
    }
}

#[cfg(test)]
mod tests {
    use super::super::read_data;
    use super::*;

    fn order(line: &str, count: usize) -> String {
        let lines = vec![line; count].join(",");
        format!(r#"{{"order_id":"o","currency":"GBP","total_minor":1,"lines":[{lines}]}}"#)
    }

    #[test]
    fn lines_are_checked_and_named() {
        let cases = [
            (
                r#"{"sku":"a","quantity":0,"unit_price_minor":1}"#,
                "data.lines[0].quantity must be 1 or more, is 0",
            ),
            (
                r#"{"sku":"a","quantity":1,"unit_price_minor":-1}"#,
                "data.lines[0].unit_price_minor must be 0 or more, is -1",
            ),
            (r#"{"sku":"a","quantity":1}"#, "data.lines[0].unit_price_minor is missing"),
            (r#"["a",1,1]"#, "data.lines[0] invalid type: sequence, expected an object"),
        ];
        for (line, expected) in cases {
            let text = order(line, 1);
            assert_eq!(read_data("order.placed", Some(&text)).unwrap_err().to_string(), expected);
        }
        assert!(
            read_data("order.placed", Some(&order(r#"{"sku":"a","quantity":1,"unit_price_minor":0}"#, 1)))
                .is_ok()
        );
    }

    #[test]
    fn the_number_of_lines_ends_at_its_limit() {
        let line = r#"{"sku":"a","quantity":1,"unit_price_minor":0}"#;
        assert!(read_data("order.returned", Some(&order(line, LINES_LIMIT))).is_ok());
        assert!(read_data("order.returned", Some(&order(line, LINES_LIMIT + 1))).is_err());
        assert!(read_data("order.returned", Some(&order(line, 0))).is_err());
    }

    #[test]
    fn an_order_without_a_store_belongs_to_the_default_one() {
        let text = order(r#"{"sku":"a","quantity":1,"unit_price_minor":0}"#, 1);
        let order: Order<'_> = serde_json::from_str(&text).unwrap();
        assert_eq!(order.store_id, DEFAULT_STORE);
    }
}

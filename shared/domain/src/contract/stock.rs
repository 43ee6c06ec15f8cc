//! `stock.received`, `stock.counted`, and the signals `stock.sold` and `stock.returned`

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{QUANTITY_LIMIT, check_name, check_range, check_store};
use crate::invalid::Invalid;
use crate::number_text::whole_number;

/// Pieces that came into a store.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct StockReceipt<'a> {
    /// The store.
    #[serde(borrow)]
    pub store_id: Cow<'a, str>,
    /// The product.
    #[serde(borrow)]
    pub sku: Cow<'a, str>,
    /// How many pieces came.
    #[serde(deserialize_with = "whole_number")]
    pub quantity: i64,
}

/// Pieces that were found in a store when somebody counted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct StockCount<'a> {
    /// The store.
    #[serde(borrow)]
    pub store_id: Cow<'a, str>,
    /// The product.
    #[serde(borrow)]
    pub sku: Cow<'a, str>,
    /// How many pieces are there.
    #[serde(deserialize_with = "whole_number")]
    pub on_hand: i64,
}

/// Pieces that left a store with an order, or came back to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockMove<'a> {
    /// The store.
    #[serde(borrow)]
    pub store_id: Cow<'a, str>,
    /// The product.
    #[serde(borrow)]
    pub sku: Cow<'a, str>,
    /// How many pieces.
    #[serde(deserialize_with = "whole_number")]
    pub quantity: i64,
    /// The order that they belong to.
    #[serde(borrow)]
    pub order_id: Cow<'a, str>,
}

impl StockMove<'_> {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        check_store("data.store_id", &self.store_id)?;
        check_name("data.sku", &self.sku)?;
        check_name("data.order_id", &self.order_id)?;
        check_range("data.quantity", self.quantity, 1..=QUANTITY_LIMIT)
    }
}

impl StockReceipt<'_> {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        check_store("data.store_id", &self.store_id)?;
        check_name("data.sku", &self.sku)?;
        check_range("data.quantity", self.quantity, 1..=QUANTITY_LIMIT)
    }
}

impl StockCount<'_> {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        check_store("data.store_id", &self.store_id)?;
        check_name("data.sku", &self.sku)?;
        check_range("data.on_hand", self.on_hand, 0..=QUANTITY_LIMIT)
    }
}

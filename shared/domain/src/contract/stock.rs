//! `stock.received` and `stock.counted`

use std::borrow::Cow;

use serde::Deserialize;

use super::{QUANTITY_LIMIT, check_name, check_range};
use crate::invalid::Invalid;

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
    pub on_hand: i64,
}

impl StockReceipt<'_> {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        check_name("data.store_id", &self.store_id)?;
        check_name("data.sku", &self.sku)?;
        check_range("data.quantity", self.quantity, 1..=QUANTITY_LIMIT)
    }
}

impl StockCount<'_> {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        check_name("data.store_id", &self.store_id)?;
        check_name("data.sku", &self.sku)?;
        check_range("data.on_hand", self.on_hand, 0..=QUANTITY_LIMIT)
    }
}

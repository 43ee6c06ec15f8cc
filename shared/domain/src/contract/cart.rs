//! `cart.item_added` and `cart.item_removed`

use std::borrow::Cow;

use serde::Deserialize;

use super::{QUANTITY_LIMIT, check_name, check_range};
use crate::invalid::Invalid;
use crate::number_text::whole_number;

/// Pieces of one product put into a cart, or taken out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CartChange<'a> {
    /// The product.
    #[serde(borrow)]
    pub sku: Cow<'a, str>,
    /// How many pieces; always positive: the type has the direction.
    #[serde(deserialize_with = "whole_number")]
    pub quantity: i64,
}

impl CartChange<'_> {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        check_name("data.sku", &self.sku)?;
        check_range("data.quantity", self.quantity, 1..=QUANTITY_LIMIT)
    }
}

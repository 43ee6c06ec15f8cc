//! `product.viewed`

use std::borrow::Cow;

use serde::Deserialize;

use super::check_name;
use crate::invalid::Invalid;

/// A look at a product.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ProductView<'a> {
    /// The product.
    #[serde(borrow)]
    pub sku: Cow<'a, str>,
}

impl ProductView<'_> {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        check_name("data.sku", &self.sku)
    }
}

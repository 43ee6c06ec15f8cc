//! `payment.authorized` and `payment.failed`

use std::borrow::Cow;

use serde::Deserialize;

use super::{TEXT_LIMIT_BYTES, check_name, check_range, check_text};
use crate::invalid::Invalid;
use crate::money::{AMOUNT_LIMIT_MINOR, Currency};
use crate::number_text::whole_number;

/// An attempt to pay.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Payment<'a> {
    /// The order to be paid.
    #[serde(borrow)]
    pub order_id: Cow<'a, str>,
    /// The amount in minor units.
    #[serde(deserialize_with = "whole_number")]
    pub amount_minor: i64,
    /// Its currency.
    pub currency: Currency,
    /// Why it failed, where the producer says so.
    #[serde(borrow, default)]
    pub reason: Option<Cow<'a, str>>,
}

impl Payment<'_> {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        check_name("data.order_id", &self.order_id)?;
        check_range("data.amount_minor", self.amount_minor, 0..=AMOUNT_LIMIT_MINOR)?;
        match &self.reason {
            Some(reason) if !reason.is_empty() => check_text("data.reason", reason, TEXT_LIMIT_BYTES),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::read_data;
    use super::*;

    #[test]
    fn a_reason_may_be_empty_but_not_long() {
        let rejection = |reason: &str| {
            let raw = format!(r#"{{"order_id":"o","currency":"GBP","amount_minor":1,"reason":"{reason}"}}"#);
            read_data("payment.failed", Some(&raw)).err().map(|invalid| invalid.field)
        };
        assert_eq!(rejection(""), None);
        assert_eq!(rejection(&"r".repeat(TEXT_LIMIT_BYTES)), None);
        assert_eq!(rejection(&"r".repeat(TEXT_LIMIT_BYTES + 1)).as_deref(), Some("data.reason"));
    }
}

//! Amounts in integer minor units, kept apart by currency.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::withdrawn::withdrawn;

/// Largest amount of one event in minor units. It leaves room in an `i64` for the sum of 900,000 such events.
pub const AMOUNT_LIMIT_MINOR: i64 = 10_000_000_000_000;

/// An ISO 4217 currency: one that is listed, or one that was withdrawn. `withdrawn.rs` has the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(&'static str);

impl Currency {
    /// The currency with this alphabetic code, such as `GBP`.
    pub fn from_code(code: &str) -> Option<Self> {
        let current = iso_currency::Currency::from_code(code).map(|currency| currency.code());
        current.or_else(|| withdrawn(code)).map(Self)
    }

    /// The alphabetic code.
    pub fn code(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Code;
        impl serde::de::Visitor<'_> for Code {
            type Value = Currency;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an ISO 4217 code such as GBP")
            }

            fn visit_str<E: serde::de::Error>(self, code: &str) -> Result<Currency, E> {
                Currency::from_code(code).ok_or_else(|| E::invalid_value(Unexpected::Str(code), &self))
            }
        }
        deserializer.deserialize_str(Code).map_err(D::Error::custom)
    }
}

/// A sum that would leave the range of an `i64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sum of {currency} amounts would pass what a 64-bit integer holds")]
pub struct SumOverflow {
    /// The currency whose sum is full.
    pub currency: Currency,
}

/// Sums by currency, in minor units. Written as a map of code to number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sums(BTreeMap<Currency, i64>);

impl Sums {
    /// Adds an amount.
    ///
    /// # Errors
    /// When the sum would overflow; the sum stays as it was.
    pub fn add(&mut self, currency: Currency, amount_minor: i64) -> Result<(), SumOverflow> {
        let sum = self.0.entry(currency).or_default();
        *sum = sum.checked_add(amount_minor).ok_or(SumOverflow { currency })?;
        Ok(())
    }

    /// Adds every sum of `other`.
    ///
    /// # Errors
    /// When one of the sums would overflow.
    pub fn add_all(&mut self, other: &Self) -> Result<(), SumOverflow> {
        other.0.iter().try_for_each(|(currency, amount_minor)| self.add(*currency, *amount_minor))
    }

    /// The sum in one currency, in minor units.
    pub fn get(&self, currency: Currency) -> i64 {
        self.0.get(&currency).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pounds() -> Currency {
        Currency::from_code("GBP").unwrap()
    }

    #[test]
    fn only_codes_of_the_standard_are_currencies() {
        assert!(serde_json::from_str::<Currency>("\"EUR\"").is_ok());
        for code in ["\"eur\"", "\"EURO\"", "\"QQQ\"", "\"\"", "978"] {
            assert!(serde_json::from_str::<Currency>(code).is_err(), "{code}");
        }
        let refusal = serde_json::from_str::<Currency>("\"eur\"").unwrap_err().to_string();
        assert!(refusal.contains("expected an ISO 4217 code such as GBP"), "{refusal}");
    }

    #[test]
    fn withdrawn_codes_are_currencies_whoever_lists_them() {
        for code in
            ["HRK", "SLL", "ZWL", "CUC", "BGN", "ANG", "BYR", "MRO", "STD", "VEF", "LTL", "DEM", "TRL"]
        {
            assert_eq!(Currency::from_code(code).map(Currency::code), Some(code));
        }
        for code in ["dem", "DEMX", "QQQ", ""] {
            assert_eq!(Currency::from_code(code), None, "{code}");
        }
    }

    #[test]
    fn sums_are_kept_apart_and_written_as_a_map() {
        let mut sums = Sums::default();
        sums.add(pounds(), 250).unwrap();
        sums.add(Currency::from_code("EUR").unwrap(), 1).unwrap();
        sums.add(pounds(), 5).unwrap();
        assert_eq!(serde_json::to_string(&sums).unwrap(), r#"{"EUR":1,"GBP":255}"#);
        assert_eq!(serde_json::from_str::<Sums>(r#"{"EUR":1,"GBP":255}"#).unwrap(), sums);
        sums.add_all(&sums.clone()).unwrap();
        assert_eq!(serde_json::to_string(&sums).unwrap(), r#"{"EUR":2,"GBP":510}"#);
    }

    #[test]
    fn currencies_are_ordered_by_code() {
        assert!(Currency::from_code("EUR").unwrap() < pounds());
    }

    #[test]
    fn a_full_sum_refuses_instead_of_wrapping() {
        let mut sums = Sums::default();
        sums.add(pounds(), i64::MAX).unwrap();
        let overflow = sums.add(pounds(), 1).unwrap_err();
        assert_eq!(overflow.to_string(), "the sum of GBP amounts would pass what a 64-bit integer holds");
        assert_eq!(sums.add_all(&sums.clone()), Err(overflow));
        assert_eq!(sums.get(pounds()), i64::MAX);
    }
}

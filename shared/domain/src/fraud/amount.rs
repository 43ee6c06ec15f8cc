//! The rule `amount`: an order far above what the user has ordered before.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::suspicion::{Finding, Suspicion};
use super::{Mode, decimal};
use crate::contract::Order;
use crate::fold::CannotApply;
use crate::money::Currency;

/// How far above is too far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmountSettings {
    /// What becomes of its suspicions.
    pub mode: Mode,
    /// Standard deviations above the mean that are not suspicious.
    pub deviations: u32,
    /// Orders in the same currency that it takes to judge the next one.
    pub minimum_orders: u64,
}

impl Default for AmountSettings {
    fn default() -> Self {
        Self { mode: Mode::Live, deviations: 3, minimum_orders: 10 }
    }
}

/// What the orders of one user come to, by currency. Every order counts, suspected ones too: sums that left some out
/// would depend on the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Amount(BTreeMap<Currency, OrderSums>);

/// Number, sum and sum of squares of orders in one currency. Mean and variance follow from them exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSums {
    /// Orders.
    pub orders: u64,
    /// Sum of their totals, in minor units.
    pub sum_minor: i64,
    /// Sum of the squares of their totals. Written as text.
    #[serde(with = "decimal")]
    pub sum_of_squares_minor: i128,
}

/// The numbers behind a suspicion: with `n` orders, their sum `s` and sum of squares `q` before it, an order of `x` is
/// suspicious when `n·x > s` and `(n·x - s)² > deviations² · (n·q - s²)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmountFigures {
    /// What was ordered, in minor units.
    pub total_minor: i64,
    /// The currency of all amounts.
    pub currency: Currency,
    /// The orders that were processed before it.
    #[serde(flatten)]
    pub before: OrderSums,
    /// The standard deviations that it passes.
    pub deviations: u32,
}

/// Sums that would leave the range of their integers. For amounts as large as an event may hold, that takes some
/// 400,000 orders of one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the orders in {currency} would pass what the integers that compare them hold")]
pub struct OrdersOverflow {
    /// The currency.
    pub currency: Currency,
}

impl From<OrdersOverflow> for CannotApply {
    fn from(overflow: OrdersOverflow) -> Self {
        Self { why: overflow.to_string() }
    }
}

impl Amount {
    /// What orders in this currency come to.
    pub fn sums(&self, currency: Currency) -> OrderSums {
        self.0.get(&currency).copied().unwrap_or_default()
    }

    /// Whether there were no orders.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Holds an order against those before it, and counts it.
    ///
    /// # Errors
    /// When a sum, or the comparison, would overflow. It does not depend on the mode.
    pub fn order(
        &mut self,
        id: &str,
        order: &Order<'_>,
        settings: &AmountSettings,
    ) -> Result<Option<Suspicion>, OrdersOverflow> {
        let (currency, total_minor) = (order.currency, order.total_minor);
        let overflow = OrdersOverflow { currency };
        let before = self.sums(currency);
        let judged = before.orders >= settings.minimum_orders;
        let is_suspicious =
            judged && before.is_far_below(total_minor, settings.deviations).ok_or(overflow)?;
        self.0.insert(currency, before.and(total_minor).ok_or(overflow)?);
        let figures = AmountFigures { total_minor, currency, before, deviations: settings.deviations };
        Ok(is_suspicious
            .then(|| Suspicion { finding: Finding::Amount(figures), event_ids: vec![id.to_owned()] }))
    }
}

impl OrderSums {
    /// Whether an order lies more than so many standard deviations above the mean of these; `None` on overflow. Where
    /// all were alike, whatever is above them does.
    fn is_far_below(&self, total_minor: i64, deviations: u32) -> Option<bool> {
        let (orders, sum) = (i128::from(self.orders), i128::from(self.sum_minor));
        let above = orders.checked_mul(total_minor.into())?.checked_sub(sum)?;
        let spread = orders.checked_mul(self.sum_of_squares_minor)?.checked_sub(sum.checked_mul(sum)?)?;
        let allowed = i128::from(deviations).checked_pow(2)?.checked_mul(spread)?;
        Some(above > 0 && above.checked_mul(above)? > allowed)
    }

    /// The sums with one more order; `None` on overflow.
    fn and(&self, total_minor: i64) -> Option<Self> {
        let square = i128::from(total_minor).checked_pow(2)?;
        Some(Self {
            orders: self.orders.checked_add(1)?,
            sum_minor: self.sum_minor.checked_add(total_minor)?,
            sum_of_squares_minor: self.sum_of_squares_minor.checked_add(square)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::read_data;
    use crate::event::Data;
    use crate::money::AMOUNT_LIMIT_MINOR;

    /// Mean 100, standard deviation 10.
    const TEN: [i64; 10] = [90, 110, 90, 110, 90, 110, 90, 110, 90, 110];

    fn order(
        amount: &mut Amount,
        currency: &str,
        total_minor: i64,
    ) -> Result<Option<Suspicion>, OrdersOverflow> {
        let line = r#"{"sku":"a","quantity":1,"unit_price_minor":1}"#;
        let text = format!(
            r#"{{"order_id":"o","currency":"{currency}","total_minor":{total_minor},"lines":[{line}]}}"#
        );
        let Data::OrderPlaced(order) = read_data("order.placed", Some(&text)).unwrap() else { panic!() };
        amount.order("e", &order, &AmountSettings::default())
    }

    fn after(totals_minor: &[i64]) -> Amount {
        let mut amount = Amount::default();
        for total_minor in totals_minor {
            assert_eq!(order(&mut amount, "GBP", *total_minor), Ok(None), "{total_minor}");
        }
        amount
    }

    fn is_suspicious(before: &[i64], total_minor: i64) -> bool {
        order(&mut after(before), "GBP", total_minor).unwrap().is_some()
    }

    #[test]
    fn three_deviations_are_not_too_many_and_one_minor_unit_more_is() {
        assert!(!is_suspicious(&TEN, 130));
        assert!(is_suspicious(&TEN, 131));
    }

    #[test]
    fn far_below_the_mean_is_not_suspicious() {
        assert!(!is_suspicious(&TEN, 0));
    }

    #[test]
    fn it_takes_ten_orders_to_judge_the_next_one() {
        assert!(!is_suspicious(&TEN[1..], 1_000_000));
        assert!(is_suspicious(&TEN, 1_000_000));
    }

    #[test]
    fn above_orders_that_were_all_alike_everything_is_suspicious() {
        assert!(!is_suspicious(&[100; 10], 100));
        assert!(is_suspicious(&[100; 10], 101));
    }

    #[test]
    fn currencies_are_kept_apart() {
        let mut amount = after(&TEN);
        assert_eq!(order(&mut amount, "JPY", 1_000_000), Ok(None));
        let sums = amount.sums(Currency::from_code("JPY").unwrap());
        assert_eq!(
            sums,
            OrderSums { orders: 1, sum_minor: 1_000_000, sum_of_squares_minor: 1_000_000_000_000 }
        );
        assert!(order(&mut amount, "GBP", 131).unwrap().is_some());
    }

    #[test]
    fn a_suspected_order_counts_and_its_figures_are_those_before_it() {
        let mut amount = after(&TEN);
        let suspicion = order(&mut amount, "GBP", 131).unwrap().unwrap();
        let pounds = Currency::from_code("GBP").unwrap();
        let before = OrderSums { orders: 10, sum_minor: 1_000, sum_of_squares_minor: 101_000 };
        let figures = AmountFigures { total_minor: 131, currency: pounds, before, deviations: 3 };
        assert_eq!(
            suspicion,
            Suspicion { finding: Finding::Amount(figures), event_ids: vec!["e".to_owned()] }
        );
        let sums = amount.sums(pounds);
        assert_eq!(sums, OrderSums { orders: 11, sum_minor: 1_131, sum_of_squares_minor: 118_161 });
    }

    #[test]
    fn the_largest_amounts_are_compared_hundreds_of_thousands_of_times() {
        let orders = 400_000;
        let sums = OrderSums {
            orders,
            sum_minor: AMOUNT_LIMIT_MINOR * i64::try_from(orders).unwrap(),
            sum_of_squares_minor: i128::from(AMOUNT_LIMIT_MINOR).pow(2) * i128::from(orders),
        };
        let mut amount = Amount(BTreeMap::from([(Currency::from_code("GBP").unwrap(), sums)]));
        assert_eq!(order(&mut amount, "GBP", AMOUNT_LIMIT_MINOR), Ok(None));
        // Half of them small: the spread is as large as it can be.
        let half = OrderSums {
            sum_minor: sums.sum_minor / 2,
            sum_of_squares_minor: sums.sum_of_squares_minor / 2,
            ..sums
        };
        assert_eq!(half.is_far_below(AMOUNT_LIMIT_MINOR, 3), Some(false));
        assert_eq!(half.is_far_below(0, 3), Some(false));
    }

    #[test]
    fn an_overflow_names_the_currency_and_changes_nothing() {
        let pounds = Currency::from_code("GBP").unwrap();
        let full = [
            OrderSums { sum_minor: i64::MAX, orders: 1, sum_of_squares_minor: 0 },
            OrderSums { sum_minor: 0, orders: 1, sum_of_squares_minor: i128::MAX },
            OrderSums { sum_minor: 0, orders: 10, sum_of_squares_minor: i128::MAX / 9 },
        ];
        for sums in full {
            let mut amount = Amount(BTreeMap::from([(pounds, sums)]));
            let overflow = order(&mut amount, "GBP", 1).unwrap_err();
            assert_eq!(overflow, OrdersOverflow { currency: pounds });
            assert!(CannotApply::from(overflow).why.contains("GBP"));
            assert_eq!(amount.sums(pounds), sums);
        }
    }
}

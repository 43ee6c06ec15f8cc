//! The cart: signed sums per sku in each open window, settled into a base when the window closes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::{Data, Event};
use crate::fold::CannotApply;

/// Most skus of a cart, of its base, and of one window's sums. Within this limit the order of events does not
/// matter; beyond it, the order decides which skus are evicted.
pub const CART_LIMIT_SKUS: usize = 100;

/// What one window adds to and takes from each sku. Negative sums wait for an addition that comes late.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CartSums(BTreeMap<String, i64>);

impl CartSums {
    /// Adds what an event does to the cart: additions count up, removals and orders down.
    ///
    /// # Errors
    /// When a sum would leave the range of 64 bits.
    pub fn add(&mut self, event: &Event<'_>) -> Result<(), CannotApply> {
        match &event.data {
            Data::CartItemAdded(change) => self.add_one(&change.sku, change.quantity)?,
            Data::CartItemRemoved(change) => self.add_one(&change.sku, -change.quantity)?,
            Data::OrderPlaced(order) => {
                order.lines.iter().try_for_each(|line| self.add_one(&line.sku, -line.quantity))?;
            }
            _ => return Ok(()),
        }
        self.bound();
        Ok(())
    }

    /// Adds the sums of another window.
    ///
    /// # Errors
    /// When a sum would leave the range of 64 bits.
    pub fn add_all(&mut self, other: &Self) -> Result<(), CannotApply> {
        other.0.iter().try_for_each(|(sku, sum)| self.add_one(sku, *sum))?;
        self.bound();
        Ok(())
    }

    /// Whether the window changes this sku.
    pub(super) fn touches(&self, sku: &str) -> bool {
        self.0.contains_key(sku)
    }

    fn add_one(&mut self, sku: &str, quantity: i64) -> Result<(), CannotApply> {
        let sum = match self.0.get(sku) {
            Some(sum) => sum.checked_add(quantity).ok_or_else(|| CannotApply {
                why: "the quantity of one sku in the cart would pass what a 64-bit integer holds".to_owned(),
            })?,
            None => quantity,
        };
        match sum {
            0 => self.0.remove(sku),
            _ => self.0.insert(sku.to_owned(), sum),
        };
        Ok(())
    }

    /// Negative sums go first: they matter only to an addition that is still to come.
    fn bound(&mut self) {
        while self.0.len() > CART_LIMIT_SKUS {
            let negative = self.0.iter().rev().find(|(_, sum)| **sum < 0).map(|(sku, _)| sku.clone());
            match negative {
                Some(sku) => drop(self.0.remove(&sku)),
                None => drop(self.0.pop_last()),
            }
        }
    }
}

/// What closed windows left in the cart: positive quantities only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cart(BTreeMap<String, i64>);

impl Cart {
    /// Settles a window that closed: its sums are added, and what falls to zero or below is gone.
    pub fn settle(&mut self, sums: &CartSums) {
        for (sku, sum) in &sums.0 {
            let quantity = self.0.get(sku).copied().unwrap_or_default().saturating_add(*sum);
            match quantity {
                1.. => drop(self.0.insert(sku.clone(), quantity)),
                _ => drop(self.0.remove(sku)),
            }
        }
        while self.0.len() > CART_LIMIT_SKUS {
            self.0.pop_last();
        }
    }

    /// The cart as it would be if these windows closed now, in this order.
    #[must_use]
    pub fn settled<'a>(&self, windows: impl IntoIterator<Item = &'a CartSums>) -> Self {
        let mut cart = self.clone();
        windows.into_iter().for_each(|sums| cart.settle(sums));
        cart
    }

    /// Quantity by sku; every quantity is positive.
    pub fn quantities(&self) -> &BTreeMap<String, i64> {
        &self.0
    }

    /// The part of the cart that `keep` holds for.
    pub(super) fn only(&self, keep: impl Fn(&str, i64) -> bool) -> Self {
        let kept = self.0.iter().filter(|(sku, quantity)| keep(sku, **quantity));
        Self(kept.map(|(sku, quantity)| (sku.clone(), *quantity)).collect())
    }

    /// Puts quantities in the place of those that are there.
    pub(super) fn put_all(&mut self, other: &Self) {
        self.0.extend(other.0.iter().map(|(sku, quantity)| (sku.clone(), *quantity)));
    }

    /// Whether nothing is in the cart.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(pairs: &[(&str, i64)]) -> CartSums {
        let mut sums = CartSums::default();
        pairs.iter().for_each(|(sku, sum)| sums.add_one(sku, *sum).unwrap());
        sums
    }

    #[test]
    fn a_removal_may_come_before_its_addition() {
        assert_eq!(sums(&[("a", -2), ("a", 3)]), sums(&[("a", 3), ("a", -2)]));
        assert_eq!(sums(&[("a", -2), ("a", 2)]), CartSums::default());
    }

    #[test]
    fn what_was_never_in_the_cart_is_not_owed() {
        let mut cart = Cart::default();
        cart.settle(&sums(&[("a", -2)]));
        cart.settle(&sums(&[("a", 3)]));
        assert_eq!(cart.quantities(), &BTreeMap::from([("a".to_owned(), 3)]));
    }

    #[test]
    fn sums_are_bounded_negative_ones_first() {
        let mut many = CartSums::default();
        for index in 0..CART_LIMIT_SKUS {
            many.add_one(&format!("n{index:03}"), -1).unwrap();
        }
        many.add_one("z", 1).unwrap();
        many.bound();
        assert_eq!(many.0.len(), CART_LIMIT_SKUS);
        assert!(many.0.contains_key("z") && !many.0.contains_key("n099"));
    }

    #[test]
    fn a_cart_is_bounded() {
        let mut cart = Cart::default();
        for index in 0..=CART_LIMIT_SKUS {
            cart.settle(&sums(&[(&format!("{index:03}"), 1)]));
        }
        assert_eq!(cart.quantities().len(), CART_LIMIT_SKUS);
    }

    #[test]
    fn a_full_sum_refuses() {
        assert!(sums(&[("a", i64::MAX)]).add_one("a", 1).is_err());
    }
}

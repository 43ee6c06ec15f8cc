//! The products that a user looked at last.

use serde::{Deserialize, Serialize};

/// Most products that are kept.
pub const RECENT_LIMIT_PRODUCTS: usize = 10;

/// A product and the last time it was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentProduct {
    /// The product.
    pub sku: String,
    /// The latest look at it, in epoch milliseconds.
    pub at_ms: i64,
}

/// The products with the latest looks, newest first, those of one millisecond by sku.
///
/// Each keeps the maximum of its times. A product that was pushed out has at least ten before it, whose times
/// only grow, so the order in which looks arrive does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecentProducts(Vec<RecentProduct>);

impl RecentProducts {
    /// Notes a look.
    pub fn add(&mut self, sku: &str, at_ms: i64) {
        if let Some(index) = self.0.iter().position(|product| product.sku == sku) {
            if self.0.get(index).is_some_and(|product| product.at_ms >= at_ms) {
                return;
            }
            self.0.remove(index);
        }
        let comes_before = |product: &RecentProduct| (at_ms, product.sku.as_str()) <= (product.at_ms, sku);
        let index = self.0.partition_point(comes_before);
        if index < RECENT_LIMIT_PRODUCTS {
            self.0.insert(index, RecentProduct { sku: sku.to_owned(), at_ms });
            self.0.truncate(RECENT_LIMIT_PRODUCTS);
        }
    }

    /// The products, newest first.
    pub fn products(&self) -> &[RecentProduct] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(looks: &[(&str, i64)]) -> Vec<(String, i64)> {
        let mut recent = RecentProducts::default();
        looks.iter().for_each(|(sku, at_ms)| recent.add(sku, *at_ms));
        recent.products().iter().map(|product| (product.sku.clone(), product.at_ms)).collect()
    }

    #[test]
    fn newest_first_and_each_once() {
        let expected = [("a".to_owned(), 3), ("b".to_owned(), 2)];
        assert_eq!(after(&[("a", 1), ("b", 2), ("a", 3)]), expected);
        assert_eq!(after(&[("a", 3), ("b", 2), ("a", 1)]), expected);
    }

    #[test]
    fn one_millisecond_is_ordered_by_sku() {
        assert_eq!(after(&[("b", 1), ("a", 1)]), after(&[("a", 1), ("b", 1)]));
        assert_eq!(after(&[("b", 1), ("a", 1)]).first().map(|(sku, _)| sku.clone()), Some("a".to_owned()));
    }

    #[test]
    fn ten_are_kept_whatever_the_order() {
        let looks: Vec<_> = (0..12).map(|at_ms| (format!("p{at_ms:02}"), at_ms)).collect();
        let forward: Vec<_> = looks.iter().map(|(sku, at_ms)| (sku.as_str(), *at_ms)).collect();
        let backward: Vec<_> = forward.iter().rev().copied().collect();
        assert_eq!(after(&forward), after(&backward));
        assert_eq!(after(&forward).len(), RECENT_LIMIT_PRODUCTS);
    }
}

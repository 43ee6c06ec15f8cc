//! When to order again, and how much.

use std::collections::HashMap;

use serde::Serialize;

use super::{Level, StockOverflow, store_and_sku};
use crate::contract::QUANTITY_LIMIT;
use crate::fold::{CannotApply, Emit};
use crate::signal::REORDER_REQUESTED;

/// Stock at or below the point is filled up to the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReorderPoint {
    point: i64,
    target: i64,
}

/// Numbers that make no reorder point. Fit to stand behind a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReorderPointInvalid {
    /// A number out of its range.
    #[error("reorder_point and reorder_target must be from 0 to {QUANTITY_LIMIT}")]
    Range,
    /// What is ordered would not bring stock above its point, and it would never be ordered again.
    #[error("reorder_target must be above reorder_point, {target} is not above {point}")]
    Target {
        /// The point.
        point: i64,
        /// The target.
        target: i64,
    },
}

impl Default for ReorderPoint {
    fn default() -> Self {
        Self { point: 10, target: 50 }
    }
}

impl ReorderPoint {
    /// A point, and the target above it.
    ///
    /// # Errors
    /// When a number is out of its range, or the target not above the point.
    pub fn new(point: i64, target: i64) -> Result<Self, ReorderPointInvalid> {
        let range = 0..=QUANTITY_LIMIT;
        match (range.contains(&point) && range.contains(&target), target > point) {
            (false, _) => Err(ReorderPointInvalid::Range),
            (true, false) => Err(ReorderPointInvalid::Target { point, target }),
            (true, true) => Ok(Self { point, target }),
        }
    }

    /// Stock at or below it is ordered again.
    pub const fn point(self) -> i64 {
        self.point
    }

    /// The stock that an order brings about.
    pub const fn target(self) -> i64 {
        self.target
    }
}

/// The reorder points of products.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReorderPoints {
    /// Those of products that have one of their own.
    pub by_sku: HashMap<String, ReorderPoint>,
    /// That of all others.
    pub default: ReorderPoint,
}

impl ReorderPoints {
    /// The reorder point of a product.
    pub fn of(&self, sku: &str) -> ReorderPoint {
        self.by_sku.get(sku).copied().unwrap_or(self.default)
    }
}

/// The data of `stock.reorder_requested`.
#[derive(Serialize)]
struct ReorderRequest<'a> {
    store_id: &'a str,
    sku: &'a str,
    on_hand: i64,
    reorder_point: i64,
    reorder_target: i64,
    quantity: i64,
}

/// Requests a reorder when stock goes from above its point to at or below it. Gives back whether it is above now.
pub(super) fn watch(
    was_above: bool,
    level: &Level,
    points: &ReorderPoints,
    time_ms: i64,
    emit: &mut Emit<'_>,
) -> Result<bool, CannotApply> {
    let key = emit.subject();
    let (store_id, sku) =
        store_and_sku(key).ok_or_else(|| CannotApply { why: "its key is no store#sku".to_owned() })?;
    let (ReorderPoint { point, target }, on_hand) = (points.of(sku), level.on_hand());
    let is_above = on_hand > point;
    if was_above && !is_above {
        let quantity = target.checked_sub(on_hand).ok_or(StockOverflow)?;
        let data =
            ReorderRequest { store_id, sku, on_hand, reorder_point: point, reorder_target: target, quantity };
        emit.signal(key, REORDER_REQUESTED, time_ms, &data)?;
    }
    Ok(is_above)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_lies_above_its_point() {
        assert!(ReorderPoint::new(0, 1).is_ok());
        assert!(ReorderPoint::new(QUANTITY_LIMIT - 1, QUANTITY_LIMIT).is_ok());
        assert_eq!(ReorderPoint::new(5, 5), Err(ReorderPointInvalid::Target { point: 5, target: 5 }));
        assert_eq!(ReorderPoint::new(-1, 5), Err(ReorderPointInvalid::Range));
        assert_eq!(ReorderPoint::new(5, QUANTITY_LIMIT + 1), Err(ReorderPointInvalid::Range));
        let default = ReorderPoint::default();
        assert_eq!(ReorderPoint::new(default.point(), default.target()), Ok(default));
    }
}

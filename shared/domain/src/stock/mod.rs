//! What is kept for each product of a store: the pieces on hand, exact whatever order counts and moves come in.

mod item;
mod level;
mod points_file;
mod recent;
mod reorder;

pub use item::StockItem;
pub use level::{Compacted, Counted, Level, LevelUnreadable};
pub use points_file::{HEADER, PointsFileInvalid, read_points};
pub use recent::{Move, RECENT_LIMIT_MOVES, RECENT_MEMORY_MS, Recent, RecentUnreadable};
pub use reorder::{ReorderPoint, ReorderPointInvalid, ReorderPoints};
use serde::{Deserialize, Serialize};

use crate::contract::NAME_LIMIT_BYTES;
use crate::event::{Data, Event};
use crate::fold::{CannotApply, Emit, KeyState};

/// Quantities that add up to more than a number holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stock is too large for a 64-bit number")]
pub struct StockOverflow;

impl From<StockOverflow> for CannotApply {
    fn from(overflow: StockOverflow) -> Self {
        Self { why: overflow.to_string() }
    }
}

/// The state of one product of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StockItem", into = "StockItem")]
pub struct StockState {
    /// The pieces on hand, and what they are computed from.
    pub level: Level,
    /// Event time of the newest move, in epoch milliseconds.
    pub last_moved_at_ms: Option<i64>,
    /// Whether stock was above its reorder point at the last event. Unlike the rest it depends on the order in which
    /// events came.
    pub above_reorder_point: bool,
}

/// Store and product of a key `store#sku`.
pub fn store_and_sku(key: &str) -> Option<(&str, &str)> {
    key.split_once('#')
}

/// The product of a key, where it has one that a contract could take.
pub fn sku_of(key: &str) -> Option<&str> {
    store_and_sku(key).map(|(_, sku)| sku).filter(|sku| (1..=NAME_LIMIT_BYTES).contains(&sku.len()))
}

impl StockState {
    fn move_by(&mut self, at_ms: i64, quantity: i64) -> Result<(), StockOverflow> {
        self.last_moved_at_ms = self.last_moved_at_ms.max(Some(at_ms));
        self.level.move_by(at_ms, quantity)
    }
}

fn counted(event: &Event<'_>) -> Option<Counted> {
    match &event.data {
        Data::StockCounted(count) => {
            Some(Counted { at_ms: event.time_ms, id: event.id.clone().into_owned(), on_hand: count.on_hand })
        }
        _ => None,
    }
}

impl KeyState for StockState {
    type Settings = ReorderPoints;

    const ATTRIBUTES: &'static [&'static str] = StockItem::ATTRIBUTES;

    const EMITS_LATE: bool = true;

    const READS_SIGNALS: bool = true;

    fn handles(data: &Data<'_>) -> bool {
        is_receipt_or_count(data) || matches!(data, Data::StockSold(_) | Data::StockReturned(_))
    }

    fn apply(
        &mut self,
        event: &Event<'_>,
        _largest_event_time_ms: i64,
        settings: &ReorderPoints,
        emit: &mut Emit<'_>,
    ) -> Result<(), CannotApply> {
        match &event.data {
            Data::StockReceived(receipt) => self.move_by(event.time_ms, receipt.quantity)?,
            Data::StockReturned(moved) => self.move_by(event.time_ms, moved.quantity)?,
            Data::StockSold(moved) => {
                let quantity = moved.quantity.checked_neg().ok_or(StockOverflow)?;
                self.move_by(event.time_ms, quantity)?;
            }
            _ => match counted(event) {
                Some(count) => self.level.count(count)?,
                None => return Ok(()),
            },
        }
        self.above_reorder_point =
            reorder::watch(self.above_reorder_point, &self.level, settings, event.time_ms, emit)?;
        Ok(())
    }

    fn is_too_late(&self, event: &Event<'_>) -> bool {
        counted(event).is_some_and(|count| self.level.is_too_late(&count))
    }
}

/// Whether producers put this event for stock: a receipt or a count. The function relays it through the stream of
/// signals, so that everything that changes a stock item comes in one sequence per key.
pub fn is_receipt_or_count(data: &Data<'_>) -> bool {
    matches!(data, Data::StockReceived(_) | Data::StockCounted(_))
}

#[cfg(test)]
mod tests;

//! The stock as attributes that other programs read.

use serde::{Deserialize, Serialize};

use super::level::LevelUnreadable;
use super::{Compacted, Counted, Level, Recent, StockState};

/// The plain attributes of a stock item, beside `key`, `version` and `ledger`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockItem {
    /// Pieces on hand; below zero when pieces were sold before anybody reported their receipt. Made of the parts below
    /// on every write, and not read back.
    #[serde(skip_deserializing)]
    pub on_hand: i64,
    /// The count that is believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<Counted>,
    /// Event time of the newest move, in epoch milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_moved_at_ms: Option<i64>,
    /// Whether there are more pieces than the reorder point, so that falling to it requests a reorder.
    #[serde(default)]
    pub above_reorder_point: bool,
    /// The moves since the count that are not kept apart any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compacted: Option<Compacted>,
    /// The moves since the count, and since what is compacted.
    #[serde(default, skip_serializing_if = "Recent::is_empty")]
    pub recent_moves: Recent,
}

impl StockItem {
    pub(super) const ATTRIBUTES: &'static [&'static str] =
        &["on_hand", "counted", "last_moved_at_ms", "above_reorder_point", "compacted", "recent_moves"];
}

impl From<StockState> for StockItem {
    fn from(state: StockState) -> Self {
        let on_hand = state.level.on_hand();
        let (counted, compacted, recent) = state.level.into_parts();
        Self {
            on_hand,
            counted,
            last_moved_at_ms: state.last_moved_at_ms,
            above_reorder_point: state.above_reorder_point,
            compacted,
            recent_moves: recent,
        }
    }
}

impl TryFrom<StockItem> for StockState {
    type Error = LevelUnreadable;

    fn try_from(item: StockItem) -> Result<Self, LevelUnreadable> {
        Ok(Self {
            level: Level::from_parts(item.counted, item.compacted, item.recent_moves)?,
            last_moved_at_ms: item.last_moved_at_ms,
            above_reorder_point: item.above_reorder_point,
        })
    }
}

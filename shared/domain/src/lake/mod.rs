//! The lake: one row an event, its columns and its partition; and what a row says, read back.

mod columns;
mod fields;
mod read;
mod row;

pub use columns::{COLUMNS, Column, PARTITION_KEYS};
pub use read::{Archived, RowUnreadable};
pub use row::{CONTROL_TYPE, Delivered, Row, RowSettings, UNKNOWN_TYPE, has_row};

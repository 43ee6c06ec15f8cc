//! The lake: one row an event, its columns and its partition.

mod columns;
mod row;

pub use columns::{COLUMNS, Column, PARTITION_KEYS};
pub use row::{Origin, Row, RowSettings, UNKNOWN_TYPE};

//! What a run leaves behind: tables, late events, quarantine and summary as files.

mod folder;
mod items;
mod late;
mod quarantine;
mod summary;
mod tables;
mod trouble;
mod whole;

pub(crate) use folder::claim;
pub(crate) use late::append as append_late;
pub(crate) use quarantine::{Entry, reasons};
pub(crate) use summary::{FunctionSummary, Run, Summary, number, read_settings};
pub(crate) use tables::{ItemBytes, load as load_table, read as read_table, write as write_table};
pub(crate) use trouble::TroubleSummary;
pub(crate) use whole::{replace, write_whole};

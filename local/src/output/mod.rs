//! What a run leaves behind: tables, signals, late events, quarantine and summary as files.

mod folder;
mod fraud;
mod items;
mod late;
mod not_put;
mod quarantine;
mod signals;
mod summary;
mod tables;
mod trouble;
mod whole;

pub(crate) use folder::claim;
pub(crate) use fraud::by_rule as fraud_by_rule;
pub(crate) use late::append as append_late;
pub(crate) use not_put::write as write_not_put;
pub(crate) use quarantine::{Entry, reasons};
pub(crate) use signals::Signals;
pub(crate) use summary::{Course, FunctionSummary, Run, Summary, number, read_course};
pub(crate) use tables::{ItemBytes, load as load_table, read as read_table, write as write_table};
pub(crate) use trouble::TroubleSummary;
pub(crate) use whole::{replace, write_whole};

//! What a run leaves behind: tables, quarantine and summary as files.

mod folder;
mod quarantine;
mod summary;
mod tables;

pub(crate) use folder::claim;
pub(crate) use quarantine::Entry;
pub(crate) use summary::{Summary, number};
pub(crate) use tables::{ItemBytes, read as read_table, write as write_table};

//! Lines that no stream takes: they are set aside, and the run goes on.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

/// A line that was set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct LineNotPut {
    pub(crate) file: PathBuf,
    /// Counted from 1.
    pub(crate) line: u64,
    /// What it breaks, fit to stand after "the line".
    pub(crate) rule: String,
}

/// All such lines of a run, in order. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct NotPut(Arc<Mutex<Vec<LineNotPut>>>);

impl NotPut {
    pub(super) fn note(&self, file: &Path, line: u64, rule: String) {
        let noted = LineNotPut { file: file.to_owned(), line, rule };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(noted);
    }

    pub(crate) fn all(&self) -> Vec<LineNotPut> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

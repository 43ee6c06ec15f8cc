//! Rejected events, read back from the files of the quarantine.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::error::Error;

/// One line of the quarantine.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry(Value);

impl Entry {
    /// All lines, in order of their files; the later parts of an entry that takes several are left out.
    pub(crate) fn all(out: &Path) -> Result<Vec<Self>, Error> {
        let folder = out.join("quarantine");
        let listed = std::fs::read_dir(&folder).map_err(Error::output(&folder))?;
        let files = listed.filter_map(|file| Some(file.ok()?.path()));
        let mut files: Vec<_> =
            files.filter(|file| file.extension().is_some_and(|it| it == "jsonl")).collect();
        files.sort_unstable();
        let mut entries = Vec::new();
        for file in files {
            let text = std::fs::read_to_string(&file).map_err(Error::output(&file))?;
            let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
            entries.extend(lines.map(Self).filter(|entry| entry.0["part"] == 1));
        }
        Ok(entries)
    }

    /// A text field; empty where there is none.
    pub(crate) fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_default()
    }
}

/// Entries by reason.
pub(crate) fn reasons(entries: &[Entry]) -> BTreeMap<String, u64> {
    let mut reasons = BTreeMap::new();
    for entry in entries {
        *reasons.entry(entry.text("reason").to_owned()).or_default() += 1;
    }
    reasons
}

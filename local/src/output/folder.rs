//! The folder that a run writes into.

use std::path::Path;

use crate::error::Error;

/// Folders and files that a run makes.
const OWN: [&str; 9] = [
    "tables",
    "lake",
    "lake-errors",
    "quarantine",
    "on-failure",
    "redriven",
    "signals.jsonl",
    "late.jsonl",
    "summary.json",
];

/// Makes the folder ready. Output of an earlier run is never mixed with that of a new one: it is an error, or
/// removed where `replace` says that the folder is ours alone.
pub(crate) fn claim(out: &Path, replace: bool) -> Result<(), Error> {
    for name in OWN {
        let path = out.join(name);
        if !path.exists() {
            continue;
        }
        if !replace {
            return Err(Error::Output {
                path: out.to_owned(),
                why: format!(
                    "it holds {name} of an earlier run; remove it or name another folder with --out"
                ),
            });
        }
        let removed =
            if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        removed.map_err(Error::output(&path))?;
    }
    std::fs::create_dir_all(out.join("tables")).map_err(Error::output(out))?;
    std::fs::create_dir_all(out.join("quarantine")).map_err(Error::output(out))?;
    std::fs::create_dir_all(out.join("lake")).map_err(Error::output(out))
}

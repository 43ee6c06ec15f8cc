//! The folder that a run writes into.

use std::path::{Path, PathBuf};

use super::not_put::NOT_PUT;
use crate::error::Error;

/// Folders and files that a run makes.
const OWN: [&str; 10] = [
    "tables",
    "lake",
    "lake-errors",
    "quarantine",
    "on-failure",
    "redriven",
    "signals.jsonl",
    "late.jsonl",
    NOT_PUT,
    "summary.json",
];

/// Makes the folder ready. Output of an earlier run is never mixed with that of a new one: it is an error, or
/// removed where `replace` says that the folder is ours alone.
pub(crate) fn claim(out: &Path, replace: bool) -> Result<Claimed, Error> {
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
    let mut claimed = Claimed { made: Vec::new() };
    for name in ["tables", "quarantine", "lake"] {
        claimed.make(&out.join(name)).map_err(Error::output(out))?;
    }
    Ok(claimed)
}

/// A folder that is ready. Unless the run that it is for begins, what was made of it is removed again: the next run would
/// take it for the output of an earlier one.
#[must_use]
pub(crate) struct Claimed {
    made: Vec<PathBuf>,
}

impl Claimed {
    /// The run begins: from here on, the folder stays.
    pub(crate) fn keep(mut self) {
        self.made.clear();
    }

    fn make(&mut self, folder: &Path) -> std::io::Result<()> {
        let missing =
            folder.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists());
        let mut missing: Vec<_> = missing.map(Path::to_owned).collect();
        missing.reverse();
        self.made.append(&mut missing);
        std::fs::create_dir_all(folder)
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        for folder in self.made.iter().rev() {
            // Whatever somebody else has put there stays.
            let _ = std::fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_never_began_leaves_no_folder() {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("a/b");
        drop(claim(&out, false).unwrap());
        assert!(!root.path().join("a").exists());
        std::fs::create_dir(root.path().join("a")).unwrap();
        std::fs::write(root.path().join("a/note"), "").unwrap();
        drop(claim(&out, false).unwrap());
        assert!(!out.exists() && root.path().join("a/note").exists());
        claim(&out, false).unwrap().keep();
        assert!(out.join("lake").is_dir());
        assert!(claim(&out, false).is_err());
    }
}

//! Files that appear whole or not at all.

use std::fs;
use std::io;
use std::path::Path;

use crate::stats::Tally;

/// A delivery that did not happen.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// A file could not be written.
    #[error(
        "{path} could not be written and its rows stay buffered: make room or fix permissions, then deliver again"
    )]
    Write {
        /// The file, or its directory.
        path: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The runtime ended the thread that was to write.
    #[error(
        "the delivery was not completed and its rows stay buffered: deliver again before the runtime shuts down"
    )]
    Interrupted(#[from] tokio::task::JoinError),
}

/// The files of a stream: its name and a number that counts up over all of its directories.
pub(crate) struct FileSeries {
    stream: String,
    next: u64,
}

impl FileSeries {
    pub(crate) fn new(stream: &str) -> Self {
        Self { stream: stream.to_owned(), next: 1 }
    }

    /// Writes `<stream>-<number><suffix>`. Each process counts from 1, so a number that is taken is skipped:
    /// no file is ever replaced.
    pub(crate) fn write(
        &mut self,
        dir: &Path,
        suffix: &str,
        bytes: &[u8],
        tally: &Tally,
    ) -> Result<(), DeliveryError> {
        fs::create_dir_all(dir).map_err(|source| error(dir, source))?;
        let name = |number: u64| format!("{}-{number:06}{suffix}", self.stream);
        let mut number = self.next;
        while dir.join(name(number)).exists() {
            number += 1;
        }
        let path = dir.join(name(number));
        let temporary = dir.join(format!(".{}.tmp", name(number)));
        replace(&path, &temporary, bytes).map_err(|source| {
            // The leftover is unreadable anyway; the first failure is the one to report.
            let _ = fs::remove_file(&temporary);
            error(&path, source)
        })?;
        self.next = number + 1;
        tally.update(|stats| stats.files_written += 1);
        Ok(())
    }
}

/// Without a sync to disk: this survives a crash of the process, which is what a development tool owes.
fn replace(path: &Path, temporary: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::write(temporary, bytes)?;
    fs::rename(temporary, path)
}

fn error(path: &Path, source: io::Error) -> DeliveryError {
    DeliveryError::Write { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_existing_file_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let tally = Tally::default();
        FileSeries::new("s").write(dir.path(), ".jsonl", b"first", &tally).unwrap();
        let mut restarted = FileSeries::new("s");
        restarted.write(dir.path(), ".jsonl", b"second", &tally).unwrap();
        restarted.write(dir.path(), ".jsonl", b"third", &tally).unwrap();
        let read = |n: u64| fs::read(dir.path().join(format!("s-{n:06}.jsonl"))).unwrap();
        assert_eq!([read(1), read(2), read(3)], [b"first".to_vec(), b"second".to_vec(), b"third".to_vec()]);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "no temporary file is left");
    }
}

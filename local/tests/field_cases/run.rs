//! One run of the program, and what it left behind.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::Value;
use tempfile::TempDir;

/// Who makes the events.
const SOURCE: &str = "urn:shop:web";

/// The program.
pub(crate) fn millrace() -> Command {
    Command::new(env!("CARGO_BIN_EXE_millrace"))
}

/// A replay of one file.
pub(crate) struct Replay {
    folder: TempDir,
    /// How it ended.
    pub(crate) output: Output,
}

impl Replay {
    /// Replays a file that holds these bytes.
    pub(crate) fn of(name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        let output =
            millrace().arg("replay").arg(&file).arg("--out").arg(folder.path().join("out")).output().unwrap();
        Self { folder, output }
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// What it complained of; it put nothing, and left no folder.
    pub(crate) fn refusal(&self) -> String {
        let text = String::from_utf8_lossy(&self.output.stderr).into_owned();
        assert_eq!(self.output.status.code(), Some(1), "{text}");
        assert!(!self.out().exists(), "a refused file leaves a folder");
        text
    }

    fn succeeded(&self) {
        assert!(self.output.status.success(), "{}", String::from_utf8_lossy(&self.output.stderr));
    }

    /// Entries of the quarantine as `id reason field`, in order.
    pub(crate) fn quarantine(&self) -> Vec<String> {
        self.succeeded();
        let lines =
            files_below(&self.out().join("quarantine")).into_iter().flat_map(|file| json_lines(&file));
        let text = |line: &Value, field: &str| line[field].as_str().unwrap_or_default().to_owned();
        let mut entries: Vec<_> = lines
            .map(|line| {
                format!("{} {} {}", text(&line, "event_id"), text(&line, "reason"), text(&line, "field"))
            })
            .collect();
        entries.sort_unstable();
        entries
    }

    /// Rows of events as `id data`, in order.
    pub(crate) fn rows(&self) -> Vec<String> {
        self.succeeded();
        let mut rows = Vec::new();
        for file in files_below(&self.out().join("lake")) {
            let reader = SerializedFileReader::new(std::fs::File::open(&file).unwrap()).unwrap();
            for row in reader.get_row_iter(None).unwrap() {
                let row = row.unwrap();
                let text = |name: &str| {
                    let field =
                        row.get_column_iter().find(|(column, _)| *column == name).map(|(_, field)| field);
                    match field {
                        Some(Field::Str(text)) => text.clone(),
                        _ => "null".to_owned(),
                    }
                };
                // The others are signals, and timers.
                if text("source") == SOURCE {
                    rows.push(format!("{} {}", text("id"), text("data")));
                }
            }
        }
        rows.sort_unstable();
        rows
    }

    /// How many events of the input have a row.
    pub(crate) fn taken(&self) -> usize {
        self.rows().len()
    }

    /// The lines of a file that it left.
    pub(crate) fn left(&self, name: &str) -> Vec<Value> {
        json_lines(&self.out().join(name))
    }
}

fn json_lines(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(files_below(&path)),
            false => files.push(path),
        }
    }
    files.sort_unstable();
    files
}

/// An event, with these attributes behind its own.
pub(crate) fn event(id: &str, event_type: &str, subject: &str, attributes: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"{SOURCE}","type":"{event_type}","subject":"{subject}","time":"2025-11-20T10:00:00Z",{attributes}}}"#
    )
}

/// A look at a mug.
pub(crate) fn view(id: &str) -> String {
    event(id, "product.viewed", "user-nia", r#""data":{"sku":"mug"}"#)
}

//! A Firehose on a temporary folder with a clock that stands still until told.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use local_firehose::{
    Buffering, Destination, Faults, Firehose, JsonLinesDestination, NoFaults, Options, ParquetDestination,
    StreamConfig, read_rows,
};
use parquet::file::reader::SerializedFileReader;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const ROWS: &str = "rows";
pub(crate) const LINES: &str = "lines";
/// 2026-08-01T12:00:00Z.
pub(crate) const START_MS: i64 = 1_785_585_600_000;

pub(crate) struct Harness {
    pub(crate) firehose: Arc<Firehose>,
    pub(crate) dir: TempDir,
    now: Arc<AtomicI64>,
}

pub(crate) struct Settings {
    pub(crate) buffering: Buffering,
    pub(crate) buffered_max_bytes: usize,
    pub(crate) faults: Arc<dyn Faults>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            buffering: Buffering::default(),
            buffered_max_bytes: Options::default().buffered_max_bytes,
            faults: Arc::new(NoFaults),
        }
    }
}

impl Harness {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let rows = ParquetDestination::new(dir.path().join("lake"), dir.path().join("errors"))
            .partitioned_by(["event_type", "dt"])
            .with_columns([
                ("event_id", "string"),
                ("count", "int"),
                ("amount_minor", "bigint"),
                ("ratio", "double"),
                ("paid", "boolean"),
                ("event_time", "timestamp"),
                ("lines", "array<struct<sku:string,quantity:bigint,unit_price_minor:bigint>>"),
            ]);
        let lines = JsonLinesDestination { dir: dir.path().join("lines") };
        let buffering = settings.buffering;
        let streams = vec![
            StreamConfig { name: ROWS.to_owned(), destination: Destination::Parquet(rows), buffering },
            StreamConfig { name: LINES.to_owned(), destination: Destination::JsonLines(lines), buffering },
        ];
        let now = Arc::new(AtomicI64::new(START_MS));
        let clock = Arc::clone(&now);
        let options = Options {
            clock: Arc::new(move || clock.load(Ordering::SeqCst)),
            faults: settings.faults,
            buffered_max_bytes: settings.buffered_max_bytes,
        };
        Self { firehose: Firehose::new(streams, options).unwrap(), dir, now }
    }

    pub(crate) fn set_now(&self, now_ms: i64) {
        self.now.store(now_ms, Ordering::SeqCst);
    }

    pub(crate) fn call(&self, operation: &str, body: &Value) -> (u16, Value) {
        let response =
            self.firehose.handle(&format!("Firehose_20150804.{operation}"), body.to_string().as_bytes());
        (response.status, serde_json::from_slice(&response.body).unwrap())
    }

    pub(crate) fn put<R: AsRef<[u8]>>(&self, stream: &str, records: &[R]) -> (u16, Value) {
        self.call("PutRecordBatch", &batch(stream, records))
    }

    /// Puts records that must all be taken.
    pub(crate) fn put_ok<R: AsRef<[u8]>>(&self, stream: &str, records: &[R]) {
        let (status, body) = self.put(stream, records);
        assert_eq!((status, &body["FailedPutCount"]), (200, &json!(0)), "{body}");
        assert_eq!(body["RequestResponses"].as_array().unwrap().len(), records.len());
    }

    /// Paths under a folder, relative to it and sorted.
    pub(crate) fn files(&self, folder: &str) -> Vec<String> {
        let root = self.dir.path().join(folder);
        let mut found = Vec::new();
        walk(&root, &mut found);
        let relative = |path: &PathBuf| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let mut names: Vec<String> = found.iter().map(relative).collect();
        names.sort();
        names
    }

    /// Lines of the error output of one type.
    pub(crate) fn errors(&self, error_type: &str) -> Vec<Value> {
        let files = self.files(&format!("errors/{error_type}"));
        let texts = files.iter().map(|file| self.text(&format!("errors/{error_type}/{file}")));
        let parse =
            |text: String| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>();
        texts.flat_map(parse).collect()
    }

    pub(crate) fn text(&self, file: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(file)).unwrap()
    }

    /// The rows of a delivered file.
    pub(crate) fn parquet(&self, file: &str) -> Vec<Value> {
        read_rows(&self.dir.path().join("lake").join(file)).unwrap()
    }

    pub(crate) fn open(&self, file: &str) -> SerializedFileReader<File> {
        let path = self.dir.path().join("lake").join(file);
        SerializedFileReader::new(File::open(path).unwrap()).unwrap()
    }
}

pub(crate) fn batch<R: AsRef<[u8]>>(stream: &str, records: &[R]) -> Value {
    let records: Vec<Value> =
        records.iter().map(|record| json!({ "Data": STANDARD.encode(record) })).collect();
    json!({ "DeliveryStreamName": stream, "Records": records })
}

/// A row of the table with an identifier.
pub(crate) fn row(event_id: &str) -> String {
    json!({ "event_type": "order", "dt": "2026-08-01", "event_id": event_id }).to_string()
}

/// What an error line says was received.
pub(crate) fn raw(line: &Value) -> String {
    String::from_utf8(STANDARD.decode(line["rawData"].as_str().unwrap()).unwrap()).unwrap()
}

fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, found) } else { found.push(path) }
    }
}

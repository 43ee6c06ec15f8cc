//! Events of the fuzz corpus, read back from Parquet: from files that the local Firehose delivers, with all columns of the
//! lake, and from files with the timestamps of Hive's writer.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use local_firehose::{
    Buffering, Destination, Firehose, Options, ParquetDestination, StreamConfig, read_rows,
};
use millrace_domain::contract::read_data;
use millrace_domain::lake::{COLUMNS, Delivered, PARTITION_KEYS, Row, RowSettings};
use millrace_domain::signal::Origin;
use millrace_domain::{Event, Position, SequenceNumber, Shard, StreamPosition};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, Int96};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// 2025-11-03T10:30:00.120Z.
const ARRIVED_AT_MS: i64 = 1_762_165_800_120;
const DAY_MS: i64 = 86_400_000;
/// The Julian day of 1970-01-01: Hive's timestamps count days from there, and nanoseconds of the day.
const JULIAN_DAY_OF_1970: i64 = 2_440_588;

/// A type of events, and the folder of the corpus with its data.
const TYPES: [(&str, &str); 8] = [
    ("order.placed", "order"),
    ("order.returned", "order"),
    ("payment.failed", "payment"),
    ("cart.item_added", "cart"),
    ("product.viewed", "product"),
    ("stock.received", "stock"),
    ("stock.counted", "stock"),
    ("coupon.used", "product"),
];

/// A column of the test's files.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Int,
    Time,
}

const FILE_COLUMNS: [(&str, Kind); 19] = [
    ("id", Kind::Text),
    ("source", Kind::Text),
    ("type", Kind::Text),
    ("subject", Kind::Text),
    ("time", Kind::Time),
    ("dataschema", Kind::Text),
    ("data", Kind::Text),
    ("arrived_at", Kind::Time),
    ("stream", Kind::Text),
    ("shard_id", Kind::Text),
    ("sequence_number", Kind::Text),
    ("sub_sequence_number", Kind::Int),
    ("element", Kind::Int),
    ("redrive_stream", Kind::Text),
    ("redrive_shard_id", Kind::Text),
    ("redrive_sequence_number", Kind::Text),
    ("redrive_sub_sequence_number", Kind::Int),
    ("redrive_element", Kind::Int),
    ("redrive_arrived_at", Kind::Time),
];

/// Data of the corpus that its contract takes, each with its type.
fn corpus() -> Vec<(&'static str, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz_corpus");
    let mut found = Vec::new();
    for (event_type, target) in TYPES {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(folder.join(target)).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        for path in files {
            let bytes = std::fs::read(path).unwrap();
            let Ok(raw) = serde_json::from_slice::<&RawValue>(&bytes) else { continue };
            if read_data(event_type, Some(raw.get())).is_ok() {
                found.push((event_type, raw.get().to_owned()));
            }
        }
    }
    found
}

fn at(shard_id: &str, sequence: usize) -> StreamPosition {
    let sequence = SequenceNumber::parse(&sequence.to_string()).unwrap();
    let position = Position { sequence, sub_sequence: 1, element: 2 };
    StreamPosition { shard: Shard::new("events", shard_id), position, arrived_at_ms: ARRIVED_AT_MS }
}

fn events<'c>(corpus: &'c [(&'static str, String)]) -> Vec<(Event<'c>, Delivered)> {
    let event = |(number, (event_type, raw)): (usize, &'c (&'static str, String))| {
        let event = Event {
            id: format!("e{number}").into(),
            source: "urn:shop".into(),
            event_type: (*event_type).into(),
            subject: "u".into(),
            // Each at another millisecond, some before they arrive by years.
            time_ms: ARRIVED_AT_MS - i64::try_from(number).unwrap() * 40_000_000_007,
            data_schema: (number % 2 == 0).then(|| "urn:schema".into()),
            data: read_data(event_type, Some(raw)).unwrap(),
            raw_data: raw.into(),
            // In the stream of signals.
            origin: (number % 5 == 0).then(|| Box::new(origin(number))),
        };
        let redrive = (number % 3 == 0).then(|| at("b", number + 1));
        let of_signals = event.origin.is_some();
        (event, Delivered { first: at("a", number), redrive, of_signals })
    };
    corpus.iter().enumerate().map(event).filter(|(event, _)| event.time_ms >= 0).collect()
}

fn origin(number: usize) -> Origin {
    let StreamPosition { shard, position, .. } = at("c", number + 2);
    Origin { shard, position, index: 3 }
}

/// Writes rows as Hive's writer does, with INT96.
fn write_as_hive(path: &Path, rows: &[Value]) {
    let columns = FILE_COLUMNS.map(|(name, kind)| match kind {
        Kind::Text => format!("optional binary {name} (STRING);"),
        Kind::Int => format!("optional int32 {name};"),
        Kind::Time => format!("optional int96 {name};"),
    });
    let schema = parse_message_type(&format!("message row {{ {} }}", columns.concat())).unwrap();
    let file = std::fs::File::create(path).unwrap();
    let mut writer =
        SerializedFileWriter::new(file, Arc::new(schema), Arc::new(WriterProperties::default())).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for (name, _) in FILE_COLUMNS {
        let there: Vec<i16> = rows.iter().map(|row| i16::from(!row[name].is_null())).collect();
        let values = rows.iter().map(|row| &row[name]).filter(|value| !value.is_null());
        let mut column = group.next_column().unwrap().unwrap();
        match column.untyped() {
            ColumnWriter::ByteArrayColumnWriter(writer) => {
                let values: Vec<ByteArray> = values.map(|value| value.as_str().unwrap().into()).collect();
                writer.write_batch(&values, Some(&there), None).unwrap();
            }
            ColumnWriter::Int32ColumnWriter(writer) => {
                let number = |value: &Value| i32::try_from(value.as_i64().unwrap()).unwrap();
                writer.write_batch(&values.map(number).collect::<Vec<_>>(), Some(&there), None).unwrap();
            }
            ColumnWriter::Int96ColumnWriter(writer) => {
                let values: Vec<_> = values.map(|value| int96(ms(value))).collect();
                writer.write_batch(&values, Some(&there), None).unwrap();
            }
            _ => panic!("{name} has another type"),
        }
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
}

fn ms(text: &Value) -> i64 {
    millrace_domain::time::parse_rfc3339_ms(text.as_str().unwrap()).unwrap()
}

fn int96(ms: i64) -> Int96 {
    let nanos = u64::try_from(ms % DAY_MS).unwrap() * 1_000_000;
    let day = u32::try_from(ms / DAY_MS + JULIAN_DAY_OF_1970).unwrap();
    let mut value = Int96::new();
    value.set_data(u32::try_from(nanos & 0xffff_ffff).unwrap(), u32::try_from(nanos >> 32).unwrap(), day);
    value
}

/// Has the local Firehose deliver rows as the lake declares it, and reads all its files.
fn delivered(folder: &Path, rows: &[Value]) -> Vec<Value> {
    let columns = COLUMNS.iter().map(|column| (column.name, column.glue_type));
    let destination = ParquetDestination::new(folder.join("lake"), folder.join("errors"))
        .partitioned_by(PARTITION_KEYS.iter().map(|key| key.name))
        .with_columns(columns);
    let destination = Destination::Parquet(destination);
    let stream = StreamConfig { name: "lake".to_owned(), destination, buffering: Buffering::default() };
    let firehose = Firehose::new(vec![stream], Options::default()).unwrap();
    for rows in rows.chunks(100) {
        let records: Vec<_> =
            rows.iter().map(|row| json!({"Data": STANDARD.encode(row.to_string())})).collect();
        let call = json!({"DeliveryStreamName": "lake", "Records": records}).to_string();
        let _ = firehose.handle("Firehose_20150804.PutRecordBatch", call.as_bytes());
    }
    firehose.flush().unwrap();
    let mut folders = vec![folder.join("lake")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.is_dir() {
                true => folders.push(entry),
                false => found.extend(read_rows(&entry).unwrap()),
            }
        }
    }
    found
}

fn row(event: &Event<'_>, delivered: &Delivered) -> Value {
    serde_json::to_value(Row::of(event, delivered, RowSettings::default())).unwrap()
}

#[test]
fn rows_of_the_lake_are_the_events_that_were_delivered() {
    let corpus = corpus();
    let events = events(&corpus);
    assert!(events.len() > 20, "{} events", events.len());
    let mut rows: Vec<Value> = events.iter().map(|(event, delivered)| row(event, delivered)).collect();
    let redriven = |(event, delivered)| Row::redriven(event, delivered, "sessions", RowSettings::default());
    let control: Vec<_> =
        events.iter().filter_map(|(event, delivered)| redriven((event, delivered))).collect();
    rows.extend(control.iter().map(|row| serde_json::to_value(row).unwrap()));
    let folder = tempfile::tempdir().unwrap();
    let found = delivered(folder.path(), &rows);
    assert_eq!((found.len(), events.iter().any(|(event, _)| event.origin.is_some())), (rows.len(), true));
    for text in found.iter().map(Value::to_string) {
        let row: Row<'_> = serde_json::from_str(&text).unwrap();
        let archived = row.read().unwrap();
        let first = &archived.delivered.first;
        let (event, delivered) = events.iter().find(|(_, delivered)| delivered.first == *first).unwrap();
        match archived.target_function {
            None => assert_eq!((&archived.event, &archived.delivered), (event, delivered)),
            Some(function) => {
                let redrive = (&archived.delivered.redrive, &archived.event.subject);
                assert_eq!((function, redrive), ("sessions", (&delivered.redrive, &event.subject)));
            }
        }
    }
}

#[test]
fn timestamps_of_hive_are_read_to_the_millisecond() {
    let corpus = corpus();
    let mut events = events(&corpus);
    // Its files have the columns of events alone.
    for (event, delivered) in &mut events {
        (event.origin, delivered.of_signals) = (None, false);
    }
    let rows: Vec<Value> = events.iter().map(|(event, delivered)| row(event, delivered)).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    write_as_hive(&path, &rows);
    let texts: Vec<_> = read_rows(&path).unwrap().iter().map(Value::to_string).collect();
    assert_eq!(texts.len(), events.len());
    for (text, (event, delivered)) in texts.iter().zip(&events) {
        let row: Row<'_> = serde_json::from_str(text).unwrap();
        let archived = row.read().unwrap();
        assert_eq!((&archived.event, &archived.delivered), (event, delivered));
        assert_eq!(archived.target_function, None);
    }
}

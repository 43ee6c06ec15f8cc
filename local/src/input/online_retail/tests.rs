//! Files as other programs write them, made here: each must give what the control gives, or be refused by row and column.

use std::io::{Seek, Write};
use std::sync::Arc;

use millrace_domain::Reason;
use millrace_domain::decode::{Arrival, decode};
use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
use parquet::data_type::{
    ByteArray, ByteArrayType, DoubleType, FixedLenByteArrayType, FloatType, Int32Type, Int64Type,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;

use super::*;

enum Cells {
    Text(Vec<&'static str>),
    Int(Vec<i32>),
    Long(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Fixed(Vec<Vec<u8>>),
}

impl Cells {
    fn write(&self, column: &mut SerializedColumnWriter<'_>) {
        let bytes = |cells: &[&str]| cells.iter().map(|cell| ByteArray::from(*cell)).collect::<Vec<_>>();
        let fixed = |cells: &[Vec<u8>]| {
            cells.iter().map(|cell| ByteArray::from(cell.clone()).into()).collect::<Vec<_>>()
        };
        let written = match self {
            Self::Text(cells) => column.typed::<ByteArrayType>().write_batch(&bytes(cells), None, None),
            Self::Int(cells) => column.typed::<Int32Type>().write_batch(cells, None, None),
            Self::Long(cells) => column.typed::<Int64Type>().write_batch(cells, None, None),
            Self::Float(cells) => column.typed::<FloatType>().write_batch(cells, None, None),
            Self::Double(cells) => column.typed::<DoubleType>().write_batch(cells, None, None),
            Self::Fixed(cells) => {
                column.typed::<FixedLenByteArrayType>().write_batch(&fixed(cells), None, None)
            }
        };
        written.unwrap();
    }
}

/// Six columns, each with its declaration.
type Table = [(&'static str, Cells); 6];

const QUANTITY: usize = 2;
const PRICE: usize = 3;
const CUSTOMER: usize = 4;
const AT: usize = 5;
/// 2010-12-01T08:26:00Z
const AT_MS: i64 = 1_291_191_960_000;

fn control() -> Table {
    [
        ("binary InvoiceNo (UTF8)", Cells::Text(vec!["700001", "700001", "700002"])),
        ("binary StockCode (UTF8)", Cells::Text(vec!["mug", "cup", "mug"])),
        ("int64 Quantity", Cells::Long(vec![6, 2, 1])),
        ("double UnitPrice", Cells::Double(vec![2.5, 4.0, 0.5])),
        ("int64 CustomerID", Cells::Long(vec![17_850, 17_850, 17_851])),
        ("int64 InvoiceDate (TIMESTAMP_MILLIS)", Cells::Long(vec![AT_MS, AT_MS, AT_MS + 60_000])),
    ]
}

fn with(index: usize, declaration: &'static str, cells: Cells) -> Table {
    let mut table = control();
    table[index] = (declaration, cells);
    table
}

fn read_packed(table: &Table, codec: Compression) -> Result<Vec<Input>, String> {
    let declarations: String =
        table.iter().map(|(declaration, _)| format!("required {declaration};")).collect();
    let schema = parse_message_type(&format!("message lines {{ {declarations} }}")).unwrap();
    let properties = WriterProperties::builder().set_compression(codec).build();
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for (_, cells) in table {
        let mut column = group.next_column().unwrap().unwrap();
        cells.write(&mut column);
        column.close().unwrap();
    }
    group.close().unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&writer.into_inner().unwrap()).unwrap();
    file.rewind().unwrap();
    read(Path::new("lines.parquet"), file).map_err(|error| error.to_string())
}

fn read_table(table: &Table) -> Result<Vec<Input>, String> {
    read_packed(table, Compression::UNCOMPRESSED)
}

fn refusals(table: &Table) -> Vec<Option<(Reason, String)>> {
    let mut refusals = Vec::new();
    for input in read_table(table).unwrap() {
        let arrival = Arrival { partition_key: &input.partition_key, arrived_at_ms: 1_762_165_800_000 };
        decode(&input.data, &arrival, |decoded| {
            refusals.push(decoded.event.err().map(|invalid| (invalid.reason, invalid.field)));
        });
    }
    refusals
}

#[test]
fn every_codec_gives_the_same_events() {
    let control_events = read_table(&control()).unwrap();
    assert_eq!((control_events.len(), refusals(&control())), (2, vec![None, None]));
    for codec in [
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::BROTLI(BrotliLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
    ] {
        assert_eq!(read_packed(&control(), codec).as_ref(), Ok(&control_events), "{codec:?}");
    }
}

#[test]
fn numbers_of_every_type_give_the_same_events() {
    let control_events = read_table(&control()).unwrap();
    let pence = || [250_i32, 400, 50];
    let fixed = |width: usize| {
        let bytes = pence().map(|pence| i128::from(pence).to_be_bytes()[16 - width..].to_vec());
        Cells::Fixed(bytes.to_vec())
    };
    // 2.5, 4 and 0.5 as half floats.
    let halves =
        || Cells::Fixed([0x4100_u16, 0x4400, 0x3800].map(|half| half.to_le_bytes().to_vec()).to_vec());
    let tables = [
        with(PRICE, "int32 UnitPrice (DECIMAL(9,2))", Cells::Int(pence().to_vec())),
        with(PRICE, "int64 UnitPrice (DECIMAL(18,2))", Cells::Long(pence().map(i64::from).to_vec())),
        with(PRICE, "fixed_len_byte_array(5) UnitPrice (DECIMAL(10,2))", fixed(5)),
        with(PRICE, "fixed_len_byte_array(16) UnitPrice (DECIMAL(38,2))", fixed(16)),
        with(PRICE, "fixed_len_byte_array(2) UnitPrice (FLOAT16)", halves()),
        with(PRICE, "float UnitPrice", Cells::Float(vec![2.5, 4.0, 0.5])),
        with(PRICE, "binary UnitPrice (UTF8)", Cells::Text(vec!["2.50", "4", " 0.5 "])),
        with(QUANTITY, "int64 Quantity (UINT_64)", Cells::Long(vec![6, 2, 1])),
        with(QUANTITY, "int32 Quantity (UINT_8)", Cells::Int(vec![6, 2, 1])),
        with(QUANTITY, "int32 Quantity (INT_16)", Cells::Int(vec![6, 2, 1])),
        with(QUANTITY, "int64 Quantity (DECIMAL(18,0))", Cells::Long(vec![6, 2, 1])),
        with(QUANTITY, "int64 Quantity (DECIMAL(18,3))", Cells::Long(vec![6_000, 2_000, 1_000])),
        with(QUANTITY, "double Quantity", Cells::Double(vec![6.0, 2.0, 1.0])),
        with(QUANTITY, "binary Quantity (UTF8)", Cells::Text(vec!["6", "2.0", "1e0"])),
        with(CUSTOMER, "binary CustomerID (UTF8)", Cells::Text(vec!["17850.0", "", "17851"])),
        with(CUSTOMER, "double CustomerID", Cells::Double(vec![17_850.0, f64::NAN, 17_851.0])),
    ];
    for table in &tables {
        let declarations: Vec<_> = table.iter().map(|(declaration, _)| *declaration).collect();
        assert_eq!(read_table(table).as_ref(), Ok(&control_events), "{declarations:?}");
    }
}

#[test]
fn what_is_no_amount_is_refused_by_row_and_column() {
    for price in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300] {
        let why =
            read_table(&with(PRICE, "double UnitPrice", Cells::Double(vec![2.5, price, 0.5]))).unwrap_err();
        assert!(why.contains("row 2: UnitPrice is"), "{why}");
    }
    let why = read_table(&with(PRICE, "binary UnitPrice (UTF8)", Cells::Text(vec!["2.5", "2,5", "1"])))
        .unwrap_err();
    assert!(why.contains("row 2: UnitPrice is \"2,5\""), "{why}");
    let why = read_table(&with(QUANTITY, "double Quantity", Cells::Double(vec![6.5, 2.0, 1.0]))).unwrap_err();
    assert!(why.contains("row 1: Quantity is 6.5"), "{why}");
}

#[test]
fn a_moment_before_1970_sets_its_invoice_aside() {
    let of = |ms: i64| with(AT, "int64 InvoiceDate (TIMESTAMP_MILLIS)", Cells::Long(vec![ms, AT_MS, AT_MS]));
    for ms in [-1, -300_000_000_000, i64::MIN, i64::MAX] {
        // Of several lines, the earliest counts; the last one is later than any calendar, and than the other line.
        let expected = if ms > 0 { None } else { Some((Reason::Envelope, "time".to_owned())) };
        let mut found = refusals(&of(ms));
        found.retain(Option::is_some);
        assert_eq!(found.first().cloned().flatten(), expected, "{ms}");
        assert!(found.len() <= 1);
    }
}

#[test]
fn sums_that_no_event_may_have_set_their_invoice_aside() {
    let largest = with(QUANTITY, "int64 Quantity (UINT_64)", Cells::Long(vec![-1, 2, 1]));
    assert_eq!(refusals(&largest)[0].as_ref().map(|(reason, _)| *reason), Some(Reason::Contract));
    let text: String = String::from_utf8(read_table(&largest).unwrap()[0].data.to_vec()).unwrap();
    assert!(text.contains("18446744073709551615"), "{text}");
    let price = with(PRICE, "double UnitPrice", Cells::Double(vec![9e15, 9e15, 0.5]));
    assert_eq!(refusals(&price)[0].as_ref().map(|(_, field)| field.as_str()), Some("data.total_minor"));
    assert_eq!(refusals(&price)[1], None);
}

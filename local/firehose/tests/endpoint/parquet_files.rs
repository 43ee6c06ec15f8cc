//! Delivered Parquet, read back.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMillisecondType};
use arrow_schema::{DataType, TimeUnit};
use parquet::basic::Compression;

use crate::harness::{Harness, ROWS, row};

const FILE: &str = "event_type=order/dt=2026-08-01/rows-000001-2026-08-01-12-00-00.parquet";

const FULL: &str = r#"{"event_type":"order","dt":"2026-08-01","Event_ID":"a","count":-3,"amount_minor":9007199254740993,
    "ratio":0.5,"paid":true,"event_time":"2026-08-01T11:59:59.123456789Z","unknown":{"x":[1]},
    "lines":[{"SKU":"s-1","quantity":2,"unit_price_minor":995},{"sku":null,"quantity":1,"color":"red"},null]}"#;
const SPARSE: &str =
    r#"{"event_type":"order","dt":"2026-08-01","event_id":"b","count":null,"lines":[],"event_time":7}"#;

#[test]
fn rows_come_back_equal() {
    let harness = Harness::new();
    harness.put_ok(ROWS, &[format!("{FULL}\n{SPARSE}"), row("c")]);
    harness.firehose.flush().unwrap();
    assert_eq!(harness.files("lake"), [FILE]);
    let batch = harness.parquet(FILE);
    let column = |name: &str| batch.column_by_name(name).unwrap();

    let ids: Vec<_> = column("event_id").as_string::<i32>().iter().collect();
    assert_eq!(ids, [Some("a"), Some("b"), Some("c")]);
    let counts: Vec<_> = column("count").as_primitive::<Int32Type>().iter().collect();
    assert_eq!(counts, [Some(-3), None, None]);
    let amounts: Vec<_> = column("amount_minor").as_primitive::<Int64Type>().iter().collect();
    assert_eq!(amounts, [Some(9_007_199_254_740_993), None, None]);
    let ratios: Vec<_> = column("ratio").as_primitive::<Float64Type>().iter().collect();
    assert_eq!(ratios, [Some(0.5), None, None]);
    let paid: Vec<_> = column("paid").as_boolean().iter().collect();
    assert_eq!(paid, [Some(true), None, None]);
    let times: Vec<_> = column("event_time").as_primitive::<TimestampMillisecondType>().iter().collect();
    assert_eq!(times, [Some(1_785_585_599_123), Some(7), None]);
}

#[test]
fn nested_lines_come_back_equal() {
    let harness = Harness::new();
    harness.put_ok(ROWS, &[FULL, SPARSE, &row("c")]);
    harness.firehose.flush().unwrap();
    let batch = harness.parquet(FILE);
    let lists = batch.column_by_name("lines").unwrap().as_list::<i32>();
    let lengths: Vec<_> = (0..3).map(|i| lists.is_valid(i).then(|| lists.value_length(i))).collect();
    assert_eq!(lengths, [Some(3), Some(0), None]);
    let lines = lists.values().as_struct();
    assert_eq!((lines.is_null(1), lines.is_null(2)), (false, true));
    let skus: Vec<_> = lines.column_by_name("sku").unwrap().as_string::<i32>().iter().collect();
    assert_eq!(skus, [Some("s-1"), None, None]);
    let quantities: Vec<_> =
        lines.column_by_name("quantity").unwrap().as_primitive::<Int64Type>().iter().collect();
    assert_eq!(quantities, [Some(2), Some(1), None]);
    let prices: Vec<_> =
        lines.column_by_name("unit_price_minor").unwrap().as_primitive::<Int64Type>().iter().collect();
    assert_eq!(prices, [Some(995), None, None]);
}

#[test]
fn the_file_is_snappy_without_partition_columns() {
    let harness = Harness::new();
    harness.put_ok(ROWS, &[row("a")]);
    harness.firehose.flush().unwrap();
    let file = harness.open(FILE);
    let names: Vec<_> = file.schema().fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["event_id", "count", "amount_minor", "ratio", "paid", "event_time", "lines"]);
    let event_time = file.schema().field_with_name("event_time").unwrap().data_type();
    assert_eq!(event_time, &DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())));
    let row_group = file.metadata().row_group(0);
    assert!(row_group.columns().iter().all(|column| column.compression() == Compression::SNAPPY));
}

#[test]
fn more_rows_than_one_arrow_batch_stay_in_order() {
    let harness = Harness::new();
    let rows = |from: usize| (from..from + 500).map(|n| row(&n.to_string())).collect::<String>();
    harness.put_ok(ROWS, &(0..20).map(|n| rows(n * 500)).collect::<Vec<_>>());
    harness.firehose.flush().unwrap();
    let mut expected = 0;
    for batch in harness.open(FILE).build().unwrap() {
        for id in batch.unwrap().column(0).as_string::<i32>() {
            assert_eq!(id.unwrap(), expected.to_string());
            expected += 1;
        }
    }
    assert_eq!(expected, 10_000);
}

//! Delivered Parquet, read back.

use parquet::basic::{Compression, LogicalType, TimeUnit};
use parquet::file::reader::FileReader;
use serde_json::json;

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
    let rows = harness.parquet(FILE);
    let column = |name: &str| json!(rows.iter().map(|row| row[name].clone()).collect::<Vec<_>>());
    assert_eq!(column("event_id"), json!(["a", "b", "c"]));
    assert_eq!(column("count"), json!([-3, null, null]));
    assert_eq!(column("amount_minor"), json!([9_007_199_254_740_993_i64, null, null]));
    assert_eq!(column("ratio"), json!([0.5, null, null]));
    assert_eq!(column("paid"), json!([true, null, null]));
    assert_eq!(column("event_time"), json!([1_785_585_599_123_i64, 7, null]));
}

#[test]
fn nested_lines_come_back_equal() {
    let harness = Harness::new();
    harness.put_ok(ROWS, &[FULL, SPARSE, &row("c")]);
    harness.firehose.flush().unwrap();
    let lines: Vec<_> = harness.parquet(FILE).iter().map(|row| row["lines"].clone()).collect();
    let first = json!({ "sku": "s-1", "quantity": 2, "unit_price_minor": 995 });
    let second = json!({ "quantity": 1 });
    assert_eq!(lines, [json!([first, second, null]), json!([]), json!(null)]);
}

#[test]
fn the_file_is_snappy_without_partition_columns() {
    let harness = Harness::new();
    harness.put_ok(ROWS, &[row("a")]);
    harness.firehose.flush().unwrap();
    let file = harness.open(FILE);
    let schema = file.metadata().file_metadata().schema_descr();
    let columns = schema.root_schema().get_fields();
    let names: Vec<_> = columns.iter().map(|column| column.name()).collect();
    assert_eq!(names, ["event_id", "count", "amount_minor", "ratio", "paid", "event_time", "lines"]);
    let leaves: Vec<_> = schema.columns().iter().map(|leaf| leaf.path().string()).skip(6).collect();
    let element = |name| format!("lines.list.element.{name}");
    assert_eq!(leaves, ["sku", "quantity", "unit_price_minor"].map(element));
    let timestamp = LogicalType::timestamp(true, TimeUnit::MILLIS);
    assert_eq!(columns[5].get_basic_info().logical_type_ref(), Some(&timestamp));
    let row_group = file.metadata().row_group(0);
    assert!(row_group.columns().iter().all(|column| column.compression() == Compression::SNAPPY));
}

#[test]
fn more_rows_than_one_row_group_stay_in_order() {
    const ROWS_IN: usize = 70_000;
    let harness = Harness::new();
    let rows = |from: usize| (from..from + 500).map(|n| row(&n.to_string())).collect::<String>();
    for first in (0..ROWS_IN).step_by(10_000) {
        harness.put_ok(ROWS, &(0..20).map(|n| rows(first + n * 500)).collect::<Vec<_>>());
    }
    harness.firehose.flush().unwrap();
    assert_eq!(harness.open(FILE).metadata().num_row_groups(), 2);
    let ids: Vec<_> = harness.parquet(FILE).iter().map(|row| row["event_id"].clone()).collect();
    assert_eq!(ids, (0..ROWS_IN).map(|n| json!(n.to_string())).collect::<Vec<_>>());
}

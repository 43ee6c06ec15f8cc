//! The lake's table against the rows that the code writes, and Firehose against its limits.

use std::collections::BTreeSet;

use local_firehose::limits::RECORD_MAX_SUB_RECORDS;
use millrace_domain::contract::read_data;
use millrace_domain::event::Data;
use millrace_domain::lake::{COLUMNS, CONTROL_TYPE, Column, PARTITION_KEYS, UNKNOWN_TYPE};
use millrace_domain::signal;
use millrace_domain::timer;
use serde_norway::Value;

use crate::roles::rights;
use crate::yaml::{
    Resource, SOURCE, find, global, items, limits, number, referred, resource, resources, tagged, text, yaml,
};

/// Smallest buffer with dynamic partitioning or format conversion, and the largest of all (`BufferingHints`).
const BUFFER_MIB: std::ops::RangeInclusive<i64> = 64..=128;

fn destination(path: &str) -> &'static Value {
    resource("LakeDeliveryStream").get(&format!("ExtendedS3DestinationConfiguration/{path}"))
}

fn table() -> Resource {
    resource("LakeTable")
}

fn columns(value: &Value) -> Vec<(String, String)> {
    items(value).into_iter().map(|column| (text(&column["Name"]), text(&column["Type"]))).collect()
}

fn declared(columns: &[Column]) -> Vec<(String, String)> {
    columns.iter().map(|column| (column.name.to_owned(), column.glue_type.to_owned())).collect()
}

fn table_parameter(name: &str) -> &'static Value {
    table().get(&format!("TableInput/Parameters/{name}"))
}

/// The parameter of a processor of the lake's stream.
fn processor(processor: &str, parameter: &str) -> String {
    let processors = items(destination("ProcessingConfiguration/Processors"));
    let found = processors.into_iter().find(|found| text(&found["Type"]) == processor);
    let parameters = items(&found.unwrap_or_else(|| panic!("there is no {processor}"))["Parameters"]);
    let found = parameters.into_iter().find(|found| text(&found["ParameterName"]) == parameter);
    text(&found.unwrap_or_else(|| panic!("{processor} has no {parameter}"))["ParameterValue"])
}

#[test]
fn the_table_has_the_columns_of_the_rows() {
    assert_eq!(columns(table().get("TableInput/StorageDescriptor/Columns")), declared(COLUMNS));
}

#[test]
fn the_table_has_the_partition_keys_of_the_rows() {
    assert_eq!(columns(table().get("TableInput/PartitionKeys")), declared(PARTITION_KEYS));
}

#[test]
fn the_table_looks_for_every_type_that_the_code_knows() {
    let listed = text(table_parameter("projection.event_type.values"));
    let listed: BTreeSet<&str> = listed.split(',').collect();
    // The names of contracts stand nowhere but in the match that reads their data.
    let source = include_str!("../../../shared/domain/src/contract/mod.rs");
    let (_, arms) = source.split_once("match event_type {").expect("read_data matches the type");
    let (arms, _) = arms.split_once("_ =>").expect("the match ends with unknown types");
    let mut known: BTreeSet<&str> = arms.split('"').skip(1).step_by(2).collect();
    known.extend(signal::TYPES);
    for name in &known {
        assert_ne!(read_data(name, None), Ok(Data::Unknown), "{name}");
    }
    known.remove(timer::TYPE);
    known.extend([CONTROL_TYPE, UNKNOWN_TYPE]);
    assert_eq!(listed, known);
}

#[test]
fn firehose_takes_out_of_a_row_exactly_its_partition_keys() {
    let fields = PARTITION_KEYS.iter().map(|key| format!("{0}:.{0}", key.name)).collect::<Vec<_>>().join(",");
    assert_eq!(processor("MetadataExtraction", "MetadataExtractionQuery"), format!("{{{fields}}}"));
    assert_eq!(processor("MetadataExtraction", "JsonParsingEngine"), "JQ-1.6");
}

#[test]
fn firehose_writes_where_the_table_looks() {
    let path = |open: &str| {
        let parts = PARTITION_KEYS.iter().map(|key| format!("{0}={open}{0}}}/", key.name));
        format!("${{LakePrefix}}/{}", parts.collect::<String>())
    };
    assert_eq!(tagged(destination("Prefix"), "Sub").unwrap(), path("!{partitionKeyFromQuery:"));
    let location = tagged(table_parameter("storage.location.template"), "Sub").unwrap();
    assert_eq!(location, format!("s3://${{LakeBucket}}/{}", path("${!")));
    let root = table().get("TableInput/StorageDescriptor/Location");
    assert_eq!(tagged(root, "Sub"), Some("s3://${LakeBucket}/${LakePrefix}/"));
    assert_eq!(referred(destination("BucketARN")).unwrap().id, "LakeBucket");
    for (name, expected) in [
        ("enabled", "\"true\""),
        ("event_type.type", "enum"),
        ("dt.type", "date"),
        ("dt.format", "yyyy-MM-dd"),
        ("dt.range", "!Sub \"${LakeFirstDay},NOW+1DAYS\""),
        ("dt.interval", "\"1\""),
        ("dt.interval.unit", "DAYS"),
    ] {
        assert_eq!(*table_parameter(&format!("projection.{name}")), yaml(expected), "{name}");
    }
}

#[test]
fn errors_lie_beside_the_lake_and_are_forgotten_there() {
    let written = tagged(destination("ErrorOutputPrefix"), "Sub").unwrap();
    let errors = "${LakePrefix}-errors/";
    assert!(written.starts_with(errors), "{written}");
    let rules = items(resource("LakeBucket").get("LifecycleConfiguration/Rules"));
    let expiring: Vec<_> = rules.iter().filter(|rule| find(rule, "ExpirationInDays").is_some()).collect();
    let [rule] = expiring[..] else { panic!("rows of the lake are kept") };
    assert_eq!(find(rule, "Status").map(text).as_deref(), Some("Enabled"));
    assert_eq!(find(rule, "Prefix").and_then(|prefix| tagged(prefix, "Sub")), Some(errors));
    // A slash could put the lake among its errors, or its errors into the lake.
    let pattern = text(global("Parameters/LakePrefix/AllowedPattern").unwrap());
    assert_eq!(pattern, "^[a-z0-9][a-z0-9_-]{0,63}$");
}

#[test]
fn rows_that_were_deleted_or_written_over_can_be_had_back() {
    assert_eq!(*resource("LakeBucket").get("VersioningConfiguration"), yaml("{Status: Enabled}"));
}

#[test]
fn firehose_may_write_the_lake_and_its_errors_alone() {
    let written =
        rights(resource("LakeDeliveryRole")).into_iter().filter(|(action, _)| action == "s3:PutObject");
    let places: Vec<_> = written.map(|(_, place)| place).collect();
    assert_eq!(places, ["${LakeBucket.Arn}/${LakePrefix}-errors/*", "${LakeBucket.Arn}/${LakePrefix}/*"]);
}

#[test]
fn the_place_of_the_lake_is_written_once() {
    assert_eq!(text(global("Parameters/LakePrefix/Default").unwrap()), "lake");
    for place in ["lake/", "lake-errors"] {
        assert!(!SOURCE.contains(place), "{place} stands in template.yaml");
    }
}

#[test]
fn firehose_reads_its_columns_from_the_table() {
    let schema =
        |name: &str| destination(&format!("DataFormatConversionConfiguration/SchemaConfiguration/{name}"));
    assert_eq!(referred(schema("TableName")).unwrap().id, table().id);
    assert_eq!(
        referred(schema("DatabaseName")).unwrap().id,
        referred(table().get("DatabaseName")).unwrap().id
    );
    assert_eq!(text(schema("VersionId")), "LATEST");
}

#[test]
fn firehose_takes_packed_rows_apart() {
    assert_eq!(text(destination("ProcessingConfiguration/Enabled")), "true");
    assert_eq!(processor("RecordDeAggregation", "SubRecordType"), "JSON");
    let rows = number(resource("ArchiveFunction").get("Environment/Variables/RECORD_LIMIT_ROWS"));
    assert!((1..=RECORD_MAX_SUB_RECORDS).contains(&usize::try_from(rows).unwrap()), "{rows}");
}

#[test]
fn the_lake_keeps_what_partitions_and_conversion_ask_of_firehose() {
    assert_eq!(text(destination("DynamicPartitioningConfiguration/Enabled")), "true");
    assert_eq!(text(destination("DataFormatConversionConfiguration/Enabled")), "true");
    assert!(BUFFER_MIB.contains(&number(destination("BufferingHints/SizeInMBs"))));
    // Zero buffering and dynamic partitioning exclude each other.
    let seconds = destination("BufferingHints/IntervalInSeconds");
    let [from, to] = limits(seconds)[..] else { panic!("from and to") };
    assert!(1 <= from && (from..=to).contains(&number(seconds)) && to <= 900);
    assert_eq!(text(destination("CompressionFormat")), "UNCOMPRESSED");
    assert!(!text(destination("ErrorOutputPrefix")).contains("partitionKeyFrom"));
    let output = destination("DataFormatConversionConfiguration/OutputFormatConfiguration");
    assert_eq!(text(find(output, "Serializer/ParquetSerDe/Compression").unwrap()), "SNAPPY");
}

#[test]
fn the_view_shows_every_column_and_one_row_an_event() {
    let query = text(resource("EventsOnceQuery").get("QueryString"));
    let (_, selected) = query.split_once("SELECT").unwrap();
    let (selected, _) = selected.split_once("FROM").unwrap();
    let selected: Vec<&str> = selected.split(',').map(str::trim).collect();
    let expected: Vec<&str> = COLUMNS.iter().chain(PARTITION_KEYS).map(|column| column.name).collect();
    assert_eq!(selected, expected);
    let one_line = query.split_whitespace().collect::<Vec<_>>().join(" ");
    let first_delivery = "PARTITION BY event_type, source, id ORDER BY coalesce(redrive_arrived_at, arrived_at), sequence_number";
    assert!(one_line.contains(&format!("row_number() OVER ( {first_delivery} ) AS delivery")), "{one_line}");
    let name = text(table().get("TableInput/Name"));
    let rows = format!("FROM {name}\n  WHERE event_type <> '{CONTROL_TYPE}'\n");
    assert!(query.contains(&rows), "the view reads other rows than the events of {name}");
    assert!(query.contains(" AS delivery\n") && query.trim_end().ends_with("WHERE delivery = 1"), "{query}");
}

#[test]
fn queries_are_saved_unless_that_is_turned_off() {
    let condition = global("Conditions/HasSavedQueries").unwrap();
    assert_eq!(*condition, yaml(r#"!Equals [!Ref SavedQueries, "true"]"#));
    assert_eq!(*global("Parameters/SavedQueries/Default").unwrap(), yaml(r#""true""#));
    for query in resources("AWS::Athena::NamedQuery") {
        assert_eq!(
            find(query.body, "Condition").map(text).as_deref(),
            Some("HasSavedQueries"),
            "{}",
            query.id
        );
    }
}

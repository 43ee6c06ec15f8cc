//! Rows of a Parquet file, read back.

use std::fs::File;
use std::path::Path;

use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::{Map, Value};

/// The rows of a file as JSON documents, without what is null. A timestamp is a number of milliseconds since the epoch,
/// whether the file has it as INT64 or, as Hive's writers do, as INT96.
///
/// # Errors
/// When the file cannot be read, or holds a type that no column of a Glue table here has.
pub fn read_rows(path: &Path) -> Result<Vec<Value>, ParquetError> {
    let reader = SerializedFileReader::new(File::open(path)?)?;
    reader.get_row_iter(None)?.map(|row| object(&row?)).collect()
}

fn object(row: &Row) -> Result<Value, ParquetError> {
    let mut fields = Map::new();
    for (name, field) in row.get_column_iter().filter(|(_, field)| **field != Field::Null) {
        fields.insert(name.clone(), value(field)?);
    }
    Ok(Value::Object(fields))
}

fn value(field: &Field) -> Result<Value, ParquetError> {
    Ok(match field {
        Field::Null => Value::Null,
        Field::Str(text) => text.as_str().into(),
        Field::Int(value) => (*value).into(),
        Field::Long(value) | Field::TimestampMillis(value) => (*value).into(),
        Field::Double(value) => (*value).into(),
        Field::Bool(value) => (*value).into(),
        Field::Group(row) => object(row)?,
        Field::ListInternal(list) => list.elements().iter().map(value).collect::<Result<_, _>>()?,
        other => return Err(ParquetError::General(format!("no column has {other}"))),
    })
}

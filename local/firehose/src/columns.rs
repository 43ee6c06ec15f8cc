//! Cells gathered into Parquet columns: of each leaf its values, and for each row how far its path is there (definition
//! levels) and which list goes on (repetition levels), as in Dremel.

use std::io::Write;

use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedRowGroupWriter;
use parquet::schema::types::{Type, TypePtr};

use crate::glue::{GlueField, GlueType};
use crate::row::Cell;

/// The schema of a file: every column may be null.
pub(crate) fn schema(fields: &[GlueField]) -> Result<TypePtr, ParquetError> {
    Ok(Type::group_type_builder("row").with_fields(types(fields)?).build()?.into())
}

fn types(fields: &[GlueField]) -> Result<Vec<TypePtr>, ParquetError> {
    fields.iter().map(|field| parquet_type(&field.name, &field.glue_type)).collect()
}

fn parquet_type(name: &str, glue_type: &GlueType) -> Result<TypePtr, ParquetError> {
    let leaf = |physical, logical| {
        Type::primitive_type_builder(name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .build()
    };
    let timestamp = LogicalType::timestamp(true, TimeUnit::MILLIS);
    let group = |name, repetition, logical, fields| {
        let group = Type::group_type_builder(name).with_repetition(repetition).with_logical_type(logical);
        group.with_fields(fields).build()
    };
    Ok(match glue_type {
        GlueType::Text => leaf(PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
        GlueType::Int => leaf(PhysicalType::INT32, None),
        GlueType::BigInt => leaf(PhysicalType::INT64, None),
        GlueType::Double => leaf(PhysicalType::DOUBLE, None),
        GlueType::Boolean => leaf(PhysicalType::BOOLEAN, None),
        GlueType::Timestamp => leaf(PhysicalType::INT64, Some(timestamp)),
        // The names that the Parquet specification gives.
        GlueType::Array(item) => {
            let element = vec![parquet_type("element", item)?];
            let list = group("list", Repetition::REPEATED, None, element)?;
            group(name, Repetition::OPTIONAL, Some(LogicalType::List), vec![list.into()])
        }
        GlueType::Struct(fields) => group(name, Repetition::OPTIONAL, None, types(fields)?),
    }?
    .into())
}

/// A column that grows.
pub(crate) enum Column {
    Leaf(Leaf),
    /// What its list holds, and the repetition level of a further element.
    List(Box<Column>, i16),
    Struct(Vec<Column>),
}

/// A column of the file.
pub(crate) struct Leaf {
    values: Values,
    definition: Vec<i16>,
    repetition: Vec<i16>,
}

enum Values {
    Text(Vec<ByteArray>),
    Int(Vec<i32>),
    BigInt(Vec<i64>),
    Double(Vec<f64>),
    Boolean(Vec<bool>),
}

/// Where in its row a cell stands.
#[derive(Clone, Copy)]
struct Levels {
    /// How many of its ancestors that may be missing are there.
    definition: i16,
    /// Which list goes on with it; 0 begins a row.
    repetition: i16,
}

/// The columns of a table.
pub(crate) fn columns(fields: &[GlueField]) -> Vec<Column> {
    fields.iter().map(|field| Column::new(&field.glue_type, 0)).collect()
}

/// Appends a row. It was read by the same types, so each column has its cell.
pub(crate) fn append_row(columns: &mut [Column], row: Cell<'_>) {
    let Cell::Struct(cells) = row else { return };
    let levels = Levels { definition: 0, repetition: 0 };
    columns.iter_mut().zip(cells).for_each(|(column, cell)| column.append(cell, levels));
}

/// Writes the columns as a row group.
pub(crate) fn write<W: Write + Send>(
    columns: &[Column],
    group: &mut SerializedRowGroupWriter<'_, W>,
) -> Result<(), ParquetError> {
    columns.iter().try_for_each(|column| column.write(group))
}

impl Column {
    fn new(glue_type: &GlueType, lists: i16) -> Self {
        let leaf = |values| Self::Leaf(Leaf { values, definition: Vec::new(), repetition: Vec::new() });
        match glue_type {
            GlueType::Text => leaf(Values::Text(Vec::new())),
            GlueType::Int => leaf(Values::Int(Vec::new())),
            GlueType::BigInt | GlueType::Timestamp => leaf(Values::BigInt(Vec::new())),
            GlueType::Double => leaf(Values::Double(Vec::new())),
            GlueType::Boolean => leaf(Values::Boolean(Vec::new())),
            GlueType::Array(item) => Self::List(Box::new(Self::new(item, lists + 1)), lists + 1),
            GlueType::Struct(fields) => {
                Self::Struct(fields.iter().map(|field| Self::new(&field.glue_type, lists)).collect())
            }
        }
    }

    fn append(&mut self, cell: Cell<'_>, levels: Levels) {
        let there = Levels { definition: levels.definition + 1, ..levels };
        match (self, cell) {
            (Self::Leaf(leaf), cell) => leaf.append(cell, levels),
            (Self::Struct(columns), Cell::Struct(cells)) => {
                columns.iter_mut().zip(cells).for_each(|(column, cell)| column.append(cell, there));
            }
            (Self::Struct(columns), _) => {
                columns.iter_mut().for_each(|column| column.append(Cell::Null, levels));
            }
            (Self::List(items, _), Cell::List(cells)) if cells.is_empty() => items.append(Cell::Null, there),
            (Self::List(items, further), Cell::List(cells)) => {
                let mut at = Levels { definition: there.definition + 1, ..levels };
                for cell in cells {
                    items.append(cell, at);
                    at.repetition = *further;
                }
            }
            (Self::List(items, _), _) => items.append(Cell::Null, levels),
        }
    }

    fn write<W: Write + Send>(
        &self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        match self {
            Self::Leaf(leaf) => leaf.write(group),
            Self::List(items, _) => items.write(group),
            Self::Struct(columns) => write(columns, group),
        }
    }
}

impl Leaf {
    /// Appends a value, or that there is none. The row was read by the same types, so a cell of another type cannot
    /// occur; were it to, the null keeps the columns of equal length.
    fn append(&mut self, cell: Cell<'_>, levels: Levels) {
        let is_there = self.values.push(cell);
        self.definition.push(levels.definition + i16::from(is_there));
        self.repetition.push(levels.repetition);
    }

    fn write<W: Write + Send>(
        &self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        let wrong = || ParquetError::General("the schema has other columns than the table".to_owned());
        let mut column = group.next_column()?.ok_or_else(wrong)?;
        let levels = (Some(&self.definition[..]), Some(&self.repetition[..]));
        match (&self.values, column.untyped()) {
            (Values::Text(values), ColumnWriter::ByteArrayColumnWriter(writer)) => {
                writer.write_batch(values, levels.0, levels.1)?
            }
            (Values::Int(values), ColumnWriter::Int32ColumnWriter(writer)) => {
                writer.write_batch(values, levels.0, levels.1)?
            }
            (Values::BigInt(values), ColumnWriter::Int64ColumnWriter(writer)) => {
                writer.write_batch(values, levels.0, levels.1)?
            }
            (Values::Double(values), ColumnWriter::DoubleColumnWriter(writer)) => {
                writer.write_batch(values, levels.0, levels.1)?
            }
            (Values::Boolean(values), ColumnWriter::BoolColumnWriter(writer)) => {
                writer.write_batch(values, levels.0, levels.1)?
            }
            _ => return Err(wrong()),
        };
        column.close()
    }
}

impl Values {
    /// Appends a value of their own type; whether it was one.
    fn push(&mut self, cell: Cell<'_>) -> bool {
        match (self, cell) {
            (Self::Text(values), Cell::Text(text)) => values.push(text.as_bytes().to_vec().into()),
            (Self::Int(values), Cell::Int(value)) => values.push(value),
            (Self::BigInt(values), Cell::BigInt(value) | Cell::Timestamp(value)) => values.push(value),
            (Self::Double(values), Cell::Double(value)) => values.push(value),
            (Self::Boolean(values), Cell::Boolean(value)) => values.push(value),
            _ => return false,
        }
        true
    }
}

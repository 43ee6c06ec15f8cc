//! Cells gathered into Arrow columns.

use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int32Builder, Int64Builder, StringBuilder, TimestampMillisecondBuilder,
};
use arrow_array::{ArrayRef, ListArray, StructArray};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer};
use arrow_schema::{ArrowError, FieldRef, Fields};

use crate::glue::{self, GlueType};
use crate::row::Cell;

/// A column that grows.
pub(crate) enum Column {
    Text(StringBuilder),
    Int(Int32Builder),
    BigInt(Int64Builder),
    Double(Float64Builder),
    Boolean(BooleanBuilder),
    Timestamp(TimestampMillisecondBuilder),
    List { lengths: Vec<usize>, nulls: NullBufferBuilder, items: Box<Column>, element: FieldRef },
    Struct { columns: Vec<Column>, nulls: NullBufferBuilder, fields: Fields },
}

impl Column {
    pub(crate) fn new(glue_type: &GlueType) -> Self {
        match glue_type {
            GlueType::Text => Self::Text(StringBuilder::new()),
            GlueType::Int => Self::Int(Int32Builder::new()),
            GlueType::BigInt => Self::BigInt(Int64Builder::new()),
            GlueType::Double => Self::Double(Float64Builder::new()),
            GlueType::Boolean => Self::Boolean(BooleanBuilder::new()),
            GlueType::Timestamp => Self::Timestamp(TimestampMillisecondBuilder::new().with_timezone("UTC")),
            GlueType::Array(item) => Self::List {
                lengths: Vec::new(),
                nulls: NullBufferBuilder::new(0),
                items: Box::new(Self::new(item)),
                element: glue::element(item),
            },
            GlueType::Struct(fields) => Self::Struct {
                columns: fields.iter().map(|field| Self::new(&field.glue_type)).collect(),
                nulls: NullBufferBuilder::new(0),
                fields: glue::arrow_fields(fields),
            },
        }
    }

    /// Appends a cell. The row was read by the same types, so a cell of another type cannot occur; were it
    /// to, the null keeps the columns of equal length.
    pub(crate) fn append(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Text(builder), Cell::Text(text)) => builder.append_value(text),
            (Self::Int(builder), Cell::Int(value)) => builder.append_value(value),
            (Self::BigInt(builder), Cell::BigInt(value)) => builder.append_value(value),
            (Self::Double(builder), Cell::Double(value)) => builder.append_value(value),
            (Self::Boolean(builder), Cell::Boolean(value)) => builder.append_value(value),
            (Self::Timestamp(builder), Cell::Timestamp(ms)) => builder.append_value(ms),
            (Self::List { lengths, nulls, items, .. }, Cell::List(cells)) => {
                lengths.push(cells.len());
                nulls.append_non_null();
                cells.into_iter().for_each(|cell| items.append(cell));
            }
            (Self::Struct { columns, nulls, .. }, Cell::Struct(cells)) => {
                nulls.append_non_null();
                columns.iter_mut().zip(cells).for_each(|(column, cell)| column.append(cell));
            }
            (column, _) => column.append_null(),
        }
    }

    fn append_null(&mut self) {
        match self {
            Self::Text(builder) => builder.append_null(),
            Self::Int(builder) => builder.append_null(),
            Self::BigInt(builder) => builder.append_null(),
            Self::Double(builder) => builder.append_null(),
            Self::Boolean(builder) => builder.append_null(),
            Self::Timestamp(builder) => builder.append_null(),
            Self::List { lengths, nulls, .. } => {
                lengths.push(0);
                nulls.append_null();
            }
            Self::Struct { columns, nulls, .. } => {
                nulls.append_null();
                columns.iter_mut().for_each(Self::append_null);
            }
        }
    }

    pub(crate) fn finish(self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::Int(mut builder) => Arc::new(builder.finish()),
            Self::BigInt(mut builder) => Arc::new(builder.finish()),
            Self::Double(mut builder) => Arc::new(builder.finish()),
            Self::Boolean(mut builder) => Arc::new(builder.finish()),
            Self::Timestamp(mut builder) => Arc::new(builder.finish()),
            Self::List { lengths, nulls, items, element } => {
                let offsets = OffsetBuffer::try_from_lengths(lengths)
                    .map_err(|error| ArrowError::InvalidArgumentError(error.to_string()))?;
                Arc::new(ListArray::try_new(element, offsets, items.finish()?, nulls.build())?)
            }
            Self::Struct { columns, nulls, fields } => {
                let arrays = columns.into_iter().map(Self::finish).collect::<Result<Vec<_>, _>>()?;
                Arc::new(StructArray::try_new(fields, arrays, nulls.build())?)
            }
        })
    }
}

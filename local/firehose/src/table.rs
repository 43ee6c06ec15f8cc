//! Rows of a declared table as a Parquet file.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_schema::{Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::columns::Column;
use crate::declaration::ConfigError;
use crate::error_output::{ErrorCode, RowError};
use crate::glue::{GlueField, GlueType, arrow_fields};
use crate::row;

/// Rows gathered before they are handed to the Parquet writer: enough to amortize it, little memory.
const BATCH_ROWS: usize = 8_192;

/// A declared table.
pub(crate) struct Table {
    row: GlueType,
    schema: SchemaRef,
}

/// A converted buffer.
pub(crate) struct Encoded {
    /// The file, unless no row could be converted.
    pub(crate) file: Option<Vec<u8>>,
    /// Rows in the file.
    pub(crate) rows: u64,
    /// Rows that are not, by their position.
    pub(crate) rejected: Vec<(usize, RowError)>,
}

impl Table {
    pub(crate) fn new(stream: &str, columns: &[(String, String)]) -> Result<Self, ConfigError> {
        let fields = columns
            .iter()
            .map(|(name, text)| match GlueType::parse(text) {
                Ok(glue_type) => Ok(GlueField { name: name.to_lowercase(), glue_type }),
                Err(source) => {
                    Err(ConfigError::ColumnType { stream: stream.to_owned(), column: name.clone(), source })
                }
            })
            .collect::<Result<Vec<_>, _>>()?;
        let schema = Arc::new(Schema::new(arrow_fields(&fields)));
        Ok(Self { row: GlueType::Struct(fields), schema })
    }

    /// Converts rows. One that does not fit the table is set aside and its neighbours are not affected.
    pub(crate) fn encode<'a>(&self, documents: impl Iterator<Item = &'a [u8]> + Clone) -> Encoded {
        self.try_encode(documents.clone()).unwrap_or_else(|error| {
            // Every row fits the schema by now, so this is a fault of the writer; the rows must survive it.
            let reject = |index| {
                let message = format!("the parquet file could not be encoded: {error}");
                (index, RowError::new(ErrorCode::ValueNotConvertible, message))
            };
            Encoded { file: None, rows: 0, rejected: (0..documents.count()).map(reject).collect() }
        })
    }

    /// Encodes into memory, so that a failure to convert and a failure to write stay apart: the first goes to
    /// the error output, the second is tried again.
    fn try_encode<'a>(&self, documents: impl Iterator<Item = &'a [u8]>) -> Result<Encoded, ParquetError> {
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        // As in a file of Firehose, the Parquet schema alone says what the types are.
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let mut writer = ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(&self.schema), options)?;
        let (mut rows, mut batched, mut rejected) = (0, 0, Vec::new());
        let mut column = Column::new(&self.row);
        for (index, document) in documents.enumerate() {
            match row::parse(document, &self.row) {
                Ok(cell) => column.append(cell),
                Err(error) => {
                    rejected.push((index, error));
                    continue;
                }
            }
            rows += 1;
            batched += 1;
            if batched == BATCH_ROWS {
                writer.write(&batch(std::mem::replace(&mut column, Column::new(&self.row)))?)?;
                batched = 0;
            }
        }
        writer.write(&batch(column)?)?;
        let file = writer.into_inner()?;
        Ok(Encoded { file: (rows > 0).then_some(file), rows, rejected })
    }
}

fn batch(column: Column) -> Result<RecordBatch, ParquetError> {
    Ok(RecordBatch::from(column.finish()?.as_struct()))
}

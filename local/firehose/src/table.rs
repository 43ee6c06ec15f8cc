//! Rows of a declared table as a Parquet file.

use std::sync::Arc;

use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::TypePtr;

use crate::columns::{Column, append_row, columns, schema, write};
use crate::declaration::ConfigError;
use crate::error_output::{ErrorCode, RowError};
use crate::glue::{GlueField, GlueType};
use crate::row;

/// Rows of a row group: what is held as columns before it is encoded.
const ROW_GROUP_ROWS: u64 = 65_536;

/// A declared table.
pub(crate) struct Table {
    row: GlueType,
    fields: Vec<GlueField>,
    schema: TypePtr,
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
        let schema = schema(&fields)
            .map_err(|error| ConfigError::Columns { stream: stream.to_owned(), why: error.to_string() })?;
        Ok(Self { row: GlueType::Struct(fields.clone()), fields, schema })
    }

    /// Converts rows. A row that does not fit the table is rejected; its neighbours are not affected.
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
        let mut writer =
            SerializedFileWriter::new(Vec::new(), Arc::clone(&self.schema), Arc::new(properties))?;
        let (mut rows, mut rejected) = (0, Vec::new());
        let mut group = columns(&self.fields);
        for (index, document) in documents.enumerate() {
            match row::parse(document, &self.row) {
                Ok(row) => append_row(&mut group, row),
                Err(error) => {
                    rejected.push((index, error));
                    continue;
                }
            }
            rows += 1;
            if rows % ROW_GROUP_ROWS == 0 {
                add_group(&mut writer, &std::mem::replace(&mut group, columns(&self.fields)))?;
            }
        }
        if rows % ROW_GROUP_ROWS != 0 {
            add_group(&mut writer, &group)?;
        }
        let file = writer.into_inner()?;
        Ok(Encoded { file: (rows > 0).then_some(file), rows, rejected })
    }
}

fn add_group(writer: &mut SerializedFileWriter<Vec<u8>>, columns: &[Column]) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    write(columns, &mut group)?;
    group.close().map(drop)
}

//! One delivery stream: its buffers and their delivery.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::buffer::Buffer;
use crate::config::{Buffering, Destination, StreamConfig};
use crate::declaration::ConfigError;
use crate::error_output::{self, ErrorCode, RowError};
use crate::files::{DeliveryError, FileSeries};
use crate::split_documents;
use crate::stats::Tally;
use crate::table::Table;
use crate::timestamp;

/// The one partition of a stream without partitions.
const UNPARTITIONED: &str = "";

const LINES_SUFFIX: &str = ".jsonl";

pub(crate) struct Stream {
    name: String,
    buffering: Buffering,
    sink: Sink,
    /// Rows by partition path. An entry is an active partition: it stays until its file is written, as
    /// Firehose counts a partition that it cannot deliver as active.
    partitions: BTreeMap<String, Buffer>,
    /// Lines of the error output by error type.
    errors: BTreeMap<&'static str, Buffer>,
    files: FileSeries,
}

enum Sink {
    Parquet { dir: PathBuf, error_dir: PathBuf, keys: Vec<String>, active_max: usize, table: Table },
    JsonLines { dir: PathBuf },
}

/// Names a buffer of a stream.
pub(crate) enum BufferId {
    Partition(String),
    Errors(&'static str),
}

impl Stream {
    pub(crate) fn new(config: StreamConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let sink = match config.destination {
            Destination::Parquet(parquet) => Sink::Parquet {
                table: Table::new(&config.name, &parquet.columns)?,
                dir: parquet.dir,
                error_dir: parquet.error_dir,
                keys: parquet.partition_keys,
                active_max: parquet.active_partitions_max,
            },
            Destination::JsonLines(lines) => Sink::JsonLines { dir: lines.dir },
        };
        Ok(Self {
            files: FileSeries::new(&config.name),
            name: config.name,
            buffering: config.buffering,
            sink,
            partitions: BTreeMap::new(),
            errors: BTreeMap::new(),
        })
    }

    /// Buffers a record and returns its rows.
    pub(crate) fn accept(&mut self, record: &[u8], now_ms: i64) -> u64 {
        let Sink::Parquet { keys, active_max, .. } = &self.sink else {
            self.partitions.entry(UNPARTITIONED.to_owned()).or_default().push_line(record, now_ms);
            return 1;
        };
        let sub_records = split_documents::split(record, keys);
        let rows = sub_records.len() as u64;
        for sub_record in sub_records {
            match sub_record.partition {
                Ok(path) if self.partitions.len() < *active_max || self.partitions.contains_key(&path) => {
                    self.partitions.entry(path).or_default().push(sub_record.raw, now_ms);
                }
                Ok(path) => {
                    let message = format!(
                        "{active_max} partitions are active and {path} would be one more: use fewer partition values \
                         or a shorter buffer interval"
                    );
                    let error = RowError::new(ErrorCode::ActivePartitionExceeded, message);
                    reject(&mut self.errors, &error, sub_record.raw, now_ms, now_ms);
                }
                Err(error) => reject(&mut self.errors, &error, sub_record.raw, now_ms, now_ms),
            }
        }
        rows
    }

    pub(crate) fn buffered_bytes(&self) -> usize {
        self.partitions.values().chain(self.errors.values()).map(|buffer| buffer.data().len()).sum()
    }

    pub(crate) fn largest(&self) -> Option<(usize, BufferId)> {
        let partitions =
            self.partitions.iter().map(|(path, buffer)| (buffer, BufferId::Partition(path.clone())));
        let errors = self.errors.iter().map(|(error_type, buffer)| (buffer, BufferId::Errors(error_type)));
        partitions.chain(errors).map(|(buffer, id)| (buffer.data().len(), id)).max_by_key(|(bytes, _)| *bytes)
    }

    pub(crate) fn deliver_full(&mut self, now_ms: i64, tally: &Tally) -> Result<(), DeliveryError> {
        let limit = self.buffering;
        self.deliver_where(now_ms, tally, |buffer| buffer.is_full(limit))
    }

    pub(crate) fn deliver_due(&mut self, now_ms: i64, tally: &Tally) -> Result<(), DeliveryError> {
        let limit = self.buffering;
        self.deliver_where(now_ms, tally, |buffer| buffer.is_due(limit, now_ms))
    }

    pub(crate) fn deliver_all(&mut self, now_ms: i64, tally: &Tally) -> Result<(), DeliveryError> {
        self.deliver_where(now_ms, tally, |_| true)
    }

    /// Delivers the chosen buffers and returns the first failure; one failure does not hold up the others.
    /// The error output comes last because converting rows adds to it.
    fn deliver_where(
        &mut self,
        now_ms: i64,
        tally: &Tally,
        chosen: impl Fn(&Buffer) -> bool,
    ) -> Result<(), DeliveryError> {
        let mut outcome = Ok(());
        let partitions = self.partitions.iter().filter(|(_, buffer)| chosen(buffer));
        for path in partitions.map(|(path, _)| path.clone()).collect::<Vec<_>>() {
            outcome = outcome.and(self.deliver(&BufferId::Partition(path), now_ms, tally));
        }
        let errors = self.errors.iter().filter(|(_, buffer)| chosen(buffer));
        for error_type in errors.map(|(error_type, _)| *error_type).collect::<Vec<_>>() {
            outcome = outcome.and(self.deliver(&BufferId::Errors(error_type), now_ms, tally));
        }
        outcome
    }

    /// Delivers one buffer. It is removed once its file is in place, and left as it was if that fails.
    pub(crate) fn deliver(&mut self, id: &BufferId, now_ms: i64, tally: &Tally) -> Result<(), DeliveryError> {
        match id {
            BufferId::Partition(path) => self.deliver_partition(path, now_ms, tally),
            BufferId::Errors(error_type) => self.deliver_errors(error_type, tally),
        }
    }

    fn deliver_partition(&mut self, path: &str, now_ms: i64, tally: &Tally) -> Result<(), DeliveryError> {
        let Some(buffer) = self.partitions.get(path) else { return Ok(()) };
        let rows = match &self.sink {
            Sink::JsonLines { dir } => {
                self.files.write(dir, LINES_SUFFIX, buffer.data(), tally)?;
                buffer.row_count()
            }
            Sink::Parquet { dir, table, .. } => {
                let encoded = table.encode(buffer.rows().map(|(row, _)| row));
                if let Some(file) = &encoded.file {
                    let first_row = timestamp::file_name_part(buffer.first_arrival_ms());
                    self.files.write(&dir.join(path), &format!("-{first_row}.parquet"), file, tally)?;
                }
                let mut rejected = encoded.rejected.iter().peekable();
                for (index, (raw, arrival_ms)) in buffer.rows().enumerate() {
                    if let Some((_, error)) = rejected.next_if(|(position, _)| *position == index) {
                        reject(&mut self.errors, error, raw, arrival_ms, now_ms);
                    }
                }
                encoded.rows
            }
        };
        self.partitions.remove(path);
        let key = if path == UNPARTITIONED { self.name.clone() } else { format!("{}/{path}", self.name) };
        if rows > 0 {
            tally.update(|stats| *stats.rows_delivered.entry(key).or_default() += rows);
        }
        Ok(())
    }

    fn deliver_errors(&mut self, error_type: &'static str, tally: &Tally) -> Result<(), DeliveryError> {
        let Sink::Parquet { error_dir, .. } = &self.sink else { return Ok(()) };
        let Some(buffer) = self.errors.get(error_type) else { return Ok(()) };
        self.files.write(&error_dir.join(error_type), LINES_SUFFIX, buffer.data(), tally)?;
        let rows = buffer.row_count();
        self.errors.remove(error_type);
        tally.update(|stats| *stats.error_rows.entry(error_type.to_owned()).or_default() += rows);
        Ok(())
    }
}

fn reject(
    errors: &mut BTreeMap<&'static str, Buffer>,
    error: &RowError,
    raw: &[u8],
    arrival_ms: i64,
    now_ms: i64,
) {
    let line = error_output::render(error, raw, arrival_ms, now_ms);
    errors.entry(error.code.error_type()).or_default().push_line(&line, arrival_ms);
}

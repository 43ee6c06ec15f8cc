//! The lake read back.

#[cfg(test)]
mod parquet_files;

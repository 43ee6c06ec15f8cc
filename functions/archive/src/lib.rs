//! Shop events to a Parquet lake, through Firehose.

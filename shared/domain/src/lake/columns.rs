//! The columns of the lake's table, as the Glue table declares them.

/// A column and its Glue type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name.
    pub name: &'static str,
    /// The type in Glue's notation.
    pub glue_type: &'static str,
}

const fn column(name: &'static str, glue_type: &'static str) -> Column {
    Column { name, glue_type }
}

/// The columns inside the Parquet files, in order: the envelope, the typed fields of the contracts, the raw
/// data, where the event was first, where it was brought back, and what caused it.
pub const COLUMNS: &[Column] = &[
    column("id", "string"),
    column("source", "string"),
    column("type", "string"),
    column("subject", "string"),
    column("time", "timestamp"),
    column("dataschema", "string"),
    column("sku", "string"),
    column("quantity", "bigint"),
    column("order_id", "string"),
    column("currency", "string"),
    column("total_minor", "bigint"),
    column("lines", "array<struct<sku:string,quantity:bigint,unit_price_minor:bigint>>"),
    column("store_id", "string"),
    column("amount_minor", "bigint"),
    column("reason", "string"),
    column("on_hand", "bigint"),
    column("data", "string"),
    column("arrived_at", "timestamp"),
    column("shard_id", "string"),
    column("sequence_number", "string"),
    column("sub_sequence_number", "int"),
    column("element", "int"),
    column("stream", "string"),
    column("redrive_stream", "string"),
    column("redrive_shard_id", "string"),
    column("redrive_sequence_number", "string"),
    column("redrive_sub_sequence_number", "int"),
    column("redrive_element", "int"),
    column("redrive_arrived_at", "timestamp"),
    column("origin_stream", "string"),
    column("origin_shard_id", "string"),
    column("origin_sequence_number", "string"),
    column("origin_sub_sequence_number", "int"),
    column("origin_element", "int"),
    column("origin_index", "int"),
    column("target_function", "string"),
];

/// The partition keys, in order. They are part of a row and of the path, not of the Parquet file.
pub const PARTITION_KEYS: &[Column] = &[column("event_type", "string"), column("dt", "string")];

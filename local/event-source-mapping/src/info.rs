//! The names that appear in events and failure records.

/// What the mapping connects: the stream, the function, and the mapping itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingInfo {
    /// UUID of the event source mapping; a folder of every failure record's key.
    pub mapping_uuid: String,
    /// ARN of the stream; `eventSourceARN` of every record.
    pub stream_arn: String,
    /// Region of the stream, such as `eu-central-1`.
    pub aws_region: String,
    /// ARN of the function.
    pub function_arn: String,
    /// Version of the function that runs, `$LATEST` unless an alias or version is mapped.
    pub executed_version: String,
    /// ARN of the role under which the stream is read; `invokeIdentityArn` of every record.
    pub invoke_identity_arn: String,
}

/// A shard as `ListShards` describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardInfo {
    /// `ShardId`, such as `shardId-000000000002`.
    pub shard_id: String,
    /// `ParentShardId` and, after a merge, `AdjacentParentShardId`; empty for a first shard.
    pub parent_ids: Vec<String>,
}

//! The calls that may go wrong.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use serde::{Deserialize, Serialize};

/// A kind of call, known by its `X-Amz-Target`; those of S3 by their query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// DynamoDB `BatchGetItem`.
    Read,
    /// DynamoDB `BatchExecuteStatement`.
    Write,
    /// Firehose `PutRecordBatch`.
    Deliver,
    /// Kinesis `PutRecords`.
    Publish,
    /// DynamoDB `BatchWriteItem`: timers are set, or taken away.
    Arm,
    /// DynamoDB `Query`: timers that are due.
    Due,
    /// DynamoDB `GetItem` and `PutItem`: how far timers were taken.
    Cursor,
    /// DynamoDB `Scan`: a whole table.
    Scan,
    /// S3 `ListObjectsV2`.
    List,
    /// S3 `GetObject`.
    Get,
    /// S3 `PutObject`.
    Put,
}

impl Call {
    /// The call of a request; `None` for one that never goes wrong on purpose.
    pub fn of(request: &HttpRequest) -> Option<Self> {
        match request.headers().get("x-amz-target") {
            Some(target) => Self::of_target(target),
            None => Self::of_query(request.uri().split_once('?')?.1),
        }
    }

    /// Whether S3 answers it, which speaks XML.
    pub const fn is_of_objects(self) -> bool {
        matches!(self, Self::List | Self::Get | Self::Put)
    }

    fn of_query(query: &str) -> Option<Self> {
        query.split('&').find_map(|field| match field {
            "list-type=2" => Some(Self::List),
            "x-id=GetObject" => Some(Self::Get),
            "x-id=PutObject" => Some(Self::Put),
            _ => None,
        })
    }

    fn of_target(target: &str) -> Option<Self> {
        let (service, operation) = target.split_once('.')?;
        match (service.split_once('_')?.0, operation) {
            ("DynamoDB", "BatchGetItem") => Some(Self::Read),
            ("DynamoDB", "BatchExecuteStatement") => Some(Self::Write),
            ("Firehose", "PutRecordBatch") => Some(Self::Deliver),
            ("Kinesis", "PutRecords") => Some(Self::Publish),
            ("DynamoDB", "BatchWriteItem") => Some(Self::Arm),
            ("DynamoDB", "Query") => Some(Self::Due),
            ("DynamoDB", "GetItem" | "PutItem") => Some(Self::Cursor),
            ("DynamoDB", "Scan") => Some(Self::Scan),
            _ => None,
        }
    }

    /// The name in tables and scripts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Deliver => "deliver",
            Self::Publish => "publish",
            Self::Arm => "arm",
            Self::Due => "due",
            Self::Cursor => "cursor",
            Self::Scan => "scan",
            Self::List => "list",
            Self::Get => "get",
            Self::Put => "put",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_known_by_service_and_operation() {
        assert_eq!(Call::of_target("DynamoDB_20120810.BatchGetItem"), Some(Call::Read));
        assert_eq!(Call::of_target("Kinesis_20131202.PutRecords"), Some(Call::Publish));
        assert_eq!(Call::of_target("DynamoDB_20120810.PutItem"), Some(Call::Cursor));
        assert_eq!(Call::of_target("Firehose_20150804.PutRecordBatch"), Some(Call::Deliver));
        for other in ["", "DynamoDB_20120810.CreateTable", "Kinesis.PutRecords"] {
            assert_eq!(Call::of_target(other), None);
        }
    }

    #[test]
    fn calls_of_s3_are_known_by_their_query() {
        let queries = ["list-type=2&max-keys=9", "x-id=GetObject", "x-id=PutObject", "x-id=CopyObject", ""];
        let calls = queries.map(Call::of_query);
        assert_eq!(calls, [Some(Call::List), Some(Call::Get), Some(Call::Put), None, None]);
    }
}

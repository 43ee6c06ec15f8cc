//! The calls that may go wrong.

use serde::{Deserialize, Serialize};

/// A kind of call, known by its `X-Amz-Target`.
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
}

impl Call {
    /// Every call.
    pub const ALL: [Self; 8] = [
        Self::Read,
        Self::Write,
        Self::Deliver,
        Self::Publish,
        Self::Arm,
        Self::Due,
        Self::Cursor,
        Self::Scan,
    ];

    /// The call of a request with this target; `None` for one that never goes wrong on purpose.
    pub fn of_target(target: &str) -> Option<Self> {
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
}

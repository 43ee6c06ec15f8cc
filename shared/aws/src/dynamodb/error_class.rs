//! What an error of DynamoDB means for the work at hand.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{BatchStatementError, BatchStatementErrorCodeEnum as Code};

use crate::describe::describe;

/// What may follow an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ErrorClass {
    /// Not done, and worth another try soon.
    Transient(String),
    /// Not done, and no sooner than somebody mends the deployment: permissions, a missing table.
    Misconfigured(String),
    /// Not done, and never will be with this item.
    Rejected(String),
}

/// Error codes that say that nothing was done and the next try may succeed.
const TRANSIENT: [&str; 5] = [
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "LimitExceededException",
    "ServiceUnavailable",
];

impl ErrorClass {
    /// The reason in words.
    pub(super) fn into_why(self) -> String {
        match self {
            Self::Transient(why) | Self::Misconfigured(why) | Self::Rejected(why) => why,
        }
    }

    /// What the failure of a whole read means. Reads may simply be repeated, so a lost answer passes, too.
    pub(super) fn of<E: ProvideErrorMetadata + std::error::Error + 'static>(error: &SdkError<E>) -> Self {
        let why = describe(error);
        match error {
            SdkError::ConstructionFailure(_) => Self::Misconfigured(why),
            SdkError::ServiceError(answer) => match answer.raw().status().is_server_error() {
                true => Self::Transient(why),
                false => Self::of_code(answer.err().code().unwrap_or_default(), why),
            },
            _ => Self::Transient(why),
        }
    }

    /// Whether the failure of a whole write leaves open if it took effect.
    pub(super) fn leaves_open<E>(error: &SdkError<E>) -> bool {
        match error {
            SdkError::ConstructionFailure(_) => false,
            SdkError::ServiceError(answer) => answer.raw().status().is_server_error(),
            _ => true,
        }
    }

    /// What the failure of one statement means; `None` for a failed condition.
    pub(super) fn of_statement(error: &BatchStatementError) -> Option<Self> {
        let message = error.message().unwrap_or_default();
        let why = format!("{}: {message}", error.code().map_or("unknown error", Code::as_str));
        match error.code() {
            Some(Code::ConditionalCheckFailed | Code::DuplicateItem) => None,
            Some(Code::ItemCollectionSizeLimitExceeded) => Some(Self::Rejected(why)),
            Some(Code::ValidationError) => Some(Self::of_validation(message, why)),
            Some(Code::AccessDenied | Code::ResourceNotFound) => Some(Self::Misconfigured(why)),
            _ => Some(Self::Transient(why)),
        }
    }

    fn of_code(code: &str, why: String) -> Self {
        match code {
            code if TRANSIENT.contains(&code) => Self::Transient(why),
            "ValidationException" => Self::of_validation(&why.clone(), why),
            _ => Self::Misconfigured(why),
        }
    }

    /// An item that is too large, or holds a value that DynamoDB does not store, is rejected for good. Any other
    /// complaint about a statement is one about this program or its table, such as an index of another type, and
    /// would be the same for every item.
    fn of_validation(message: &str, why: String) -> Self {
        let of_item = ["Item size", "item size", "Number overflow", "number overflow", "Nesting Levels"];
        match of_item.iter().any(|sign| message.contains(sign)) {
            true => Self::Rejected(why),
            false => Self::Misconfigured(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement_error(code: Code, message: &str) -> Option<ErrorClass> {
        ErrorClass::of_statement(&BatchStatementError::builder().code(code).message(message).build())
    }

    #[test]
    fn only_trouble_with_the_item_itself_is_rejected() {
        let size = "Item size to update has exceeded the maximum allowed size";
        assert!(matches!(statement_error(Code::ValidationError, size), Some(ErrorClass::Rejected(_))));
        for of_table in [
            "The provided key element does not match the schema",
            "One or more parameter values were invalid: Type mismatch for Index Key session Expected: S Actual: M",
        ] {
            assert!(matches!(
                statement_error(Code::ValidationError, of_table),
                Some(ErrorClass::Misconfigured(_))
            ));
        }
        assert!(matches!(statement_error(Code::AccessDenied, ""), Some(ErrorClass::Misconfigured(_))));
        assert!(matches!(statement_error(Code::ThrottlingError, ""), Some(ErrorClass::Transient(_))));
        assert!(matches!(statement_error(Code::from("New"), ""), Some(ErrorClass::Transient(_))));
        assert_eq!(statement_error(Code::ConditionalCheckFailed, ""), None);
    }
}

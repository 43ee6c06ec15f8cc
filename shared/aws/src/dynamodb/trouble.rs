//! What an error of DynamoDB means for the work at hand.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{BatchStatementError, BatchStatementErrorCodeEnum as Code};

use crate::describe::describe;

/// What may follow an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Not done, and worth another try soon.
    Passing(String),
    /// Not done, and no sooner than somebody mends the deployment: permissions, a missing table.
    Lasting(String),
    /// Not done, and never will be with this item.
    Refused(String),
}

/// Error codes that say that nothing was done and the next try may succeed.
const PASSING: [&str; 5] = [
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "LimitExceededException",
    "ServiceUnavailable",
];

impl Trouble {
    /// The reason in words.
    pub(super) fn into_why(self) -> String {
        match self {
            Self::Passing(why) | Self::Lasting(why) | Self::Refused(why) => why,
        }
    }

    /// What the failure of a whole read means. Reads may simply be repeated, so a lost answer passes, too.
    pub(super) fn of<E: ProvideErrorMetadata + std::error::Error + 'static>(error: &SdkError<E>) -> Self {
        let why = describe(error);
        match error {
            SdkError::ConstructionFailure(_) => Self::Lasting(why),
            SdkError::ServiceError(answer) => match answer.raw().status().is_server_error() {
                true => Self::Passing(why),
                false => Self::of_code(answer.err().code().unwrap_or_default(), why),
            },
            _ => Self::Passing(why),
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
            Some(Code::ItemCollectionSizeLimitExceeded) => Some(Self::Refused(why)),
            Some(Code::ValidationError) => Some(Self::of_validation(message, why)),
            Some(Code::AccessDenied | Code::ResourceNotFound) => Some(Self::Lasting(why)),
            _ => Some(Self::Passing(why)),
        }
    }

    fn of_code(code: &str, why: String) -> Self {
        match code {
            passing if PASSING.contains(&passing) => Self::Passing(why),
            "ValidationException" => Self::of_validation(&why.clone(), why),
            _ => Self::Lasting(why),
        }
    }

    /// An item that is too large, or holds a value that DynamoDB does not store, is refused for good. Any other
    /// complaint about a statement is one about this program or its table, such as an index of another type, and
    /// would be the same for every item.
    fn of_validation(message: &str, why: String) -> Self {
        let of_item = ["Item size", "item size", "Number overflow", "number overflow", "Nesting Levels"];
        match of_item.iter().any(|sign| message.contains(sign)) {
            true => Self::Refused(why),
            false => Self::Lasting(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement_error(code: Code, message: &str) -> Option<Trouble> {
        Trouble::of_statement(&BatchStatementError::builder().code(code).message(message).build())
    }

    #[test]
    fn only_trouble_with_the_item_itself_is_refused() {
        let size = "Item size to update has exceeded the maximum allowed size";
        assert!(matches!(statement_error(Code::ValidationError, size), Some(Trouble::Refused(_))));
        for of_table in [
            "The provided key element does not match the schema",
            "One or more parameter values were invalid: Type mismatch for Index Key session Expected: S Actual: M",
        ] {
            assert!(matches!(statement_error(Code::ValidationError, of_table), Some(Trouble::Lasting(_))));
        }
        assert!(matches!(statement_error(Code::AccessDenied, ""), Some(Trouble::Lasting(_))));
        assert!(matches!(statement_error(Code::ThrottlingError, ""), Some(Trouble::Passing(_))));
        assert!(matches!(statement_error(Code::from("New"), ""), Some(Trouble::Passing(_))));
        assert_eq!(statement_error(Code::ConditionalCheckFailed, ""), None);
    }
}

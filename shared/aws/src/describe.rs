//! Errors of the SDK in words, without what they carry.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// Kind, code and message of an error. The SDK's own texts also show headers and bodies, and bodies hold items.
pub fn describe<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    let kind = match error {
        SdkError::ConstructionFailure(_) => "the request could not be made",
        SdkError::TimeoutError(_) => "no answer in time",
        SdkError::DispatchFailure(_) => "the service could not be reached",
        SdkError::ResponseError(_) => "the answer could not be read",
        _ => "the service refused",
    };
    let error = error.as_service_error();
    match error.map(|error| (error.code().unwrap_or_default(), error.message().unwrap_or_default())) {
        Some((code, message)) => format!("{kind}: {code}: {message}"),
        None => kind.to_owned(),
    }
}

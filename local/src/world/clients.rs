//! SDK clients for the emulated services.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_kinesis::config::{Credentials, SharedCredentialsProvider};
use millrace_aws::clients::http_client;

use super::Endpoints;
use crate::trouble::Trouble;

/// The region that is made up.
pub(crate) const REGION: &str = "us-east-1";
/// The credentials that the emulators do not look at.
pub(crate) const CREDENTIAL: &str = "local";

/// A client for each service, and where it points.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    pub(crate) kinesis: aws_sdk_kinesis::Client,
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) firehose: aws_sdk_firehose::Client,
    pub(crate) endpoints: Endpoints,
}

impl Clients {
    /// Clients for these endpoints, in this trouble. As in the deployed functions, the SDK's own retries are off.
    pub(crate) fn of(endpoints: Endpoints, trouble: Option<&Trouble>) -> Self {
        let credentials = Credentials::new(CREDENTIAL, CREDENTIAL, None, None, "local");
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(30)).build();
        let mut sdk = aws_config::SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(REGION))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts);
        sdk = match trouble {
            Some(trouble) => sdk.http_client(trouble.http()),
            None => sdk.http_client(http_client()),
        };
        let sdk = sdk.build();
        let kinesis = aws_sdk_kinesis::config::Builder::from(&sdk).endpoint_url(&endpoints.kinesis).build();
        let dynamodb =
            aws_sdk_dynamodb::config::Builder::from(&sdk).endpoint_url(&endpoints.dynamodb).build();
        let firehose =
            aws_sdk_firehose::config::Builder::from(&sdk).endpoint_url(&endpoints.firehose).build();
        Self {
            kinesis: aws_sdk_kinesis::Client::from_conf(kinesis),
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb),
            firehose: aws_sdk_firehose::Client::from_conf(firehose),
            endpoints,
        }
    }
}

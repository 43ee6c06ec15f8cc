//! The Lambda function `fraud`.

use std::sync::Arc;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_firehose::Client as Firehose;
use aws_sdk_kinesis::Client as Kinesis;
use fraud::{Config, Fraud};
use lambda_runtime::Error;
use millrace_aws::clients::sdk_config;
use millrace_lambda::{Meter, logging};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = Config::from_env()?;
    logging::start(module_path!(), config.log_level);
    let sdk = sdk_config().await;
    let (dynamodb, firehose, kinesis) = (DynamoDb::new(&sdk), Firehose::new(&sdk), Kinesis::new(&sdk));
    let function = Fraud::on_aws(&config, dynamodb, firehose, kinesis, Arc::new(Meter::default()));
    millrace_lambda::function::serve(&function).await
}

//! The Lambda function `inventory`.

use std::sync::Arc;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_firehose::Client as Firehose;
use aws_sdk_kinesis::Client as Kinesis;
use inventory::{Config, Inventory};
use lambda_runtime::Error;
use millrace_aws::clients::sdk_config;
use millrace_lambda::{Meter, logging};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = Config::from_env()?;
    logging::start(module_path!(), config.log_level);
    let sdk = sdk_config().await;
    let (dynamodb, firehose) = (DynamoDb::new(&sdk), Firehose::new(&sdk));
    let function =
        Inventory::on_aws(&config, dynamodb, firehose, Kinesis::new(&sdk), Arc::new(Meter::default()));
    millrace_lambda::function::serve(&function).await
}

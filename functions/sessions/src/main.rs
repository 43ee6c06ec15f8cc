//! The Lambda function `sessions`.

use std::sync::Arc;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_firehose::Client as Firehose;
use aws_sdk_kinesis::Client as Kinesis;
use lambda_runtime::Error;
use millrace_aws::clients::sdk_config;
use millrace_lambda::{Clock, Meter, logging};
use sessions::{Config, Sessions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = Config::from_env()?;
    logging::start(module_path!(), config.log_level);
    let sdk = sdk_config().await;
    let clients = (DynamoDb::new(&sdk), Firehose::new(&sdk), Kinesis::new(&sdk));
    let function = Sessions::on_aws(&config, clients, Clock::wall(), Arc::new(Meter::default()));
    millrace_lambda::function::serve(&function).await
}

//! The Lambda function `close`.

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_kinesis::Client as Kinesis;
use close::{Close, Config, Request};
use lambda_runtime::Error;
use millrace_aws::clients::sdk_config;
use millrace_lambda::{Clock, Deadline, function, logging};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = Config::from_env()?;
    logging::start(module_path!(), config.log_level);
    let sdk = sdk_config().await;
    let close = Close::on_aws(&config, DynamoDb::new(&sdk), Kinesis::new(&sdk), Clock::wall());
    let call = async |request: Request, deadline: Deadline| close.call(&request, deadline).await;
    function::serve_calls(close::NAME, call).await
}

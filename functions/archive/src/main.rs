//! The Lambda function `archive`.

use std::sync::Arc;

use archive::{Archive, Config};
use aws_sdk_firehose::Client as Firehose;
use lambda_runtime::Error;
use millrace_aws::clients::sdk_config;
use millrace_lambda::{Meter, logging};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = Config::from_env()?;
    logging::start(module_path!(), config.log_level);
    let firehose = Firehose::new(&sdk_config().await);
    let function = Archive::on_aws(&config, &firehose, Arc::new(Meter::default()));
    millrace_lambda::function::serve(&function).await
}

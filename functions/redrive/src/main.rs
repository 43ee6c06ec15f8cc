//! The Lambda function `redrive`.

use std::convert::Infallible;

use lambda_runtime::Error;
use millrace_aws::clients::sdk_config;
use millrace_lambda::{Deadline, function, logging};
use redrive::{Config, Request, adapters};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = Config::from_env()?;
    logging::start(module_path!(), config.log_level);
    let (objects, stream) = adapters(&config, &sdk_config().await);
    let call = async |request: Request, deadline: Deadline| {
        // Whoever calls reads in the answer what was not done; a second run by Lambda would not mend it.
        Ok::<_, Infallible>(redrive::run(&objects, &stream, &config, &request, deadline).await)
    };
    function::serve_calls(redrive::NAME, call).await
}

//! The Lambda function `loyalty`.

use std::sync::Arc;

use lambda_runtime::Error;
use loyalty::Loyalty;
use millrace_aws::clients::sdk_config;
use millrace_aws::{DynamoStore, FirehoseSink};
use millrace_domain::ledger::LedgerSettings;
use millrace_lambda::config::Variables;
use millrace_lambda::{Meter, function, logging, ports::NoSignals, stateful::Consumer, stateful::Stateful};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let mut variables = Variables::of_the_environment();
    let (table, quarantine) =
        (variables.required("LOYALTY_TABLE"), variables.required("QUARANTINE_DELIVERY_STREAM"));
    logging::start(module_path!(), variables.log_level());
    variables.finish(())?;
    let (sdk, meter) = (sdk_config().await, Arc::new(Meter::default()));
    let store = DynamoStore::<Loyalty>::new(aws_sdk_dynamodb::Client::new(&sdk), table, Arc::clone(&meter));
    let firehose = aws_sdk_firehose::Client::new(&sdk);
    let quarantine = FirehoseSink::quarantine(firehose, quarantine, Arc::clone(&meter));
    let stateful = Stateful::new("loyalty", (store, quarantine, NoSignals), LedgerSettings::default(), 4_096);
    function::serve(&Consumer { stateful, settings: (), meter }).await
}

//! Per-user session state: windows, cart, recent products and lifetime totals in one DynamoDB item a user.

pub mod config;

use std::sync::Arc;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_firehose::Client as Firehose;
pub use config::Config;
use millrace_aws::firehose::RECORD_LIMIT_ROWS;
use millrace_aws::{DynamoStore, FirehoseSink};
use millrace_domain::session::SessionState;
use millrace_lambda::ports::{LineSink, NoSignals, Store};
use millrace_lambda::stateful::Stateful;
use millrace_lambda::{Batch, Deadline, Function, KinesisBatch, Meter, Report};

/// The function, over any store and quarantine.
#[derive(Debug)]
pub struct Sessions<T, Q> {
    consumer: Stateful<SessionState, T, Q, NoSignals>,
    meter: Arc<Meter>,
}

impl Sessions<DynamoStore<SessionState>, FirehoseSink> {
    /// The function over DynamoDB and Firehose. The clients decide which endpoints those are.
    pub fn on_aws(config: &Config, dynamodb: DynamoDb, firehose: Firehose, meter: Arc<Meter>) -> Self {
        let store = DynamoStore::new(dynamodb, config.sessions_table.clone(), Arc::clone(&meter));
        // Lines of the quarantine are not taken apart again, so a record may hold as many as fit.
        let quarantine = FirehoseSink::new(
            firehose,
            config.quarantine_stream.clone(),
            RECORD_LIMIT_ROWS,
            Arc::clone(&meter),
        );
        Self::new(config, store, quarantine, meter)
    }
}

impl<T: Store<SessionState>, Q: LineSink> Sessions<T, Q> {
    /// The function over these adapters, which report what they use up to `meter`.
    pub fn new(config: &Config, store: T, quarantine: Q, meter: Arc<Meter>) -> Self {
        let adapters = (store, quarantine, NoSignals);
        let consumer = Stateful::new(Self::NAME, adapters, config.ledger, config.session, config.cache_items);
        Self { consumer, meter }
    }
}

impl<T: Store<SessionState>, Q: LineSink> Function for Sessions<T, Q> {
    const NAME: &'static str = "sessions";

    async fn process(&self, batch: &KinesisBatch, deadline: Deadline) -> Report {
        let tally = self.consumer.run(&Batch::open(batch), deadline).await;
        Report { tally, usage: self.meter.take() }
    }
}

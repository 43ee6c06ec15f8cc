//! Suspicions of fraud: what a user's failed payments and orders come to in one DynamoDB item a user, and a signal where
//! a rule suspects something.

pub mod config;

use std::sync::Arc;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_firehose::Client as Firehose;
use aws_sdk_kinesis::Client as Kinesis;
pub use config::Config;
use millrace_aws::kinesis::RECORD_LIMIT_BYTES;
use millrace_aws::{DynamoStore, FirehoseSink, KinesisStream};
use millrace_domain::fraud::{FraudSettings, FraudState};
use millrace_lambda::ports::{JsonLineSink, SignalSink, Store};
use millrace_lambda::signal_stream::SignalStream;
use millrace_lambda::stateful::Stateful;
use millrace_lambda::{Batch, Deadline, Function, KinesisBatch, Meter, Report};

/// Items remembered between invocations: none, since a batch that emits a signal is folded from states that were read
/// strongly consistent anyway.
const CACHE_ITEMS: usize = 0;

/// The function's name.
pub const NAME: &str = "fraud";

/// The function, over any table, quarantine and stream of signals.
#[derive(Debug)]
pub struct Fraud<T, Q, G> {
    consumer: Stateful<FraudState, T, Q, G>,
    settings: FraudSettings,
    meter: Arc<Meter>,
}

impl Fraud<DynamoStore<FraudState>, FirehoseSink, SignalStream<KinesisStream>> {
    /// The function over DynamoDB, Firehose and Kinesis. The clients decide which endpoints those are.
    pub fn on_aws(
        config: &Config,
        dynamodb: DynamoDb,
        firehose: Firehose,
        kinesis: Kinesis,
        meter: Arc<Meter>,
    ) -> Self {
        let store = DynamoStore::new(dynamodb, config.fraud_table.clone(), Arc::clone(&meter));
        let quarantine =
            FirehoseSink::quarantine(firehose, config.quarantine_delivery_stream.clone(), Arc::clone(&meter));
        let stream = config.signals_stream.clone();
        let stream = KinesisStream::new(kinesis, stream, RECORD_LIMIT_BYTES, Arc::clone(&meter));
        let signals = SignalStream::new(stream, NAME, RECORD_LIMIT_BYTES);
        Self::new(config, store, quarantine, signals, meter)
    }
}

impl<T: Store<FraudState>, Q: JsonLineSink, G: SignalSink> Fraud<T, Q, G> {
    /// The function over these adapters, which report what they use up to `meter`.
    pub fn new(config: &Config, store: T, quarantine: Q, signals: G, meter: Arc<Meter>) -> Self {
        let adapters = (store, quarantine, signals);
        let consumer = Stateful::new(NAME, adapters, config.ledger, CACHE_ITEMS);
        Self { consumer, settings: config.fraud, meter }
    }
}

impl<T: Store<FraudState>, Q: JsonLineSink, G: SignalSink> Function for Fraud<T, Q, G> {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn process(&self, batch: &KinesisBatch, deadline: Deadline) -> Report {
        let tally = self.consumer.run(&Batch::open(batch), &self.settings, deadline).await;
        Report { tally, usage: self.meter.take() }
    }
}

#[cfg(test)]
mod tests {
    use millrace_domain::signal::FRAUD_SUSPECTED;
    use millrace_testkit::{BatchBuilder, Journal, MemorySignals, MemorySink, MemoryStore, event};

    use super::*;

    #[tokio::test]
    async fn a_burst_of_failed_payments_becomes_a_signal_before_it_is_stored() {
        let (store, signals) = (MemoryStore::default(), MemorySignals::default());
        let quarantine = MemorySink::<1_000>::noting("quarantine", Journal::default());
        let config = Config::for_testing();
        let function =
            Fraud::new(&config, store.clone(), quarantine, signals.clone(), Arc::new(Meter::default()));
        let fail = |id: i64| event(id.to_string(), "u").at_minute(id).fails_to_pay(500);
        let failures: Vec<_> = (0..6).map(fail).collect();
        let batch = BatchBuilder::default().events(&failures).build();

        let stored = || store.item("u").unwrap().state.velocity.failures().len();

        signals.fail_at(0);
        let report = function.process(&batch, Deadline::NONE).await;
        assert_eq!((report.tally.checkpoint.record(), stored()), (Some(5), 5));

        // Once more from the start, and again: the signal is emitted once.
        for _ in 0..2 {
            let report = function.process(&batch, Deadline::NONE).await;
            assert_eq!((report.tally.checkpoint.record(), stored()), (None, 6));
        }
        let emitted: Vec<_> = signals.signals().iter().map(|signal| signal.signal_type).collect();
        assert_eq!(emitted, [FRAUD_SUSPECTED]);
    }
}

//! Per-user session state: windows, cart, recent products and lifetime totals in one DynamoDB item a user; and what its
//! changes mean to others, as signals.

pub mod config;

use std::sync::Arc;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_firehose::Client as Firehose;
use aws_sdk_kinesis::Client as Kinesis;
pub use config::Config;
use millrace_aws::kinesis::RECORD_LIMIT_BYTES;
use millrace_aws::{DynamoStore, DynamoTimers, FirehoseSink, KinesisStream};
use millrace_domain::session::{SessionSettings, SessionState};
use millrace_lambda::ports::{JsonLineSink, SignalSink, Store};
use millrace_lambda::signal_stream::SignalStream;
use millrace_lambda::stateful::Stateful;
use millrace_lambda::timers::SignalsAndTimers;
use millrace_lambda::{Batch, Clock, Deadline, Function, KinesisBatch, Meter, Report};

/// The function's name.
pub const NAME: &str = "sessions";

/// The function, over any table, quarantine, and sink of signals and timers.
#[derive(Debug)]
pub struct Sessions<T, Q, G> {
    consumer: Stateful<SessionState, T, Q, G>,
    settings: SessionSettings,
    meter: Arc<Meter>,
}

/// The function's adapters on AWS.
pub type OnAws = Sessions<
    DynamoStore<SessionState>,
    FirehoseSink,
    SignalsAndTimers<SignalStream<KinesisStream>, DynamoTimers>,
>;

impl OnAws {
    /// The function over DynamoDB, Firehose and Kinesis. The clients decide which endpoints those are; `clock` tells the
    /// present in epoch milliseconds, of the time that timers are due by.
    pub fn on_aws(
        config: &Config,
        (dynamodb, firehose, kinesis): (DynamoDb, Firehose, Kinesis),
        clock: Clock,
        meter: Arc<Meter>,
    ) -> Self {
        let timers =
            DynamoTimers::new(dynamodb.clone(), config.timers_table.clone(), clock, Arc::clone(&meter));
        let stream = KinesisStream::new(
            kinesis,
            config.signals_stream.clone(),
            RECORD_LIMIT_BYTES,
            Arc::clone(&meter),
        );
        let signals = SignalStream::new(stream, NAME, RECORD_LIMIT_BYTES);
        let store = DynamoStore::new(dynamodb, config.sessions_table.clone(), Arc::clone(&meter));
        let quarantine =
            FirehoseSink::quarantine(firehose, config.quarantine_delivery_stream.clone(), Arc::clone(&meter));
        Self::new(config, (store, quarantine, SignalsAndTimers { signals, timers }), meter)
    }
}

impl<T: Store<SessionState>, Q: JsonLineSink, G: SignalSink> Sessions<T, Q, G> {
    /// The function over these adapters, which report what they use up to `meter`.
    pub fn new(config: &Config, adapters: (T, Q, G), meter: Arc<Meter>) -> Self {
        let consumer = Stateful::new(NAME, adapters, config.ledger, config.cache_items);
        Self { consumer, settings: config.session, meter }
    }
}

impl<T: Store<SessionState>, Q: JsonLineSink, G: SignalSink> Function for Sessions<T, Q, G> {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn process(&self, batch: &KinesisBatch, deadline: Deadline) -> Report {
        let tally = self.consumer.run(&Batch::open(batch), &self.settings, deadline).await;
        Report { tally, usage: self.meter.take() }
    }
}

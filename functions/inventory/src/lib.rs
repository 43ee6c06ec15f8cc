//! Stock per store and product: one DynamoDB item a `store#sku`. It is exact in whatever order receipts, counts and
//! sales come, and each crossing of the reorder point makes one reorder.
//!
//! Two streams feed it. Users' orders reach it as signals of `sessions`; warehouses put receipts and counts into the
//! stream of events. Two shards must not write one item, so the function applies only what comes from the stream of
//! signals. It relays receipts and counts into that stream first, under the same key: one sequence per key.

pub mod config;
mod points;
mod relay;

use std::sync::Arc;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_firehose::Client as Firehose;
use aws_sdk_kinesis::Client as Kinesis;
pub use config::Config;
use millrace_aws::kinesis::RECORD_LIMIT_BYTES;
use millrace_aws::{DynamoReorderPoints, DynamoStore, FirehoseSink, KinesisStream};
use millrace_domain::fold::KeyState;
use millrace_domain::stock::{ReorderPoints, StockState};
use millrace_lambda::ports::{JsonLineSink, SignalSink, Store};
use millrace_lambda::record_stream::RecordStream;
use millrace_lambda::reorder_points::ReorderPointTable;
use millrace_lambda::signal_stream::SignalStream;
use millrace_lambda::stateful::Stateful;
use millrace_lambda::{Batch, Checkpoint, Deadline, Function, KinesisBatch, Meter, Report, Tally};
use points::Points;
use relay::Relay;

/// The function's name.
pub const NAME: &str = "inventory";

/// The function, over any adapters, and any state that goes by reorder points.
#[derive(Debug)]
pub struct Inventory<T, Q, G, P, R, S: KeyState = StockState> {
    consumer: Stateful<S, T, Q, G>,
    points: Points<P>,
    signals_stream: String,
    stream: R,
    meter: Arc<Meter>,
}

/// What the function needs of the outside.
#[derive(Clone, Debug)]
pub struct Adapters<T, Q, G, P, R> {
    /// Where stock is.
    pub store: T,
    /// Where rejected events go.
    pub quarantine: Q,
    /// Where signals go.
    pub signals: G,
    /// Where reorder points are.
    pub points: P,
    /// The stream of signals, for events that are relayed into it.
    pub stream: R,
}

/// The function on AWS.
pub type OnAws = Inventory<
    DynamoStore<StockState>,
    FirehoseSink,
    SignalStream<KinesisStream>,
    DynamoReorderPoints,
    KinesisStream,
>;

impl OnAws {
    /// The function over DynamoDB, Firehose and Kinesis. The clients decide which endpoints those are.
    pub fn on_aws(
        config: &Config,
        dynamodb: DynamoDb,
        firehose: Firehose,
        kinesis: Kinesis,
        meter: Arc<Meter>,
    ) -> Self {
        let stream = KinesisStream::new(
            kinesis,
            config.signals_stream.clone(),
            RECORD_LIMIT_BYTES,
            Arc::clone(&meter),
        );
        let adapters = Adapters {
            store: DynamoStore::new(dynamodb.clone(), config.stock_table.clone(), Arc::clone(&meter)),
            quarantine: FirehoseSink::quarantine(
                firehose,
                config.quarantine_delivery_stream.clone(),
                Arc::clone(&meter),
            ),
            signals: SignalStream::new(stream.clone(), NAME, RECORD_LIMIT_BYTES),
            points: DynamoReorderPoints::new(
                dynamodb,
                config.reorder_points_table.clone(),
                Arc::clone(&meter),
            ),
            stream,
        };
        Self::new(config, adapters, meter)
    }
}

impl<T, Q, G, P, R, S> Inventory<T, Q, G, P, R, S>
where
    S: KeyState<Settings = ReorderPoints> + Send + Sync,
    T: Store<S>,
    Q: JsonLineSink,
    G: SignalSink,
    P: ReorderPointTable,
    R: RecordStream,
{
    /// The function over these adapters, which report what they use up to `meter`.
    pub fn new(config: &Config, adapters: Adapters<T, Q, G, P, R>, meter: Arc<Meter>) -> Self {
        let Adapters { store, quarantine, signals, points, stream } = adapters;
        // No item is remembered: any event may request a reorder, and signals want a state known to be current.
        let consumer = Stateful::new(NAME, (store, quarantine, signals), config.ledger, 0);
        Self {
            consumer,
            points: Points::new(points, config.default_point, config.reorder_points_age),
            signals_stream: config.signals_stream.clone(),
            stream,
            meter,
        }
    }

    async fn run(&self, source: &KinesisBatch, deadline: Deadline) -> Tally {
        let batch = Batch::open(source);
        match source.shard.stream() {
            stream if stream == self.signals_stream => self.apply(&batch, deadline).await,
            // Relaying what is signals already would put it back in front of itself for ever.
            "" => nothing_done("the batch does not tell its stream".to_owned()),
            _ => {
                let quarantine = &self.consumer.quarantine;
                let relay = Relay { function: NAME, stream: &self.stream, quarantine };
                relay.run(&batch, deadline).await
            }
        }
    }

    async fn apply(&self, batch: &Batch<'_>, deadline: Deadline) -> Tally {
        match self.points.of_batch(batch, deadline).await {
            Ok(points) => self.consumer.run(batch, &points, deadline).await,
            Err(unavailable) => nothing_done(unavailable.to_string()),
        }
    }
}

fn nothing_done(why: String) -> Tally {
    Tally { checkpoint: Checkpoint::at(0), why, ..Tally::default() }
}

impl<T, Q, G, P, R, S> Function for Inventory<T, Q, G, P, R, S>
where
    S: KeyState<Settings = ReorderPoints> + Send + Sync,
    T: Store<S>,
    Q: JsonLineSink,
    G: SignalSink,
    P: ReorderPointTable,
    R: RecordStream,
{
    fn name(&self) -> &'static str {
        NAME
    }

    async fn process(&self, batch: &KinesisBatch, deadline: Deadline) -> Report {
        let tally = self.run(batch, deadline).await;
        Report { tally, usage: self.meter.take() }
    }
}

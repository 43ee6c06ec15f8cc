//! Execution environments of the functions: the real handlers and adapters, over the model's HTTP client.

use std::sync::{Arc, Mutex};

use archive::Archive;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_async::time::StaticTimeSource;
use inventory::{Adapters, Inventory};
use local_faults::{FaultyHttp, Source};
use millrace_aws::kinesis::RECORD_LIMIT_BYTES;
use millrace_aws::{
    DynamoOpenSessions, DynamoReorderPoints, DynamoStore, DynamoTimers, FirehoseSink, KinesisStream,
};
use millrace_domain::fraud::FraudState;
use millrace_domain::lake::RowSettings;
use millrace_domain::session::SessionState;
use millrace_domain::stock::StockState;
use millrace_lambda::signal_stream::SignalStream;
use millrace_lambda::stateful::Stateful;
use millrace_lambda::timers::SignalsAndTimers;
use millrace_lambda::{Batch, Clock, Deadline, Function, KinesisBatch, Meter, Tally};

use super::Observed;
use super::closer::Closer;
use super::operator::Operator;
use super::tuning::{fraud_settings, inventory_config, ledger_settings, session_settings};
use crate::plan::{Consumer, Settings};
use crate::world::{ModelHttp, Witness, World, names};

type Store<S> = DynamoStore<Observed<S>>;
type Signals = SignalStream<KinesisStream>;
type Sessions = Stateful<
    Observed<SessionState>,
    Store<SessionState>,
    FirehoseSink,
    SignalsAndTimers<Signals, DynamoTimers>,
>;
type ObservedInventory = Inventory<
    Store<StockState>,
    FirehoseSink,
    Signals,
    DynamoReorderPoints,
    KinesisStream,
    Observed<StockState>,
>;

/// An execution environment: one function's process, with what it remembers between invocations.
pub(super) enum Environment {
    Sessions(Box<Sessions>),
    Archive(Box<Archive<FirehoseSink, FirehoseSink>>),
    Fraud(Box<Stateful<Observed<FraudState>, Store<FraudState>, FirehoseSink, Signals>>),
    Inventory(Box<ObservedInventory>),
}

impl Environment {
    /// Does a batch, as far as it goes.
    pub(super) async fn process(
        &self,
        batch: &KinesisBatch,
        settings: &Settings,
        deadline: Deadline,
    ) -> Tally {
        match self {
            Self::Sessions(sessions) => {
                sessions.run(&Batch::open(batch), &session_settings(settings), deadline).await
            }
            Self::Archive(archive) => archive.process(batch, deadline).await.tally,
            Self::Fraud(fraud) => fraud.run(&Batch::open(batch), &fraud_settings(settings), deadline).await,
            Self::Inventory(inventory) => inventory.process(batch, deadline).await.tally,
        }
    }
}

/// Starts execution environments.
pub(super) struct Image {
    dynamodb: aws_sdk_dynamodb::Client,
    firehose: aws_sdk_firehose::Client,
    kinesis: aws_sdk_kinesis::Client,
    sdk: SdkConfig,
    world: Arc<World>,
    settings: Settings,
}

impl Image {
    /// The functions over a world whose calls meet these faults.
    pub(super) fn new(world: &Arc<World>, faults: Arc<Mutex<dyn Source>>, settings: &Settings) -> Self {
        let faulty = FaultyHttp::new(ModelHttp::new(Arc::clone(world)), faults, world.began());
        let sdk = sdk_config(Witness::new(faulty, Arc::clone(world)));
        Self {
            dynamodb: aws_sdk_dynamodb::Client::new(&sdk),
            firehose: aws_sdk_firehose::Client::new(&sdk),
            kinesis: aws_sdk_kinesis::Client::new(&sdk),
            sdk,
            world: Arc::clone(world),
            settings: settings.clone(),
        }
    }

    fn stream(&self, name: &str) -> KinesisStream {
        KinesisStream::new(self.kinesis.clone(), name.to_owned(), RECORD_LIMIT_BYTES, Arc::default())
    }

    /// The operator's redrive.
    pub(super) fn operator(&self) -> Operator {
        Operator::new(&self.sdk)
    }

    /// The function `close`.
    pub(super) fn closer(&self) -> Closer {
        let sessions = names::SESSIONS.to_owned();
        let sessions = DynamoOpenSessions::new(self.dynamodb.clone(), sessions, Arc::default());
        let mut config = close::Config::for_testing();
        config.session = session_settings(&self.settings);
        let adapters = (self.timers(), sessions, self.stream(names::EVENTS));
        Closer::new(&self.world, &config, adapters, self.clock())
    }

    fn timers(&self) -> DynamoTimers {
        DynamoTimers::new(self.dynamodb.clone(), names::TIMERS.to_owned(), self.clock(), Arc::default())
    }

    fn clock(&self) -> Clock {
        let world = Arc::clone(&self.world);
        Clock::new(move || world.clock_ms())
    }

    fn signals(&self, function: Consumer) -> Signals {
        SignalStream::new(self.stream(names::SIGNALS), function.name(), RECORD_LIMIT_BYTES)
    }

    /// A new execution environment: it remembers nothing.
    pub(super) fn start(&self, consumer: Consumer) -> Environment {
        let (meter, settings) = (Arc::new(Meter::default()), &self.settings);
        let sink = |stream: &str, lines| {
            FirehoseSink::new(self.firehose.clone(), stream.to_owned(), lines, Arc::clone(&meter))
        };
        let (quarantine, table) = (sink(names::QUARANTINE, 500), self.dynamodb.clone());
        match consumer {
            Consumer::Archive => {
                let mut config = archive::Config::for_testing();
                config.rows = RowSettings { maximum_row_age_days: None };
                config.rows_per_record = settings.rows_per_record;
                let lake = sink(names::LAKE, config.rows_per_record);
                Environment::Archive(Box::new(Archive::new(&config, lake, quarantine, meter)))
            }
            Consumer::Sessions => {
                let store = DynamoStore::new(table, names::SESSIONS.to_owned(), meter);
                let sink = SignalsAndTimers { signals: self.signals(consumer), timers: self.timers() };
                let (adapters, ledger) = ((store, quarantine, sink), ledger_settings(settings));
                let sessions = Stateful::new(consumer.name(), adapters, ledger, settings.cache_items);
                Environment::Sessions(Box::new(sessions))
            }
            Consumer::Fraud => {
                let store = DynamoStore::new(table, names::FRAUD.to_owned(), meter);
                let adapters = (store, quarantine, self.signals(consumer));
                let fraud = Stateful::new(consumer.name(), adapters, ledger_settings(settings), 0);
                Environment::Fraud(Box::new(fraud))
            }
            Consumer::Inventory => {
                let points = names::REORDER_POINTS.to_owned();
                let adapters = Adapters {
                    store: DynamoStore::new(table.clone(), names::STOCK.to_owned(), Arc::clone(&meter)),
                    quarantine,
                    signals: self.signals(consumer),
                    points: DynamoReorderPoints::new(table, points, Arc::clone(&meter)),
                    stream: self.stream(names::SIGNALS),
                };
                let inventory = Inventory::new(&inventory_config(settings), adapters, meter);
                Environment::Inventory(Box::new(inventory))
            }
        }
    }
}

/// The configuration of the deployed functions, but for what opens connections and tells the time.
fn sdk_config(http: Witness) -> SdkConfig {
    let credentials = Credentials::new("model", "model", None, None, "model");
    let timeouts =
        TimeoutConfig::builder().operation_attempt_timeout(std::time::Duration::from_secs(10)).build();
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .time_source(StaticTimeSource::from_secs(1_700_000_000))
        .http_client(http)
        .build()
}

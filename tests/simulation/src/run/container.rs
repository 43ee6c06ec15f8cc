//! Containers of the functions: the real handlers and adapters, over the model's HTTP client.

use std::sync::{Arc, Mutex};

use archive::Archive;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_async::time::StaticTimeSource;
use local_faults::{FaultyHttp, Source};
use millrace_aws::kinesis::RECORD_LIMIT_BYTES;
use millrace_aws::{DynamoStore, FirehoseSink, KinesisStream};
use millrace_domain::lake::RowSettings;
use millrace_domain::ledger::LedgerSettings;
use millrace_domain::session::SessionSettings;
use millrace_lambda::ports::NoSignals;
use millrace_lambda::stateful::Stateful;
use millrace_lambda::{Batch, Deadline, Function, KinesisBatch, Meter, Tally};

use super::Observed;
use crate::plan::{Consumer, Settings};
use crate::world::{ModelHttp, Witness, World, names};

/// A container: one function's process, with what it remembers between invocations.
pub(super) enum Container {
    Sessions(Box<Stateful<Observed, DynamoStore<Observed>, FirehoseSink, NoSignals>>),
    Archive(Box<Archive<FirehoseSink, FirehoseSink>>),
}

impl Container {
    /// Does a batch, as far as it goes.
    pub(super) async fn process(&self, batch: &KinesisBatch, deadline: Deadline) -> Tally {
        match self {
            Self::Sessions(sessions) => sessions.run(&Batch::open(batch), deadline).await,
            Self::Archive(archive) => archive.process(batch, deadline).await.tally,
        }
    }
}

/// Starts containers.
pub(super) struct Image {
    dynamodb: aws_sdk_dynamodb::Client,
    firehose: aws_sdk_firehose::Client,
    kinesis: aws_sdk_kinesis::Client,
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
            settings: settings.clone(),
        }
    }

    /// The stream, as redrive puts into it.
    pub(super) fn stream(&self) -> KinesisStream {
        KinesisStream::new(self.kinesis.clone(), "events".to_owned(), RECORD_LIMIT_BYTES, Arc::default())
    }

    /// A new container: it remembers nothing.
    pub(super) fn start(&self, consumer: Consumer) -> Container {
        let meter = Arc::new(Meter::default());
        let sink = |stream: &str, lines| {
            FirehoseSink::new(self.firehose.clone(), stream.to_owned(), lines, Arc::clone(&meter))
        };
        let quarantine = sink(names::QUARANTINE, 500);
        match consumer {
            Consumer::Archive => {
                let mut config = archive::Config::for_testing();
                config.rows = RowSettings { event_day_limit_days: None };
                config.rows_per_record = self.settings.rows_per_record;
                let lake = sink(names::LAKE, config.rows_per_record);
                Container::Archive(Box::new(Archive::new(&config, lake, quarantine, meter)))
            }
            Consumer::Sessions => {
                let store =
                    DynamoStore::new(self.dynamodb.clone(), names::TABLE.to_owned(), Arc::clone(&meter));
                Container::Sessions(Box::new(Stateful::new(
                    "sessions",
                    (store, quarantine, NoSignals),
                    ledger_settings(&self.settings),
                    session_settings(&self.settings),
                    self.settings.cache_items,
                )))
            }
        }
    }
}

/// Horizons and cap of the ledger.
pub(crate) fn ledger_settings(settings: &Settings) -> LedgerSettings {
    LedgerSettings {
        money_horizon_ms: settings.money_horizon_ms,
        activity_horizon_ms: settings.activity_horizon_ms,
        seen_cap: settings.seen_cap,
    }
}

/// Gap and lateness of session windows.
pub(crate) fn session_settings(settings: &Settings) -> SessionSettings {
    SessionSettings { gap_ms: settings.gap_ms, lateness_ms: settings.lateness_ms }
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

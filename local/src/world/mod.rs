//! The emulated services of one run, on loopback.

mod clients;
mod resources;

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
pub(crate) use clients::{CREDENTIAL, Clients, REGION};
use dynoxide::Database;
use ferrokinesis::store::StoreOptions;
use local_firehose::{
    Destination, Firehose, JsonLinesDestination, Options, ParquetDestination, StreamConfig,
};
use millrace_domain::lake::{COLUMNS, PARTITION_KEYS};
#[cfg(test)]
pub(crate) use resources::create_stream;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::cli::Ports;
use crate::error::Error;
use crate::options::{LAKE_DELIVERY_STREAM, QUARANTINE_DELIVERY_STREAM};

/// Services that run until this is dropped.
pub(crate) struct World {
    pub(crate) clients: Clients,
    pub(crate) firehose: Arc<Firehose>,
    _servers: JoinSet<()>,
}

/// Addresses of the endpoints.
#[derive(Clone, Debug)]
pub(crate) struct Endpoints {
    pub(crate) kinesis: String,
    pub(crate) dynamodb: String,
    pub(crate) firehose: String,
}

impl World {
    /// Starts the services and creates streams and tables. Lake and quarantine go below `out`.
    pub(crate) async fn start(out: &Path, shards: i32, ports: Ports) -> Result<Self, Error> {
        let mut servers = JoinSet::new();
        let database = Database::memory().map_err(Error::service("opening the DynamoDB emulator"))?;
        let options = StoreOptions { create_stream_ms: 0, shard_limit: 1_000, ..StoreOptions::default() };
        let (kinesis, _store) = ferrokinesis::create_app(options);
        let kinesis = kinesis
            .layer(DefaultBodyLimit::max(REQUEST_LIMIT_BYTES))
            .layer(middleware::from_fn_with_state(Arc::new(Semaphore::new(1)), one_at_a_time));
        let firehose = firehose(out)?;
        let (listener, dynamodb) = listen("DynamoDB", ports.dynamodb_port).await?;
        servers.spawn(async move { dynoxide::server::serve_on(listener, database).await });
        let endpoints = Endpoints {
            kinesis: serve(&mut servers, "Kinesis", ports.kinesis_port, kinesis).await?,
            dynamodb,
            firehose: serve(&mut servers, "Firehose", ports.firehose_port, firehose.router()).await?,
        };
        let ticking = Arc::clone(&firehose).run(std::future::pending());
        servers.spawn(async move {
            if let Err(error) = ticking.await {
                tracing::error!(%error, "the Firehose endpoint cannot deliver");
            }
        });
        let clients = Clients::of(endpoints, None);
        resources::create_streams(&clients.kinesis, shards).await?;
        resources::create_tables(&clients.dynamodb).await?;
        Ok(Self { clients, firehose, _servers: servers })
    }

    /// Delivers everything that is buffered.
    pub(crate) async fn flush(&self) -> Result<(), Error> {
        let firehose = Arc::clone(&self.firehose);
        let flushed = tokio::task::spawn_blocking(move || firehose.flush()).await;
        let flushed = flushed.map_err(Error::service("delivering the lake"))?;
        flushed.map_err(Error::service("delivering the lake"))
    }
}

/// Largest request to Kinesis: its records are base64, and may come to 10 MiB. axum's own limit is 2 MiB, which two large
/// records exceed.
const REQUEST_LIMIT_BYTES: usize = 16 * 1024 * 1024;

/// Partitions of the lake that may be active. Deployed, a row of more than 30 days goes to the day it arrived, and Firehose's
/// quota of 500 does. Here it goes to its own, and a file brings years of days within one buffer interval.
const ACTIVE_PARTITIONS: usize = 100_000;

fn firehose(out: &Path) -> Result<Arc<Firehose>, Error> {
    let columns = COLUMNS.iter().map(|column| (column.name, column.glue_type));
    let lake = ParquetDestination {
        active_partitions_max: ACTIVE_PARTITIONS,
        ..ParquetDestination::new(out.join("lake"), out.join("lake-errors"))
            .partitioned_by(PARTITION_KEYS.iter().map(|column| column.name))
            .with_columns(columns)
    };
    let stream = |name: &str, destination| StreamConfig {
        name: name.to_owned(),
        destination,
        buffering: local_firehose::Buffering::default(),
    };
    let quarantine = JsonLinesDestination { dir: out.join("quarantine") };
    let streams = vec![
        stream(LAKE_DELIVERY_STREAM, Destination::Parquet(lake)),
        stream(QUARANTINE_DELIVERY_STREAM, Destination::JsonLines(quarantine)),
    ];
    Firehose::new(streams, Options::default()).map_err(Error::service("starting the Firehose endpoint"))
}

/// Lets one request through at a time. ferrokinesis 0.7 waits for a lock of its map of shards in a way that blocks the
/// thread, while the request that holds it may wait to be run: two functions that put into a stream at the same time would
/// stop everything.
async fn one_at_a_time(State(gate): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    // The gate is never closed; were it, requests would go on side by side.
    let _permit = gate.acquire().await.ok();
    next.run(request).await
}

async fn serve(
    servers: &mut JoinSet<()>,
    service: &'static str,
    port: u16,
    app: Router,
) -> Result<String, Error> {
    let (listener, address) = listen(service, port).await?;
    servers.spawn(async move {
        if let Err(error) = axum::serve(listener, app).await {
            tracing::error!(%error, service, "an endpoint stopped");
        }
    });
    Ok(address)
}

async fn listen(service: &'static str, port: u16) -> Result<(TcpListener, String), Error> {
    let wanted = format!("127.0.0.1:{port}");
    let refuse =
        |error: std::io::Error| Error::Listen { service, address: wanted.clone(), why: error.to_string() };
    let listener = TcpListener::bind(&wanted).await.map_err(refuse)?;
    let address = listener.local_addr().map_err(refuse)?;
    Ok((listener, format!("http://{address}")))
}

#[cfg(test)]
mod tests {
    use aws_sdk_firehose::primitives::Blob;
    use aws_sdk_firehose::types::Record;

    use super::*;

    #[tokio::test]
    async fn the_lake_takes_years_of_days_at_once() {
        let out = tempfile::tempdir().unwrap();
        let world = World::start(out.path(), 1, Ports::ANY).await.unwrap();
        for year in 2009..2011 {
            let rows = (1..=12).flat_map(|month| (1..=28).map(move |day| (month, day)));
            let rows = rows.map(|(month, day)| {
                format!(r#"{{"event_type":"order.placed","dt":"{year}-{month:02}-{day:02}","id":"1"}}"#)
            });
            let record = Record::builder().data(Blob::new(rows.collect::<String>())).build().unwrap();
            let request =
                world.clients.firehose.put_record_batch().delivery_stream_name(LAKE_DELIVERY_STREAM);
            let answer = request.records(record).send().await.unwrap();
            assert_eq!(answer.failed_put_count(), 0);
        }
        world.flush().await.unwrap();
        assert_eq!(out.path().join("lake/event_type=order.placed").read_dir().unwrap().count(), 2 * 12 * 28);
        assert!(!out.path().join("lake-errors").exists());
    }
}

//! The endpoint: calls in, files out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;

use crate::config::{Options, StreamConfig};
use crate::declaration::ConfigError;
use crate::files::DeliveryError;
use crate::protocol::{self, ApiError, DescribeInput, ListInput, Response};
use crate::stats::{Stats, Tally};
use crate::stream::Stream;

/// What `X-Amz-Target` starts with, before the dot and the operation.
pub const TARGET_PREFIX: &str = "Firehose_20150804";

/// Streams that ListDeliveryStreams names unless `Limit` says otherwise (API reference).
const LIST_DEFAULT_LIMIT: usize = 10;

const MILLISECONDS_PER_SECOND: i64 = 1_000;

pub(crate) type Streams = BTreeMap<String, Stream>;

/// Delivery streams behind Firehose's Direct PUT API.
///
/// One lock covers all streams and is held while a file is encoded and written. That bounds memory strictly
/// (no second buffer fills while the first is written), gives the sender the back-pressure that a full
/// service would, and keeps file numbers in the order of the calls. The async entry points take it on a
/// blocking thread only.
pub struct Firehose {
    pub(crate) options: Options,
    pub(crate) tally: Tally,
    streams: Mutex<Streams>,
    created_ms: i64,
}

impl Firehose {
    /// Declares delivery streams.
    ///
    /// # Errors
    /// A declaration that cannot work, named by stream and column.
    pub fn new(streams: Vec<StreamConfig>, options: Options) -> Result<Arc<Self>, ConfigError> {
        let mut declared = Streams::new();
        for config in streams {
            let name = config.name.clone();
            if declared.insert(name.clone(), Stream::new(config)?).is_some() {
                return Err(ConfigError::DuplicateStream(name));
            }
        }
        let created_ms = (options.clock)();
        Ok(Arc::new(Self { options, tally: Tally::default(), streams: Mutex::new(declared), created_ms }))
    }

    /// Answers a call. `target` is the value of `X-Amz-Target`. Blocks while files are written.
    #[must_use]
    pub fn handle(&self, target: &str, body: &[u8]) -> Response {
        let operation = target.strip_prefix(TARGET_PREFIX).and_then(|rest| rest.strip_prefix('.'));
        let answer = match operation {
            Some("PutRecordBatch") => self.put_record_batch(body),
            Some("PutRecord") => self.put_record(body),
            Some("DescribeDeliveryStream") => self.describe(body),
            Some("ListDeliveryStreams") => self.list(body),
            _ => Err(ApiError::UnknownOperation(target.to_owned())),
        };
        answer.unwrap_or_else(Response::from)
    }

    /// Delivers every buffer whose limits are reached at `now_ms`. Blocks while files are written.
    ///
    /// # Errors
    /// The first file that could not be written; its rows stay buffered.
    pub fn tick(&self, now_ms: i64) -> Result<(), DeliveryError> {
        self.deliver_each(|stream| stream.deliver_due(now_ms, &self.tally))
    }

    /// Delivers everything. Blocks while files are written.
    ///
    /// # Errors
    /// The first file that could not be written; its rows stay buffered.
    pub fn flush(&self) -> Result<(), DeliveryError> {
        let now_ms = (self.options.clock)();
        self.deliver_each(|stream| stream.deliver_all(now_ms, &self.tally))
    }

    /// The counters so far. Does not wait for deliveries.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.tally.update(|stats| stats.clone())
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets each stream deliver, those after a failed one too, and returns the first failure.
    fn deliver_each(
        &self,
        deliver: impl Fn(&mut Stream) -> Result<(), DeliveryError>,
    ) -> Result<(), DeliveryError> {
        let mut outcome = Ok(());
        for stream in self.lock().values_mut() {
            outcome = outcome.and(deliver(stream));
        }
        outcome
    }

    /// Delivers the largest buffers until all of them fit the bound.
    pub(crate) fn relieve(&self, streams: &mut Streams, now_ms: i64) -> Result<(), DeliveryError> {
        while streams.values().map(Stream::buffered_bytes).sum::<usize>() > self.options.buffered_max_bytes {
            let buffers =
                streams.values_mut().filter_map(|stream| stream.largest().map(|found| (found, stream)));
            let Some(((_, id), stream)) = buffers.max_by_key(|((bytes, _), _)| *bytes) else { break };
            stream.deliver(&id, now_ms, &self.tally)?;
        }
        Ok(())
    }

    fn describe(&self, body: &[u8]) -> Result<Response, ApiError> {
        let DescribeInput { delivery_stream_name: name } = protocol::parse(body)?;
        if !self.lock().contains_key(&name) {
            return Err(ApiError::NotFound(name));
        }
        Ok(Response::ok(&json!({ "DeliveryStreamDescription": {
            "DeliveryStreamName": name,
            "DeliveryStreamARN": format!("arn:aws:firehose:us-east-1:000000000000:deliverystream/{name}"),
            "DeliveryStreamStatus": "ACTIVE",
            "DeliveryStreamType": "DirectPut",
            "VersionId": "1",
            "CreateTimestamp": self.created_ms / MILLISECONDS_PER_SECOND,
            "Destinations": [{ "DestinationId": "destinationId-000000000001" }],
            "HasMoreDestinations": false,
        }})))
    }

    fn list(&self, body: &[u8]) -> Result<Response, ApiError> {
        let input: ListInput = protocol::parse(body)?;
        let limit = input.limit.unwrap_or(LIST_DEFAULT_LIMIT);
        let after = input.exclusive_start_delivery_stream_name.unwrap_or_default();
        let mut names: Vec<String> = self.lock().keys().filter(|name| **name > after).cloned().collect();
        let more = names.len() > limit;
        names.truncate(limit);
        Ok(Response::ok(&json!({ "DeliveryStreamNames": names, "HasMoreDeliveryStreams": more })))
    }
}

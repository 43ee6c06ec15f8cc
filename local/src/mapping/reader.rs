//! Reads shards, one page at a time.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::error::SdkError;
use aws_sdk_kinesis::operation::get_records::{GetRecordsError, GetRecordsOutput};
use aws_sdk_kinesis::types::{Record as KinesisRecord, ShardIteratorType};
use bytes::Bytes;
use event_source_mapping::{Record, ShardInfo};

use crate::error::Error;

/// Most records of one page; Kinesis allows 10,000.
const PAGE_LIMIT_RECORDS: i32 = 10_000;

/// Where each started shard is read next.
pub(super) struct Reader {
    client: Client,
    stream: &'static str,
    /// Pauses after a page at the tip of a shard, in milliseconds: after the first one, and the longest.
    idle_ms: RangeInclusive<u64>,
    shards: HashMap<Arc<str>, ShardReader>,
    records: u64,
}

struct ShardReader {
    iterator: Option<String>,
    /// The sequence number of the last record that was read.
    last: Option<String>,
    due_ms: u64,
    /// Pages read in a row that held nothing, at the tip.
    empty_pages: u64,
}

/// A page of records.
pub(super) struct Page {
    pub(super) records: Vec<Record>,
    /// Whether this was the last page: the shard was split or merged.
    pub(super) ended: bool,
    /// Whether nothing was left in the shard when the page was read.
    pub(super) at_tip: bool,
}

impl Reader {
    pub(super) fn new(client: Client, stream: &'static str, idle_ms: RangeInclusive<u64>) -> Self {
        Self { client, stream, idle_ms, shards: HashMap::new(), records: 0 }
    }

    /// Records read so far.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// How many pages in a row held nothing at the tip, of the shard with the fewest.
    pub(super) fn empty_pages(&self) -> u64 {
        self.shards.values().map(|reader| reader.empty_pages).min().unwrap_or_default()
    }

    /// Every shard of the stream, with its parents.
    pub(super) async fn list_shards(&self) -> Result<Vec<ShardInfo>, Error> {
        let mut shards = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let request = match &next {
                None => self.client.list_shards().stream_name(self.stream),
                Some(token) => self.client.list_shards().next_token(token),
            };
            let page = request.send().await.map_err(Error::service("ListShards"))?;
            shards.extend(page.shards().iter().map(|shard| {
                ShardInfo {
                    shard_id: shard.shard_id().to_owned(),
                    parent_ids: [shard.parent_shard_id(), shard.adjacent_parent_shard_id()]
                        .into_iter()
                        .flatten()
                        .map(str::to_owned)
                        .collect(),
                }
            }));
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(shards);
            }
        }
    }

    /// Begins a shard at its oldest record.
    pub(super) async fn start(&mut self, shard_id: Arc<str>) -> Result<(), Error> {
        let iterator = self.iterator(&shard_id, None).await?;
        self.shards.insert(shard_id, ShardReader { iterator, last: None, due_ms: 0, empty_pages: 0 });
        Ok(())
    }

    /// An iterator that begins behind a record, or at the oldest one.
    async fn iterator(&self, shard_id: &str, behind: Option<&str>) -> Result<Option<String>, Error> {
        let request = self.client.get_shard_iterator().stream_name(self.stream).shard_id(shard_id);
        let request = match behind {
            None => request.shard_iterator_type(ShardIteratorType::TrimHorizon),
            Some(last) => request
                .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
                .starting_sequence_number(last),
        };
        Ok(request.send().await.map_err(Error::service("GetShardIterator"))?.shard_iterator)
    }

    /// The shards that are to be read now.
    pub(super) fn due(&self, now_ms: u64) -> Vec<Arc<str>> {
        let due = self.shards.iter().filter(|(_, reader)| reader.due_ms <= now_ms);
        let mut due: Vec<_> = due.map(|(shard_id, _)| Arc::clone(shard_id)).collect();
        due.sort_unstable();
        due
    }

    /// When the next shard is to be read, in epoch milliseconds.
    pub(super) fn next_due_ms(&self) -> Option<u64> {
        self.shards.values().map(|reader| reader.due_ms).min()
    }

    /// Reads one page.
    pub(super) async fn read(&mut self, shard_id: &Arc<str>, now_ms: u64) -> Result<Page, Error> {
        let Some(answer) = self.get_records(shard_id).await? else {
            self.shards.remove(shard_id);
            return Ok(Page { records: Vec::new(), ended: true, at_tip: true });
        };
        let at_tip = answer.millis_behind_latest().unwrap_or_default() == 0;
        let records: Vec<_> = answer.records.into_iter().map(record).collect();
        self.records += records.len() as u64;
        let ended = answer.next_shard_iterator.is_none();
        if ended {
            self.shards.remove(shard_id);
        } else if let Some(reader) = self.shards.get_mut(shard_id) {
            reader.iterator = answer.next_shard_iterator;
            reader.last = records.last().map(|record| record.sequence_number.clone()).or(reader.last.take());
            reader.empty_pages = if at_tip && records.is_empty() { reader.empty_pages + 1 } else { 0 };
            reader.due_ms =
                if at_tip { now_ms + pause_ms(&self.idle_ms, reader.empty_pages) } else { now_ms };
        }
        Ok(Page { records, ended, at_tip })
    }

    /// The next page of a shard; `None` where it has ended. An iterator expires after five minutes, which pass unused
    /// while a slow function leaves no room to read ahead; then it is renewed.
    async fn get_records(&self, shard_id: &str) -> Result<Option<GetRecordsOutput>, Error> {
        let Some(reader) = self.shards.get(shard_id) else { return Ok(None) };
        let Some(iterator) = reader.iterator.clone() else { return Ok(None) };
        let page = match self.page(iterator).await {
            Err(error)
                if error.as_service_error().is_some_and(GetRecordsError::is_expired_iterator_exception) =>
            {
                match self.iterator(shard_id, reader.last.as_deref()).await? {
                    Some(renewed) => self.page(renewed).await,
                    None => return Ok(None),
                }
            }
            page => page,
        };
        page.map(Some).map_err(Error::service("GetRecords"))
    }

    async fn page(&self, iterator: String) -> Result<GetRecordsOutput, SdkError<GetRecordsError>> {
        self.client.get_records().shard_iterator(iterator).limit(PAGE_LIMIT_RECORDS).send().await
    }

    /// Stops reading a shard.
    pub(super) fn stop(&mut self, shard_id: &str) {
        self.shards.remove(shard_id);
    }
}

/// The pause after so many empty pages.
fn pause_ms(idle_ms: &RangeInclusive<u64>, empty_pages: u64) -> u64 {
    let doublings = u32::try_from(empty_pages.saturating_sub(1)).unwrap_or(u32::MAX);
    idle_ms.start().saturating_mul(2_u64.saturating_pow(doublings)).min(*idle_ms.end())
}

/// Hands over every record of a stream into which nobody puts any more.
pub(crate) async fn read_all(
    client: Client,
    stream: &'static str,
    mut each: impl FnMut(&Record),
) -> Result<(), Error> {
    let mut reader = Reader::new(client, stream, 0..=0);
    for shard in reader.list_shards().await? {
        let shard_id: Arc<str> = shard.shard_id.into();
        reader.start(Arc::clone(&shard_id)).await?;
        loop {
            // Not until the tip: ferrokinesis says of every page that it reaches it.
            let page = reader.read(&shard_id, 0).await?;
            page.records.iter().for_each(&mut each);
            if page.ended || page.records.is_empty() {
                break;
            }
        }
        reader.stop(&shard_id);
    }
    Ok(())
}

fn record(record: KinesisRecord) -> Record {
    let arrived = record.approximate_arrival_timestamp.and_then(|time| time.to_millis().ok());
    Record {
        sequence_number: record.sequence_number,
        partition_key: record.partition_key.unwrap_or_default(),
        data: Bytes::from(record.data.into_inner()),
        approximate_arrival_ms: arrived.and_then(|ms| u64::try_from(ms).ok()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use aws_sdk_kinesis::primitives::Blob;
    use axum::extract::{Request, State};
    use axum::http::StatusCode;
    use axum::middleware::{Next, from_fn_with_state};
    use axum::response::{IntoResponse, Response};
    use ferrokinesis::store::StoreOptions;
    use tokio::net::TcpListener;
    use tokio::task::JoinSet;

    use super::*;
    use crate::world::{Clients, Endpoints, create_stream};

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses = [0, 1, 2, 3, 4, 5, 100].map(|empty_pages| pause_ms(&(20..=160), empty_pages));
        assert_eq!(pauses, [20, 20, 40, 80, 160, 160, 160]);
        assert_eq!([0, 9].map(|empty_pages| pause_ms(&(0..=0), empty_pages)), [0, 0]);
    }

    /// Whether the next page is refused.
    type Expired = Arc<Mutex<bool>>;

    async fn refuse_what_expired(State(expired): State<Expired>, request: Request, next: Next) -> Response {
        let is_page =
            request.headers().get("x-amz-target").is_some_and(|it| it == "Kinesis_20131202.GetRecords");
        if is_page && std::mem::take(&mut *expired.lock().unwrap()) {
            let body = r#"{"__type":"ExpiredIteratorException","message":"Iterator expired."}"#;
            return (StatusCode::BAD_REQUEST, [("content-type", "application/x-amz-json-1.1")], body)
                .into_response();
        }
        next.run(request).await
    }

    /// Kinesis with one stream, for as long as its server is kept.
    async fn kinesis(expired: Expired) -> (Client, JoinSet<std::io::Result<()>>) {
        let options = StoreOptions { create_stream_ms: 0, ..StoreOptions::default() };
        let app = ferrokinesis::create_app(options).0.layer(from_fn_with_state(expired, refuse_what_expired));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let kinesis = format!("http://{}", listener.local_addr().unwrap());
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, app).await });
        let client =
            Clients::of(Endpoints { kinesis, dynamodb: String::new(), firehose: String::new() }, None)
                .kinesis;
        create_stream(&client, "events", 1).await.unwrap();
        (client, server)
    }

    async fn read(reader: &mut Reader, shard_id: &Arc<str>) -> Vec<Bytes> {
        let page = reader.read(shard_id, 0).await.unwrap();
        page.records.into_iter().map(|record| record.data).collect()
    }

    #[tokio::test]
    async fn an_iterator_that_expired_goes_on_behind_the_last_record() {
        let expired = Expired::default();
        let expire = || *expired.lock().unwrap() = true;
        let (client, _server) = kinesis(Arc::clone(&expired)).await;
        let put = async |data: &str| {
            let put = client.put_record().stream_name("events").partition_key("ada").data(Blob::new(data));
            put.send().await.unwrap();
        };
        let mut reader = Reader::new(client.clone(), "events", 0..=0);
        let shard_id: Arc<str> = reader.list_shards().await.unwrap().remove(0).shard_id.into();
        reader.start(Arc::clone(&shard_id)).await.unwrap();

        put("one").await;
        expire();
        assert_eq!(read(&mut reader, &shard_id).await, ["one"], "nothing was read yet");
        assert!(!*expired.lock().unwrap());
        assert_eq!(read(&mut reader, &shard_id).await, [""; 0]);
        put("two").await;
        expire();
        assert_eq!(read(&mut reader, &shard_id).await, ["two"], "an empty page came between");
        assert!(!*expired.lock().unwrap());
        put("three").await;
        assert_eq!(read(&mut reader, &shard_id).await, ["three"]);
    }
}

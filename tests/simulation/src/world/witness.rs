//! Watches what a caller sends to Firehose again although it knows that it was accepted.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use local_faults::{Call, process_id};
use serde_json::Value;

use super::World;

/// Data of records that a process knows to be accepted, by process and stream, with how often.
type Known = BTreeMap<(Option<u64>, String), BTreeMap<String, usize>>;

/// An HTTP client that stands where the caller stands: it sees the answers that come back, and only those.
#[derive(Clone)]
pub struct Witness {
    inner: SharedHttpClient,
    world: Arc<World>,
    known: Arc<Mutex<Known>>,
}

impl Witness {
    /// Watches the calls that go through `inner`.
    pub fn new(inner: impl HttpClient + 'static, world: Arc<World>) -> Self {
        Self { inner: SharedHttpClient::new(inner), world, known: Arc::default() }
    }
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Witness")
    }
}

impl HttpClient for Witness {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        let (world, known) = (Arc::clone(&self.world), Arc::clone(&self.known));
        SharedHttpConnector::new(Watching { inner, world, known })
    }
}

#[derive(Clone)]
struct Watching {
    inner: SharedHttpConnector,
    world: Arc<World>,
    known: Arc<Mutex<Known>>,
}

impl fmt::Debug for Watching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watching")
    }
}

impl HttpConnector for Watching {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if Call::of(&request) != Some(Call::Deliver) {
            return self.inner.call(request);
        }
        let watching = self.clone();
        HttpConnectorFuture::new(async move {
            let sent: Value =
                request.body().bytes().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
            watching.check(&sent);
            // An answer that comes too late is never seen here, so trouble is assumed until there is one.
            let was_calm = watching.world.services().journal.put_in_trouble.insert(sender_and_stream(&sent));
            let response = watching.inner.call(request).await;
            let answer = response.as_ref().ok().filter(|response| response.status().is_success());
            let answer = answer.and_then(|response| serde_json::from_slice(response.body().bytes()?).ok());
            let all_accepted = watching.note(&sent, &answer.unwrap_or_default());
            if all_accepted && was_calm {
                watching.world.services().journal.put_in_trouble.remove(&sender_and_stream(&sent));
            }
            response
        })
    }
}

impl Watching {
    fn check(&self, sent: &Value) {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = known.get(&sender_and_stream(sent)) else { return };
        for record in records(sent) {
            if known.contains_key(record) {
                let (process, stream) = sender_and_stream(sent);
                self.world.services().journal.sent_again.push((process, stream));
            }
        }
    }

    /// Notes what was accepted; whether that was all.
    fn note(&self, sent: &Value, answer: &Value) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.entry(sender_and_stream(sent)).or_default();
        let responses = answer["RequestResponses"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut all_accepted = !responses.is_empty();
        for (record, response) in records(sent).zip(responses) {
            match response.get("ErrorCode") {
                None => *known.entry(record.to_owned()).or_default() += 1,
                Some(_) => all_accepted = false,
            }
        }
        all_accepted
    }
}

fn sender_and_stream(sent: &Value) -> (Option<u64>, String) {
    (process_id(), sent["DeliveryStreamName"].as_str().unwrap_or_default().to_owned())
}

fn records(sent: &Value) -> impl Iterator<Item = &str> {
    let records = sent["Records"].as_array().map(Vec::as_slice).unwrap_or_default();
    records.iter().filter_map(|record| record["Data"].as_str())
}

//! The functions, linked into this program or behind a Lambda endpoint.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use archive::Archive;
use axum::body::Body;
use axum::http::{Request, header};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use millrace_aws::{DynamoStore, FirehoseSink};
use millrace_domain::session::SessionState;
use millrace_lambda::function::invoke;
use millrace_lambda::{Deadline, Function, KinesisBatch, Meter};
use serde_json::Value;
use sessions::Sessions;

use crate::error::Error;
use crate::options::Tuning;
use crate::world::Clients;

/// The functions that consume the stream of events.
pub(crate) const FUNCTIONS: [&str; 2] = ["sessions", "archive"];

/// The timeout that the template gives the functions.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How one invocation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Invoked {
    /// With this answer.
    Returned(Vec<u8>),
    /// With an error of the function.
    Failed(String),
    /// Not at all: nobody there, or no place free.
    Refused(String),
}

/// The functions, and the metrics that their lines add up to.
pub(crate) struct Functions {
    home: Home,
    metrics: Mutex<BTreeMap<String, BTreeMap<String, u64>>>,
}

enum Home {
    Linked {
        sessions: Box<Sessions<DynamoStore<SessionState>, FirehoseSink>>,
        archive: Box<Archive<FirehoseSink, FirehoseSink>>,
    },
    Remote {
        url: String,
        client: Box<Client<HttpConnector, Body>>,
    },
}

impl Functions {
    /// The handlers of this program, over these clients.
    pub(crate) fn linked(tuning: &Tuning, clients: &Clients) -> Result<Self, Error> {
        let (dynamodb, firehose) = (clients.dynamodb.clone(), clients.firehose.clone());
        let meter = || Arc::new(Meter::default());
        let sessions = Sessions::on_aws(&tuning.sessions_config()?, dynamodb, firehose.clone(), meter());
        let archive = Archive::on_aws(&Tuning::archive_config()?, &firehose, meter());
        Ok(Self::at(Home::Linked { sessions: Box::new(sessions), archive: Box::new(archive) }))
    }

    /// Functions behind a Lambda endpoint such as `cargo lambda watch`.
    pub(crate) fn remote(url: &str) -> Self {
        let url = url.trim_end_matches('/').to_owned();
        Self::at(Home::Remote { url, client: Box::new(Client::builder(TokioExecutor::new()).build_http()) })
    }

    fn at(home: Home) -> Self {
        Self { home, metrics: Mutex::default() }
    }

    /// Metrics by function; empty for functions that print their lines elsewhere.
    pub(crate) fn metrics(&self) -> BTreeMap<String, BTreeMap<String, u64>> {
        self.metrics.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Invokes a function with an event as Lambda would send it.
    pub(crate) async fn invoke(&self, function: &str, event: Vec<u8>) -> Invoked {
        match &self.home {
            Home::Linked { sessions, .. } if function == "sessions" => {
                self.linked_call(&**sessions, &event).await
            }
            Home::Linked { archive, .. } => self.linked_call(&**archive, &event).await,
            Home::Remote { url, client } => {
                // Compiling comes first where the server watches its sources, so only a server that hangs is cut off.
                let call = tokio::time::timeout(10 * TIMEOUT, remote_call(client, url, function, event));
                call.await.unwrap_or_else(|_| Invoked::Failed("no answer in ten minutes".to_owned()))
            }
        }
    }

    async fn linked_call<F: Function>(&self, function: &F, event: &[u8]) -> Invoked {
        let batch: KinesisBatch = match serde_json::from_slice(event) {
            Ok(batch) => batch,
            Err(error) => return Invoked::Failed(error.to_string()),
        };
        let (response, line) = invoke(function, &batch, Deadline::after(TIMEOUT)).await;
        self.count(F::NAME, &line);
        serde_json::to_vec(&response)
            .map_or_else(|error| Invoked::Failed(error.to_string()), Invoked::Returned)
    }

    fn count(&self, function: &str, line: &Value) {
        let mut metrics = self.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        let sums = metrics.entry(function.to_owned()).or_default();
        *sums.entry("batches".to_owned()).or_default() += 1;
        for (name, value) in line.as_object().into_iter().flatten() {
            if let Some(value) = value.as_u64() {
                *sums.entry(name.clone()).or_default() += value;
            }
        }
    }
}

async fn remote_call(
    client: &Client<HttpConnector, Body>,
    url: &str,
    function: &str,
    event: Vec<u8>,
) -> Invoked {
    let uri = format!("{url}/2015-03-31/functions/{function}/invocations");
    let request = Request::post(uri).header(header::CONTENT_TYPE, "application/json").body(Body::from(event));
    let request = match request {
        Ok(request) => request,
        Err(error) => return Invoked::Refused(error.to_string()),
    };
    let response = match client.request(request).await {
        Ok(response) => response,
        Err(error) if error.is_connect() => return Invoked::Refused("nobody listens there".to_owned()),
        Err(error) => return Invoked::Failed(error.to_string()),
    };
    let status = response.status();
    let failed = response.headers().contains_key("x-amz-function-error");
    let body = match response.into_body().collect().await {
        Ok(body) => body.to_bytes().to_vec(),
        Err(error) => return Invoked::Failed(error.to_string()),
    };
    match status.as_u16() {
        200..300 if !failed => Invoked::Returned(body),
        404 | 429 => Invoked::Refused(format!("HTTP {status}")),
        _ => Invoked::Failed(format!("HTTP {status}: {}", String::from_utf8_lossy(&body))),
    }
}
